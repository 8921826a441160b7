"""Sessions at the terminal: who signed in there and may ask, until when. Never a signature: two people sign with their
own passwords at the moment of an act, whoever is signed in.

A session's secret is a random token that only its account's file has. The database has a MAC over the token and all
that the session says, under a key that lies outside the database: whoever can write to it and no more can end a session
or keep one alive for its length, and can neither make one, nor lengthen it, nor give it to another.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final

from handoff_logs.direct import Writing, open_writing
from handoff_logs.reading import open_reading
from handoff_logs.records import canonical, new_id
from stations.people_register.credentials import SignedIn
from stations.people_register.errors import SessionEndedError, SignInRefusedError

LONGEST_US: Final = 8 * 3600 * 1_000_000
"""A session's whole length, however busy: a shift, as on the pages."""
IDLE_US: Final = 30 * 60 * 1_000_000
"""After so long without a question it ends: long enough to read an answer and write it down, and short enough that an
unlocked terminal after a break is nobody's. The database's guard has the same figure."""
SEEN_EVERY_US: Final = 60 * 1_000_000
"""When it was last seen is kept to the minute, so that most questions need not write it."""
BACK_US: Final = 2 * 1_000_000
"""A clock that is behind the session's own times by more was set back: nobody can say how old the session is."""
TOKEN_BYTES: Final = 32

_SET: Final = "SELECT set_us FROM person_password WHERE code = :code"
_INSERT: Final = """
INSERT INTO terminal_session (session_id, code, sign_in, password_us, begun_us, until_us, computer, account, terminal,
    mac, seen_us)
VALUES (:session_id, :code, :sign_in, :password_us, :begun_us, :until_us, :computer, :account, :terminal, :mac,
    :begun_us)
"""
_FIND: Final = """
SELECT session.*, person.ended_us AS left_us, password.set_us AS set_us FROM terminal_session AS session
JOIN person ON person.code = session.code JOIN person_password AS password ON password.code = session.code
WHERE session.session_id = :session_id
"""
_ROLES: Final = "SELECT role FROM person_role WHERE code = :code"
_SEEN: Final = "UPDATE terminal_session SET seen_us = :now_us WHERE session_id = :session_id"
_END: Final = (
    "UPDATE terminal_session SET ended_us = :now_us, ended_how = :how"
    " WHERE session_id = :session_id AND ended_us IS NULL"
)
_SAID: Final = (
    "session_id",
    "code",
    "sign_in",
    "password_us",
    "begun_us",
    "until_us",
    "computer",
    "account",
    "terminal",
)
"""What the MAC covers besides the token; the rest of a row only goes forward."""


class Why(StrEnum):
    """Why a session is none any more."""

    UNKNOWN = "this line knows no such session, or its record was changed"
    SIGNED_OUT = "it was signed out"
    REPLACED = "somebody signed in anew at its terminal"
    LAPSED = "it was refused before"
    LEFT = "its person's standing has ended"
    PASSWORD = "its person's password was changed"  # noqa: S105 (a sentence)
    OVER = "its eight hours are over"
    IDLE = "nothing was asked for half an hour"
    CLOCK = "the clock was set back"


_HOW: Final = {"signed-out": Why.SIGNED_OUT, "replaced": Why.REPLACED, "lapsed": Why.LAPSED}


@dataclass(frozen=True, slots=True)
class Secret:
    """What the file of a session holds."""

    session_id: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Where:
    """Where somebody signs in: 64 characters of each at most."""

    computer: str
    account: str
    terminal: str


@dataclass(frozen=True, slots=True)
class Session:
    """A session that holds now, and what its person may do now. `idle_us`: when it ends if nothing is asked."""

    session_id: str
    code: str
    roles: frozenset[str]
    begun_us: int
    until_us: int
    idle_us: int
    where: Where


def password_set_us(url: str, code: str) -> int | None:
    """When a code's password was set; asked before a sign-in, of the session that follows it."""
    with open_reading(url) as reading:
        found = reading.rows(_SET, code=code)
    return int(found[0]["set_us"]) if found else None


