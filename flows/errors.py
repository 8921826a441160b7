"""The refusals of `flows`: each says what happened, and carries what to do next and the command's exit status."""

from datetime import date
from enum import IntEnum
from pathlib import Path
from typing import Final


class Exit(IntEnum):
    """What `passline` ends with, for those who script against it."""

    FINE = 0
    FINDINGS = 1
    """The command worked and found something wrong."""
    REFUSED = 2
    """The input, the configuration or the usage was refused; nothing was changed."""
    IN_DOUBT = 3
    """Something is in doubt and waits for two people."""
    UNEXPECTED = 70
    """A fault in passline itself."""
    INTERRUPTED = 130


RECOVER: Final = (
    "Find the newer database, or restore a newer copy with `passline logs restore`; if there is none, two"
    " administrators declare the loss with `passline logs declare-loss`; see docs/recovering.md."
)
"""What to do where the database is behind."""


class FlowError(Exception):
    """Base of the refusals of this package; `exit_code` and `next_step` are what the command line shows."""

    exit_code: Exit = Exit.REFUSED
    next_step: str = ""


class RunFolderMissingError(FlowError):
    """The folder named by --dir holds no line."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path
        self.next_step = (
            f"Start one with `passline new --dir {path}` or `passline demo --dir {path}`,"
            " or name another folder with --dir."
        )

    def __str__(self) -> str:
        return f"There is no line in {self.path}: it holds no line.toml."


class ConfigurationUnreadableError(FlowError):
    """line.toml is not TOML; `fault` is the parser's own sentence, which names line and column."""

    next_step = "Correct that line; nothing was started."

    def __init__(self, file: Path, fault: str) -> None:
        super().__init__(file, fault)
        self.file, self.fault = file, fault

    def __str__(self) -> str:
        return f"{self.file} can't be read: {self.fault}."


class PrefectServerError(FlowError):
    """The local Prefect server did not come up, or went away while it was waited for."""

    exit_code = Exit.FINDINGS

    def __init__(self, reason: str, log: Path) -> None:
        super().__init__(reason, log)
        self.reason, self.log = reason, log
        self.next_step = f"Its own words are in {log}."

    def __str__(self) -> str:
        return f"The local Prefect server {self.reason}."


class PrefectImportedTooEarlyError(FlowError):
    """Prefect reads its settings when it is imported; pointing this process at a server comes before that."""

    exit_code = Exit.UNEXPECTED

    def __str__(self) -> str:
        return "Prefect was imported before this process was pointed at its server."


class ShiftNeededError(FlowError):
    """A line of real people was to run while no shift names who is on duty."""

    next_step = (
        "Open one, a lead and a second person: passline shift open NAME --crew vault=CODE,CODE"
        " --crew personalization=CODE,CODE --crew qc=CODE,CODE --crew review=CODE --crew packing=CODE"
        " --crew mailing=CODE"
    )

    def __str__(self) -> str:
        return "No shift is open, so that nobody is on duty; the line's records bear the people whom a shift names."


class NoEmulatedHandsError(FlowError):
    """What EMULATED hands do was asked of a line whose pieces are real."""

    next_step = "Sign in and do it by hand: the commands and desks say what they wait for."

    def __str__(self) -> str:
        return "This line's machines and pieces are real; no EMULATED hands touch them."


class NoDeskError(FlowError):
    """Nobody works at a desk of this line: emulated staff does everything, or is to."""

    def __init__(self, configuration: Path) -> None:
        super().__init__(configuration)
        self.configuration = configuration
        self.next_step = (
            f'Set a station to "people" under [desks] in {configuration}, such as review = "people", and start'
            " `passline run` again: it then leaves that work to the desk."
        )

    def __str__(self) -> str:
        return "On this line EMULATED staff works at every station, and the desks would show people nothing to do."


