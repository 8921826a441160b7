"""Refusals of the handoff log. Facts are positional, so every error survives pickling."""

from datetime import UTC, datetime


class HandoffLogError(Exception):
    """Anything the handoff log refuses or can't do."""


class CustodyRefusedError(HandoffLogError):
    """The database refused a record that would make custody illegal; `rule` names the rule it broke."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule

    def __str__(self) -> str:
        return f"custody refused: {self.rule}; nothing was written"


class LineFrozenError(CustodyRefusedError):
    """The line is evacuated: nothing passes from station to station until two people have counted what is there."""

    def __init__(self, act: str) -> None:
        super().__init__("the line is evacuated")
        self.args = (act,)
        self.act = act

    def __str__(self) -> str:
        return (
            f"{self.act} refused: the line is evacuated and its units stay where they are; nothing was written, come "
            "back by a count of two people: passline shift return"
        )


class AlreadyAnsweredError(CustodyRefusedError):
    """The offer has its answer: another worker accepted, refused, withdrew or took back first."""

    def __init__(self, handoff_id: str) -> None:
        super().__init__("already answered")
        self.args = (handoff_id,)
        self.handoff_id = handoff_id

    def __str__(self) -> str:
        return f"handoff {self.handoff_id} is already answered; take the next offer"


class StaleStepError(CustodyRefusedError):
    """Another record moved a unit first: its next step is taken."""

    def __init__(self, act: str) -> None:
        super().__init__("step taken")
        self.args = (act,)
        self.act = act

    def __str__(self) -> str:
        return f"{self.act} refused: another record moved one of its units first; read the units again"


class SamePersonError(CustodyRefusedError):
    """One person on both sides of a handoff, or both hands of an act that needs two people."""

    def __init__(self, act: str, person: str | None) -> None:
        super().__init__("same person")
        self.args = (act, person)
        self.act, self.person = act, person

    def __str__(self) -> str:
        return f"{self.act} refused: it needs two different people and {self.person or 'one person'} signed twice"


class EmulatedPersonError(CustodyRefusedError):
    """A record in which nothing is emulated bears an emulated person."""

    def __init__(self) -> None:
        super().__init__("emulated person")
        self.args = ()

    def __str__(self) -> str:
        return (
            "refused: a record that is not EMULATED bears no EMULATED person (a code that begins with e-);"
            " have somebody sign in, or name real people for the shift: passline shift open"
        )


class NotInsideError(CustodyRefusedError):
    """Somebody signs at a station of the core area and is not inside.

    `hand`: the record's `person` or `second_person`. `person` and `station` where they are known.
    """

    def __init__(self, act: str, hand: str, person: str | None = None, station: str | None = None) -> None:
        super().__init__("not inside")
        self.args = (act, hand, person, station)
        self.act, self.hand, self.person, self.station = act, hand, person, station

    def __str__(self) -> str:
        return (
            f"{self.act} refused: {self.person or 'whoever signs'} is not inside, and only who is inside may sign at "
            f"{self.station or 'a core station'}; nothing was written, pass the gate first and sign again "
            "(`passline gate status`)"
        )


class AtGateError(CustodyRefusedError):
    """Somebody who is inside enters, or leaves who is not; `rule` says which."""


class IllegalMoveError(CustodyRefusedError):
    """A unit can't take this act where it stands."""

    def __init__(self, act: str, unit_id: str, state: str, station: str) -> None:
        super().__init__("illegal move")
        self.args = (act, unit_id, state, station)
        self.act, self.unit_id, self.state, self.station = act, unit_id, state, station

    def __str__(self) -> str:
        return f"{self.act} refused: unit {self.unit_id} is {self.state} at {self.station}; it stays so"


class WrongStationError(CustodyRefusedError):
    """A station acts on what another station holds, or answers an offer made to another."""

    def __init__(self, act: str, subject: str, station: str, rightful: str) -> None:
        super().__init__("wrong station")
        self.args = (act, subject, station, rightful)
        self.act, self.subject, self.station, self.rightful = act, subject, station, rightful

    def __str__(self) -> str:
        return f"{self.act} by {self.station} refused: {self.subject} is {self.rightful}'s to answer for"


