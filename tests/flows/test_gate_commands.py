"""`passline gate`: who is inside, who passed, two people's word; the gate at work on real emulators, and killed."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from typed_commands import feed, start

from devices.emulation.hands import Hands
from devices.errors import DeviceError
from flows.cli import run
from flows.composition import open_database, open_line, prepare, record_settings
from flows.configuration import read_settings
from flows.core_gate import AloneWatch
from flows.default_line import write_default
from flows.errors import Exit, GateRunsAlreadyError
from flows.line_rules import DIFFERENCES
from flows.locks import gate_lock
from flows.parts import Parts
from flows.run_folder import RunFolder
from handoff_logs.errors import NotInsideError
from handoff_logs.reading import open_reading
from stations.alarms.listing import listed
from stations.gate.rules import credential_of
from stations.people import Role
from stations.people_register import passwords, register
from stations.people_register.credentials import Credentials
from stations.people_register.rules import ADMINISTRATORS
from stations.people_register.sign_in import sign_in_two
from stations.vault import receiving
from stations.vault.receiving import Delivery

ENGINEER = Credentials("p-0901", "a password of the engineer")
LEAD, KEEPER = Credentials("p-0301", "a password of the lead"), Credentials("p-0101", "a password of a keeper")
ONE, TWO = Credentials("p-0001", "a password of one"), Credentials("p-0002", "a password of two")
PATIENCE_S = 60.0

Command = Callable[..., int]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A line at rest with a gate, a lead and a keeper."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
        folder = RunFolder(tmp_path_factory.mktemp("gate") / "line")
        write_default(folder, books=1, cards=0, readers=0, small=0, speed=0, seed=1)
        prepare(folder)
        with open_database(folder, folder.line().database_url) as database:
            register.found(database, ONE, TWO, emulated=True)
            by = sign_in_two(database, ONE, TWO, ADMINISTRATORS)
            for person, role in ((LEAD, Role.LEAD), (KEEPER, Role.KEEPER), (ENGINEER, Role.ENGINEER)):
                register.enrol(database, by, person, [role], emulated=True)
            record_settings(database, read_settings(folder))
    return folder.path


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Iterator[RunFolder]:
    """A copy of that line; what stands there afterwards is what the log says, and no emulator is left on."""
    folder = RunFolder(Path(shutil.copytree(built, tmp_path / "line")))
    yield folder
    parts = Parts(folder, read_settings(folder))
    with closing(parts):
        if any((folder.machines / name / "pid").exists() for name in ("face-01", "face-02", "shower-01")):
            parts.emulators()
    with closing(open_reading(folder.line().database_url)) as reading:
        assert [row for _, sql in DIFFERENCES for row in reading.rows(sql)] == []


@pytest.fixture
def passline(folder: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `passline …` on the line; what it wrote is in `capsys`."""
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))

    def command(*arguments: str, signed: Sequence[Credentials] = ()) -> int:
        if signed:
            feed(monkeypatch, [person.password for person in signed])
        options = ["--dir", str(folder.path)]
        for name, person in zip(("--first", "--second"), signed, strict=False):
            options += [name, person.code]
        options += ["--passwords-from", "-"] if signed else []
        capsys.readouterr()
        return run([*arguments, *options])

    return command


def status(passline: Command, capsys: pytest.CaptureFixture[str]) -> tuple[int, Any]:
    code = passline("gate", "status", "--output", "json")
    return code, json.loads(capsys.readouterr().out)


def inside(folder: RunFolder) -> list[str]:
    with closing(open_reading(folder.line().database_url)) as reading:
        return [row["person"] for row in reading.rows("SELECT person FROM inside ORDER BY person")]


