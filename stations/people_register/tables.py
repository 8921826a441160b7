"""The register's tables. People and roles are written once, ended once and never deleted; migrations add the guards.

Times are integer microseconds UTC.
"""

from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, String, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from stations.people import Role


class SignInOutcome(StrEnum):
    """What became of a sign-in. It is begun before the password is looked at, so that no failure goes uncounted."""

    BEGUN = "begun"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    LOCKED = "locked"


def _one_of(column: str, values: type[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


def _two_others(first: str, second: str) -> str:
    return (
        f"{first} IS NOT NULL AND {second} IS NOT NULL AND {first} <> {second} AND {first} <> code AND {second} <> code"
    )


def _person() -> Column[str]:
    return Column(String(10), ForeignKey("person.code"))


class EnrolledPerson(SQLModel, table=True):
    """One person by staff code. The first two administrators are founders 1 and 2, everybody else has two enrollers."""

    __tablename__ = "person"
    __table_args__ = (
        CheckConstraint("length(code) BETWEEN 6 AND 10 AND substr(code, 1, 2) <> 'e-'", name="ck_person_code"),
        CheckConstraint("founder IS NULL OR founder IN (1, 2)", name="ck_person_founder"),
        CheckConstraint(
            "(founder IS NOT NULL AND enrolled_by IS NULL AND enrolled_second IS NULL) "
            f"OR (founder IS NULL AND {_two_others('enrolled_by', 'enrolled_second')})",
            name="ck_person_enrolled_by_two",
        ),
        CheckConstraint(
            "(ended_us IS NULL AND ended_by IS NULL AND ended_second IS NULL) "
            f"OR (ended_us IS NOT NULL AND {_two_others('ended_by', 'ended_second')})",
            name="ck_person_ended_by_two",
        ),
        UniqueConstraint("founder", name="uq_person_founder"),
    )

    code: str = Field(sa_column=Column(String(10), primary_key=True))
    founder: int | None = None
    enrolled_by: str | None = Field(default=None, sa_column=_person())
    enrolled_second: str | None = Field(default=None, sa_column=_person())
    enrolled_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    ended_by: str | None = Field(default=None, sa_column=_person())
    ended_second: str | None = Field(default=None, sa_column=_person())
    ended_us: int | None = Field(default=None, sa_column=Column(BigInteger))


class GivenRole(SQLModel, table=True):
    """A role that two administrators gave; a founder's first one has no givers."""

    __tablename__ = "person_role"
    __table_args__ = (
        CheckConstraint(_one_of("role", Role), name="ck_person_role"),
        CheckConstraint(
            "(role = 'administrator' AND given_by IS NULL AND given_second IS NULL) "
            f"OR ({_two_others('given_by', 'given_second')})",
            name="ck_person_role_given_by_two",
        ),
    )

    code: str = Field(sa_column=Column(String(10), ForeignKey("person.code"), primary_key=True))
    role: str = Field(sa_column=Column(String(16), primary_key=True))
    given_by: str | None = Field(default=None, sa_column=_person())
    given_second: str | None = Field(default=None, sa_column=_person())
    given_us: int = Field(sa_column=Column(BigInteger, nullable=False))


class PersonPassword(SQLModel, table=True):
    """The Argon2id hash of a person's password now."""

    __tablename__ = "person_password"

    code: str = Field(sa_column=Column(String(10), ForeignKey("person.code"), primary_key=True))
    hash: str = Field(sa_column=Column(String(200), nullable=False))
    set_us: int = Field(sa_column=Column(BigInteger, nullable=False))


class SignInAttempt(SQLModel, table=True):
    """One step of a sign-in with a code, which may be nobody's."""

    __tablename__ = "sign_in_attempt"
    __table_args__ = (
        CheckConstraint(_one_of("outcome", SignInOutcome), name="ck_sign_in_attempt_outcome"),
        Index("ix_sign_in_attempt_code", "code", "at_us"),
        Index("ix_sign_in_attempt_at", "at_us"),
    )

    attempt_id: str = Field(sa_column=Column(String(32), primary_key=True))
    code: str = Field(sa_column=Column(String(10), nullable=False))
    at_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    outcome: str = Field(sa_column=Column(String(10), nullable=False))


class BadgeEnd(StrEnum):
    """How a badge ended, for good."""

    REVOKED = "revoked"
    LOST = "lost"
    REPLACED = "replaced"


class PersonBadge(SQLModel, table=True):
    """One badge of a person: a MAC of its number under a key outside the database. Ended once, never deleted."""

    __tablename__ = "person_badge"
    __table_args__ = (
        CheckConstraint(_two_others("issued_by", "issued_second"), name="ck_person_badge_issued_by_two"),
        CheckConstraint(
            "(ended_us IS NULL AND ended_how IS NULL AND ended_by IS NULL AND ended_second IS NULL) OR (ended_us IS NOT"
            f" NULL AND ended_by IS NOT NULL AND ended_how IS NOT NULL AND {_one_of('ended_how', BadgeEnd)}"
            " AND (ended_second IS NOT NULL) = (ended_how = 'replaced'))",
            name="ck_person_badge_ended",
        ),
        Index(
            "uq_person_badge_live",
            "code",
            unique=True,
            sqlite_where=text("ended_us IS NULL"),
            postgresql_where=text("ended_us IS NULL"),
        ),
    )

    mac: str = Field(sa_column=Column(String(64), primary_key=True))
    code: str = Field(sa_column=Column(String(10), ForeignKey("person.code"), nullable=False))
    issued_by: str = Field(sa_column=Column(String(10), ForeignKey("person.code"), nullable=False))
    issued_second: str = Field(sa_column=Column(String(10), ForeignKey("person.code"), nullable=False))
    issued_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    ended_by: str | None = Field(default=None, sa_column=_person())
    ended_second: str | None = Field(default=None, sa_column=_person())
    ended_us: int | None = Field(default=None, sa_column=Column(BigInteger))
    ended_how: str | None = Field(default=None, sa_column=Column(String(10)))


class BadgeRefusal(StrEnum):
    """Why a badge was refused before any password was looked at."""

    UNKNOWN = "unknown"
    ENDED = "ended"


class BadgeSignIn(SQLModel, table=True):
    """A sign-in that was begun with a badge: by its holder's attempt of that id, or refused, which is no attempt."""

    __tablename__ = "badge_sign_in"
    __table_args__ = (
        CheckConstraint(
            "(mac IS NULL) = (code IS NULL) AND (mac IS NOT NULL OR refusal IS NOT NULL) AND (refusal IS NULL OR"
            " (refusal = 'unknown' AND mac IS NULL) OR (refusal = 'ended' AND mac IS NOT NULL))",
            name="ck_badge_sign_in_refusal",
        ),
        Index("ix_badge_sign_in_code", "code", "at_us"),
        Index("ix_badge_sign_in_at", "at_us"),
    )

    attempt_id: str = Field(sa_column=Column(String(32), primary_key=True))
    at_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    mac: str | None = Field(default=None, sa_column=Column(String(64), ForeignKey("person_badge.mac")))
    code: str | None = Field(default=None, sa_column=_person())
    refusal: str | None = Field(default=None, sa_column=Column(String(10)))


class IssuerRefusal(StrEnum):
    """Why a sign-in through the centre's issuer was refused, in the order in which it is looked at."""

    UNASKED = "unasked"
    """No such sign-in was begun in that browser, or it was too long ago."""
    ISSUER = "issuer"
    """The issuer itself refused it, or the code that it gave."""
    DOWN = "down"
    """The issuer did not answer."""
    TOKEN = "token"  # noqa: S105 (a word)
    """What the issuer signed is not what was asked for, by the key it has now, for these pages, and still good."""
    WEAK = "weak"
    """The issuer knows the person by less than the line asks for."""
    CODELESS = "codeless"
    """The issuer says no staff code."""
    NOBODY = "nobody"
    """The code is nobody's now."""
    RELIEVED = "relieved"
    ROLELESS = "roleless"


class IssuerSignIn(SQLModel, table=True):
    """One sign-in to the pages through the centre's OpenID issuer. It is no signature: no record can name it.

    `code` is there once the issuer has proven it.
    """

    __tablename__ = "issuer_sign_in"
    __table_args__ = (
        CheckConstraint(
            "(accepted AND code IS NOT NULL AND refusal IS NULL)"
            f" OR (NOT accepted AND refusal IS NOT NULL AND {_one_of('refusal', IssuerRefusal)}"
            " AND (code IS NOT NULL) = (refusal IN ('nobody', 'relieved', 'roleless')))",
            name="ck_issuer_sign_in_outcome",
        ),
        Index("ix_issuer_sign_in_code", "code", "at_us"),
        Index("ix_issuer_sign_in_at", "at_us"),
    )

    attempt_id: str = Field(sa_column=Column(String(32), primary_key=True))
    code: str | None = Field(default=None, sa_column=Column(String(10)))
    at_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    issuer: str = Field(sa_column=Column(String(200), nullable=False))
    accepted: bool
    refusal: str | None = Field(default=None, sa_column=Column(String(10)))


class SessionEnd(StrEnum):
    """How a session at a terminal ended. LAPSED: it was refused, and is for good."""

    SIGNED_OUT = "signed-out"
    REPLACED = "replaced"
    LAPSED = "lapsed"


class TerminalSession(SQLModel, table=True):
    """One sign-in at a terminal and how long it holds; of its token only a MAC under a key outside the database."""

    __tablename__ = "terminal_session"
    __table_args__ = (
        CheckConstraint("until_us - begun_us BETWEEN 1 AND 28800000000", name="ck_terminal_session_length"),
        CheckConstraint("seen_us >= begun_us AND seen_us < until_us", name="ck_terminal_session_seen"),
        CheckConstraint(
            "(ended_us IS NULL AND ended_how IS NULL) "
            f"OR (ended_us IS NOT NULL AND ended_how IS NOT NULL AND {_one_of('ended_how', SessionEnd)})",
            name="ck_terminal_session_ended",
        ),
        UniqueConstraint("sign_in", name="uq_terminal_session_sign_in"),
    )

    session_id: str = Field(sa_column=Column(String(32), primary_key=True))
    code: str = Field(sa_column=Column(String(10), ForeignKey("person.code"), nullable=False))
    sign_in: str = Field(sa_column=Column(String(32), ForeignKey("sign_in_attempt.attempt_id"), nullable=False))
    password_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    """When the password was set by which it began: another password ends it."""
    begun_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    until_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    computer: str = Field(sa_column=Column(String(64), nullable=False))
    account: str = Field(sa_column=Column(String(64), nullable=False))
    terminal: str = Field(sa_column=Column(String(64), nullable=False))
    mac: str = Field(sa_column=Column(String(64), nullable=False))
    seen_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    ended_us: int | None = Field(default=None, sa_column=Column(BigInteger))
    ended_how: str | None = Field(default=None, sa_column=Column(String(10)))
