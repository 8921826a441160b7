"""What operators sign at the machines: stored with their sign-ins, and booked by the run, which has the keys, once.

The desk and the run meet in the database alone. Custody and the act's end are one transaction: whichever of them is
killed when, an act is booked once or waits; what is refused when its turn comes says why, and is ended too.
"""

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, select

from devices.errors import DeviceError
from handoff_logs import log
from handoff_logs.dialects import clock_us
from handoff_logs.errors import CustodyRefusedError, LineFrozenError
from handoff_logs.statements import Statement
from stations.by import By
from stations.errors import StationError
from stations.personalization import bench, blanks, booking, jobs, rules, settlement, specimens, station
from stations.personalization.desk import MachineDesk
from stations.personalization.errors import (
    ActTakenError,
    BadActIdError,
    CountDiffersError,
    NoPieceScannedError,
    NotThereError,
    TrayNotReadyError,
    UnknownJobError,
    UnknownMachineError,
)
from stations.personalization.rules import Settlement
from stations.personalization.tables import ActKind, MachineAct
from stations.trays import TimeNodes, tray_place
from stations.workplace import Workplace

TWO_HANDS: Final = frozenset({ActKind.LOAD, ActKind.DEFACE, ActKind.SETTLE})
"""What two people sign; all else has one hand."""
AS_IS: Final = "as-is"
"""The detail of a tray that is filled although its count differs: its people looked twice, the rest is missing."""
_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)

_ACT = MachineAct.__table__  # type: ignore[attr-defined]
_COLUMNS: Final = ("act_id", "kind", "subject", "detail", "content", "booked_us", "first", "first_sign_in", "second",
                   "second_sign_in")  # fmt: skip
_SIGNED = "first, first_sign_in, second, second_sign_in, stored_us"
# Locked on PostgreSQL, so that two runs never book one act; SQLite has one writer.
_STORED = select(*(_ACT.c[name] for name in _COLUMNS)).where(_ACT.c.act_id == bindparam("of_act"))
_FIND, _LOCK = Statement(_STORED), Statement(_STORED.with_for_update())
_OPEN = Statement("SELECT act_id FROM machine_act WHERE booked_us IS NULL ORDER BY stored_us, act_id")
_STORE = Statement(
    f"INSERT INTO machine_act (act_id, kind, subject, detail, content, {_SIGNED}, emulated) VALUES ("  # noqa: S608
    ":act_id, :kind, :subject, :detail, :content, :first, :first_sign_in, :second,"
    " :second_sign_in, :stored_us, :emulated)"
)
_END = Statement(
    "UPDATE machine_act SET booked_us = :now_us, refusal = :refusal, told = :told, content = ''"
    " WHERE act_id = :act_id AND booked_us IS NULL"
)
_RIGHTED = Statement("SELECT max(booked_us) FROM machine_act WHERE kind = 'right' AND subject = :machine")
_WAITING_FOR = Statement("SELECT 1 FROM machine_act WHERE booked_us IS NULL AND kind = :kind AND subject = :subject")
LATEST: Final = """
SELECT act_id, kind, subject, detail, first, second, stored_us, booked_us, refusal, told FROM machine_act
ORDER BY stored_us DESC LIMIT :most
"""
"""What was signed at the machines last, and what each came to."""


@dataclass(frozen=True, slots=True)
class Signed:
    """An act as a desk sends it. `serials`: what was scanned, each once."""

    act_id: str
    kind: ActKind
    first: By
    second: By | None
    subject: str
    detail: str = ""
    serials: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Act:
    """An act as it is stored; see `MachineAct`."""

    act_id: str
    kind: ActKind
    subject: str
    detail: str
    content: str
    hands: Mapping[str, str]
    booked: bool

    @property
    def serials(self) -> tuple[str, ...]:
        """What was scanned."""
        return tuple(json.loads(self.content))


Kinds = Mapping[str, str]
"""Machine -> the kind of blank ("book" or "card") that it takes, of every machine of the line."""


def check(conn: Connection, kinds: Kinds, signed: Signed) -> None:
    """Raise what its booking would refuse as things stand now; before anybody is asked for a password."""
    if _ID.fullmatch(signed.act_id) is None:
        raise BadActIdError
    match signed.kind:
        case ActKind.FILL:
            _counted(conn, signed.subject, signed.serials, signed.detail)
        case ActKind.SETTLE:
            _check_settle(conn, signed.subject, Settlement(signed.detail), signed.serials)
        case ActKind.RIGHT:
            _kind_of(kinds, signed.subject)
        case _:
            _pieces(conn, kinds, signed.kind, signed.subject, signed.serials)


