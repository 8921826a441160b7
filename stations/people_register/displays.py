"""Displays on a wall: each shows the board, and nothing else, by a token of its own that a lead or administrator made.

The handoff log's register `display` is the only place where they are kept. It has a MAC over the token and all that is
said of the display, under a key that lies outside the database: whoever can write to it and no more can end a display
and can neither make one nor lengthen it.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection

from handoff_logs import register as log_register
from handoff_logs.database import Database
from handoff_logs.dialects import clock_us
from handoff_logs.log import Stamp
from handoff_logs.reading import Reading, Row
from handoff_logs.records import canonical
from handoff_logs.register import Register
from handoff_logs.statements import Statement
from handoff_logs.writing import Entry
from stations.people import Role
from stations.people_register.credentials import SignedIn
from stations.people_register.errors import (
    BadDisplayError,
    DisplayDaysError,
    NotEnrolledError,
    RoleMissingError,
    UnknownDisplayError,
)
from stations.people_register.sign_in import find, roles_of

MAKERS: Final = (Role.LEAD, Role.ADMINISTRATOR)
"""Who makes and revokes displays; one of them is enough, for a display shows counts and signs nothing."""
DAYS: Final = 365
MOST_DAYS: Final = 1_095
DAY_US: Final = 86_400_000_000
ID_BYTES: Final = 4
TOKEN_BYTES: Final = 32

_TOKEN: Final = re.compile(r"([0-9a-f]{8})\.([A-Za-z0-9_-]{43})", re.ASCII)
_WHERE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9:/._-]{0,39}", re.ASCII)
SAID: Final = """
SELECT said.subject, said.field, said.value, event.person, event.happened_us
FROM custody_register AS said JOIN custody_event AS event ON event.event_id = said.event_id
WHERE said.register = 'display' ORDER BY event.seq, said.position
"""
"""Every display ever made, by the register's index: a few rows each."""
_SAID: Final = Statement(SAID)


@dataclass(frozen=True, slots=True)
class Display:
    """One display: the place it hangs at, until when it shows the board, who made and who revoked it (µs UTC)."""

    display_id: str
    where: str
    until_us: int
    made_by: str
    made_us: int
    mac: str = field(repr=False)
    revoked_by: str | None = None
    revoked_us: int | None = None

    def state(self, now_us: int) -> str:
        """How it stands at `now_us`: `live`, `over` or `revoked`."""
        if self.revoked_us is not None:
            return "revoked"
        return "live" if now_us < self.until_us else "over"


def check(where: str, days: int) -> None:
    """Raise BadDisplayError for a place of another form, DisplayDaysError for too short or too long."""
    if not _WHERE.fullmatch(where):
        raise BadDisplayError
    if not 1 <= days <= MOST_DAYS:
        raise DisplayDaysError(days, MOST_DAYS)


def make(
    database: Database, key: bytes, signed: SignedIn, where: str, days: int = DAYS, *, emulated: bool
) -> tuple[Display, str]:
    """Make a display for a place and return its token too, which is nowhere else.

    Raises BadDisplayError, DisplayDaysError, RoleMissingError, NotEnrolledError.
    """
    check(where, days)
    display_id = secrets.token_hex(ID_BYTES)
    token = f"{display_id}.{secrets.token_urlsafe(TOKEN_BYTES)}"

    def write(tx: Connection) -> Display:
        _entitled(tx, signed)
        now_us = clock_us(tx)
        until_us = now_us + days * DAY_US
        made = Display(display_id, where, until_us, signed.code, now_us, _mac(key, where, until_us, token))
        said = {"where": where, "until": str(until_us), "mac": made.mac}
        entries = [Entry(Register.DISPLAY, display_id, name, value) for name, value in said.items()]
        _record(tx, signed, entries, now_us, emulated)
        return made

    return database.write(write), token


def revoke(database: Database, signed: SignedIn, display_id: str, *, emulated: bool) -> bool:
    """End a display; False where it had been revoked already. Raises UnknownDisplayError, and as `make` does."""

    def write(tx: Connection) -> bool:
        _entitled(tx, signed)
        found = {one.display_id: one for one in _displays(_rows(tx))}
        if display_id not in found:
            raise UnknownDisplayError(display_id)
        if found[display_id].revoked_us is not None:
            return False
        now_us = clock_us(tx)
        _record(tx, signed, [Entry(Register.DISPLAY, display_id, "mac", None)], now_us, emulated)
        return True

    return database.write(write)


def displays(reading: Reading) -> list[Display]:
    """Every display, those that are over and revoked included, in the order they were made."""
    return _displays(reading.rows(SAID))


def admitted(found: Sequence[Display], key: bytes, token: str, now_us: int) -> Display | None:
    """The display that a token is of, if it may show the board now."""
    known = _TOKEN.fullmatch(token)
    if known is None:
        return None
    one = next((each for each in found if each.display_id == known[1]), None)
    if one is None or one.state(now_us) != "live":
        return None
    return one if hmac.compare_digest(_mac(key, one.where, one.until_us, token), one.mac) else None


def _displays(rows: Sequence[Row]) -> list[Display]:
    said: dict[str, dict[str, Any]] = {}
    for row in rows:
        one = said.setdefault(row["subject"], {"made_by": row["person"], "made_us": int(row["happened_us"])})
        if row["value"] is None:
            # For good: whoever can write to the database might tell the old token's MAC again.
            one |= {"revoked_by": row["person"], "revoked_us": int(row["happened_us"])}
        else:
            one[row["field"]] = row["value"]
    return [_display(display_id, one) for display_id, one in said.items() if _is_whole(one)]


def _is_whole(one: dict[str, Any]) -> bool:
    """Whether it is as `make` writes it; the log's verification finds what is not."""
    return {"where", "until", "mac"} <= one.keys() and one["until"].isascii() and one["until"].isdecimal()


def _display(display_id: str, one: dict[str, Any]) -> Display:
    return Display(
        display_id,
        one["where"],
        int(one["until"]),
        one["made_by"],
        one["made_us"],
        one["mac"],
        one.get("revoked_by"),
        one.get("revoked_us"),
    )


def _rows(tx: Connection) -> list[Row]:
    return [dict(zip(("subject", "field", "value", "person", "happened_us"), row, strict=True))
            for row in _SAID.run(tx).fetchall()]  # fmt: skip


def _entitled(tx: Connection, signed: SignedIn) -> None:
    """Who signed in a moment ago may have ended, or lost nothing but time: asked in the act's own transaction."""
    person = find(tx, signed.code)
    if person is None or person.ended_us is not None:
        raise NotEnrolledError(signed.code)
    if roles_of(tx, signed.code).isdisjoint(MAKERS):
        raise RoleMissingError(signed.code, tuple(MAKERS))


def _record(tx: Connection, signed: SignedIn, entries: list[Entry], now_us: int, emulated: bool) -> None:
    by = log_register.administration(signed.code, signed.sign_in)
    log_register.record(tx, by, None, entries, Stamp(now_us, emulated))


def _mac(key: bytes, where: str, until_us: int, token: str) -> str:
    content = canonical({"where": where, "until_us": until_us, "token": token})
    return hmac.digest(key, b"display:" + content, hashlib.sha256).hex()
