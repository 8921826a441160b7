"""Rule 9: every record, screen and report made with an emulator says so, and a production line refuses an emulator.

| face | tried here | tried elsewhere |
| --- | --- | --- |
| direct function | - | `test_configuration` (every emulated part of a production line), each driver's tests, `test_load` (a generated batch), `test_people`, `people_register/test_sign_in` |
| plain SQL | no record of an emulated line passes for a real one, nor is made to; what emulated staff decided or packed says so | `test_shift_guards` (emulated people in a real shift), `test_every_column` |
| command | every command that tells something, as a table and as JSON; a production line that is started on emulators | `test_facts`, `test_sign_in_commands`, `test_swap_command` |
| page | every page, signed in | `test_pages`, `test_board_view` |
| two processes | - : nothing is checked against another process | - |
"""  # noqa: E501

import json
import shutil
from pathlib import Path
from typing import Any

import filing
import pytest
from at_once import plain
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from flows.cli import run
from flows.errors import Exit
from flows.run_folder import RunFolder

TELLING = (
    *(("status",), ("late",), ("shift", "status"), ("shift", "counts"), ("blanks", "stock"), ("blanks", "balance")),
    *(("applications", "stopped"), ("applications", "green"), ("alarms", "list"), ("patrol", "status")),
    *(("devices", "list"), ("people", "list"), ("keys", "list"), ("logs", "state"), ("logs", "waiting")),
)
PAGES = ("/", "/shifts", "/queues", "/integrity", "/questions", "/climate", "/board", "/alarms")


@pytest.mark.parametrize("command", TELLING, ids=[" ".join(command) for command in TELLING])
def test_a_command_on_an_emulated_line_says_so(house: Any, capsys: Any, command: tuple[str, ...]) -> None:
    """In the table for people, and in JSON wherever there is a row to say it in."""
    at = ("--dir", str(house.folder.path))
    assert run([*command, *at]) in (Exit.FINE, Exit.FINDINGS, Exit.IN_DOUBT)
    shown = capsys.readouterr()
    assert "emulated" in (shown.out + shown.err).lower()
    assert run([*command, *at, "--output", "json"]) in (Exit.FINE, Exit.FINDINGS, Exit.IN_DOUBT)
    told = json.loads(capsys.readouterr().out)
    assert all("emulated" in json.dumps(row).lower() for row in (told if isinstance(told, list) else [told]))


def test_a_production_line_is_not_started_on_emulators(house: Any, tmp_path: Path) -> None:
    """Refused by command before anything is opened, with the line of the file."""
    folder = RunFolder(tmp_path / "line")
    folder.path.mkdir()
    shutil.copyfile(house.folder.configuration, folder.configuration)
    written = folder.configuration.read_text("utf-8")
    assert 'mode = "emulated"  ' in written
    folder.configuration.write_text(written.replace('mode = "emulated"  ', 'mode = "production"  ', 1), "utf-8")
    done = type(house)(folder).do("run")
    assert done.returncode == Exit.REFUSED
    assert "emulat" in done.stderr
    assert "Traceback" not in done.stderr
    assert not folder.machines.exists()
    assert not list(folder.path.glob("*.db"))


def test_no_record_of_an_emulated_line_passes_for_a_real_one_in_plain_sql(house: Any) -> None:
    """Nor is it made to."""
    assert house.rows("SELECT event_id FROM custody_event WHERE NOT emulated") == []
    engine = create_engine(house.folder.line().database_url)
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as tx:
        tx.execute(text("UPDATE custody_event SET emulated = FALSE"))
    engine.dispose()


CLAIMS = {
    "review_verdict": (
        "INSERT INTO review_verdict SELECT application_id, revision, 1, {who}, 'pass', '', 1, {emulated}"
        " FROM application WHERE state = 'waiting'"
    ),
    "inspection": (
        "INSERT INTO inspection SELECT 'd', application_id, revision, round, reviewer, outcome, {who}, 'pass', '',"
        " 'reader-01', 1, {emulated} FROM review_verdict"
    ),
    "parcel": (
        "INSERT INTO parcel (parcel_unit, label, grouping, tray, documents, expected_g, packer, packed_us, emulated)"
        " VALUES ('p', 'l', 'single', 't', 1, 1, {who}, 1, {emulated})"
    ),
    "packing_mismatch": (
        "INSERT INTO packing_mismatch VALUES ('m', 'd', 'order', '1', '2', '3', {who}, 1, NULL, {emulated})"
    ),
    "consignment": (
        "INSERT INTO consignment VALUES ('c', 'single', NULL, 't', 'h', 1, 1, 1, 'offered', {who}, 1, NULL, {emulated})"
    ),
}
"""What people at the stations leave a record of, by table."""


@pytest.mark.parametrize("table", CLAIMS)
def test_what_emulated_staff_did_is_not_recorded_as_real_in_plain_sql(line: Any, table: str) -> None:
    """Nor made so afterwards; a real person's record beside an emulator is one of an emulator."""
    line.file(1)
    if table == "inspection":
        [(application,)] = line.facts("SELECT application_id FROM application")
        plain(line.database, CLAIMS["review_verdict"].format(who="'p-0009'", emulated="TRUE"), {})
        line.database.write(lambda tx: filing.take(tx, [application], filing.WAYS["in_production"]))
    claim = CLAIMS[table]
    with pytest.raises(DBAPIError, match=f"{table}_emulated"):
        plain(line.database, claim.format(who="'e-qc-9'", emulated="FALSE"), {})
    plain(line.database, claim.format(who="'e-qc-9'", emulated="TRUE"), {})
    with pytest.raises(DBAPIError, match=f"{table}_emulated|append-only|resolved once"):
        plain(line.database, f"UPDATE {table} SET emulated = FALSE", {})


@pytest.mark.parametrize("table", CLAIMS)
def test_what_a_real_person_did_beside_no_emulator_is_a_real_record(line: Any, table: str) -> None:
    line.file(1)
    if table == "inspection":
        [(application,)] = line.facts("SELECT application_id FROM application")
        plain(line.database, CLAIMS["review_verdict"].format(who="'p-0008'", emulated="FALSE"), {})
        line.database.write(lambda tx: filing.take(tx, [application], filing.WAYS["in_production"]))
    plain(line.database, CLAIMS[table].format(who="'p-0009'", emulated="FALSE"), {})


def test_every_page_of_an_emulated_line_says_so(house: Any) -> None:
    with house.pages("lead") as client:
        for address in PAGES:
            page = client.get(address)
            assert page.status_code in (200, 404), address
            assert "EMULATED" in page.text, address
