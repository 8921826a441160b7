"""A host process of its own that makes one specimen, killed by its own hand at a chosen boundary.

Crash tests start it. Arguments: the run's folder, the database's url, the machine, `commit` or `send`, the number of
the boundary of that kind (before and after each count one) to die at, 0 for never, and who dies: `host` or `machine`.
"""

import os
import signal
import sys
from pathlib import Path

from devices.emulation.hands import Hands
from devices.pidfile import running_pid
from devices.registry import DeviceEntry, make_driver, make_transport
from handoff_logs.database import Database
from handoff_logs.keyring import Keyring
from stations import people
from stations.personal import PersonalData
from stations.personalization import blanks, signer, specimen_run, specimens
from stations.personalization.emulated_desk import EmulatedOperator
from stations.personalization.setup import Setup
from stations.workplace import Workplace


def main(folder: Path, url: str, machine: str, kind: str, die_at: int, victim: str) -> None:
    """End the specimen that was left, or make one and void it; or die."""
    boundaries = [0]

    def passed(of_kind: str) -> None:
        boundaries[0] += of_kind == kind
        if of_kind == kind and boundaries[0] == die_at:
            pid = os.getpid() if victim == "host" else running_pid(folder / "machines" / machine)
            if pid is not None:
                os.kill(pid, signal.SIGKILL)

    codes = people.emulated_roster("day")["personalization"].codes
    keyring = Keyring(folder / "signing")
    with Database(url, keyring=keyring, on_commit=lambda _phase: passed("commit")) as database:
        here = Workplace(database, "personalization", "day", codes, True, PersonalData(folder / "keys"))
        entry = DeviceEntry(machine, "book-personalizer", f"emulator://{machine}", f"BOOK-{machine}", "emulated")
        driver = make_driver(entry, make_transport(entry, folder / "machines", lambda _phase, _data: passed("send")))
        maker = signer.open_signer(folder / "keys")
        setup = Setup("jinan", "test", ("passport",), maker, work_s=30.0)
        hands = Hands(folder / "world", folder / "machines")
        desk = EmulatedOperator(hands)
        specimen_run.run(
            here,
            driver,
            setup,
            "passport",
            "set-up",
            lambda: blanks.load(here, desk, machine, "book", 1) > 0,
            lambda: specimens.void(here, desk, machine),
        )
        hands.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]), sys.argv[6])