def begin(url: str, key: bytes, signed: SignedIn, password_us: int | None, where: Where) -> Secret:
    """Begin the session of somebody who has just signed in by the password set at `password_us`.

    Raises SignInRefusedError if it was changed meanwhile, UnreadableDatabaseError.
    """
    secret = Secret(new_id(), secrets.token_urlsafe(TOKEN_BYTES))
    with open_writing(url) as writing:
        found = writing.rows(_SET, code=signed.code)
        if password_us is None or not found or found[0]["set_us"] != password_us:
            raise SignInRefusedError(signed.code)
        now_us = writing.clock_us()
        said: dict[str, str | int] = {
            "session_id": secret.session_id,
            "code": signed.code,
            "sign_in": signed.sign_in,
            "password_us": password_us,
            "begun_us": now_us,
            "until_us": now_us + LONGEST_US,
            **asdict(where),
        }
        writing.change(_INSERT, **said, mac=_mac(key, said, secret.token))
    return secret


def resume(url: str, key: bytes, secret: Secret, *, asks: bool = True) -> Session:
    """Return the session of a secret, now seen again if its person `asks` something.

    One that holds no more is ended for good. Raises SessionEndedError, UnreadableDatabaseError.
    """
    with open_writing(url) as writing:
        row = _found(writing, key, secret)
        now_us = writing.clock_us()
        why = Why.UNKNOWN if row is None else _why(row, now_us)
        if row is not None and why is None:
            if asks and now_us - row["seen_us"] >= SEEN_EVERY_US:
                writing.change(_SEEN, now_us=now_us, session_id=secret.session_id)
            seen_us = max(now_us, row["seen_us"]) if asks else row["seen_us"]
            return _session(row, frozenset(each["role"] for each in writing.rows(_ROLES, code=row["code"])), seen_us)
        if row is not None and row["ended_us"] is None:
            writing.change(_END, now_us=now_us, how="lapsed", session_id=secret.session_id)
    # Outside, so that its end is written.
    raise SessionEndedError(None if row is None else row["code"], str(why))


def end(url: str, key: bytes, secret: Secret, *, replaced: bool = False) -> str | None:
    """End a session for good; its person's code, None where there was none to end. Raises UnreadableDatabaseError."""
    with open_writing(url) as writing:
        row = _found(writing, key, secret)
        if row is None or row["ended_us"] is not None:
            return None
        how = "replaced" if replaced else "signed-out"
        writing.change(_END, now_us=writing.clock_us(), how=how, session_id=secret.session_id)
        return str(row["code"])


def _found(writing: Writing, key: bytes, secret: Secret) -> dict[str, Any] | None:
    """The row of a secret, if it says what was said when it was begun."""
    rows = writing.rows(_FIND, session_id=secret.session_id)
    try:
        return next((row for row in rows if hmac.compare_digest(_mac(key, row, secret.token), row["mac"])), None)
    except TypeError:
        return None  # an edited SQLite row may hold anything


def _why(row: Mapping[str, Any], now_us: int) -> Why | None:
    """Why a session holds no more; None while it does."""
    if row["ended_us"] is not None:
        return _HOW[row["ended_how"]]
    reasons = {
        Why.LEFT: row["left_us"] is not None,
        Why.PASSWORD: row["set_us"] != row["password_us"],
        Why.CLOCK: now_us < row["seen_us"] - BACK_US,
        Why.OVER: now_us >= row["until_us"],
        Why.IDLE: now_us - row["seen_us"] >= IDLE_US,
    }
    return next((why for why, holds in reasons.items() if holds), None)


def _session(row: Mapping[str, Any], roles: frozenset[str], seen_us: int) -> Session:
    return Session(
        row["session_id"],
        row["code"],
        roles,
        row["begun_us"],
        row["until_us"],
        min(seen_us + IDLE_US, row["until_us"]),
        Where(row["computer"], row["account"], row["terminal"]),
    )


def _mac(key: bytes, said: Mapping[str, Any], token: str) -> str:
    content = canonical({name: said[name] for name in _SAID} | {"token": token})
    return hmac.digest(key, b"terminal session:" + content, hashlib.sha256).hex()
