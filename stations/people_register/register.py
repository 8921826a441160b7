"""Founding the register, enrolling, giving roles, changing passwords, ending: every change is signed by two others.

Each is a record of the handoff log, written in the transaction that changes the tables: these are what the log's
registers say (projection.py finds where they differ). A password is in the log as having been set, and no more.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from handoff_logs import register as log_register
from handoff_logs.database import Database
from handoff_logs.dialects import clock_us
from handoff_logs.log import Stamp
from handoff_logs.register import Register
from handoff_logs.writing import Entry
from stations.people import Role
from stations.people_register import passwords, rules
from stations.people_register.credentials import Credentials, TwoSigned
from stations.people_register.errors import (
    AlreadyEnrolledError,
    NotEnrolledError,
    OwnEnrolmentError,
    RegisterFoundedError,
    RegisterNotFoundedError,
    RoleMissingError,
)
from stations.people_register.sign_in import PASSWORD, PERSON, ROLE, find, roles_of, sign_in


@dataclass(frozen=True, slots=True)
class Enrolled:
    """One person as the register has them; `by` is empty for a founder, `ended_us` None while they may sign in."""

    code: str
    roles: tuple[str, ...]
    by: tuple[str, ...]
    enrolled_us: int
    ended_by: tuple[str, ...]
    ended_us: int | None


def found(database: Database, first: Credentials, second: Credentials, *, emulated: bool) -> None:
    """Begin an empty register with its first two administrators, whose own word it is.

    Raises RegisterFoundedError, SamePersonTwiceError, PasswordRefusedError, BadCodeError, EmulatedStaffError.
    """
    rules.check_two(first.code, second.code)
    hashes = {who.code: passwords.hashed(who.password) for who in (first, second)}

    def write(tx: Connection) -> None:
        if people := _count(tx):
            raise RegisterFoundedError(people)
        now_us = clock_us(tx)
        for founder, code in enumerate(hashes, start=1):
            tx.execute(insert(PERSON).values(code=code, founder=founder, enrolled_us=now_us))
            tx.execute(insert(ROLE).values(code=code, role=Role.ADMINISTRATOR.value, given_us=now_us))
            tx.execute(insert(PASSWORD).values(code=code, hash=hashes[code], set_us=now_us))
        entries = [
            entry
            for founder, code in enumerate(hashes, start=1)
            for entry in (
                Entry(Register.PERSON, code, "founder", str(founder)),
                *_enrolled(code, now_us),
                Entry(Register.ROLE, code, Role.ADMINISTRATOR, str(now_us)),
            )
        ]
        founders = log_register.administration(first.code)
        log_register.record(tx, founders, second.code, entries, Stamp(now_us, emulated))

    try:
        database.write(write)
    except IntegrityError as error:
        # Others founded it in the same moment: there are two founders for ever.
        with database.read() as conn:
            raise RegisterFoundedError(_count(conn)) from error


def refuse_founded(database: Database) -> None:
    """Raise RegisterFoundedError if anybody was ever enrolled."""
    with database.read() as conn:
        if people := _count(conn):
            raise RegisterFoundedError(people)


def refuse_unfounded(database: Database) -> None:
    """Raise RegisterNotFoundedError if nobody was ever enrolled."""
    with database.read() as conn:
        if not _count(conn):
            raise RegisterNotFoundedError


def is_enrolled(database: Database, code: str) -> bool:
    """Whether a code is somebody's now.

    Raises AlreadyEnrolledError for that of one who has left, BadCodeError, EmulatedStaffError.
    """
    rules.check_code(code)
    with database.read() as conn:
        row = _row(conn, code)
    if row is not None and row.ended_us is not None:
        raise AlreadyEnrolledError(code, True)
    return row is not None


def refuse_own(codes: tuple[str, str], about: str) -> None:
    """Raise OwnEnrolmentError where one of those who sign is the one it is about."""
    if about in codes:
        raise OwnEnrolmentError(about)


def enrol(database: Database, by: TwoSigned, new: Credentials, roles: Iterable[Role], *, emulated: bool) -> None:
    """Enrol a person.

    Raises AlreadyEnrolledError, PasswordRefusedError, OwnEnrolmentError, RoleMissingError, BadCodeError,
    EmulatedStaffError.
    """
    code = rules.check_code(new.code)
    kept = passwords.hashed(new.password)

    def write(tx: Connection) -> None:
        _administrators(tx, by, code)
        if (row := _row(tx, code)) is not None:
            raise AlreadyEnrolledError(code, row.ended_us is not None)
        now_us = clock_us(tx)
        enrollers = {"enrolled_by": by.first, "enrolled_second": by.second}
        tx.execute(insert(PERSON).values(code=code, enrolled_us=now_us, **enrollers))
        tx.execute(insert(PASSWORD).values(code=code, hash=kept, set_us=now_us))
        given = _give(tx, by, code, roles, now_us)
        _record(tx, by, [*_enrolled(code, now_us), *given], now_us, emulated)

    try:
        database.write(write)
    except IntegrityError as error:
        raise AlreadyEnrolledError(code, False) from error


def give_roles(database: Database, by: TwoSigned, code: str, roles: Iterable[Role], *, emulated: bool) -> None:
    """Give an enrolled person further roles; those they have stay. Raises as `end` does."""

    def write(tx: Connection) -> None:
        _administrators(tx, by, code)
        _present(tx, code)
        now_us = clock_us(tx)
        if given := _give(tx, by, code, roles, now_us):
            _record(tx, by, given, now_us, emulated)

    database.write(write)


def end(database: Database, by: TwoSigned, code: str, *, emulated: bool) -> None:
    """A person has left: from now on their code signs nothing. Two other administrators remain, those who sign.

    Raises NotEnrolledError, OwnEnrolmentError, RoleMissingError.
    """

    def write(tx: Connection) -> None:
        _administrators(tx, by, code)
        _present(tx, code)
        now_us = clock_us(tx)
        enders = {"ended_by": by.first, "ended_second": by.second, "ended_us": now_us}
        tx.execute(update(PERSON).where(PERSON.c.code == code).values(**enders))
        _record(tx, by, [Entry(Register.PERSON, code, "ended", str(now_us))], now_us, emulated)

    database.write(write)


def change_password(database: Database, who: Credentials, new: str, *, emulated: bool) -> None:
    """A person changes their own password.

    Raises PasswordRefusedError, SignInRefusedError, SignInLockedError, BadCodeError, EmulatedStaffError.
    """
    kept = passwords.hashed(new)
    signed = sign_in(database, who)
    own = log_register.administration(who.code, signed.sign_in)

    def write(tx: Connection) -> None:
        entry, now_us = _set_password(tx, who.code, kept)
        log_register.record(tx, own, None, [entry], Stamp(now_us, emulated))

    database.write(write)


def replace_password(database: Database, by: TwoSigned, code: str, new: str, *, emulated: bool) -> None:
    """Two administrators let a person who forgot theirs choose a new password. Raises as `end`, and for `new`."""
    kept = passwords.hashed(new)

    def write(tx: Connection) -> None:
        _administrators(tx, by, code)
        entry, now_us = _set_password(tx, code, kept)
        _record(tx, by, [entry], now_us, emulated)

    database.write(write)


def everybody(database: Database) -> list[Enrolled]:
    """All people, those who left included, by code."""
    with database.read() as conn:
        rows = conn.execute(select(PERSON).order_by(PERSON.c.code)).all()
        return [
            Enrolled(
                row.code,
                tuple(sorted(roles_of(conn, row.code))),
                _codes(row.enrolled_by, row.enrolled_second),
                row.enrolled_us,
                _codes(row.ended_by, row.ended_second),
                row.ended_us,
            )
            for row in rows
        ]


def _codes(*codes: str | None) -> tuple[str, ...]:
    return tuple(code for code in codes if code is not None)


def _count(conn: Connection) -> int:
    return conn.execute(select(func.count()).select_from(PERSON)).scalar_one()


def _row(conn: Connection, code: str) -> Row[Any] | None:
    return conn.execute(select(PERSON).where(PERSON.c.code == code)).one_or_none()


def _present(tx: Connection, code: str) -> None:
    person = find(tx, code)
    if person is None or person.ended_us is not None:
        raise NotEnrolledError(code)


def _administrators(tx: Connection, by: TwoSigned, about: str) -> None:
    """Raise unless those who signed are administrators still; nobody signs about themself."""
    refuse_own(by.codes, about)
    # In one order everywhere, so that changes which lock the same people wait for each other and never both.
    for code in sorted({*by.codes, about}):
        person = find(tx, code)
        if code == about:
            continue
        if person is None or person.ended_us is not None or Role.ADMINISTRATOR not in roles_of(tx, code):
            raise RoleMissingError(code, tuple(rules.ADMINISTRATORS))


def _give(tx: Connection, by: TwoSigned, code: str, roles: Iterable[Role], now_us: int) -> list[Entry]:
    """Give those of `roles` that a person has not; what the log is to say of them."""
    givers = {"given_by": by.first, "given_second": by.second, "given_us": now_us}
    new: Sequence[str] = sorted({role.value for role in roles} - roles_of(tx, code))
    for role in new:
        tx.execute(insert(ROLE).values(code=code, role=role, **givers))
    return [Entry(Register.ROLE, code, role, str(now_us)) for role in new]


def _set_password(tx: Connection, code: str, kept: str) -> tuple[Entry, int]:
    _present(tx, code)
    now_us = clock_us(tx)
    tx.execute(update(PASSWORD).where(PASSWORD.c.code == code).values(hash=kept, set_us=now_us))
    return _password(code, now_us), now_us


def _enrolled(code: str, now_us: int) -> tuple[Entry, Entry]:
    return Entry(Register.PERSON, code, "enrolled", str(now_us)), _password(code, now_us)


def _password(code: str, now_us: int) -> Entry:
    return Entry(Register.PERSON, code, "password", str(now_us))


def _record(tx: Connection, by: TwoSigned, entries: Sequence[Entry], now_us: int, emulated: bool) -> None:
    first = log_register.administration(by.first, by.first_sign_in)
    log_register.record(tx, first, by.second, entries, Stamp(now_us, emulated, second_sign_in=by.second_sign_in))
