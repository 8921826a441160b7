"""What people type to sign in, and who two have just shown themselves to be."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Credentials:
    """What one person types."""

    code: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TwoSigned:
    """The codes of two different people who have just signed in."""

    first: str
    second: str

    @property
    def codes(self) -> tuple[str, str]:
        """Both codes, in the order of signing."""
        return self.first, self.second
