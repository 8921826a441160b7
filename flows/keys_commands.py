"""`passline keys`: the keys that sign the handoff log. Heavy modules load with their command."""

import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from flows.errors import FlowError
from flows.run_folder import RunFolder
from stations.people_register.asking import Asking, First, PasswordsFrom, Second

if TYPE_CHECKING:
    from handoff_logs.database import Database
    from handoff_logs.key_register import KeyStanding, Reason, Signers

Directory = Annotated[Path, Parameter("--dir", help="The run's folder.")]
DEFAULT_DIRECTORY = Path(".passline")
ReasonCode = Annotated[Literal["stolen", "lost", "retired"], Parameter("--reason", help="Why the old key ends.")]
LOG = "log"
"""How the log's own key is named, which is no station's and no person's."""

app = App(name="keys", help="The keys that sign the handoff log: make, replace, revoke.")


class UnknownOwnerError(FlowError):
    """What was named is neither a station that signs nor a person's code."""

    def __init__(self, word: str, stations: tuple[str, ...]) -> None:
        super().__init__(word, stations)
        self.word, self.stations = word, stations
        self.next_step = f"Name one of {', '.join(stations)}, or the code of a person such as p-0417."

    def __str__(self) -> str:
        return f"{self.word} is nobody whose key is made here; nothing was done."


@dataclass(frozen=True, slots=True)
class OpenKeys:
    """The keys of an open line. `witnessed`: others run a witness of its log."""

    database: "Database"
    folder: RunFolder
    emulated: bool
    witnessed: bool

    def say(self, sentence: str) -> None:
        """Print what was done; of an emulated line, with that mark."""
        sys.stdout.write(f"{'EMULATED line: ' if self.emulated else ''}{sentence}.\n")


@app.command(name="list")
def list_command(
    *,
    directory: Directory = DEFAULT_DIRECTORY,
    output: Annotated[Literal["table", "json"], Parameter(help="How to print it.")] = "table",
) -> None:
    """Print every key: whose, since when, the number of its last record, when and why revoked, where its file is.

    A key's file that was never registered is listed too: a command was cut off. It signs nothing.
    """
    with _open(directory) as line:
        standings = _standings(line)
    rows = [_row(one) for one in standings]
    if output == "json":
        sys.stdout.write(json.dumps({"emulated": line.emulated, "keys": rows}, indent=2) + "\n")
        return
    from rich.table import Table

    from handoff_logs.screen import screen

    table = Table(title="EMULATED line" if line.emulated else None, box=None, header_style="dim", pad_edge=False)
    for column in rows[0]:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row.values()))
    screen().print(table)


@app.command
def create(
    station: Annotated[str, Parameter(help="The station.")],
    /,
    *,
    first: First = None,
    second: Second = None,
    directory: Directory = DEFAULT_DIRECTORY,
    passwords_from: PasswordsFrom = None,
) -> None:
    """Make and register the key of a station that has none in use; two administrators sign in."""
    from handoff_logs import key_register

    with _open(directory) as line:
        owner = _owner(station, people=False)
        with line.database.read() as conn:
            key_register.check_new(conn, owner)
        signers = _signers(line, Asking(passwords_from), first, second)
        public = key_register.create(line.database, line.folder.signing_keys, owner, signers, emulated=line.emulated)
        line.say(f"{owner} signs with the new key {public.key_id}; signed by {signers.by.person} and {signers.second}")


@app.command
def enrol(
    person: Annotated[str, Parameter(help="Code of an enrolled person.")],
    /,
    *,
    first: First = None,
    second: Second = None,
    directory: Directory = DEFAULT_DIRECTORY,
    passwords_from: PasswordsFrom = None,
) -> None:
    """Make and register a person's own key, under a PIN that they choose.

    Asks for the passwords of two administrators, neither of them the person, then for the person's new PIN.
    """
    from handoff_logs import key_register

    with _open(directory) as line:
        owner = _owner(f"person:{person}")
        _refuse_stranger(line, person)
        with line.database.read() as conn:
            key_register.check_new(conn, owner)
        asking = Asking(passwords_from)
        signers = _signers(line, asking, first, second, about=person)
        public = key_register.enrol(
            line.database, line.folder.signing_keys, person, asking.new_pin(person), signers, emulated=line.emulated
        )
        line.say(f"{person} signs with the new key {public.key_id}; signed by {signers.by.person} and {signers.second}")


@app.command
def rotate(
    owner: Annotated[str, Parameter(help="A station, the code of a person, or `log`: the key that signs the seals.")],
    /,
    *,
    reason: ReasonCode = "retired",
    first: First = None,
    second: Second = None,
    directory: Directory = DEFAULT_DIRECTORY,
    passwords_from: PasswordsFrom = None,
) -> None:
    """Replace a key: the new one is registered and the old one revoked in one record. The line goes on meanwhile.

    Asks for the passwords of two administrators; for a person's key, then for the person's new PIN. The log's old key
    signs one checkpoint more, which ends with that record: so it vouches for the new one.
    """
    from handoff_logs import key_register
    from handoff_logs.key_register import Reason

    with _open(directory) as line:
        if owner == LOG:
            _rotate_log(line, Reason(reason), Asking(passwords_from), first, second)
            return
        named = _owner(owner)
        kind, _, name = named.partition(":")
        person = name if kind == "person" else None
        if person is not None:
            _refuse_stranger(line, person)
        with line.database.read() as conn:
            key_register.check_old(conn, named)
        asking = Asking(passwords_from)
        signers = _signers(line, asking, first, second, about=person)
        pin = asking.new_pin(person) if person is not None else None
        public = key_register.rotate(
            line.database,
            line.folder.signing_keys,
            named,
            Reason(reason),
            signers,
            pin=pin,
            emulated=line.emulated,
        )
        line.say(
            f"{named} signs with the new key {public.key_id}, its old one is revoked ({reason});"
            f" signed by {signers.by.person} and {signers.second}"
        )