def sign(workplace: Workplace, kinds: Kinds, signed: Signed) -> bool:
    """Store an act that its people have signed; whether it is news: False where it was stored before.

    Raises BadActIdError, ActTakenError, and as `check`.
    """

    def work(tx: Connection) -> bool:
        before = find(tx, signed.act_id)
        content = json.dumps(signed.serials)
        hands = [each for each in (signed.first, signed.second) if each is not None]
        if before is not None:
            same = (before.kind, before.subject, before.detail, tuple(before.hands))
            sent = (signed.kind, signed.subject, signed.detail, tuple(each.code for each in hands))
            if same != sent or not (before.booked or before.content == content):
                raise ActTakenError(signed.act_id)
            return False
        check(tx, kinds, signed)
        second = signed.second
        facts = {
            "act_id": signed.act_id,
            "kind": signed.kind.value,
            "subject": signed.subject,
            "detail": signed.detail,
            "content": content,
            "first": signed.first.code,
            "first_sign_in": signed.first.sign_in,
            "second": second.code if second else None,
            "second_sign_in": second.sign_in if second else None,
            "stored_us": clock_us(tx),
            "emulated": workplace.emulated,
        }
        _STORE.run(tx, facts)
        return True

    return workplace.database.write(work)


def waiting(conn: Connection) -> list[str]:
    """The acts that are signed and not booked, in the order in which they were signed."""
    return [row[0] for row in _OPEN.run(conn).fetchall()]


def find(conn: Connection, act_id: str) -> Act | None:
    """An act, or None."""
    return _read(_FIND.run(conn, {"of_act": act_id}).fetchone())


def is_waiting(conn: Connection, kind: ActKind, subject: str) -> bool:
    """Whether such an act on it is signed and not booked."""
    return _WAITING_FOR.run(conn, {"kind": kind.value, "subject": subject}).fetchone() is not None


def put_right_us(conn: Connection, machine: str) -> int | None:
    """When somebody last said of a machine that it is put right; None: never."""
    row = _RIGHTED.run(conn, {"machine": machine}).fetchone()
    return None if row is None else row[0]


def book(
    workplace: Workplace, kinds: Kinds, act_id: str, nodes: TimeNodes, hands: MachineDesk | None = None
) -> Mapping[str, Any]:
    """Book a signed act by the people who signed it; what it came to. Booked before, nothing is done.

    `hands` do what the act says where EMULATED machines leave nothing for people to take in theirs. Raises
    LineFrozenError, and the act waits.
    """
    with workplace.database.read() as conn:
        act = find(conn, act_id)
    if act is None or act.booked:
        return {}
    people = tuple(dict.fromkeys([*act.hands, *workplace.people]))
    here = workplace.at(workplace.station, people, act.hands)
    refusal: str | None = None

    def work(tx: Connection) -> Mapping[str, Any]:
        again = _read(_LOCK.run(tx, {"of_act": act_id}).fetchone())
        if again is None or again.booked:
            return {}
        told = _BOOKS[again.kind](tx, here, kinds, again, nodes)
        _end(tx, act_id, told)
        return told

    try:
        if hands is not None:
            _do(here, act, kinds, hands)
        told = here.database.write(work)
    except LineFrozenError:
        raise
    except (StationError, CustodyRefusedError, DeviceError) as error:
        refusal, told = type(error).__name__, _said(error)
        here.database.write(lambda tx: _end(tx, act_id, told, refusal))
        if hands is not None and act.kind is ActKind.FILL:
            hands.put(hands.scan(tray_place(act_id)), rules.RACK)
    if hands is not None and refusal is None and act.kind is ActKind.LOAD:
        with suppress(DeviceError):  # tried again when somebody says that the machine is put right
            lay_in(here, hands, act.subject, kinds[act.subject])
    return told


def lay_in(workplace: Workplace, hands: MachineDesk, machine: str, kind: str) -> None:
    """Have EMULATED hands lay into a machine the blanks that were recorded there and still lie in the stock."""
    with workplace.database.read() as conn:
        recorded = blanks.at(conn, rules.input_stack(machine))
    hands.load(machine, [serial for serial in hands.scan(rules.blank_stock(kind)) if serial in recorded])