class AppendOnlyError(CustodyRefusedError):
    """Somebody tried to change, delete or replace a custody record."""

    def __init__(self, table: str) -> None:
        super().__init__("append only")
        self.args = (table,)
        self.table = table

    def __str__(self) -> str:
        return f"{self.table} is append-only; put a mistake right by a further record that names the first"


class EventIdReusedError(CustodyRefusedError):
    """An event id came again with other content."""

    def __init__(self, event_id: str) -> None:
        super().__init__("event id reused")
        self.args = (event_id,)
        self.event_id = event_id

    def __str__(self) -> str:
        return f"event {self.event_id} is already written with other content; make a new id for a new act"


class FreeTextError(CustodyRefusedError):
    """A record's `field` is to be a code and is not; what stood there may be somebody's name and is not repeated."""

    def __init__(self, act: str, field: str) -> None:
        super().__init__("free text")
        self.args = (act, field)
        self.act, self.field = act, field

    def __str__(self) -> str:
        return (
            f"{self.act} refused: its {self.field} is no code (a word in plain letters, without spaces); nothing was "
            "written, because a record is kept for good and names nobody"
        )


class NumberTakenError(CustodyRefusedError):
    """A number is already in the log for a unit of this kind; numbers are never used twice."""

    def __init__(self, kind: str | None, number: str | None) -> None:
        super().__init__("number taken")
        self.args = (kind, number)
        self.kind, self.number = kind, number

    def __str__(self) -> str:
        named = f"{self.kind} number {self.number}" if self.number else "the number of a new unit"
        return f"{named} is already in the log; numbers are never used twice"


class UnknownUnitError(CustodyRefusedError):
    """The log has no such unit."""

    def __init__(self, unit_id: str) -> None:
        super().__init__("unknown unit")
        self.args = (unit_id,)
        self.unit_id = unit_id

    def __str__(self) -> str:
        return f"the log has no unit {self.unit_id}; quarantine the piece and look its number up"


class UnknownHandoffError(CustodyRefusedError):
    """The log has no such offer."""

    def __init__(self, handoff_id: str) -> None:
        super().__init__("unknown handoff")
        self.args = (handoff_id,)
        self.handoff_id = handoff_id

    def __str__(self) -> str:
        return f"the log has no offer {self.handoff_id}; read the open offers again"


class UnknownCaseError(CustodyRefusedError):
    """The log has no open case for this unit."""

    def __init__(self, subject: str) -> None:
        super().__init__("unknown case")
        self.args = (subject,)
        self.subject = subject

    def __str__(self) -> str:
        return f"there is no open case for {self.subject}; it may be settled already"


class DatabaseBusyError(HandoffLogError):
    """The database stayed locked, or broke a deadlock at our cost; nothing was written, asking again is safe."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    def __str__(self) -> str:
        return f"the database is busy ({self.detail}); nothing was written, try again"


class UnsafeDatabaseError(HandoffLogError):
    """The database lacks a guard or does not write durably; nothing may be recorded in it."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    def __str__(self) -> str:
        return f"this database must not be used: {self.detail}"


class YearNotOverError(HandoffLogError):
    """Units of a year are still being born, or are of one to come."""

    def __init__(self, year: int) -> None:
        super().__init__(year)
        self.year = year

    def __str__(self) -> str:
        return f"the year {self.year} is not over; its units stay in the log, nothing was changed"


class YearNotApartError(HandoffLogError):
    """The units of a year are in no parts of their own, or the part `table` of them is not as it should be."""

    def __init__(self, year: int, table: str | None) -> None:
        super().__init__(year, table)
        self.year, self.table = year, table

    def __str__(self) -> str:
        where = f"those in the table {self.table} are not apart from others" if self.table else "there is no part of it"
        return f"the units born in {self.year} can't be taken out or put back alone: {where}; nothing was changed"


class UnsupportedUrlError(HandoffLogError):
    """A database url that is neither `sqlite:///PATH` nor `postgresql+psycopg://…`."""

    def __init__(self, scheme: str) -> None:
        super().__init__(scheme)
        self.scheme = scheme

    def __str__(self) -> str:
        return f"database url scheme {self.scheme!r} is not known; use sqlite:///PATH or postgresql+psycopg://…"


