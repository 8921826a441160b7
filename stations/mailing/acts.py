"""What people sign at mailing's desk: stored with their sign-ins, and booked by the run, which has the keys, once.

The desk and the run meet in the database alone. Custody and the act's end are one transaction: whichever of them is
killed when, an act is booked once or waits; what is refused when its turn comes says why, and is ended too.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import Connection

from handoff_logs import offers
from handoff_logs.dialects import clock_us
from handoff_logs.errors import CustodyRefusedError, LineFrozenError, SamePersonError
from handoff_logs.offers import OpenOffer
from handoff_logs.statements import Statement
from stations.by import By
from stations.errors import StationError
from stations.mailing import carrier, decisions, delivery_load, explaining, returns, sendings, station
from stations.mailing.deliveries import Line, SetAside, Told
from stations.mailing.desk import CarrierDesk, MailingDesk
from stations.mailing.desk_ids import check_id
from stations.mailing.errors import DeskIdTakenError, NothingAtTheDoorError, UnknownParcelsError
from stations.mailing.explaining import Found
from stations.mailing.tables import ActKind
from stations.packing.contents import offered_labels, parcel_units
from stations.personalization.rules import VOIDED
from stations.trays import TimeNodes, table_place, tray_of, tray_place
from stations.workplace import Workplace

AT_THE_DOOR: Final = frozenset({ActKind.DOOR})
AT_THE_TABLE: Final = frozenset(ActKind) - AT_THE_DOOR
NUMBER: Final = "number"
"""The detail of a count at the door without a scanner: of one handoff, the subject, its one label is how many."""
MOST_NUMBER: Final = 10_000
MOST_TOLD: Final = 200
"""Lines set aside that an act tells of one by one; of the others it tells how many."""

_SIGNED = "first, first_sign_in, second, second_sign_in, stored_us"
_COLUMNS = f"act_id, kind, subject, detail, content, {_SIGNED}, booked_us, refusal"
_FIND = Statement(f"SELECT {_COLUMNS} FROM mailing_act WHERE act_id = :act_id")  # noqa: S608 (our own names)
_OPEN = Statement("SELECT act_id, kind FROM mailing_act WHERE booked_us IS NULL ORDER BY stored_us, act_id")
_STORE = Statement(
    f"INSERT INTO mailing_act (act_id, kind, subject, detail, content, {_SIGNED}, emulated) VALUES ("  # noqa: S608
    ":act_id, :kind, :subject, :detail, :content, :first, :first_sign_in, :second,"
    " :second_sign_in, :stored_us, :emulated)"
)
_END = Statement(
    "UPDATE mailing_act SET booked_us = :now_us, refusal = :refusal, told = :told, content = ''"
    " WHERE act_id = :act_id AND booked_us IS NULL"
)
LATEST: Final = """
SELECT act_id, kind, subject, detail, first, second, stored_us, booked_us, refusal, told FROM mailing_act
ORDER BY stored_us DESC LIMIT :most
"""
"""What was signed at the desk last, and what each came to."""


@dataclass(frozen=True, slots=True)
class Signed:
    """An act as a desk sends it. `labels`: what was scanned; `file`: a carrier's file, as `to_store` has it."""

    act_id: str
    kind: ActKind
    first: By
    second: By | None
    subject: str = ""
    detail: str = ""
    labels: tuple[str, ...] = ()
    file: str = ""

    @property
    def content(self) -> str:
        """What it is about, as it is stored."""
        return self.file if self.kind is ActKind.LOAD else json.dumps(self.labels)


@dataclass(frozen=True, slots=True)
class Act:
    """An act as it is stored; see `DeskAct`."""

    act_id: str
    kind: ActKind
    subject: str
    detail: str
    content: str
    first: str
    first_sign_in: str
    second: str | None
    second_sign_in: str | None
    stored_us: int
    booked_us: int | None
    refusal: str | None

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that were scanned, in their order."""
        return tuple(json.loads(self.content))

    @property
    def hands(self) -> dict[str, str]:
        """The sign-ins by which it was signed, by code; at the door the driver's comes first, whose word it is."""
        two = {self.first: self.first_sign_in}
        if self.second is not None and self.second_sign_in is not None:
            second = {self.second: self.second_sign_in}
            two = second | two if self.kind is ActKind.DOOR else two | second
        return two


@dataclass(frozen=True, slots=True)
class Carrying:
    """Whose hands carry EMULATED parcels; nobody's where people carry real ones."""

    mailer: MailingDesk | None = None
    driver: CarrierDesk | None = None


def check(conn: Connection, signed: Signed) -> None:
    """Raise what its booking would refuse as things stand now; before anybody is asked for a password."""
    check_id(signed.act_id)
    match signed.kind:
        case ActKind.DOOR:
            _check_door(conn, signed)
        case ActKind.RECEIVE:
            returns.check(conn, signed.labels, signed.subject or None)
        case ActKind.SEND_AGAIN | ActKind.DESTROY | ActKind.REMAKE:
            decisions.check(conn, signed.subject)
        case ActKind.SETTLE:
            explaining.check(conn, signed.subject, Found(signed.detail))
        case ActKind.RETAKE | ActKind.LOAD:
            pass