class LineRunsAlreadyError(FlowError):
    """Another process runs the line of this folder."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path
        self.next_step = f"Watch it with `passline board --dir {path}`, or stop it with Ctrl-C where it runs."

    def __str__(self) -> str:
        return f"The line in {self.path} is being run by another process."


class PrefectLostError(FlowError):
    """Prefect's server went away while the line ran: custody and jobs are whole, only its own pages lack the end."""

    exit_code = Exit.FINDINGS

    def __init__(self, fault: str, path: Path) -> None:
        super().__init__(fault, path)
        self.fault, self.path = fault, path
        self.next_step = f"Go on with `passline run --dir {path}`: it continues from the handoff log."

    def __str__(self) -> str:
        return f"Prefect's server went away while the line ran ({self.fault}); the line stopped cleanly."


class UnknownMachineError(FlowError):
    """A machine that the line does not have and that never worked here."""

    def __init__(self, machine: str, known: tuple[str, ...]) -> None:
        super().__init__(machine, known)
        self.machine, self.known = machine, known
        self.next_step = f"Name one of {', '.join(known)}." if known else "This line has no personalizers."

    def __str__(self) -> str:
        return f"The line knows no machine {self.machine}."


class UnknownShiftError(FlowError):
    """A shift that none of the machines asked about worked."""

    def __init__(self, shift: str, known: tuple[str, ...]) -> None:
        super().__init__(shift, known)
        self.shift, self.known = shift, known
        self.next_step = f"Name one of {', '.join(known)}." if known else "No shift was worked yet: start the line."

    def __str__(self) -> str:
        return f"No machine asked about worked a shift {self.shift}."


class NotMigratedError(FlowError):
    """The database's tables are not up to date, and the line's login may not change them."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path
        self.next_step = f"`passline database roles --dir {path} --as postgresql://ADMIN@HOST/NAME` does it."

    def __str__(self) -> str:
        return f"The database of the line in {self.path} is not up to date, and the line's login may not change that."


class PeriodsNotKeptError(FlowError):
    """The database was set up before the line kept what its machines did when."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path
        self.next_step = f"`passline run --dir {path}` brings it up to date and keeps it from then on."

    def __str__(self) -> str:
        return f"The database of the line in {self.path} does not keep what its machines did when."


class ImpossibleSettingError(FlowError):
    """A figure in line.toml, or in the environment over it, that nothing can be reckoned with."""

    next_step = "Correct it; nothing was reckoned."

    def __init__(self, place: str, value: object, allowed: str) -> None:
        super().__init__(place, value, allowed)
        self.place, self.value, self.allowed = place, value, allowed

    def __str__(self) -> str:
        return f"{self.place} is {self.value!r}; allowed is {self.allowed}."


class GateRunsAlreadyError(FlowError):
    """Another process works the gate of this folder."""

    next_step = "Let that one work, or stop it first: the gate's machines answer one program."

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"The gate of the line in {self.path} is worked already; nobody was let through by this one."


class NoGateError(FlowError):
    """The line has no gate."""

    next_step = "A gate is the section [gate] of line.toml with its three machines; see docs/gate.md."

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"The line in {self.path} has no gate: nobody must be inside to sign."


class SealerRunsAlreadyError(FlowError):
    """Another process seals this log; one at a time does."""

    next_step = "Stop the other one, or leave the sealing to it."

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"The log of {self.path} is being sealed by another process."


class SealerLostError(FlowError):
    """The sealer stopped and can't go on by itself; what the line recorded is there, and not all of it is sealed."""

    exit_code = Exit.FINDINGS

    def __init__(self, reason: str, log: Path) -> None:
        super().__init__(reason, log)
        self.reason, self.log = reason, log
        self.next_step = f"Find out why before anything is added; see {log}, then `passline logs seal --once`."

    def __str__(self) -> str:
        return f"The log is not sealed to its end: {self.reason or 'the sealer ended by a signal'}."


