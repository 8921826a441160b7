"""What people type to sign in, and who two have just shown themselves to be."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Credentials:
    """What one person types to sign in: a staff code and a password, not checked yet."""

    code: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who has just signed in, with which roles; `sign_in` is the id of the accepted attempt (32 hex characters)."""

    code: str
    roles: frozenset[str]
    sign_in: str


@dataclass(frozen=True, slots=True)
class TwoSigned:
    """The codes of two different people who have just signed in, and the ids of their accepted attempts."""

    first: str
    second: str
    first_sign_in: str
    second_sign_in: str

    @property
    def codes(self) -> tuple[str, str]:
        """Both codes, in the order of signing."""
        return self.first, self.second

    @property
    def sign_ins(self) -> dict[str, str]:
        """The ids of the accepted attempts by code."""
        return {self.first: self.first_sign_in, self.second: self.second_sign_in}
