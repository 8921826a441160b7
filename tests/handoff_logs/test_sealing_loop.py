"""Sealing goes on whatever a witness does, but for one thing: a witness that knows more, or something else."""

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from signing_keys import log_key_of, open_signed

from flows.cli import run
from handoff_logs import key_register, log_key, register
from handoff_logs.database import Database
from handoff_logs.key_register import Reason, Signers
from handoff_logs.log_key import LogKey
from handoff_logs.proofs.making import prove_key
from handoff_logs.reading import open_reading
from handoff_logs.sealing import Sealer
from handoff_logs.sealing_loop import SealingLoop, Witness
from handoff_logs.witness.errors import RolledBackError, TwoHistoriesError
from handoff_logs.witness.folder import make_witness

SERVE = "from flows.cli import main; main()"


@pytest.fixture
def key(signing_keys: Path) -> LogKey:
    return log_key.read(log_key_of(signing_keys))


class RunningWitness:
    """A witness's process; it can be killed and served again."""

    def __init__(self, folder: Path, key: LogKey) -> None:
        self.key = make_witness(folder, "witness.test/w")
        self._command = [sys.executable, "-c", SERVE, "witness", "serve", "--dir", str(folder)]
        self._command += ["--log", str(key.verifier), "--port"]
        self.url = self.serve(0)

    def serve(self, port: int) -> str:
        self._process = subprocess.Popen(
            [*self._command, str(port)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def again(self) -> None:
        self.serve(int(self.url.rpartition(":")[2]))


@pytest.fixture
def witness(tmp_path: Path, key: LogKey) -> Iterator[RunningWitness]:
    running = RunningWitness(tmp_path / "witness", key)
    yield running
    running.kill()


@pytest.fixture
def sqlite_centre(
    sqlite_template: Path, signing_keys: Path, tmp_path: Path, make_centre: Callable[[Database], Any]
) -> Iterator[Any]:
    shutil.copyfile(sqlite_template, tmp_path / "passline.db")
    with open_signed(f"sqlite:///{tmp_path / 'passline.db'}", signing_keys, tmp_path / "signing") as database:
        yield make_centre(database)


def cosigned(centre: Any) -> list[int]:
    return [row[0] for row in centre.do(lambda tx: tx.exec_driver_sql(
        "SELECT size FROM seal_cosignature ORDER BY time_s, size").fetchall())]  # fmt: skip


def sealed(centre: Any) -> int:
    return centre.do(lambda tx: tx.exec_driver_sql("SELECT max(size) FROM seal_checkpoint").scalar())


def test_what_is_sealed_is_cosigned_and_again_at_each_heartbeat(
    sqlite_centre: Any, key: LogKey, witness: RunningWitness
) -> None:
    now_s = [0.0]
    loop = SealingLoop(
        Sealer(sqlite_centre.database, key), Witness(witness.url, witness.key), heartbeat_s=60, clock=lambda: now_s[0]
    )
    sqlite_centre.orders(2)
    loop.seal()
    loop.show()
    loop.show()
    assert cosigned(sqlite_centre) == [2]
    now_s[0] = 61
    # The witness gives whole seconds: a heartbeat within the same second is the same word.
    loop.show()
    sqlite_centre.orders(1)
    loop.seal()
    loop.show()
    assert cosigned(sqlite_centre)[-1] == 3


def test_a_silent_witness_holds_up_no_seal_and_hears_of_all_of_it_later(
    sqlite_centre: Any, key: LogKey, witness: RunningWitness
) -> None:
    loop = SealingLoop(Sealer(sqlite_centre.database, key), Witness(witness.url, witness.key))
    loop.seal()
    loop.show()
    witness.kill()
    for _ in range(3):
        sqlite_centre.orders(1)
        loop.seal()
        loop.show()
    assert (sealed(sqlite_centre), cosigned(sqlite_centre)) == (4, [1])
    witness.again()
    loop.show()
    assert cosigned(sqlite_centre) == [1, 4]


def test_the_log_s_next_key_is_not_witnessed_until_the_witness_is_shown_it(
    sqlite_centre: Any, key: LogKey, witness: RunningWitness, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its own administrator, while it runs; sealing goes on, and each side is told what to do."""
    folder = shutil.copytree(key.folder, tmp_path / "log")
    said: list[str] = []
    loop = SealingLoop(
        Sealer(sqlite_centre.database, log_key.read(folder)), Witness(witness.url, witness.key), say=said.append
    )
    loop.seal()
    signers = Signers(register.administration("p-0001"), "p-0002", None)
    new = key_register.rotate_log(sqlite_centre.database, folder, Reason.STOLEN, signers, emulated=True)
    loop.seal()
    loop.show()
    sqlite_centre.orders(1)
    for _ in range(2):
        loop.seal()
        loop.show()
    assert (sealed(sqlite_centre), cosigned(sqlite_centre)) == (3, [2])
    (sentence,) = said
    assert "passline logs prove-key" in sentence
    with open_reading(f"sqlite:///{tmp_path / 'passline.db'}") as reading:
        (tmp_path / "key.json").write_bytes(prove_key(reading).encode())
    accept = ["witness", "accept", str(tmp_path / "key.json"), "--dir", str(tmp_path / "witness"), "--log"]
    capsys.readouterr()
    assert run([*accept, str(replace(key.verifier, public=b"\1" * 32))]) == 1
    assert "proof does not hold" in capsys.readouterr().err
    loop.show()
    assert cosigned(sqlite_centre) == [2]
    assert run([*accept, str(key.verifier)]) == 0
    assert f"above 2 leaves is believed {new}" in capsys.readouterr().out
    loop.show()
    assert cosigned(sqlite_centre) == [2, 3]
    run(["witness", "show", "--dir", str(tmp_path / "witness")])
    assert f"above 2 leaves its key is {new}" in capsys.readouterr().out


def test_a_cosignature_that_was_lost_on_its_way_is_asked_for_again(
    sqlite_centre: Any, key: LogKey, witness: RunningWitness
) -> None:
    """The witness stored the size and answered; the log never heard: it starts from what the witness says."""
    first = SealingLoop(Sealer(sqlite_centre.database, key), Witness(witness.url, witness.key))
    first.seal()
    deaf = Sealer(sqlite_centre.database, key)
    deaf.cosigned = lambda *_: None  # type: ignore[method-assign]
    SealingLoop(deaf, Witness(witness.url, witness.key)).show()
    assert cosigned(sqlite_centre) == []
    sqlite_centre.orders(1)
    second = SealingLoop(Sealer(sqlite_centre.database, key), Witness(witness.url, witness.key))
    second.seal()
    second.show()
    second.show()
    assert cosigned(sqlite_centre) == [2]


@pytest.mark.parametrize(("more", "refusal"), [(0, RolledBackError), (3, TwoHistoriesError)])
def test_sealing_stops_when_the_witness_knows_another_history(
    sqlite_centre: Any,
    key: LogKey,
    witness: RunningWitness,
    tmp_path: Path,
    signing_keys: Path,
    make_centre: Callable[[Database], Any],
    more: int,
    refusal: type[Exception],
) -> None:
    """A database put back from a copy, then written on: smaller than the witness knows, or other leaves at its size."""
    sqlite_centre.do(lambda tx: tx.exec_driver_sql("SELECT 1"))
    with open_signed(
        f"sqlite:///{shutil.copyfile(tmp_path / 'passline.db', tmp_path / 'old.db')}", signing_keys, tmp_path / "s2"
    ) as old:
        sqlite_centre.orders(1)
        sqlite_centre.orders(1)
        ahead = SealingLoop(Sealer(sqlite_centre.database, key), Witness(witness.url, witness.key))
        ahead.seal()
        ahead.show()
        restored = make_centre(old)
        for _ in range(more):
            restored.orders(1)
        loop = SealingLoop(Sealer(old, key), Witness(witness.url, witness.key), every_s=0.05)
        with pytest.raises(refusal):
            loop.run(threading.Event())


def test_when_told_to_stop_it_seals_the_rest_first(sqlite_centre: Any, key: LogKey, witness: RunningWitness) -> None:
    stop = threading.Event()
    loop = SealingLoop(Sealer(sqlite_centre.database, key), Witness(witness.url, witness.key), every_s=30)
    running = threading.Thread(target=loop.run, args=(stop,))
    running.start()
    sqlite_centre.orders(1)
    stop.set()
    running.join(30)
    assert (sealed(sqlite_centre), cosigned(sqlite_centre)[-1:]) == (2, [2])


def test_what_was_recorded_while_nobody_sealed_is_in_the_next_tree_that_is_cosigned(
    sqlite_centre: Any, key: LogKey, witness: RunningWitness
) -> None:
    """A later time on the tree without it would say that it was written after that time."""
    sealer, seen = Sealer(sqlite_centre.database, key), Witness(witness.url, witness.key)
    earlier = SealingLoop(sealer, seen)
    earlier.seal()
    earlier.show()
    (first_s,) = times(sqlite_centre)
    sqlite_centre.orders(2)
    while time.time() < first_s + 2:
        time.sleep(0.05)  # the witness gives whole seconds
    stop = threading.Event()
    running = threading.Thread(target=SealingLoop(sealer, seen).run, args=(stop,))
    running.start()
    while 2 not in cosigned(sqlite_centre):
        time.sleep(0.05)
    stop.set()
    running.join()
    assert cosigned(sqlite_centre) == [1, 2]


def times(centre: Any) -> list[int]:
    return [row[0] for row in centre.do(lambda tx: tx.exec_driver_sql(
        "SELECT time_s FROM seal_cosignature ORDER BY time_s").fetchall())]  # fmt: skip
