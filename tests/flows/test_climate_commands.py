"""`passline climate`: what it prints of a line's air, and a lead who lets a suspended zone work again."""

import csv
import io
import json
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from a_day_of_air import MINUTE_US, look_at
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import text
from typed_commands import feed

from flows.cli import run
from flows.composition import open_database, open_line, prepare
from flows.configuration import read_settings
from flows.default_line import write_default
from flows.errors import Exit
from flows.line_rules import DIFFERENCES
from flows.run_folder import RunFolder
from handoff_logs.reading import open_reading
from handoff_logs.verify.run import Asked, verify
from stations.climate import station
from stations.climate.errors import SuspendedZoneChangedError
from stations.climate.rules import Minutes
from stations.people import Role
from stations.people_register import passwords, register
from stations.people_register.credentials import Credentials
from stations.people_register.rules import ADMINISTRATORS
from stations.people_register.sign_in import sign_in_two

ONE, TWO = Credentials("p-0001", "a password of one"), Credentials("p-0002", "a password of two")
LEAD, OPERATOR = Credentials("p-0003", "the lead's own password"), Credentials("p-0004", "an operator's password")
REVIEWER = Credentials("p-0005", "a reviewer's password")
ROLES = {LEAD: Role.LEAD, OPERATOR: Role.OPERATOR, REVIEWER: Role.REVIEWER}
OUT_MINUTE, WITHIN_MINUTE = 930, 100
"""Minutes of the day of air that is told in `a_day_of_air`."""

Command = Callable[..., int]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A line that nobody watches yet, with its people."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
        folder = RunFolder(tmp_path_factory.mktemp("climate") / "line")
        write_default(folder, books=1, cards=1, readers=1)
        prepare(folder)
        with open_database(folder, folder.line().database_url) as database:
            register.found(database, ONE, TWO, emulated=True)
            by = sign_in_two(database, ONE, TWO, ADMINISTRATORS)
            for person, role in ROLES.items():
                register.enrol(database, by, person, [role], emulated=True)
        with open_line(folder, shift="day", stations=("intake",)):
            pass
    return folder.path


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> RunFolder:
    """A copy of that line."""
    return RunFolder(shutil.copytree(built, tmp_path / "line"))