class UnreadableDatabaseError(HandoffLogError):
    """The log can't be opened for reading."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    def __str__(self) -> str:
        return f"cannot read the handoff log: {self.detail}"


class KeyFileRefusedError(HandoffLogError):
    """A key's file is missing, damaged or readable by others; nothing is signed with it."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"the key file {self.path} {self.reason}"


class KeyMissingError(HandoffLogError):
    """Nobody can sign for this station or person here; nothing was written."""

    def __init__(self, owner: str, folder: str) -> None:
        super().__init__(owner, folder)
        self.owner, self.folder = owner, folder

    def __str__(self) -> str:
        return f"there is no key of {self.owner} in {self.folder}; nothing was written; make one with `passline keys`"


class KeyNotRegisteredError(CustodyRefusedError):
    """The log does not know the key for whoever signs with it: its folder's keys are another log's, or new."""

    def __str__(self) -> str:
        return (
            f"custody refused: {self.rule}; nothing was written; use the keys that belong to this database, or register"
            " new ones with `passline keys`"
        )


class KeyRevokedError(HandoffLogError):
    """The key was revoked and its owner has no other here; nothing was written."""

    def __init__(self, key_id: str, owner: str) -> None:
        super().__init__(key_id, owner)
        self.key_id, self.owner = key_id, owner

    def __str__(self) -> str:
        return (
            f"the key {self.key_id} of {self.owner} was revoked and no other is open here; nothing was written; see"
            f" `passline keys list`, and make one with `passline keys {_making(self.owner)}`"
        )


class KeyUnregisteredError(HandoffLogError):
    """The log does not know the key: a command was cut off before its record, or the station is new."""

    def __init__(self, key_id: str, owner: str) -> None:
        super().__init__(key_id, owner)
        self.key_id, self.owner = key_id, owner

    def __str__(self) -> str:
        return (
            f"the key {self.key_id} of {self.owner} is not registered and no other is here; nothing was written;"
            f" register one with `passline keys {_making(self.owner)}`"
        )


class KeyExistsError(HandoffLogError):
    """The owner has a key in use already; it is replaced, never joined by a second."""

    def __init__(self, owner: str, key_id: str) -> None:
        super().__init__(owner, key_id)
        self.owner, self.key_id = owner, key_id

    def __str__(self) -> str:
        return (
            f"{self.owner} has the key {self.key_id} in use; nothing was done; replace it with"
            f" `passline keys rotate {self.owner}`"
        )


class NoKeyInUseError(HandoffLogError):
    """The owner has no key that could be replaced."""

    def __init__(self, owner: str) -> None:
        super().__init__(owner)
        self.owner = owner

    def __str__(self) -> str:
        return f"{self.owner} has no key in use; nothing was done; make one with `passline keys {_making(self.owner)}`"


class UnknownKeyError(HandoffLogError):
    """The log knows no key of this id."""

    def __init__(self, key_id: str) -> None:
        super().__init__(key_id)
        self.key_id = key_id

    def __str__(self) -> str:
        return f"the log knows no key {self.key_id}; nothing was done; `passline keys list` names all"


class KeyEndedError(HandoffLogError):
    """The key was revoked before, which is for ever."""

    def __init__(self, key_id: str, owner: str, reason: str) -> None:
        super().__init__(key_id, owner, reason)
        self.key_id, self.owner, self.reason = key_id, owner, reason

    def __str__(self) -> str:
        return f"the key {self.key_id} of {self.owner} was revoked already ({self.reason}); nothing was done"


class NeededKeyError(HandoffLogError):
    """Without this key no record could say that there is another; it is replaced instead."""

    def __init__(self, key_id: str, owner: str) -> None:
        super().__init__(key_id, owner)
        self.key_id, self.owner = key_id, owner

    def __str__(self) -> str:
        why = "signs the log's checkpoints" if self.owner == "log" else "signs what is done to keys"
        return (
            f"the key {self.key_id} of {self.owner} {why}; nothing was done; replace it with"
            f" `passline keys rotate {self.owner}`"
        )


