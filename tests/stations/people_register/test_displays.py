"""Displays: a lead or administrator makes and revokes them, the log has both, and a token's copy is nowhere."""

from dataclasses import replace
from typing import Any

import pytest
from enrolled import end, enrol
from sqlalchemy import text

from handoff_logs import register
from handoff_logs.database import Database
from handoff_logs.log import Stamp
from handoff_logs.reading import open_reading
from handoff_logs.register import Register
from handoff_logs.writing import Entry
from stations.people_register.credentials import SignedIn
from stations.people_register.displays import DAY_US, MOST_DAYS, Display, admitted, displays, make, revoke
from stations.people_register.errors import (
    BadDisplayError,
    DisplayDaysError,
    NotEnrolledError,
    RoleMissingError,
    UnknownDisplayError,
)

KEY = bytes(range(32))


@pytest.fixture
def line_tables() -> bool:
    """People are in the line's tables."""
    return True


@pytest.fixture
def people(database: Database) -> dict[str, SignedIn]:
    return enrol(database, lead="lead", operator="operator")


@pytest.fixture
def listed(database_url: str) -> Any:
    def ask() -> list[Display]:
        with open_reading(database_url) as reading:
            return displays(reading)

    return ask


def test_a_token_admits_until_its_day_and_no_longer(database: Database, people: Any, listed: Any) -> None:
    made, token = make(database, KEY, people["lead"], "hall-1", 30, emulated=True)
    assert listed() == [made] and made.until_us == made.made_us + 30 * DAY_US
    assert admitted(listed(), KEY, token, made.until_us - 1) == made
    assert admitted(listed(), KEY, token, made.until_us) is None
    assert [made.state(now_us) for now_us in (made.made_us, made.until_us)] == ["live", "over"]


@pytest.mark.parametrize(
    "wrong", ["", "x", "{id}.", "{id}.{other}", "0000abcd.{secret}", "{id}.{secret}x", " {id}.{secret}"]
)
def test_no_other_token_admits(database: Database, people: Any, listed: Any, wrong: str) -> None:
    made, token = make(database, KEY, people["lead"], "hall-1", emulated=True)
    _, other = make(database, KEY, people["lead"], "hall-2", emulated=True)
    parts = {"id": made.display_id, "secret": token.partition(".")[2], "other": other.partition(".")[2]}
    assert admitted(listed(), KEY, wrong.format(**parts), made.made_us) is None
    assert admitted(listed(), bytes(32), token, made.made_us) is None, "without the line's key"


def test_revoking_is_for_good_and_once(database: Database, people: Any, listed: Any) -> None:
    made, token = make(database, KEY, people["lead"], "hall-1", emulated=True)
    assert revoke(database, people["administrator"], made.display_id, emulated=True)
    assert not revoke(database, people["lead"], made.display_id, emulated=True)
    (found,) = listed()
    assert (found.revoked_by, found.state(made.made_us)) == (people["administrator"].code, "revoked")
    assert admitted(listed(), KEY, token, made.made_us) is None
    with pytest.raises(UnknownDisplayError):
        revoke(database, people["lead"], "00000000", emulated=True)


def test_only_leads_and_administrators_who_have_not_left_make_and_revoke(
    database: Database, people: Any, listed: Any
) -> None:
    made, _ = make(database, KEY, people["lead"], "hall-1", emulated=True)
    end(database, people["lead"].code)
    for who, refusal in (("operator", RoleMissingError), ("lead", NotEnrolledError)):
        with pytest.raises(refusal):
            make(database, KEY, people[who], "hall-2", emulated=True)
        with pytest.raises(refusal):
            revoke(database, people[who], made.display_id, emulated=True)
    assert listed() == [made]


@pytest.mark.parametrize("where", ["", "Zhang San", "张三", "x" * 41, "-hall", "hall\n"])
def test_a_display_is_named_by_its_place(database: Database, people: Any, listed: Any, where: str) -> None:
    with pytest.raises(BadDisplayError):
        make(database, KEY, people["lead"], where, emulated=True)
    assert listed() == []


@pytest.mark.parametrize("days", [0, -1, MOST_DAYS + 1])
def test_no_token_is_good_for_ever(database: Database, people: Any, days: int) -> None:
    with pytest.raises(DisplayDaysError):
        make(database, KEY, people["lead"], "hall-1", days, emulated=True)


def test_the_log_says_who_made_and_revoked_it_by_which_sign_in_and_has_no_token(
    database: Database, people: Any
) -> None:
    made, token = make(database, KEY, people["lead"], "hall-1", emulated=True)
    revoke(database, people["administrator"], made.display_id, emulated=True)
    query = """
    SELECT DISTINCT event.seq, event.person, event.sign_in, event.emulated FROM custody_event AS event
    JOIN custody_register AS said ON said.event_id = event.event_id WHERE said.register = 'display' ORDER BY 1
    """
    with database.read() as conn:
        signed = [tuple(row)[1:] for row in conn.execute(text(query))]
        kept = str(conn.execute(text("SELECT * FROM custody_register")).all())
    assert signed == [(who.code, who.sign_in, True) for who in (people["lead"], people["administrator"])]
    assert token not in kept and token.partition(".")[2] not in kept


def test_whoever_only_writes_to_the_database_makes_lengthens_and_revives_no_display(
    database: Database, people: Any, listed: Any
) -> None:
    made, token = make(database, KEY, people["lead"], "hall-1", 1, emulated=True)

    def forge(*said: tuple[str, str, str | None]) -> None:
        entries = [Entry(Register.DISPLAY, *each) for each in said]
        by = register.administration("p-0001")
        database.write(lambda tx: register.record(tx, by, None, entries, Stamp(made.made_us, True)))

    forge((made.display_id, "until", str(made.until_us + 10 * DAY_US)))
    assert admitted(listed(), KEY, token, made.made_us) is None, "lengthened, its MAC is wrong"
    forge((made.display_id, "until", str(made.until_us)))
    assert admitted(listed(), KEY, token, made.made_us) == replace(made)
    revoke(database, people["lead"], made.display_id, emulated=True)
    forge((made.display_id, "mac", made.mac))
    assert admitted(listed(), KEY, token, made.made_us) is None, "revoked is for good"
    forge(("half", "where", "x"), ("worse", "where", "x"), ("worse", "until", "soon"), ("worse", "mac", "y"))
    assert [one.display_id for one in listed()] == [made.display_id]