def _rotate_log(line: OpenKeys, reason: "Reason", asking: Asking, first: str | None, second: str | None) -> None:
    from handoff_logs import key_register
    from handoff_logs.keyring import registered_as

    with line.database.read() as conn:
        key_register.check_log(conn, line.folder.log_key)
    signers = _signers(line, asking, first, second)
    new = key_register.rotate_log(line.database, line.folder.log_key, reason, signers, emulated=line.emulated)
    line.say(
        f"the log's next key {registered_as(new.public, LOG).key_id} is named and the old one ends ({reason});"
        f" signed by {signers.by.person} and {signers.second}. It signs as soon as the sealer has sealed that record"
    )
    sys.stdout.write(
        f"1. Back up {line.folder.log_key} now, apart from the database.\n"
        f"2. Its public side, for every auditor: {new}\n"
    )
    if line.witnessed:
        sys.stdout.write(
            "3. Whoever runs the witness needs it too, or the log is sealed and not witnessed: give them the file that"
            f" `passline logs prove-key --dir {line.folder.path}` writes, for `passline witness accept FILE`.\n"
        )


@app.command
def revoke(
    key: Annotated[str, Parameter(help="The key's id, as listed.")],
    /,
    *,
    reason: ReasonCode,
    first: First = None,
    second: Second = None,
    directory: Directory = DEFAULT_DIRECTORY,
    passwords_from: PasswordsFrom = None,
) -> None:
    """Revoke a key for ever, without another in its place: its owner signs nothing until there is one.

    Asks for the passwords of two administrators. What it signed before stands.
    """
    from handoff_logs import key_register
    from handoff_logs.key_register import Reason

    with _open(directory) as line:
        with line.database.read() as conn:
            owner = key_register.check_revocable(conn, key)
        kind, _, name = owner.partition(":")
        about = name if kind == "person" else None
        signers = _signers(line, Asking(passwords_from), first, second, about=about)
        key_register.revoke(
            line.database, line.folder.signing_keys, key, Reason(reason), signers, emulated=line.emulated
        )
        line.say(
            f"the key {key} of {owner} is revoked ({reason}) and nothing is signed for {owner} until it has another;"
            f" signed by {signers.by.person} and {signers.second}"
        )


@contextlib.contextmanager
def _open(directory: Path) -> Iterator[OpenKeys]:
    from flows.composition import open_database, prepare
    from flows.configuration import read_settings
    from flows.sealer import EMULATED

    folder = RunFolder(directory)
    settings = read_settings(folder)
    prepare(folder)
    with open_database(folder, folder.resolve_database(settings.database.url)) as database:
        yield OpenKeys(database, folder, settings.emulated, settings.log.witness not in (None, EMULATED))


def _owner(word: str, *, people: bool = True) -> str:
    """Return the owner that a word names: a station, or a person by code; as `list` prints them too."""
    from handoff_logs.keyring import person_owner, station_owner
    from handoff_logs.records import ADMINISTRATION
    from stations.errors import StationError
    from stations.people import STAFFING
    from stations.people_register import rules

    stations = (ADMINISTRATION, *STAFFING)
    kind, _, name = word.rpartition(":")
    if kind in ("", "station") and name in stations:
        return station_owner(name)
    if people and kind in ("", "person"):
        try:
            return person_owner(rules.check_code(name))
        except StationError:
            if kind == "person":
                raise
    raise UnknownOwnerError(word, stations)


def _refuse_stranger(line: OpenKeys, person: str) -> None:
    from stations.people_register import register
    from stations.people_register.errors import NotEnrolledError

    if not register.is_enrolled(line.database, person):
        raise NotEnrolledError(person)


def _signers(
    line: OpenKeys, asking: Asking, first: str | None, second: str | None, *, about: str | None = None
) -> "Signers":
    from handoff_logs.key_register import Signers
    from handoff_logs.register import administration
    from stations.people_register.cli import administrators

    by = administrators(line.database, asking, first, second, about=about)
    return Signers(administration(by.first, by.first_sign_in), by.second, by.second_sign_in)


def _standings(line: OpenKeys) -> "list[KeyStanding]":
    from handoff_logs import key_register, keyring, log_key
    from handoff_logs.errors import KeyFileRefusedError

    files = keyring.files(line.folder.signing_keys)
    with contextlib.suppress(KeyFileRefusedError):  # they may live with a sealer on another computer
        files += log_key.files(line.folder.log_key)
    with line.database.read() as conn:
        return key_register.standings(conn, files)


def _row(one: "KeyStanding") -> dict[str, str | int | None]:
    revoked = None if one.revoked is None else f"{one.revoked} {_local(one.revoked_us)}"
    return {
        "owner": one.owner,
        "key_id": one.key_id,
        "since": "never registered" if one.since_us is None else _local(one.since_us),
        "last_number": one.last_number,
        "revoked": revoked,
        "file": one.file,
    }


def _local(time_us: int | None) -> str | None:
    if time_us is None:
        return None
    return datetime.fromtimestamp(time_us / 1_000_000, UTC).astimezone().isoformat(" ", "seconds")