class LogKeyMissingError(HandoffLogError):
    """The key that the log's records say must sign now is not in the sealer's folder; nothing was signed."""

    def __init__(self, key_id: str, folder: str) -> None:
        super().__init__(key_id, folder)
        self.key_id, self.folder = key_id, folder

    def __str__(self) -> str:
        return (
            f"the log's records say that its key {self.key_id} signs now, and it is not in {self.folder}; nothing was"
            " done; restore that folder from its newest backup, or work where the sealer's keys are"
        )


class LogKeyPendingError(HandoffLogError):
    """The log's next key was named, and the one before has not signed over it yet."""

    def __init__(self, key_id: str) -> None:
        super().__init__(key_id)
        self.key_id = key_id

    def __str__(self) -> str:
        return (
            f"the log's next key {self.key_id} is named already and signs as soon as its record is sealed; nothing was"
            " done; start the line or run `passline logs seal --once`, then look at `passline keys list`"
        )


class WrongPinError(HandoffLogError):
    """A PIN does not open the person's key."""

    def __init__(self, person: str) -> None:
        super().__init__(person)
        self.person = person

    def __str__(self) -> str:
        return (
            f"the PIN does not open the key of {self.person}, which signs nothing; type it again; if it is surely"
            " right, the file is damaged: restore it, or enrol a new key"
        )


class PinFormError(HandoffLogError):
    """A new PIN is too short or too long; `length` is in characters."""

    def __init__(self, length: int, least: int, most: int) -> None:
        super().__init__(length, least, most)
        self.length, self.least, self.most = length, least, most

    def __str__(self) -> str:
        return (
            f"a new PIN has {self.least} to {self.most} characters, any of them, and this has {self.length};"
            " nothing was done"
        )


def _making(owner: str) -> str:
    kind, _, name = owner.partition(":")
    return f"enrol {name}" if kind == "person" else f"create {name}"


class DatabaseBehindError(HandoffLogError):
    """A key has numbered records that this database does not have: it was restored from an older copy, or cut."""

    def __init__(self, owner: str, key_id: str, has: int, given: int) -> None:
        super().__init__(owner, key_id, has, given)
        self.owner, self.key_id, self.has, self.given = owner, key_id, has, given

    def __str__(self) -> str:
        return (
            f"the database is behind: it has {self.has} records of the key {self.key_id} ({self.owner}), which signed"
            f" {self.given}; nothing is written until the loss is settled; see docs/recovering.md"
        )


class MalformedNoteError(HandoffLogError):
    """A signed note, checkpoint, key or request that is not written as C2SP says; `place` says where."""

    def __init__(self, what: str, place: str, fault: str) -> None:
        super().__init__(what, place, fault)
        self.what, self.place, self.fault = what, place, fault

    def __str__(self) -> str:
        return f"this {self.what} is malformed at {self.place}: {self.fault}; nothing of it was used"


class UnsignedNoteError(HandoffLogError):
    """None of the keys asked for has signed the note."""

    def __init__(self, keys: tuple[str, ...], signers: tuple[str, ...]) -> None:
        super().__init__(keys, signers)
        self.keys, self.signers = keys, signers

    def __str__(self) -> str:
        wanted, found = " or ".join(self.keys) or "any key", ", ".join(self.signers) or "nobody"
        return f"this note is not signed by {wanted}, but by {found}; don't use it, and check which key was meant"


class ForgedNoteError(HandoffLogError):
    """A signature under a known key's name and id that the key did not make: the text or the signature was changed."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return f"the signature of {self.key} does not hold for this text; don't use it, and keep it as evidence"


class WrongOriginError(HandoffLogError):
    """The database is the log of another origin than the key's; nothing was sealed."""

    def __init__(self, origin: str, key: str) -> None:
        super().__init__(origin, key)
        self.origin, self.key = origin, key

    def __str__(self) -> str:
        return f"this database is the log {self.origin}, and the key is {self.key}'s; nothing was sealed"