def test_emulated_staff_pass_and_then_sign_at_the_core_stations_and_not_before(
    folder: RunFolder, passline: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status(passline, capsys)[1]["inside"] == []
    delivery = Delivery("book", "EA0000001", "EA0000005", 5, "DN-1")
    refused = pytest.raises(NotInsideError, match="only who is inside may sign at vault")
    with open_line(folder, shift="day", stations=("intake",)) as line, refused:
        receiving.receive(line.workplace("vault"), delivery)
    assert passline("gate", "walk", "in", "e-vlt-1", "e-vlt-2") == Exit.FINE
    assert capsys.readouterr().out == "EMULATED: inside now: e-vlt-1, e-vlt-2\n"
    with open_line(folder, shift="day", stations=("intake",)) as line:
        receiving.receive(line.workplace("vault"), delivery)
    code, content = status(passline, capsys)
    assert code == Exit.FINE
    assert (content["core"], content["emulated"]) == (["personalization", "vault"], True)
    assert passline("gate", "walk", "out", "e-vlt-2") == Exit.FINE
    code, content = status(passline, capsys)
    assert (code, content["alone"]) == (Exit.FINDINGS, True)
    assert passline("gate", "passages", "--output", "json") == Exit.FINE
    rows = json.loads(capsys.readouterr().out)
    assert [(row["person"], row["outcome"], row["emulated"]) for row in rows] == [
        ("e-vlt-2", "left", True), ("e-vlt-2", "entered", True), ("e-vlt-1", "entered", True),
    ]  # fmt: skip
    assert passline("status", "--output", "json") == Exit.FINE
    assert json.loads(capsys.readouterr().out)["gate"] == {"core": ["vault", "personalization"], "inside": 1}


def test_real_people_are_not_held_up_by_an_emulated_gate(folder: RunFolder) -> None:
    """Nobody real can walk through it."""
    with open_line(folder, shift="day", stations=("intake",)) as line:
        real = line.workplace("vault").at("vault", (LEAD.code, KEEPER.code))
        receiving.receive(real, Delivery("book", "EA0000001", "EA0000005", 5, "DN-1"))


def test_two_people_settle_where_somebody_is_and_the_log_says_when(
    folder: RunFolder, passline: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert passline("gate", "settle", KEEPER.code, "--found", "inside", signed=(LEAD, KEEPER)) == Exit.REFUSED
    assert "can't settle where p-0101 is" in capsys.readouterr().err
    assert passline("gate", "settle", "p-0999", "--found", "inside", signed=(LEAD, KEEPER)) == Exit.REFUSED
    assert "nobody of the code p-0999" in capsys.readouterr().err
    assert passline("gate", "settle", "e-per-1", "--found", "inside", signed=(KEEPER, LEAD)) == Exit.REFUSED
    assert inside(folder) == []
    assert passline("gate", "settle", "e-per-1", "--found", "inside", signed=(LEAD, KEEPER)) == Exit.FINE
    assert "EMULATED: e-per-1 is inside (entered); signed by p-0301 and p-0101" in capsys.readouterr().out
    assert inside(folder) == ["e-per-1"]
    assert passline("gate", "settle", "e-per-1", "--found", "outside", "--emulated") == Exit.FINE
    assert inside(folder) == []
    assert passline("logs", "inside", "--person", "e-per-1", "--output", "json") == Exit.FINE
    (stay,) = json.loads(capsys.readouterr().out)
    assert (stay["reason"], stay["left_reason"], stay["machine"]) == ("settled", "settled", None)
    with closing(open_reading(folder.line().database_url)) as reading:
        (asked,) = reading.rows("SELECT question, parameters FROM audit_lookup")
        (entry,) = reading.rows(
            "SELECT event.person, event.second_person, event.sign_in, event.second_sign_in FROM custody_register"
            " AS said JOIN custody_event AS event ON event.event_id = said.event_id"
            " WHERE said.register = 'gate' AND said.field LIKE 'entered-%'"
        )
    assert asked["question"] == "export inside json" and json.loads(asked["parameters"])["person"] == "e-per-1"
    assert (entry["person"], entry["second_person"]) == (LEAD.code, KEEPER.code)
    assert entry["sign_in"] and entry["second_sign_in"]


def test_a_lead_lets_an_engineer_into_the_open_shift(
    passline: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def admit(until: str) -> int:
        feed(monkeypatch, [LEAD.password])
        signed = ("--by", LEAD.code, "--passwords-from", "-")
        return passline("gate", "admit", ENGINEER.code, "--until", until, *signed)

    assert admit("23:59") == Exit.REFUSED
    assert "no shift is open" in capsys.readouterr().err
    assert passline("shift", "open", "early", "--emulated") == Exit.FINE
    assert admit("soon") == Exit.REFUSED
    assert admit("2026-01-01 10:00") == Exit.REFUSED
    assert "within the next 24 hours" in capsys.readouterr().err
    at = (datetime.now().astimezone() + timedelta(hours=2)).replace(second=0, microsecond=0)
    assert admit(f"{at:%H:%M}") == Exit.FINE
    said = f"EMULATED: {ENGINEER.code} may come in until {at:%Y-%m-%d %H:%M:%S}, while shift early is open; by"
    assert said in capsys.readouterr().out
    assert passline("gate", "status", "--output", "json") in (Exit.FINE, Exit.FINDINGS)
    assert json.loads(capsys.readouterr().out)["admitted"] == [
        {"code": ENGINEER.code, "until_us": round(at.timestamp() * 1e6), "admitted_by": LEAD.code}
    ]
    assert passline("gate", "status") in (Exit.FINE, Exit.FINDINGS)
    assert f"{ENGINEER.code}       may come in until" in capsys.readouterr().out


def test_a_line_without_a_gate_says_so_and_holds_nobody_up(
    folder: RunFolder, passline: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = folder.configuration.read_text("utf-8")
    begin = lines.index("[gate]")
    folder.configuration.write_text(lines[:begin] + lines[lines.index("[emulation]") :], "utf-8")
    with open_line(folder, shift="day", stations=("intake",)) as line:
        receiving.receive(line.workplace("vault"), Delivery("book", "EA0000001", "EA0000005", 5, "DN-1"))
    assert passline("gate", "status") == Exit.FINE
    assert "no gate: nobody must be inside to sign" in capsys.readouterr().out
    assert passline("status") == Exit.FINE
    assert "gate             none" in capsys.readouterr().out
    for command in ("run", "walk"):
        assert passline("gate", command, *(["in"] if command == "walk" else [])) == Exit.REFUSED
        assert "has no gate" in capsys.readouterr().err


def test_the_number_at_the_readers_follows_from_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["gate", "number", "p-0417"]) == Exit.FINE
    assert capsys.readouterr().out == f"{credential_of('p-0417')}\n"
    assert run(["gate", "number", "somebody"]) == Exit.REFUSED


def test_one_process_works_the_gate(folder: RunFolder) -> None:
    with gate_lock(folder), pytest.raises(GateRunsAlreadyError), gate_lock(folder):
        pass


def test_too_few_inside_is_an_alarm_of_the_lead_after_two_minutes_and_over_with_its_cause(folder: RunFolder) -> None:
    clock = [0.0]

    def standing() -> list[tuple[str, str, str]]:
        with closing(open_reading(folder.line().database_url)) as reading:
            return [(one.code, one.subject, one.state) for one in listed(reading)]

    with open_database(folder, folder.line().database_url) as database:
        watch = AloneWatch(database, read_settings(folder), lambda: clock[0])
        watch.look()
        run(["gate", "settle", "e-per-1", "--found", "inside", "--emulated", "--dir", str(folder.path)])
        watch.look()
        clock[0] = 119.0
        watch.look()
        assert standing() == []
        clock[0] = 120.0
        watch.look()
        assert [(code, subject) for code, subject, _ in standing()] == [("alone-inside", "gate")]
        run(["gate", "settle", "e-per-2", "--found", "inside", "--emulated", "--dir", str(folder.path)])
        watch.look()
        assert standing() == []


def test_a_gate_that_is_killed_goes_on_with_whoever_is_in_the_shower(folder: RunFolder) -> None:
    """The service in a process of its own, killed at any moment of a passage."""
    hands = Hands(folder.world, folder.machines)
    service = _gate(folder)
    try:
        _stands(hands, "face-01", "e-per-1")
        assert _until(lambda: inside(folder) == ["e-per-1"])
        _stands(hands, "face-01", "e-per-2")
        assert _until(lambda: _begun(folder) == 2)
        os.kill(service.pid, signal.SIGKILL)
        service.communicate(timeout=PATIENCE_S)
        service = _gate(folder)
        # Whoever was not taken to the end looks again, as one does whom the door didn't let through.
        for _ in range(10):
            if _until(lambda: "e-per-2" in inside(folder), 3.0):
                break
            _stands(hands, "face-01", "e-per-2")
        assert inside(folder) == ["e-per-1", "e-per-2"]
        service.send_signal(signal.SIGINT)
        assert service.wait(PATIENCE_S) == Exit.FINE
    finally:
        service.kill()
        service.communicate(timeout=PATIENCE_S)
        hands.close()
    with closing(open_reading(folder.line().database_url)) as reading:
        entered = reading.rows("SELECT count(*) AS n FROM gate_ending WHERE outcome = 'entered'")
    assert entered == [{"n": 2}]


def _begun(folder: RunFolder) -> int:
    with closing(open_reading(folder.line().database_url)) as reading:
        return int(reading.rows("SELECT count(*) AS n FROM gate_passage")[0]["n"])


def _gate(folder: RunFolder) -> "subprocess.Popen[str]":
    """The service, begun once it says so."""
    service = start("gate", "run", folder=folder.path)
    assert service.stderr is not None
    assert "EMULATED: the gate works" in service.stderr.readline()
    return service


def _stands(hands: Hands, reader: str, code: str) -> None:
    """Somebody stands before a reader, as soon as it is on."""

    def looked() -> bool:
        with suppress(DeviceError):
            hands.look_into(reader, credential_of(code) or 0)
            return True
        return False

    assert _until(looked)


def _until(reached: Callable[[], bool], seconds: float = PATIENCE_S) -> bool:
    give_up_s = time.monotonic() + seconds
    while time.monotonic() < give_up_s:
        if reached():
            return True
        time.sleep(0.05)
    return False
