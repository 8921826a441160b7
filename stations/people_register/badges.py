"""Badges: what a person carries and scans at the sign-in in place of typing their code. Alone a badge opens nothing.

A badge's number is random and is shown once. The database and the log have a MAC of it under a key that lies outside
the database: whoever reads them can make no badge, and whoever can write to them and no more can give none either.
Issuing is a sealed record by two people, an administrator and a second; ending one takes one person.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from handoff_logs import register as log_register
from handoff_logs.database import Database
from handoff_logs.dialects import clock_us
from handoff_logs.log import Stamp
from handoff_logs.records import Party, new_id
from handoff_logs.register import Register
from handoff_logs.writing import Entry
from stations.people import Role
from stations.people_register import passwords, rules
from stations.people_register.credentials import Credentials, SignedIn, TwoSigned
from stations.people_register.errors import (
    BadgeMissingError,
    BadgeRefusedError,
    NotEnrolledError,
    OwnEnrolmentError,
    RoleMissingError,
    SignInLockedError,
    SignInRefusedError,
)
from stations.people_register.sign_in import BADGE, BADGE_SIGN_IN, PERSON, find, roles_of, sign_in
from stations.people_register.tables import BadgeEnd, BadgeRefusal

SECONDS: Final = (Role.ADMINISTRATOR, Role.LEAD)
"""Who signs second where a badge is issued; the first is an administrator."""
ENDERS: Final = (Role.LEAD, Role.ADMINISTRATOR)
"""Who ends anybody's badge; everybody may end their own. One is enough: it only takes away, and loss can't wait."""
DIGITS: Final = 20
"""Of a badge's number: about 66 bits, and only digits, which every scanner that acts as a keyboard can type."""

_NUMBER: Final = re.compile(rf"[0-9]{{{DIGITS}}}", re.ASCII)
_ALL: Final = (
    select(BADGE, PERSON.c.ended_us.label("left_us"))
    .join(PERSON, PERSON.c.code == BADGE.c.code)
    .order_by(BADGE.c.code, BADGE.c.issued_us)
)


@dataclass(frozen=True, slots=True)
class Badge:
    """One badge, never its number: whose, who issued it when, and how it ended by whom (µs UTC)."""

    code: str
    issued_us: int
    issued_by: tuple[str, str]
    ended_us: int | None
    ended_how: str | None
    ended_by: tuple[str, ...]
    left: bool

    @property
    def state(self) -> str:
        """`live`, how it ended, or `left`: its person's standing has ended, and the badge with it."""
        return self.ended_how or ("left" if self.left else "live")


def is_number(typed: str) -> bool:
    """Whether what was typed in place of a code has the form of a badge's number.

    >>> is_number("01234567890123456789"), is_number("p-0417"), is_number("0123456789")
    (True, False, False)
    """
    return _NUMBER.fullmatch(typed) is not None


def issue(database: Database, key: bytes, by: TwoSigned, code: str, *, emulated: bool) -> str:
    """Issue a person's badge and return its number, which is nowhere else; one that they have is replaced.

    Raises NotEnrolledError, OwnEnrolmentError, RoleMissingError, BadCodeError, EmulatedStaffError.
    """
    rules.check_code(code)
    number = "".join(secrets.choice("0123456789") for _ in range(DIGITS))
    mac = _mac(key, number)

    def write(tx: Connection) -> None:
        _issuers(tx, by, code)
        now_us = clock_us(tx)
        entries = []
        if (live := _live(tx, code)) is not None:
            ended = {"ended_by": by.first, "ended_second": by.second}
            entries.append(_end(tx, live.mac, BadgeEnd.REPLACED, now_us, ended))
        issued = {"issued_by": by.first, "issued_second": by.second, "issued_us": now_us}
        tx.execute(insert(BADGE).values(mac=mac, code=code, **issued))
        entries.append(Entry(Register.BADGE, mac, "issued", f"{code} {now_us}"))
        first = log_register.administration(by.first, by.first_sign_in)
        stamp = Stamp(now_us, emulated, second_sign_in=by.second_sign_in)
        log_register.record(tx, first, by.second, entries, stamp)

    database.write(write)
    return number


