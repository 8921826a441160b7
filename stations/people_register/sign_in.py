"""Signing in with one's own code and password, at the moment of the act that it is for.

1. The sign-in is recorded as begun, in one transaction with the look at earlier failures: guesses made side by side
   are all counted.
2. The password is verified, against nobody's hash where the code is unknown, so that both take the same time.
3. Its end is recorded. A good one ends the count of failures.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from handoff_logs.database import Database
from handoff_logs.dialects import clock_us
from handoff_logs.errors import KeyMissingError, WrongPinError
from handoff_logs.keyring import Keyring, person_owner
from handoff_logs.records import new_id
from handoff_logs.statements import Statement
from stations.people import Role
from stations.people_register import passwords, rules
from stations.people_register.credentials import Credentials, SignedIn, TwoSigned
from stations.people_register.errors import RelievedError, RoleMissingError, SignInLockedError, SignInRefusedError
from stations.people_register.tables import (
    BadgeSignIn,
    EnrolledPerson,
    GivenRole,
    PersonBadge,
    PersonPassword,
    SignInAttempt,
    SignInOutcome,
)

PERSON = EnrolledPerson.__table__  # type: ignore[attr-defined]
ROLE = GivenRole.__table__  # type: ignore[attr-defined]
PASSWORD = PersonPassword.__table__  # type: ignore[attr-defined]
BADGE = PersonBadge.__table__  # type: ignore[attr-defined]
BADGE_SIGN_IN = BadgeSignIn.__table__  # type: ignore[attr-defined]
_ATTEMPT = SignInAttempt.__table__  # type: ignore[attr-defined]
RELIEVED = Statement(
    "SELECT relief.reliever FROM shift_relief AS relief JOIN shift ON shift.shift_id = relief.shift_id"
    " WHERE relief.absent = :code AND NOT shift.closed"
)


def sign_in_two(database: Database, first: Credentials, second: Credentials, roles: Sequence[Role]) -> TwoSigned:
    """Sign two people in, each of whom has one of `roles`.

    Raises SamePersonTwiceError, RoleMissingError, SignInRefusedError, SignInLockedError, BadCodeError,
    EmulatedStaffError.
    """
    rules.check_two(first.code, second.code)
    one, other = (_with_role(sign_in(database, who), roles) for who in (first, second))
    return TwoSigned(one.code, other.code, one.sign_in, other.sign_in)


def sign_in_as(database: Database, who: Credentials, roles: Sequence[Role]) -> SignedIn:
    """Sign one person in who has one of `roles`. Raises RoleMissingError, and as `sign_in` does."""
    return _with_role(sign_in(database, who), roles)


def sign_in(database: Database, who: Credentials, badge: str | None = None) -> SignedIn:
    """Sign one person in, who typed their code or scanned the `badge` of this MAC, which must be live still.

    Raises SignInRefusedError, SignInLockedError, RelievedError, BadCodeError, EmulatedStaffError.
    """
    return _counted(database, who.code, lambda kept: passwords.matches(who.password, kept), badge)


def unlock(database: Database, keyring: Keyring, code: str, pin: str) -> SignedIn:
    """Let a person's own key sign, which lies in `keyring` under their PIN; wrong PINs count as wrong passwords do.

    Raises KeyMissingError, WrongPinError, SignInRefusedError, SignInLockedError, BadCodeError, EmulatedStaffError.
    """
    wrong: list[Exception] = []
    if not keyring.has_own(code):
        raise KeyMissingError(person_owner(code), "this line's keys")

    def opens(kept: str | None) -> bool:
        try:
            keyring.unlock(code, pin)
        except WrongPinError as error:
            wrong.append(error)
        return kept is not None and not wrong

    try:
        return _counted(database, code, opens)
    except SignInRefusedError as error:
        keyring.lock(code)
        raise (wrong or [error])[0] from None


def unlock_own(database: Database, codes: Iterable[str], ask: Callable[[str], str]) -> None:
    """Unlock the own keys of those of `codes` who have one here, by the PINs that `ask` gets of them; see `unlock`."""
    keyring = database.keyring
    for code in codes:
        if keyring is not None and keyring.is_locked(code):
            unlock(database, keyring, code, ask(code))


def _counted(
    database: Database, code: str, verified: Callable[[str | None], bool], badge: str | None = None
) -> SignedIn:
    """Sign a person in whom `verified` knows by what is kept of their password; each try is counted."""
    code = rules.check_code(code)
    until_us, kept = database.write(lambda tx: _begin(tx, code, badge))
    if until_us is not None:
        raise SignInLockedError(code, until_us)
    good = verified(kept)
    signed = database.write(lambda tx: _end(tx, code, kept if good else None, badge))
    if isinstance(signed, SignedIn):
        return signed
    raise SignInRefusedError(code) if signed is None else RelievedError(code, signed)


def find(tx: Connection, code: str) -> Row[Any] | None:
    """The row of a person, enrolled or ended, locked until the transaction ends."""
    return tx.execute(select(PERSON).where(PERSON.c.code == code).with_for_update()).one_or_none()


def roles_of(conn: Connection, code: str) -> frozenset[str]:
    """The roles that were given to a code."""
    return frozenset(conn.execute(select(ROLE.c.role).where(ROLE.c.code == code)).scalars())


def _with_role(signed: SignedIn, roles: Sequence[Role]) -> SignedIn:
    if signed.roles.isdisjoint(roles):
        raise RoleMissingError(signed.code, tuple(roles))
    return signed


def _begin(tx: Connection, code: str, badge: str | None) -> tuple[int | None, str | None]:
    """Record the attempt; until when the code is locked, and the hash that is kept of its person's password."""
    person = find(tx, code)  # its lock makes attempts with one code follow each other
    now_us = clock_us(tx)
    until_us = rules.locked_until(_failures(tx, code), now_us)
    if until_us is None:
        _record(tx, code, now_us, SignInOutcome.BEGUN)
    else:
        _record(tx, code, now_us, SignInOutcome.LOCKED, badge)
    if person is None or person.ended_us is not None:
        return until_us, None
    return until_us, tx.execute(select(PASSWORD.c.hash).where(PASSWORD.c.code == code)).scalar()


