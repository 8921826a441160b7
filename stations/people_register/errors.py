"""What the register of people refuses; a refused sign-in never says which of code and password was wrong."""

from datetime import UTC, datetime

from stations.errors import StationError


class BadCodeError(StationError):
    """A staff code has another form; what was typed is not repeated, for it may have been a password."""

    def __str__(self) -> str:
        return "a staff code is a small letter, a hyphen and 4 to 8 digits, such as p-0417; type it again"


class EmulatedStaffError(StationError):
    """Emulated staff is nobody: it can't be enrolled and can't sign in."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    def __str__(self) -> str:
        return f"{self.code} is EMULATED staff, which is neither enrolled nor signs in; use a person's own code"


class SamePersonTwiceError(StationError):
    """Two people are needed and one was named twice."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    def __str__(self) -> str:
        return f"{self.code} was named twice where two people sign; nothing was done, a second person must sign in"


class SignInRefusedError(StationError):
    """A code and a password don't belong together, or the code is nobody's any more: it isn't said which."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    def __str__(self) -> str:
        return f"the sign-in as {self.code} is refused and nothing was done; type code and password again"


class BadgeRefusedError(StationError):
    """A badge is unknown, ended, or not this password's, or its holder is locked: it isn't said which, nor whose."""

    def __str__(self) -> str:
        return (
            "the sign-in with that badge is refused and nothing was done; scan it and type the password again, or type"
            " your staff code instead. A badge that stays refused: an administrator and a second issue another"
        )


class BadgeMissingError(StationError):
    """A person has no badge that could be ended."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    def __str__(self) -> str:
        return f"{self.code} has no live badge; nothing was changed. `passline people badge list` names all"


class SignInLockedError(StationError):
    """Too many sign-ins with a code were refused, whether it is anybody's or not; it is locked for a while."""

    def __init__(self, code: str, until_us: int) -> None:
        super().__init__(code, until_us)
        self.code, self.until_us = code, until_us

    def __str__(self) -> str:
        until = datetime.fromtimestamp(self.until_us / 1_000_000, UTC).astimezone()
        return (
            f"{self.code} is locked until {until:%H:%M:%S} because too many sign-ins were refused; "
            "nothing was done, wait or let another person sign in"
        )


class RelievedError(StationError):
    """Whoever was relieved as absent signs in to nothing until the shift is over."""

    def __init__(self, code: str, reliever: str) -> None:
        super().__init__(code, reliever)
        self.code, self.reliever = code, reliever

    def __str__(self) -> str:
        return (
            f"{self.code} was relieved by {self.reliever} and signs nothing until this shift is closed or handed over; "
            "nothing was done, tell the lead that you are here"
        )


class IssuerRefusedError(StationError):
    """Whom the centre's issuer has proven may not come in: `refusal` says which rule of the register."""

    def __init__(self, code: str, refusal: str) -> None:
        super().__init__(code, refusal)
        self.code, self.refusal = code, refusal

    def __str__(self) -> str:
        rule = {
            "nobody": "nobody is enrolled under it now",
            "relieved": "its person was relieved until this shift is closed or handed over",
        }.get(self.refusal, "its person has no role that may")
        return f"the issuer says {self.code}, and {rule}; nobody was signed in, ask two administrators or the lead"


class RoleMissingError(StationError):
    """Somebody signed in who has none of the roles that an act needs."""

    def __init__(self, code: str, roles: tuple[str, ...]) -> None:
        super().__init__(code, roles)
        self.code, self.roles = code, roles

    def __str__(self) -> str:
        needed = " or ".join(self.roles)
        return f"{self.code} is not {needed}, which this needs; nothing was done, let somebody sign in who is"