def recorded(conn: Connection, kinds: Kinds, kind: ActKind, machine: str) -> dict[str, str]:
    """Serial -> unit of the pieces on which such an act may be signed: what the log has where they come from."""
    match kind:
        case ActKind.LOAD:
            return blanks.at(conn, rules.blank_stock(_kind_of(kinds, machine)))
        case ActKind.COLLECT:
            return station.in_good_stack(conn, machine)
        case ActKind.DEFACE:
            return bench.rejected(conn, machine) | specimens.left(conn, machine)
        case _:
            return blanks.at(conn, rules.hold_stack(machine)) | _undrawn(conn, machine)


def _undrawn(conn: Connection, machine: str) -> dict[str, str]:
    """The blanks in a machine's input stack, none where it may just be drawing one of them."""
    under_way = [row for row in jobs.unreleased(conn, machine) if row.unfinished and row.blank_unit is None]
    return {} if under_way else blanks.at(conn, rules.input_stack(machine))


_FROM: Final[Mapping[ActKind, Callable[[str, str], str]]] = {
    ActKind.LOAD: lambda _, kind: rules.blank_stock(kind),
    ActKind.COLLECT: lambda machine, _: rules.good_stack(machine),
    ActKind.DEFACE: lambda machine, _: rules.reject_bin(machine),
    ActKind.RESTOCK: lambda machine, _: rules.hold_stack(machine),
}


def _pieces(conn: Connection, kinds: Kinds, kind: ActKind, machine: str, serials: tuple[str, ...]) -> dict[str, str]:
    takes = _kind_of(kinds, machine)
    if not serials:
        raise NoPieceScannedError
    there = recorded(conn, kinds, kind, machine)
    if others := tuple(serial for serial in serials if serial not in there):
        raise NotThereError(_FROM[kind](machine, takes), others)
    return {serial: there[serial] for serial in serials}


def _kind_of(kinds: Kinds, machine: str) -> str:
    if machine not in kinds:
        raise UnknownMachineError(machine)
    return kinds[machine]


def _counted(
    conn: Connection, tray: str, serials: tuple[str, ...], detail: str
) -> tuple[list[Row[Any]], list[Row[Any]]]:
    """The documents of a finished tray, and those of them that were scanned."""
    made = list(station.documents(conn, tray))
    orders = station.orders_of(conn, tray)
    if orders or not made:
        raise TrayNotReadyError(tray, orders)
    known = {row.blank_serial for row in made}
    if others := tuple(serial for serial in serials if serial not in known):
        raise NotThereError(tray_place(tray), others)
    counted = [row for row in made if row.blank_serial in serials]
    if len(counted) < len(made) and detail != AS_IS:
        unseen = (row for row in made if row.blank_serial not in serials)
        inside = sorted({row.machine for row in unseen if row.place == rules.good_stack(row.machine)})
        raise CountDiffersError(tray, tuple(inside))
    return made, counted


def _check_settle(conn: Connection, job_id: str, found: Settlement, serials: tuple[str, ...]) -> tuple[str, str | None]:
    """Where its piece belongs, and the serial by elimination."""
    job = jobs.find(conn, job_id)
    if job is None:
        raise UnknownJobError(job_id)
    place = settlement.usual_place(job.product, job.machine, found)
    serial = serials[0] if serials else None
    settlement.check(conn, job_id, found, place, serial)
    return place, serial


def _do(here: Workplace, act: Act, kinds: Kinds, hands: MachineDesk) -> None:
    """What EMULATED hands do before it is recorded; done again after a crash it changes nothing."""
    first, second = here.party(0).person, here.party(1).person
    match act.kind:
        case ActKind.DEFACE:
            with here.database.read() as conn:
                _pieces(conn, kinds, act.kind, act.subject, act.serials)
            hands.empty(act.subject, "reject", rules.bench(act.subject))
            hands.deface(act.serials, first, second)
            hands.put(act.serials, rules.VOIDED)
        case ActKind.FILL:
            with here.database.read() as conn:
                _counted(conn, act.subject, act.serials, act.detail)
            hands.put(act.serials, tray_place(act.act_id))
        case ActKind.COLLECT:
            hands.empty(act.subject, "good", rules.RACK)
        case ActKind.RESTOCK:
            hands.empty(act.subject, "hold", rules.blank_stock(_kind_of(kinds, act.subject)))
        case ActKind.RIGHT:
            hands.clear(act.subject)
            lay_in(here, hands, act.subject, _kind_of(kinds, act.subject))
        case ActKind.SETTLE:
            found = Settlement(act.detail)
            with here.database.read() as conn:
                place, serial = _check_settle(conn, act.subject, found, act.serials)
                job = jobs.find(conn, act.subject)
            if job is not None and found in settlement.HELD_IN_HANDS and (piece := job.blank_serial or serial):
                bench.act_on(hands, job, piece, found, place, (first, second))
        case _:
            pass