def _failures(tx: Connection, code: str) -> Sequence[int]:
    """When the latest attempts were begun that no accepted one followed, latest first."""
    of_code = _ATTEMPT.c.code == code
    accepted = (of_code, _ATTEMPT.c.outcome == SignInOutcome.ACCEPTED.value)
    since = select(func.coalesce(func.max(_ATTEMPT.c.at_us), 0)).where(*accepted).scalar_subquery()
    begun = (of_code, _ATTEMPT.c.outcome == SignInOutcome.BEGUN.value, _ATTEMPT.c.at_us > since)
    latest = select(_ATTEMPT.c.at_us).where(*begun).order_by(_ATTEMPT.c.at_us.desc()).limit(rules.FAILURES)
    return tx.execute(latest).scalars().all()


def _end(tx: Connection, code: str, kept: str | None, badge: str | None) -> SignedIn | str | None:
    """Record how the attempt ended; None if refused, the reliever of a person who was relieved in the open shift.

    Accepted is whose password was right and is so still: neither ended nor changed meanwhile, nor the badge ended.
    """
    person = find(tx, code)
    still = tx.execute(select(PASSWORD.c.hash).where(PASSWORD.c.code == code)).scalar()
    accepted = kept is not None and kept == still and person is not None and person.ended_us is None
    if accepted and badge is not None:
        accepted = tx.execute(select(BADGE.c.ended_us).where(BADGE.c.mac == badge)).scalar_one() is None
    reliever = RELIEVED.run(tx, {"code": code}).fetchone() if accepted else None
    if reliever is not None:
        _record(tx, code, clock_us(tx), SignInOutcome.REFUSED, badge)
        return str(reliever[0])
    attempt = _record(tx, code, clock_us(tx), SignInOutcome.ACCEPTED if accepted else SignInOutcome.REFUSED, badge)
    return SignedIn(code, roles_of(tx, code), attempt) if accepted else None


def _record(tx: Connection, code: str, at_us: int, outcome: SignInOutcome, badge: str | None = None) -> str:
    attempt = new_id()
    tx.execute(insert(_ATTEMPT).values(attempt_id=attempt, code=code, at_us=at_us, outcome=outcome.value))
    if badge is not None:
        tx.execute(insert(BADGE_SIGN_IN).values(attempt_id=attempt, at_us=at_us, mac=badge, code=code))
    return attempt