class SealedElsewhereError(HandoffLogError):
    """Another sealer sealed meanwhile; nothing of this one's round was written."""

    def __init__(self, origin: str) -> None:
        super().__init__(origin)
        self.origin = origin

    def __str__(self) -> str:
        return f"another process seals {self.origin}; nothing of this round was written; run one sealer"


class BadCursorError(HandoffLogError):
    """`after` is no cursor that this question gave."""

    def __init__(self, question: str, cursor: str) -> None:
        super().__init__(question, cursor)
        self.question, self.cursor = question, cursor

    def __str__(self) -> str:
        return f"{self.cursor!r} is no place in an answer to `{self.question}`; ask its first page again"


class ExtraMissingError(HandoffLogError):
    """An output whose writer is not installed."""

    def __init__(self, output: str, extra: str) -> None:
        super().__init__(output, extra)
        self.output, self.extra = output, extra

    def __str__(self) -> str:
        return f"{self.output} needs `pip install 'passline[{self.extra}]'`; csv and json need nothing more"


class BinaryToTerminalError(HandoffLogError):
    """A file of bytes was asked onto a terminal."""

    def __init__(self, output: str) -> None:
        super().__init__(output)
        self.output = output

    def __str__(self) -> str:
        return f"{self.output} is no text for a terminal; name a file with --out"


class NotSealedError(HandoffLogError):
    """The log has no checkpoint yet, and a snapshot holds only what is sealed."""

    def __str__(self) -> str:
        return "nothing of this log is sealed yet; seal it with `passline logs seal --once`"


class SnapshotTakenError(HandoffLogError):
    """There is something where the snapshot should go."""

    def __init__(self, folder: str) -> None:
        super().__init__(folder)
        self.folder = folder

    def __str__(self) -> str:
        return f"{self.folder} is there already and is not written over; name another folder with --out"


class SnapshotMissingError(HandoffLogError):
    """The folder holds no snapshot."""

    def __init__(self, folder: str) -> None:
        super().__init__(folder)
        self.folder = folder

    def __str__(self) -> str:
        return f"there is no snapshot in {self.folder}; take one with `passline logs snapshot`"


class SnapshotDamagedError(HandoffLogError):
    """A file of the snapshot is not the one that its manifest names; nothing is answered from it."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"{self.path} is not what the snapshot's manifest says; nothing was answered, take a new snapshot"


class SqlRefusedError(HandoffLogError):
    """A statement that a snapshot does not answer; `reason` in DuckDB's words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f'this is not answered: {self.reason}; ask one SELECT of event, unit, "case" and register'


class BackupExistsError(HandoffLogError):
    """A copy is never written over another file."""

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.file = file

    def __str__(self) -> str:
        return f"{self.file} is there already and is not written over; name a new file with --out"


class BackupRefusedError(HandoffLogError):
    """A copy that is not what its manifest says, or has none; the database is as it was."""

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(file, reason)
        self.file, self.reason = file, reason

    def __str__(self) -> str:
        return f"the copy {self.file} is refused: {self.reason}; nothing was restored from it, take another copy"


class NewerLogError(HandoffLogError):
    """The present log has records that the copy does not have; nothing was restored.

    `size`, `copied`: leaves sealed here and in the copy. `keys`: how many keys have higher numbers here; `most`: one of
    them, its number here and in the copy.
    """

    def __init__(self, size: int, copied: int, keys: int, most: tuple[str, int, int] | None) -> None:
        super().__init__(size, copied, keys, most)
        self.size, self.copied, self.keys, self.most = size, copied, keys, most

    def __str__(self) -> str:
        sealed = f"{self.size} records are sealed here and {self.copied} in the copy"
        numbers = ""
        if self.most is not None:
            key, here, copied = self.most
            others = f", and {self.keys - 1} other keys have more too" if self.keys > 1 else ""
            numbers = f"; the key {key} has signed {here} here and {copied} there{others}"
        return (
            f"the present database is newer than the copy: {sealed}{numbers}; nothing was restored. If the present one"
            " must go, move it away first and restore with --over-nothing"
        )