class PasswordRefusedError(StationError):
    """A new password is too short or too long; `length` is in characters."""

    def __init__(self, length: int, least: int, most: int) -> None:
        super().__init__(length, least, most)
        self.length, self.least, self.most = length, least, most

    def __str__(self) -> str:
        return (
            f"a new password has {self.least} to {self.most} characters, any of them, and this has {self.length}; "
            "the old state stands, choose another (a few words are easier to remember)"
        )


class RegisterFoundedError(StationError):
    """The register has its first two administrators; further people are enrolled by administrators."""

    def __init__(self, people: int) -> None:
        super().__init__(people)
        self.people = people

    def __str__(self) -> str:
        return (
            f"the register is founded and has {self.people} people; further ones are enrolled by two administrators "
            "with `passline people enrol`"
        )


class RegisterNotFoundedError(StationError):
    """Nobody is enrolled yet, so nobody can sign."""

    def __str__(self) -> str:
        return (
            "nobody is enrolled here yet, so nobody can sign; nothing was done. Begin the register with two"
            " administrators, also on an EMULATED line: `passline people found p-0001 p-0002`"
        )


class AlreadyEnrolledError(StationError):
    """A code is given once, also after its person has left."""

    def __init__(self, code: str, ended: bool) -> None:
        super().__init__(code, ended)
        self.code, self.ended = code, ended

    def __str__(self) -> str:
        state = "was somebody's who has left" if self.ended else "is enrolled already"
        return f"{self.code} {state}; a code is given once, take a new one"


class NotEnrolledError(StationError):
    """Nobody has this code now."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    def __str__(self) -> str:
        return f"{self.code} is nobody's code now; `passline people list` names all"


class OwnEnrolmentError(StationError):
    """Somebody would change their own standing: others enrol, give roles and end."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    def __str__(self) -> str:
        return f"{self.code} can't sign for a change of their own standing; nothing was done, two others must sign"


class PasswordNotAskedError(StationError):
    """A code or a password is needed and there is nowhere to ask for it."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(what, why)
        self.what, self.why = what, why

    def __str__(self) -> str:
        return (
            f"{self.what} can't be asked for: {self.why}; nothing was done. Use a terminal, or name the codes as "
            "options and pipe the passwords, one a line, with `--passwords-from -`"
        )


class PasswordsDifferError(StationError):
    """A new password was typed differently the second time."""

    def __str__(self) -> str:
        return "the two new passwords differ; nothing was done, begin again"


class PinsDifferError(StationError):
    """A new PIN was typed differently the second time."""

    def __str__(self) -> str:
        return "the two new PINs differ; nothing was done, begin again"


class SessionEndedError(StationError):
    """The session at this terminal holds no more; `why` is a clause. `code` is None where it is nobody's."""

    def __init__(self, code: str | None, why: str) -> None:
        super().__init__(code, why)
        self.code, self.why = code, why

    def __str__(self) -> str:
        whose = f" of {self.code}" if self.code else ""
        again = f"passline sign-in {self.code or 'CODE'}"
        return f"the session{whose} at this terminal has ended: {self.why}; nothing was answered. Sign in: `{again}`"


class BadDisplayError(StationError):
    """A display's place has another form; what was typed is not repeated, for it may name a person."""

    def __str__(self) -> str:
        return (
            "a display is named by its place, 1 to 40 letters, digits and : / . _ - such as hall-1, never by a person; "
            "no token was made, name it again"
        )


class DisplayDaysError(StationError):
    """A display's token would be good for too short or too long."""

    def __init__(self, days: int, most: int) -> None:
        super().__init__(days, most)
        self.days, self.most = days, most

    def __str__(self) -> str:
        return f"a display's token is good for 1 to {self.most} days and not {self.days}; no token was made"


class UnknownDisplayError(StationError):
    """There is no such display."""

    def __init__(self, display_id: str) -> None:
        super().__init__(display_id)
        self.display_id = display_id

    def __str__(self) -> str:
        return (
            f"there is no display {self.display_id} and nothing was revoked; "
            "`passline board displays` lists them with their ids"
        )
