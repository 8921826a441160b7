"""Rule 3: blanks balance per station, machine and shift, what is still here is counted blind, and a shift does not close
on a difference except by two people with a reason.

| face | tried here | tried elsewhere |
| --- | --- | --- |
| direct function | a count that is told what to find is none of its own | `vault/test_balance` (each blank once on either side, whatever happened), `test_shift_acts`, `test_shift_rules`, `test_handing_over` |
| plain SQL | a blank made to vanish | `test_shift_guards` (a close without a whole count), `test_illegal_custody` |
| command | opening on a shelf from which a blank was taken; it names what is missing only after the count | `test_shift_commands`, `test_blanks_commands` (a balance that is open), `test_a_shift_from_opening_to_closing` |
| page | - : where the pages are | `test_shift_pages` (the page of an open shift is blind), `test_qc_pages` (so is the page of a count) |
| two processes | two who close at the same instant, by commands | `test_shift_commands`, `test_shift_acts` (threads) |
"""  # noqa: E501

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from devices.emulation.hands import Hands
from flows.errors import Exit
from handoff_logs.reading import open_reading
from stations.vault.balance import balance


@contextmanager
def pocketed(house: Any, serial: str) -> Iterator[None]:
    """Somebody takes a blank from the shelf, and brings it back."""
    with closing(Hands(house.folder.world, house.folder.machines)) as hands:
        hands.put([serial], "a-pocket")
        yield
        hands.put([serial], "shelf:book")


def test_a_shift_is_not_opened_on_a_shelf_that_lacks_a_blank_by_command(house: Any) -> None:
    """Exit status 1, the blank by its serial, the count kept for good, and no shift is open."""
    with pocketed(house, "EA0000001"):
        done = house.do("shift", "open", "early", "--emulated")
    assert done.returncode == Exit.FINDINGS, done.stdout + done.stderr
    assert "EA0000001" in done.stdout
    assert "missing" in done.stdout
    assert house.rows("SELECT * FROM shift WHERE NOT closed") == []
    found = house.rows("SELECT what, serial FROM shift_difference")
    assert ("missing", "EA0000001") in {(row["what"], row["serial"]) for row in found}


def test_of_two_commands_that_close_a_shift_at_the_same_instant_one_does(house: Any) -> None:
    """And neither closes it while a blank is gone; all the while nobody is told how many there must be."""
    assert house.do("shift", "open", "early", "--emulated").returncode == Exit.FINE
    with pocketed(house, "EA0000002"):
        assert house.do("shift", "close", "--emulated").returncode == Exit.FINDINGS
    shown = house.do("shift", "status", "--output", "json")
    assert "expected" not in shown.stdout
    assert json.loads(shown.stdout)["emulated"] is True
    ended = house.at_once((("shift", "close", "--emulated"), ()), (("shift", "close", "--emulated"), ()))
    assert Exit.FINE in ended
    closed = house.rows("SELECT closed_how FROM shift WHERE closed")
    assert [row["closed_how"] for row in closed] == ["balanced"]
    assert house.rows("SELECT * FROM shift WHERE NOT closed") == []


def test_a_blank_does_not_vanish_in_plain_sql(forger: Any, database_url: str) -> None:
    """Neither ended without being voided, nor voided by one, nor moved into a document that is none."""
    blanks = forger.centre.blanks(3, "vault", numbers=("EA0000001", "EA0000002", "EA0000003"))
    here = {"station": "vault", "person": "vault-1"}
    by = {"from_station": "vault", "person": "vault-1"}
    for act, state, second in (("move", "ended", None), ("destroy", "ended", "vault-2"), ("void", "void", None)):
        with pytest.raises(DBAPIError):
            forger.write(act, [forger.row(blanks[0], state, **here)], second_person=second, **by)
    with closing(open_reading(database_url)) as reading:
        [row] = balance(reading)
    assert (row["received"], row["good"], row["still_here"], row["difference"]) == (3, 3, 3, 0)
