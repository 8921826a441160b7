"""Who is at a desk, as everything that is stored there says it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class By:
    """Who is at the desk: a staff code and the id of the accepted sign-in, None for emulated people."""

    code: str
    sign_in: str | None = None