class WitnessKeyMissingError(FlowError):
    """A witness without its public key can't be believed."""

    next_step = "Write log.witness_key into line.toml; `passline witness init` and `witness show` print it."

    def __init__(self, witness: str) -> None:
        super().__init__(witness)
        self.witness = witness

    def __str__(self) -> str:
        return f"The witness at {self.witness} has no key in line.toml; nothing was sealed."


class NothingToCompareError(FlowError):
    """The database that a copy would replace is gone or unreadable, and nobody has said so."""

    next_step = "If it is lost, say so with --over-nothing; else bring it back first, or name the right --dir."

    def __init__(self, database: str, detail: str) -> None:
        super().__init__(database, detail)
        self.database, self.detail = database, detail

    def __str__(self) -> str:
        return f"Nothing shows whether the copy is the newest: {self.database} can't be compared ({self.detail})."


class RecoveringError(FlowError):
    """The database knows less than the keys, the log's own notes or the witness: nothing is recorded or drawn."""

    exit_code = Exit.IN_DOUBT
    next_step = RECOVER

    def __init__(self, path: Path, missing: tuple[str, ...]) -> None:
        super().__init__(path, missing)
        self.path, self.missing = path, missing

    def __str__(self) -> str:
        return "\n  ".join([f"The line in {self.path} is recovering; nothing is drawn.", *self.missing])


class NotRecoveringError(FlowError):
    """A loss is declared only where one is seen: keys, the log's notes or the witness know more than the database."""

    next_step = "Look with `passline status`; if a newer database was replaced by an older one, both must be here."

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"The line in {self.path} is not recovering: nothing is seen to be lost, and no loss was declared."


class NoCopyRestoredError(FlowError):
    """A loss is declared on what is left; there is nothing."""

    next_step = (
        "Restore the newest copy first: `passline logs restore FILE --over-nothing`. Without any copy begin a new"
        " folder, and keep this one's keys."
    )

    def __init__(self, database: str) -> None:
        super().__init__(database)
        self.database = database

    def __str__(self) -> str:
        return f"There is no log in {self.database} that a loss could be declared in."


class CheckpointRefusedError(FlowError):
    """A file that is no checkpoint of the lost log; no loss was declared."""

    next_step = "Give the last checkpoint that the witness or an auditor has of this log, or leave --checkpoint out."

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(file, reason)
        self.file, self.reason = file, reason

    def __str__(self) -> str:
        return f"{self.file} is no checkpoint of this log: {self.reason}."


class ForceRefusedError(FlowError):
    """Numbers of real people are kept as long as they must be."""

    next_step = "Leave --force out; the numbers can be erased when log.keep_numbers_years have passed."

    def __str__(self) -> str:
        return "--force is for emulated lines, and this is none; nothing was erased."


class ReasonRefusedError(FlowError):
    """A reason goes into the log for good, and is no sentence."""

    next_step = "Name a code like retention or request: small letters, digits and hyphens, 40 at most."

    def __str__(self) -> str:
        return "The reason of an erasure is a code; nothing was erased."


class DaysReversedError(FlowError):
    """A period of days ends before it begins."""

    next_step = "Give --from the earlier day and --to the later one."

    def __init__(self, first: date, last: date) -> None:
        super().__init__(first, last)
        self.first, self.last = first, last

    def __str__(self) -> str:
        return f"{self.last} comes before {self.first}; nothing was shown."


class NumberNotOnFileError(FlowError):
    """No application has this number, or it was erased with its person."""

    next_step = "Check the number, or name another run's folder with --dir."

    def __init__(self, number: str) -> None:
        super().__init__(number)
        self.number = number

    def __str__(self) -> str:
        return f"No application on file has the number {self.number}."


class NotEmulatedError(FlowError):
    """Emulated people on a line of real ones."""

    next_step = "Leave --emulated out, and sign with your own passwords."

    def __str__(self) -> str:
        return "This line's people are no emulated ones; nothing was recorded."