class OtherLogError(HandoffLogError):
    """The present database and the copy are of two logs, or of two histories of one; nothing was restored."""

    def __init__(self, present: str, copy: str) -> None:
        super().__init__(present, copy)
        self.present, self.copy = present, copy

    def __str__(self) -> str:
        return (
            f"the present database is {self.present}, and the copy is of {self.copy}; nothing was restored. Check"
            " --dir and the file; keep both if they should be one log"
        )


class DatabaseInUseError(HandoffLogError):
    """Somebody else has the database open; it was not replaced."""

    def __init__(self, database: str, detail: str) -> None:
        super().__init__(database, detail)
        self.database, self.detail = database, detail

    def __str__(self) -> str:
        return (
            f"{self.database} is in use ({self.detail}); nothing was restored; end every other passline command on this"
            " folder first"
        )


class PostgresqlToolMissingError(HandoffLogError):
    """PostgreSQL's own program is not on this computer; `command` is what to run where it is."""

    def __init__(self, tool: str, command: str) -> None:
        super().__init__(tool, command)
        self.tool, self.command = tool, command

    def __str__(self) -> str:
        return (
            f"{self.tool} is not on this computer's PATH; install PostgreSQL's client, or run elsewhere: {self.command}"
        )


class PostgresqlToolFailedError(HandoffLogError):
    """PostgreSQL's own program did not do it; nothing was changed."""

    def __init__(self, tool: str, database: str, detail: str) -> None:
        super().__init__(tool, database, detail)
        self.tool, self.database, self.detail = tool, database, detail

    def __str__(self) -> str:
        return f"{self.tool} on {self.database} failed, and nothing was changed: {self.detail}"


class LogBehindError(HandoffLogError):
    """The log's key has sealed more than the database has: it was restored from an older copy, or cut."""

    def __init__(self, origin: str, size: int, sealed: int) -> None:
        super().__init__(origin, size, sealed)
        self.origin, self.size, self.sealed = origin, size, sealed

    def __str__(self) -> str:
        return (
            f"{self.origin} has {self.size} sealed records here, and its key has sealed {self.sealed}: the database was"
            " rolled back; nothing is sealed until the loss is settled; see docs/recovering.md"
        )


class NumberUnknownError(HandoffLogError):
    """The log knows no application, document or blank by this number, or knows it no longer."""

    def __str__(self) -> str:
        return (
            "the log knows no application or document by this number; nothing was erased; check the number, or ask"
            " another run's folder with --dir"
        )


class ErasureTooEarlyError(HandoffLogError):
    """The numbers must be kept: the document may be valid still. Times in microseconds UTC."""

    def __init__(self, last_us: int, before_us: int) -> None:
        super().__init__(last_us, before_us)
        self.last_us, self.before_us = last_us, before_us

    def __str__(self) -> str:
        last, before = (
            datetime.fromtimestamp(time_us / 1_000_000, UTC).date() for time_us in (self.last_us, self.before_us)
        )
        return (
            f"its last record is of {last}, and only what ended before {before} is erased (log.keep_numbers_years in"
            " line.toml); nothing was erased"
        )


class OpenedArchiveError(HandoffLogError):
    """Opened archives were asked what only the whole log can answer."""

    def __init__(self, years: tuple[int, ...]) -> None:
        super().__init__(years)
        self.years = years

    def __str__(self) -> str:
        return (
            f"this folder holds archives of {', '.join(map(str, self.years))} and not a whole log; verify an archive"
            " with `passline logs check-archive`, and ask the line's own folder for the rest"
        )


class NotInArchiveError(HandoffLogError):
    """Opened archives lack what would be needed; `what` names it."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return f"{self.what} is not in the archives that were opened here; nothing is guessed; ask the line's own log"


class UnitElsewhereError(HandoffLogError):
    """A unit was packed into one whose records are not in this database, and whose custody it follows."""

    def __init__(self, number: str, container: str) -> None:
        super().__init__(number, container)
        self.number, self.container = number, container

    def __str__(self) -> str:
        return (
            f"{self.number} was packed into {self.container}, whose records are not in this database: who held it is"
            " not guessed; open the archive of that parcel's year too, or ask the line's own log"
        )
