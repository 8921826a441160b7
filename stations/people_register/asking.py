"""Asking people for codes and passwords: on the terminal without echo, or passwords from a pipe, one a line.

Never as arguments and never from the environment, which other people on the computer can read.
"""

import getpass
import sys
import warnings
from typing import Annotated, Literal

from cyclopts import Parameter

from stations.people_register.credentials import Credentials
from stations.people_register.errors import PasswordNotAskedError, PasswordsDifferError, PinsDifferError

PasswordsFrom = Annotated[
    Literal["-"] | None,
    Parameter(
        "--passwords-from",
        allow_leading_hyphen=True,
        help="Read them from standard input (-), one a line in the order asked; typed on the terminal if left out.",
    ),
]
First = Annotated[str | None, Parameter("--first", help="Code of the first who signs; asked if left out.")]
Second = Annotated[str | None, Parameter("--second", help="Code of the second who signs; asked if left out.")]


class Asking:
    """Asks on the terminal, or reads passwords from standard input where `source` is "-"."""

    def __init__(self, source: str | None) -> None:
        self._piped = source is not None

    def code(self, which: str, given: str | None) -> str:
        """The code of the `which` person ("first"), `given` or typed. Raises PasswordNotAskedError."""
        return given if given is not None else self._typed_code(f"the code of the {which} person")

    def scanned(self, what: str) -> str:
        """What was scanned or typed of `what`; a line after the passwords where those are piped.

        Raises PasswordNotAskedError.
        """
        return self._password(what).strip() if self._piped else self._typed_code(what)

    def own_code(self, given: str | None) -> str:
        """The code of whoever is here, `given` or typed. Raises PasswordNotAskedError."""
        return given if given is not None else self._typed_code("your code")

    def credentials(self, code: str) -> Credentials:
        """A person's code with the password that they type. Raises PasswordNotAskedError."""
        return Credentials(code, self._password(f"Password of {code}"))

    def badge_password(self) -> str:
        """The password of whoever scanned a badge, whose code is not said. Raises PasswordNotAskedError."""
        return self._password("Password")

    def new_password(self, code: str) -> str:
        """A new password, typed twice on a terminal. Raises PasswordNotAskedError, PasswordsDifferError."""
        typed = self._password(f"New password of {code}")
        if not self._piped and typed != self._password(f"New password of {code}, again"):
            raise PasswordsDifferError
        return typed

    def pin(self, code: str) -> str:
        """The PIN of a person's own key. Raises PasswordNotAskedError."""
        return self._password(f"PIN of {code}")

    def new_pin(self, code: str) -> str:
        """A new PIN, typed twice on a terminal. Raises PasswordNotAskedError, PinsDifferError."""
        typed = self._password(f"New PIN of {code}")
        if not self._piped and typed != self._password(f"New PIN of {code}, again"):
            raise PinsDifferError
        return typed

    def _typed_code(self, what: str) -> str:
        if self._piped or not sys.stdin.isatty():
            raise PasswordNotAskedError(what, "there is no terminal")
        prompt = what.removeprefix("the ")
        sys.stderr.write(f"{prompt[0].upper()}{prompt[1:]}: ")
        sys.stderr.flush()
        return sys.stdin.readline().strip()

    def _password(self, what: str) -> str:
        if not self._piped:
            return _typed(what)
        line = sys.stdin.buffer.readline()
        if not line:
            raise PasswordNotAskedError(what, "standard input ended before it")
        return line.rstrip(b"\r\n").decode("utf-8", "surrogateescape")


def _typed(what: str) -> str:
    try:
        with warnings.catch_warnings():
            # Where it can't switch the echo off it would go on with it.
            warnings.simplefilter("error", getpass.GetPassWarning)
            return getpass.getpass(f"{what}: ")
    except (getpass.GetPassWarning, EOFError) as error:
        raise PasswordNotAskedError(what, "there is no terminal") from error