def _load(tx: Connection, here: Workplace, kinds: Kinds, act: Act, _nodes: TimeNodes) -> dict[str, Any]:
    units = _pieces(tx, kinds, act.kind, act.subject, act.serials)
    second = here.party(1)
    signed = replace(booking.stamp(here, act.subject), second_sign_in=second.sign_in)
    log.move(tx, here.party(), list(units.values()), rules.input_stack(act.subject), signed, second=second.person)
    return {"pieces": len(units)}


def _collect(tx: Connection, here: Workplace, kinds: Kinds, act: Act, _nodes: TimeNodes) -> dict[str, Any]:
    units = _pieces(tx, kinds, act.kind, act.subject, act.serials)
    log.move(tx, here.party(), list(units.values()), rules.RACK, booking.stamp(here, act.subject))
    return {"pieces": len(units)}


def _fill(tx: Connection, here: Workplace, _kinds: Kinds, act: Act, nodes: TimeNodes) -> dict[str, Any]:
    made, counted = _counted(tx, act.subject, act.serials, act.detail)
    station.fill(tx, here, act.act_id, [row.unit_id for row in made])
    outcome = station.offer_counted(tx, here, act.act_id, made, counted, nodes)
    return {"pieces": outcome.passed, "stopped": outcome.stopped, "missing": outcome.missing, "tray": act.act_id}


def _deface(tx: Connection, here: Workplace, kinds: Kinds, act: Act, _nodes: TimeNodes) -> dict[str, Any]:
    units = _pieces(tx, kinds, act.kind, act.subject, act.serials)
    shown = specimens.record_void_in(tx, here, act.subject, act.serials)
    if spoiled := {serial: unit for serial, unit in units.items() if serial not in shown}:
        bench.void_in(tx, here, act.subject, spoiled)
    return {"pieces": len(units)}


def _restock(tx: Connection, here: Workplace, kinds: Kinds, act: Act, _nodes: TimeNodes) -> dict[str, Any]:
    units = _pieces(tx, kinds, act.kind, act.subject, act.serials)
    stock = rules.blank_stock(kinds[act.subject])
    log.move(tx, here.party(), list(units.values()), stock, booking.stamp(here, act.subject))
    return {"pieces": len(units)}


def _right(_tx: Connection, _here: Workplace, _kinds: Kinds, _act: Act, _nodes: TimeNodes) -> dict[str, Any]:
    return {}


def _settle(tx: Connection, here: Workplace, _kinds: Kinds, act: Act, _nodes: TimeNodes) -> dict[str, Any]:
    found, people = Settlement(act.detail), (here.party(0).person, here.party(1).person)
    place, serial = _check_settle(tx, act.subject, found, act.serials)
    document = settlement.settle_in(tx, here, act.subject, found, people, place, serial)
    return {"place": place, "document": document is not None}


_BOOKS: Final[Mapping[ActKind, Callable[[Connection, Workplace, Kinds, Act, TimeNodes], dict[str, Any]]]] = {
    ActKind.LOAD: _load,
    ActKind.COLLECT: _collect,
    ActKind.FILL: _fill,
    ActKind.DEFACE: _deface,
    ActKind.RESTOCK: _restock,
    ActKind.RIGHT: _right,
    ActKind.SETTLE: _settle,
}


def _said(error: Exception) -> dict[str, Any]:
    said: dict[str, Any] = {"said": str(error)}
    if isinstance(error, NotThereError):
        said["serials"] = error.serials
    return said


def _end(tx: Connection, act_id: str, told: Mapping[str, Any], refusal: str | None = None) -> None:
    _END.run(tx, {"act_id": act_id, "now_us": clock_us(tx), "refusal": refusal, "told": json.dumps(told)})


def _read(row: tuple[Any, ...] | None) -> Act | None:
    if row is None:
        return None
    act_id, kind, subject, detail, content, booked_us, first, first_sign_in, second, second_sign_in = row
    hands = {first: first_sign_in} | ({} if second is None else {second: second_sign_in})
    return Act(act_id, ActKind(kind), subject, detail, content, hands, booked_us is not None)