@pytest.fixture
def passline(folder: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `passline climate …`, its people typing their passwords; what it wrote is in `capsys`."""
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))

    def command(*arguments: str, signed: Sequence[Credentials] = ()) -> int:
        feed(monkeypatch, [person.password for person in signed])
        options = ["--dir", str(folder.path)]
        for name, person in zip(("--by", "--second"), signed, strict=False):
            options += [name, person.code]
        if signed:
            options += ["--passwords-from", "-"]
        capsys.readouterr()
        return run(["climate", *arguments, *options])

    return command


@pytest.fixture
def look(folder: RunFolder) -> Callable[..., None]:
    """Looks at the zone so many minutes ago, and keeps that minute."""

    def act(minute: int, ago_min: float = 0.0) -> None:
        (zone,) = read_settings(folder).zones
        at_us = time.time_ns() // 1_000 - round(ago_min * MINUTE_US)
        looks = (look_at("air-01", minute),)
        minutes = Minutes()
        list(minutes.add(looks, at_us))
        with open_database(folder, folder.line().database_url) as database:
            database.write(lambda tx: station.record(tx, zone, looks, at_us, emulated=True))
            database.write(lambda tx: station.keep(tx, "core", minutes.rest(), emulated=True))

    return act


@pytest.fixture
def suspended(look: Callable[..., None]) -> None:
    """The zone has been too warm for six minutes."""
    look(WITHIN_MINUTE, 10)
    look(OUT_MINUTE, 6)
    look(OUT_MINUTE)


def test_a_zone_that_nobody_watches_is_a_finding(passline: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert passline("status") == Exit.FINDINGS
    assert "? unwatched" in capsys.readouterr().out


def test_status_tells_limits_readings_and_machines(
    passline: Command, look: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    look(WITHIN_MINUTE)
    assert passline("status") == Exit.FINE
    said = capsys.readouterr().out
    assert "EMULATED" in said and "✓ within" in said and "book-01 card-01" in said
    assert "temperature 18 to 26 °C" in said
    assert passline("status", "--output", "json") == Exit.FINE
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["zone"], row["state"], row["sensor"], row["emulated"]) == ("core", "within", "air-01", True)
    assert passline("status", "--output", "csv") == Exit.FINE
    (told,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert float(told["temperature_c"]) == row["temperature_c"]


@pytest.mark.usefixtures("suspended")
def test_readings_are_printed_in_each_form(passline: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert passline("readings", "--zone", "core", "--output", "json") == Exit.FINE
    rows = json.loads(capsys.readouterr().out)
    assert [row["looks"] for row in rows] == [1, 1, 1]
    assert all(row["emulated"] and row["temperature_min_c"] == row["temperature_max_c"] for row in rows)
    assert passline("readings", "--hours", "0.12", "--output", "csv") == Exit.FINE
    assert len(list(csv.DictReader(io.StringIO(capsys.readouterr().out)))) == 2
    assert passline("readings") == Exit.FINE
    assert "EMULATED" in capsys.readouterr().out
    assert passline("readings", "--zone", "hall") == Exit.REFUSED
    assert "no zone hall; there are: core" in capsys.readouterr().err


@pytest.mark.usefixtures("suspended")
def test_a_lead_alone_resumes_only_once_the_air_is_within(
    passline: Command, look: Callable[..., None], folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert passline("status") == Exit.FINDINGS
    assert "■ suspended" in capsys.readouterr().out
    assert passline("resume", "core", "--reason", "repaired", signed=[LEAD]) == Exit.REFUSED
    assert "outside its limits since" in capsys.readouterr().err
    look(WITHIN_MINUTE)
    assert passline("resume", "core", "--reason", "Repaired it", signed=[LEAD]) == Exit.REFUSED
    assert passline("resume", "core", "--reason", "repaired", signed=[OPERATOR]) == Exit.REFUSED
    assert passline("resume", "core", "--reason", "repaired", signed=[LEAD]) == Exit.FINE
    assert capsys.readouterr().out == "EMULATED line: core works again (repaired).\n"
    assert passline("status") == Exit.FINE
    assert passline("resume", "core", "--reason", "repaired", signed=[LEAD]) == Exit.REFUSED
    assert "is not suspended" in capsys.readouterr().err
    assert verify(folder.line().database_url, Asked(differences=DIFFERENCES)).problems == ()


@pytest.mark.usefixtures("suspended")
@pytest.mark.parametrize(("second", "status"), [(OPERATOR, Exit.FINE), (REVIEWER, Exit.REFUSED), (LEAD, Exit.REFUSED)])
def test_a_lead_and_another_accept_such_air_for_a_time(
    passline: Command, capsys: pytest.CaptureFixture[str], second: Credentials, status: Exit
) -> None:
    given = ("resume", "core", "--reason", "sensor-broken", "--accept-min", "30")
    assert passline(*given, signed=[LEAD, second]) == status
    if status is Exit.FINE:
        assert "its air is accepted as it is until" in capsys.readouterr().out
        assert passline("status") == Exit.FINDINGS
        assert "! accepted" in capsys.readouterr().out


@pytest.mark.usefixtures("suspended")
def test_a_suspended_zone_can_not_be_taken_out_of_line_toml(folder: RunFolder) -> None:
    said = folder.configuration.read_text("utf-8").replace('zone = "core"\n', "")
    zones = said[said.index("[climate.core]") : said.index("[log] ")]
    folder.configuration.write_text(said.replace(zones, ""), "utf-8")
    refused = pytest.raises(SuspendedZoneChangedError, match="passline climate resume core")
    with refused, open_line(folder, shift="day", stations=("intake",)):
        pass


def test_limits_are_registered_where_they_are_changed(folder: RunFolder) -> None:
    said = folder.configuration.read_text("utf-8").replace("temperature_max_c = 26", "temperature_max_c = 27")
    folder.configuration.write_text(said, "utf-8")
    with open_line(folder, shift="day", stations=("intake",)):
        pass
    with open_reading(folder.line().database_url) as reading:
        rows: list[dict[str, Any]] = reading.rows(
            "SELECT said.value FROM custody_register AS said JOIN custody_event AS event"
            " ON event.event_id = said.event_id WHERE said.subject = 'climate/core' AND said.field = 'temperature'"
            " ORDER BY event.seq"
        )
    assert [row["value"] for row in rows] == ["18 to 26", "18 to 27"]


def test_a_machine_taken_out_of_its_zone_behind_the_logs_back_is_found(folder: RunFolder) -> None:
    """Whoever holds the database can: then it would draw in whatever air."""
    url = folder.line().database_url
    assert verify(url, Asked(differences=DIFFERENCES)).problems == ()
    with open_database(folder, url) as database:
        database.write(lambda tx: tx.execute(text("DELETE FROM climate_machine WHERE machine = 'book-01'")))
    (problem,) = verify(url, Asked(differences=DIFFERENCES)).problems
    assert "book-01" in str(problem) and "in the log and not in the table in climate/core" in str(problem)
    with open_line(folder, shift="day", stations=("intake",)):
        pass
    assert verify(url, Asked(differences=DIFFERENCES)).problems == (), "the next start puts it back"
