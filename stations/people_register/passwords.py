"""Passwords as they are kept: Argon2id of the normalised text, and nothing else of it."""

import unicodedata
from typing import Final

from pwdlib.hashers.argon2 import Argon2Hasher

from stations.people_register import rules
from stations.people_register.errors import PasswordRefusedError

# Named, not the library's defaults: `NOBODYS` must cost what every other hash costs.
_HASHER: Final = Argon2Hasher(time_cost=3, memory_cost=65_536, parallelism=4)

NOBODYS: Final = "$argon2id$v=19$m=65536,t=3,p=4$8NZl2UA+CvynIjLpgpcLeg$b7Ib/qVWnD7ys0V0lAx9fYuEC0Fz1qwpEW9dJvAwntw"
"""Verified in place of an unknown code's hash, so that the answer takes as long; its match is never believed."""


def hashed(password: str) -> str:
    """The hash of a new password. Raises PasswordRefusedError for one too short or too long."""
    text = unicodedata.normalize("NFKC", password)
    if not rules.LEAST_CHARACTERS <= len(text) <= rules.MOST_CHARACTERS:
        raise PasswordRefusedError(len(text), rules.LEAST_CHARACTERS, rules.MOST_CHARACTERS)
    return _HASHER.hash(_bytes(text))


def matches(password: str, kept: str | None) -> bool:
    """Whether `password` is the one that was hashed as `kept`; as slow, and False, where nothing is kept."""
    equal = _HASHER.verify(_bytes(unicodedata.normalize("NFKC", password)), kept or NOBODYS)
    return equal and kept is not None


def costs_the_same(kept: str) -> bool:
    """Whether verifying `kept` takes as long as verifying a hash made now."""
    return not _HASHER.check_needs_rehash(kept)


def _bytes(text: str) -> bytes:
    # A terminal that is not set to UTF-8 hands over half characters: they are bytes like any other.
    return text.encode("utf-8", "surrogatepass")