def revoke(database: Database, signed: SignedIn, code: str, how: BadgeEnd, *, emulated: bool) -> None:
    """End a person's badge for good: LOST, or REVOKED for any other reason.

    Raises BadgeMissingError, RoleMissingError, NotEnrolledError.
    """

    def write(tx: Connection) -> None:
        person = find(tx, signed.code)
        if person is None or person.ended_us is not None:
            raise NotEnrolledError(signed.code)
        if signed.code != code and roles_of(tx, signed.code).isdisjoint(ENDERS):
            raise RoleMissingError(signed.code, tuple(ENDERS))
        if (live := _live(tx, code)) is None:
            raise BadgeMissingError(code)
        now_us = clock_us(tx)
        entry = _end(tx, live.mac, how, now_us, {"ended_by": signed.code})
        by: Party = log_register.administration(signed.code, signed.sign_in)
        log_register.record(tx, by, None, [entry], Stamp(now_us, emulated))

    database.write(write)


def badges(database: Database) -> list[Badge]:
    """Every badge ever issued, by code, the oldest first."""
    with database.read() as conn:
        rows = conn.execute(_ALL).all()
    return [
        Badge(
            row.code,
            row.issued_us,
            (row.issued_by, row.issued_second),
            row.ended_us,
            row.ended_how,
            tuple(code for code in (row.ended_by, row.ended_second) if code is not None),
            row.left_us is not None,
        )
        for row in rows
    ]


def holder(database: Database, key: bytes, number: str) -> str | None:
    """Whose badge has a number now; None if it is nobody's, or no more."""
    with database.read() as conn:
        row = _known(conn, _mac(key, number))
    return None if row is None or row.ended_us is not None else row.code


def sign_in_by(database: Database, key: bytes, typed: str, password: str) -> SignedIn:
    """Sign in who typed their code, or scanned their badge, and typed their password.

    A badge that is unknown, ended, its holder's while their code is locked, or comes with a wrong password is refused
    in the same words after the same time. Raises BadgeRefusedError, and as `sign_in` does for a code.
    """
    if not is_number(typed):
        return sign_in(database, Credentials(typed, password))
    mac = _mac(key, typed)

    def refused(tx: Connection) -> Row[Any] | None:
        """The live badge; of another what was tried is recorded."""
        badge = _known(tx, mac)
        if badge is not None and badge.ended_us is None:
            return badge
        refusal = BadgeRefusal.UNKNOWN if badge is None else BadgeRefusal.ENDED
        known = {} if badge is None else {"mac": mac, "code": badge.code}
        tried = {"attempt_id": new_id(), "at_us": clock_us(tx), "refusal": refusal.value}
        tx.execute(insert(BADGE_SIGN_IN).values(**tried, **known))
        return None

    badge = database.write(refused)
    try:
        if badge is not None:
            return sign_in(database, Credentials(badge.code, password), badge=mac)
        passwords.matches(password, None)
    except SignInLockedError:
        passwords.matches(password, None)
    except SignInRefusedError:
        pass
    raise BadgeRefusedError


def _known(conn: Connection, mac: str) -> Row[Any] | None:
    return conn.execute(select(BADGE).where(BADGE.c.mac == mac)).one_or_none()


def _live(tx: Connection, code: str) -> Row[Any] | None:
    """A person's live badge; their row is locked first, so that acts about one person follow each other."""
    find(tx, code)
    return tx.execute(select(BADGE).where(BADGE.c.code == code, BADGE.c.ended_us.is_(None))).one_or_none()


def _end(tx: Connection, mac: str, how: BadgeEnd, now_us: int, by: dict[str, str]) -> Entry:
    tx.execute(update(BADGE).where(BADGE.c.mac == mac).values(ended_us=now_us, ended_how=how.value, **by))
    return Entry(Register.BADGE, mac, "ended", f"{how} {now_us}")


def _issuers(tx: Connection, by: TwoSigned, about: str) -> None:
    """Raise unless those who signed may issue still, neither of them to themself, and `about` is enrolled."""
    if about in by.codes:
        raise OwnEnrolmentError(about)
    may: dict[str, Sequence[Role]] = {by.first: rules.ADMINISTRATORS, by.second: SECONDS}
    # In one order everywhere, so that changes which lock the same people wait for each other and never both.
    for code in sorted({*by.codes, about}):
        person = find(tx, code)
        enrolled = person is not None and person.ended_us is None
        if code == about and not enrolled:
            raise NotEnrolledError(code)
        if code != about and (not enrolled or roles_of(tx, code).isdisjoint(may[code])):
            raise RoleMissingError(code, tuple(may[code]))


def _mac(key: bytes, number: str) -> str:
    return hmac.digest(key, b"badge:" + number.encode(), hashlib.sha256).hex()
