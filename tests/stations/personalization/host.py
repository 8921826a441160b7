"""A host process of its own that works one machine, killed by its own hand at a chosen commit (crash tests start it).

Arguments: the run's folder, the database's url, the machine, how many good jobs to stop after, and the number of the
commit boundary (before and after each commit count one) to die at, 0 for never; and `green` where an emergency is to
come while a document is written and the next one is prepared.
"""

import os
import signal
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sqlalchemy import func, select

from devices.emulation.hands import Hands
from devices.registry import DeviceEntry, make_driver, make_transport
from handoff_logs import offers
from handoff_logs.database import Database
from handoff_logs.keyring import Keyring
from stations import people
from stations.personal import PersonalData
from stations.personalization import data, production, signer, station
from stations.personalization.emulated_desk import EmulatedOperator
from stations.personalization.jobs import JOB
from stations.personalization.production import run_machine
from stations.personalization.setup import Setup
from stations.trays import GREEN
from stations.workplace import Workplace

GREEN_COMES_AT = 3
"""The document, by the order in which their data are built, behind which an emergency comes."""


def main(folder: Path, url: str, machine: str, until: int, die_at: int, green: str = "") -> None:
    """Work `machine` until that many jobs are good, or die."""
    boundaries = [0]

    def on_commit(_phase: str) -> None:
        boundaries[0] += 1
        if boundaries[0] == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    codes = people.emulated_roster("day")["personalization"].codes
    with Database(url, keyring=Keyring(folder / "signing"), on_commit=on_commit) as database:
        workplace = Workplace(database, "personalization", "day", codes, True, PersonalData(folder / "keys"))
        entry = DeviceEntry(machine, "book-personalizer", f"emulator://{machine}", f"BOOK-{machine}", "emulated")
        driver = make_driver(entry, make_transport(entry, folder / "machines"))
        maker = signer.open_signer(folder / "keys")
        setup = Setup("jinan", "test", ("passport",), maker, retry_s=0.05, work_s=30.0, stack=4)
        stop = threading.Event()
        if green:
            _let_green_come(workplace)
        threading.Thread(target=_stop_after, args=(database, until, stop), daemon=True).start()
        hands = Hands(folder / "world", folder / "machines")
        run_machine(workplace, machine, driver, stop, setup=setup, desk=EmulatedOperator(hands))
        hands.close()


def _let_green_come(workplace: Workplace) -> None:
    """Accept one tray of an emergency, if any waits, while the data of the third document are built."""
    built = [0]
    build = data.build

    def act(*facts: Any) -> Any:
        built[0] += 1
        if built[0] == GREEN_COMES_AT:
            with workplace.database.read() as conn:
                waiting = [offer for offer in offers.waiting(conn, "personalization") if offer.priority == GREEN]
            for offer in [each for each in waiting if station.product_offered(workplace, each) == "passport"][:1]:
                station.accept_tray(workplace, offer)
        return build(*facts)

    production.data = SimpleNamespace(sheets=data.sheets, build=act)


def _stop_after(database: Database, until: int, stop: threading.Event) -> None:
    count = select(func.count()).where(JOB.c.outcome == "good")
    while not stop.wait(0.02):
        with database.read() as conn:
            if conn.execute(count).scalar_one() >= until:
                stop.set()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]), *sys.argv[6:])
