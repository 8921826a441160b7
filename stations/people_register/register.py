"""Founding the register, enrolling, giving roles, changing passwords, ending: every change is signed by two others."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from handoff_logs.database import Database
from handoff_logs.dialects import clock_us
from stations.people import Role
from stations.people_register import passwords, rules
from stations.people_register.credentials import Credentials, TwoSigned
from stations.people_register.errors import (
    AlreadyEnrolledError,
    NotEnrolledError,
    OwnEnrolmentError,
    RegisterFoundedError,
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


def found(database: Database, first: Credentials, second: Credentials) -> None:
    """Begin an empty register with its first two administrators.

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


def enrol(database: Database, by: TwoSigned, new: Credentials, roles: Iterable[Role]) -> None:
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
        _give(tx, by, code, roles, now_us)

    try:
        database.write(write)
    except IntegrityError as error:
        raise AlreadyEnrolledError(code, False) from error


def give_roles(database: Database, by: TwoSigned, code: str, roles: Iterable[Role]) -> None:
    """Give an enrolled person further roles; those they have stay. Raises as `end` does."""

    def write(tx: Connection) -> None:
        _administrators(tx, by, code)
        _present(tx, code)
        _give(tx, by, code, roles, clock_us(tx))

    database.write(write)


def end(database: Database, by: TwoSigned, code: str) -> None:
    """A person has left: from now on their code signs nothing. Two other administrators remain, those who sign.

    Raises NotEnrolledError, OwnEnrolmentError, RoleMissingError.
    """

    def write(tx: Connection) -> None:
        _administrators(tx, by, code)
        _present(tx, code)
        enders = {"ended_by": by.first, "ended_second": by.second, "ended_us": clock_us(tx)}
        tx.execute(update(PERSON).where(PERSON.c.code == code).values(**enders))

    database.write(write)


def change_password(database: Database, who: Credentials, new: str) -> None:
    """A person changes their own password.

    Raises PasswordRefusedError, SignInRefusedError, SignInLockedError, BadCodeError, EmulatedStaffError.
    """
    kept = passwords.hashed(new)
    sign_in(database, who)
    database.write(lambda tx: _set_password(tx, who.code, kept))


def replace_password(database: Database, by: TwoSigned, code: str, new: str) -> None:
    """Two administrators let a person who forgot theirs choose a new password. Raises as `end`, and for `new`."""
    kept = passwords.hashed(new)

    def write(tx: Connection) -> None:
        _administrators(tx, by, code)
        _set_password(tx, code, kept)

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


def _give(tx: Connection, by: TwoSigned, code: str, roles: Iterable[Role], now_us: int) -> None:
    givers = {"given_by": by.first, "given_second": by.second, "given_us": now_us}
    new: Sequence[str] = sorted({role.value for role in roles} - roles_of(tx, code))
    for role in new:
        tx.execute(insert(ROLE).values(code=code, role=role, **givers))


def _set_password(tx: Connection, code: str, kept: str) -> None:
    _present(tx, code)
    tx.execute(update(PASSWORD).where(PASSWORD.c.code == code).values(hash=kept, set_us=clock_us(tx)))