def sign(workplace: Workplace, signed: Signed) -> bool:
    """Store an act that its people have signed; whether it is news: False where it was stored before.

    Raises BadDeskIdError, DeskIdTakenError, and as `check`.
    """

    def work(tx: Connection) -> bool:
        check_id(signed.act_id)
        before = _act(tx, signed.act_id)
        if before is not None:
            same = (before.kind, before.subject, before.detail, *before.hands)
            content = before.booked_us is not None or before.content == signed.content
            if same != (signed.kind, signed.subject, signed.detail, *_codes(signed)) or not content:
                raise DeskIdTakenError(signed.act_id)
            return False
        check(tx, signed)
        second = signed.second
        facts = {
            "act_id": signed.act_id,
            "kind": signed.kind.value,
            "subject": signed.subject,
            "detail": signed.detail,
            "content": signed.content,
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


def to_store(lines: Iterable[Line | SetAside]) -> str:
    """A carrier's lines as they are stored, one a line: what the model takes of each, and nothing else that it said."""
    written = []
    for each in lines:
        if isinstance(each, Line):
            written.append(json.dumps([each.line, each.told.model_dump(mode="json", exclude_none=True)]))
        else:
            written.append(json.dumps([each.line, each.field, each.reason, each.event_id]))
    return "\n".join(written)


def waiting(conn: Connection, kinds: Collection[ActKind]) -> list[str]:
    """The acts of these kinds that are signed and not booked, in the order in which they were signed."""
    return [act_id for act_id, kind in _OPEN.run(conn).fetchall() if kind in kinds]


def is_act(conn: Connection, named: str) -> bool:
    """Whether an id is an act's."""
    return _act(conn, named) is not None


def book(workplace: Workplace, act_id: str, nodes: TimeNodes, carrying: Carrying = Carrying()) -> Mapping[str, Any]:
    """Book a signed act by the people who signed it; what it came to. Booked before, nothing is done.

    `workplace`: mailing's, or the carrier's for a count at the door. Raises LineFrozenError, and the act waits.
    """
    with workplace.database.read() as conn:
        act = _act(conn, act_id)
    if act is None or act.booked_us is not None:
        return {}
    here = _signed(workplace, act)
    try:
        return _book_load(here, act) if act.kind is ActKind.LOAD else _book(here, act, nodes, carrying)
    except LineFrozenError:
        raise
    except (StationError, CustodyRefusedError) as error:
        refusal, said = type(error).__name__, {"said": str(error)}
    here.database.write(lambda tx: _end(tx, act_id, said, refusal))
    return said


def _book(here: Workplace, act: Act, nodes: TimeNodes, carrying: Carrying) -> Mapping[str, Any]:
    load_first = _loaded(here, act, carrying.driver) if act.kind is ActKind.DOOR else {}
    came_to: list[Callable[[], None]] = []

    def work(tx: Connection) -> Mapping[str, Any]:
        came_to.clear()
        sendings.one_at_a_time(tx)
        again = _act(tx, act.act_id)
        if again is None or again.booked_us is not None:
            return {}
        told, carry = _BOOKS[act.kind](tx, here, act, nodes, carrying)
        _end(tx, act.act_id, told)
        came_to.append(carry)
        return told

    told = decisions.decided_once(here, work)
    for carry in came_to:
        carry()
    if carrying.driver is not None:
        for tray in told.get("refused", ()):
            carrying.driver.give_back(load_first.get(tray, ()), tray_place(tray))
    return told


def _book_load(here: Workplace, act: Act) -> Mapping[str, Any]:
    """Load a carrier's file, a portion a transaction; cut short, what is loaded is not loaded again."""
    report, set_aside = delivery_load.load_lines(here, _read(act.content))
    lines = [
        {"line": each.line, "event_id": each.event_id, "field": each.field, "reason": each.reason}
        for each in set_aside[:MOST_TOLD]
    ]
    told = asdict(report) | {"lines_set_aside": lines}
    here.database.write(lambda tx: _end(tx, act.act_id, told))
    return told


Booked = tuple[dict[str, Any], Callable[[], None]]


def _door(tx: Connection, here: Workplace, act: Act, _nodes: TimeNodes, _carrying: Carrying) -> Booked:
    if act.detail == NUMBER:
        found = carrier.collect_numbered(tx, here, act.subject, int(act.labels[0]), _offered(tx))
        return asdict(found) | {"taken": len(found.taken)}, _nothing
    found = carrier.collect_counted(tx, here, act.labels, _offered(tx))
    return asdict(found) | {"taken": len(found.taken)}, _nothing


def _retake(tx: Connection, here: Workplace, act: Act, _nodes: TimeNodes, _carrying: Carrying) -> Booked:
    return {"missing": station.take_back(tx, here, act.subject, act.labels)}, _nothing


def _receive(tx: Connection, here: Workplace, act: Act, _nodes: TimeNodes, carrying: Carrying) -> Booked:
    receipt = returns.receive_in(tx, here, act.labels, act.subject or None)
    return asdict(receipt), lambda: _put(carrying, receipt.received, table_place(here.station, returns.RETURNED))


def _send_again(tx: Connection, here: Workplace, act: Act, _nodes: TimeNodes, carrying: Carrying) -> Booked:
    label, tray = decisions.send_again_in(tx, here, act.subject)
    return {"label": label, "tray": tray}, lambda: _put(carrying, [label], tray_place(tray))


def _destroy(tx: Connection, here: Workplace, act: Act, nodes: TimeNodes, carrying: Carrying) -> Booked:
    done = decisions.destroy_in(tx, here, act.subject, remake=act.kind is ActKind.REMAKE, nodes=nodes)
    told = {"documents": len(done.serials), "remakes": len(done.remakes)}
    return told, lambda: _put(carrying, done.serials, table_place(here.station, VOIDED))


def _settle(tx: Connection, here: Workplace, act: Act, _nodes: TimeNodes, _carrying: Carrying) -> Booked:
    return asdict(explaining.settle_in(tx, here, act.subject, Found(act.detail))), _nothing


_BOOKS: Final[Mapping[ActKind, Callable[[Connection, Workplace, Act, TimeNodes, Carrying], Booked]]] = {
    ActKind.DOOR: _door,
    ActKind.RETAKE: _retake,
    ActKind.RECEIVE: _receive,
    ActKind.SEND_AGAIN: _send_again,
    ActKind.DESTROY: _destroy,
    ActKind.REMAKE: _destroy,
    ActKind.SETTLE: _settle,
}


def _loaded(here: Workplace, act: Act, driver: CarrierDesk | None) -> dict[str, list[str]]:
    """Have EMULATED hands load what the driver counted, before it is signed for; tray to labels."""
    if driver is None:
        return {}
    with here.database.read() as conn:
        at = {tray_of(offer): offered_labels(conn, handoff) for handoff, offer in _offered(conn).items()}
        numbered = _offered(conn).get(act.subject) if act.detail == NUMBER else None
    counted = {tray: [label for label in act.labels if label in expected] for tray, expected in at.items()}
    if act.detail == NUMBER:
        tray = "" if numbered is None else tray_of(numbered)
        counted = {tray: list(at[tray])} if tray in at and len(at[tray]) == int(act.labels[0]) else {}
    for tray, labels in counted.items():
        driver.load(labels, tray_place(tray))
    return counted


def _check_door(conn: Connection, signed: Signed) -> None:
    if signed.detail == NUMBER:
        offer = _offered(conn).get(signed.subject)
        if offer is None:
            raise NothingAtTheDoorError((signed.subject,))
        if signed.second is not None and offer.person == signed.second.code:
            raise SamePersonError("accept", signed.second.code)
        return
    labels = dict.fromkeys(signed.labels)
    units = parcel_units(conn, list(labels))
    if unknown := [label for label in labels if label not in units]:
        raise UnknownParcelsError(tuple(unknown[:20]))
    offered = _offered(conn)
    touched = [each for each in offered if not labels.keys().isdisjoint(offered_labels(conn, each))]
    if not touched:
        raise NothingAtTheDoorError(tuple(labels))
    for each in touched:
        # Custody refuses it too, but then the driver would be gone.
        if signed.second is not None and offered[each].person == signed.second.code:
            raise SamePersonError("accept", signed.second.code)


def _offered(conn: Connection) -> dict[str, OpenOffer]:
    return {offer.handoff_id: offer for offer in offers.waiting(conn, station.CARRIER)}


def _signed(workplace: Workplace, act: Act) -> Workplace:
    """The workplace with those who signed, and for acts of one hand somebody of the station beside them."""
    people = tuple(dict.fromkeys([*act.hands, *workplace.people]))
    return workplace.at(workplace.station, people, act.hands)


def _put(carrying: Carrying, numbers: Sequence[str], place: str) -> None:
    if carrying.mailer is not None and numbers:
        carrying.mailer.put(numbers, place)


def _nothing() -> None:
    pass


def _end(tx: Connection, act_id: str, told: Mapping[str, Any], refusal: str | None = None) -> None:
    _END.run(tx, {"act_id": act_id, "now_us": clock_us(tx), "refusal": refusal, "told": json.dumps(told)})


def _act(conn: Connection, act_id: str) -> Act | None:
    row = _FIND.run(conn, {"act_id": act_id}).fetchone()
    return None if row is None else Act(row[0], ActKind(row[1]), *row[2:])


def _codes(signed: Signed) -> Iterable[str]:
    codes = (signed.first.code,) if signed.second is None else (signed.first.code, signed.second.code)
    return reversed(codes) if signed.kind is ActKind.DOOR else codes


def _read(content: str) -> Iterator[Line | SetAside]:
    for line in content.splitlines():
        number, *said = json.loads(line)
        yield Line(number, Told.model_validate(said[0])) if len(said) == 1 else SetAside(number, *said)
