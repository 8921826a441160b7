"""A custody event with its unit rows as EPCIS events. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from handoff_logs.epcis.identifiers import Identifiers, event_uri
from handoff_logs.epcis.meanings import (
    LOADED,
    NOT_BORN,
    SURPLUS,
    SURPLUS_SETTLED,
    UNLOADED,
    Meaning,
    meaning_of,
    meanings_beside,
)
from handoff_logs.epcis.vocabulary import AGGREGATION, POSSESSING
from handoff_logs.records import Act, CaseKind, Kind, State

Row = dict[str, Any]
EpcisEvent = dict[str, Any]

CENTRE_OFFSET = "+08:00"
"""China has one time."""
TIME_DIGITS = 16
"""Most digits of a corrected time in microseconds: to the year 2286."""

_ANSWERED_BY_RECEIVER = frozenset({Act.ACCEPT, Act.REFUSE})
_TRAYED = frozenset({Act.SPLIT, Act.MERGE})
_TWO_SIDED = frozenset({Act.OFFER, Act.ACCEPT, Act.REFUSE, Act.WITHDRAW, Act.TAKE_BACK})
_STANDING = frozenset({State.HELD, State.PACKED, State.VOID, State.DOUBT, State.OUTSIDE})
"""States in which a unit is somewhere; an offered one is on its way, a missing one nobody knows where."""
_EPOCH = datetime(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class CustodyRecord:
    """One custody event and what is needed to tell it.

    `event`: its columns. `units`: its rows by position, each with `number`, `state_before` (`none` at birth),
    `station_before` and `tray_before` (the tray it was in, if any). `cases`: what it opened, or the one it closed.
    `corrected`: the record that a `correct` names. `corrections`: `event_id` and `written_us` of those that name this
    one. `seal`: origin and leaf, once sealed.
    """

    event: Row
    units: tuple[Row, ...]
    cases: tuple[Row, ...] = ()
    corrected: "CustodyRecord | None" = None
    corrections: tuple[Row, ...] = ()
    seal: tuple[str, int] | None = None


class Mapping:
    """Tells custody records in EPCIS with one centre's identifiers; `offset` is its local time, as `+08:00`."""

    def __init__(self, identifiers: Identifiers, offset: str = CENTRE_OFFSET) -> None:
        self._ids, self._offset = identifiers, offset

    def events(self, record: CustodyRecord) -> list[EpcisEvent]:
        """Return one or more EPCIS events in the order they are to be read, none for an act on no unit.

        The first told of the act itself has the custody event's id as its eventID, the others that id and their
        number. A `correct` is told as what it names, put right; and what it names bears an errorDeclaration.
        """
        events = []
        for number, part in enumerate(self._parts(record)):
            stamped: EpcisEvent = {
                "eventID": event_uri(record.event["event_id"], number),
                "recordTime": self.time(record.event["written_us"]),
                "eventTimeZoneOffset": self._offset,
            }
            if record.corrections:
                stamped["errorDeclaration"] = self._declared(record.corrections, number)
            if record.seal is not None:
                stamped["passline:seal"] = {"passline:origin": record.seal[0], "passline:leaf": record.seal[1]}
            events.append((part.rank, part.event | stamped))
        return [event for _, event in sorted(events, key=lambda ranked: ranked[0])]

    def time(self, time_us: int) -> str:
        """Return microseconds UTC as local time with its offset.

        >>> Mapping(Identifiers("demo", bytes(32))).time(1_795_636_768_301_774)
        '2026-11-26T03:59:28.301774+08:00'
        """
        return f"{_wall(time_us, self._offset)}{self._offset}"

    def _parts(self, record: CustodyRecord) -> "list[_Part]":
        if record.corrected is not None:
            return self._corrective(record, record.corrected)
        own = [*self._main(record), *self._case_parts(record)]
        newborn = any(unit["state_before"] == NOT_BORN for unit in record.units)
        beside = [_Part(_BESIDE, event) for event in self._beside(record)]
        if record.event["act"] not in _TRAYED:
            entering = [unit for unit in record.units if _enters(unit, record.event["tray"])]
            beside += self._trays(record, entering, LOADED, _LOADED_NEW if newborn else _LOADED, record.event["tray"])
        for tray in dict.fromkeys(unit["tray_before"] for unit in record.units if _leaves(unit, record.event)):
            leaving = [unit for unit in record.units if _leaves(unit, record.event) and unit["tray_before"] == tray]
            beside += self._trays(record, leaving, UNLOADED, _UNLOADED, tray)
        return own + beside

    def _main(self, record: CustodyRecord) -> "list[_Part]":
        event = record.event
        if event["act"] == Act.TRANSFORM:
            return [_Part(_OWN, self._transformation(record))]
        if event["act"] in (Act.PACK, Act.UNPACK):
            return [_Part(_OWN, told) for told in self._parcels(record)]
        groups: dict[tuple[Any, ...], list[Row]] = {}
        for unit in record.units:
            meaning = meaning_of(*_circumstances(event, unit))
            if meaning is not None:
                origin = unit["station_before"] if event["act"] == Act.RECEIVE else None
                groups.setdefault((meaning, unit["station"], unit["place"], origin), []).append(unit)
        told = []
        for (meaning, _, _, origin), units in groups.items():
            if meaning.type == AGGREGATION:
                told += self._trays(record, units, meaning, _OWN, event["tray"])
            else:
                told.append(_Part(_OWN, self._object(record, meaning, units) | self._parties(event, origin)))
        return told

    def _beside(self, record: CustodyRecord) -> Iterable[EpcisEvent]:
        groups: dict[Meaning, list[Row]] = {}
        for unit in record.units:
            for meaning in meanings_beside(*_circumstances(record.event, unit)):
                groups.setdefault(meaning, []).append(unit)
        for meaning, units in groups.items():
            yield self._object(record, meaning, units)

    def _case_parts(self, record: CustodyRecord) -> "list[_Part]":
        """Units that a count found too many, which the act moved nowhere."""
        moved = {unit["unit_id"] for unit in record.units}
        told = []
        for case in record.cases:
            if case["unit_id"] in moved or case["kind"] == CaseKind.MISSING:
                continue
            meaning = SURPLUS_SETTLED if record.event["act"] == Act.SETTLE else SURPLUS
            event = self._common(record, meaning, [], [case]) | {
                "epcList": [self._epc(case | {"kind": case["unit_kind"]})]
            }
            told.append(_Part(_OWN, event | self._parties(record.event, None)))
        return told

    def _object(self, record: CustodyRecord, meaning: Meaning, units: Sequence[Row]) -> EpcisEvent:
        return self._common(record, meaning, units) | {"epcList": [self._epc(unit) for unit in units]}

    def _transformation(self, record: CustodyRecord) -> EpcisEvent:
        made = [unit for unit in record.units if unit["state_before"] == NOT_BORN]
        used = [unit for unit in record.units if unit["state_before"] != NOT_BORN]
        meaning = meaning_of(*_circumstances(record.event, record.units[-1]))
        assert meaning is not None  # noqa: S101 the table has one row for every transform
        return self._common(record, meaning, made) | {
            "inputEPCList": [self._epc(unit) for unit in used],
            "outputEPCList": [self._epc(unit) for unit in made],
        }

    def _parcels(self, record: CustodyRecord) -> Iterable[EpcisEvent]:
        contents: dict[str | None, list[Row]] = {}
        parcels = [unit for unit in record.units if unit["kind"] == Kind.PARCEL]
        for unit in record.units:
            if unit["kind"] != Kind.PARCEL:
                # One parcel is opened at a time, so that what comes out of it needs no name for it.
                opened = parcels[0]["unit_id"] if record.event["act"] == Act.UNPACK else unit["container"]
                contents.setdefault(opened, []).append(unit)
        for parcel in parcels:
            inside = contents[parcel["unit_id"]]
            meaning = meaning_of(*_circumstances(record.event, parcel))
            assert meaning is not None  # noqa: S101 the table has one row for every pack and unpack
            yield self._common(record, meaning, inside) | {
                "parentID": self._epc(parcel),
                "childEPCs": [self._epc(unit) for unit in inside],
            }

    def _trays(
        self, record: CustodyRecord, units: Sequence[Row], meaning: Meaning, rank: int, tray: str
    ) -> "list[_Part]":
        if not units:
            return []
        event = self._common(record, meaning, units)
        children = [self._epc(unit) for unit in units]
        return [_Part(rank, event | {"parentID": self._ids.tray(tray), "childEPCs": children})]

    def _corrective(self, record: CustodyRecord, corrected: CustodyRecord) -> "list[_Part]":
        """The record that was wrong, told once more with its fact put right, and who put it right."""
        event = record.event
        facts = {
            "passline:corrects": event_uri(event["corrects"]),
            "passline:correctedField": event["corrects_field"],
            "passline:correctedBy": event["person"],
            "passline:correctionTime": self.time(event["happened_us"]),
            "passline:correctionReason": event["reason"],
        }
        if event["emulated"]:
            facts["passline:emulated"] = True
        parts = self._parts(put_right(corrected, event["corrects_field"], event["corrects_value"]))
        return [_Part(part.rank, part.event | _present(facts)) for part in parts]

    def _common(
        self, record: CustodyRecord, meaning: Meaning, units: Sequence[Row], cases: Sequence[Row] = ()
    ) -> EpcisEvent:
        """What every type of event says: why, when, where, and the line's own facts."""
        event = record.event
        receiver = event["act"] in _ANSWERED_BY_RECEIVER
        station = event["to_station"] if receiver else event["from_station"]
        place = event["to_place"] if receiver else event["to_place"] or event["from_place"]
        told: EpcisEvent = {
            "type": meaning.type,
            "eventTime": self.time(event["happened_us"]),
            "bizStep": meaning.biz_step,
            "disposition": meaning.disposition,
            "readPoint": {"id": self._ids.place(station, place)},
        }
        if meaning.action is not None:
            told["action"] = meaning.action
        if (location := self._location(units)) is not None:
            told["bizLocation"] = {"id": location}
        return told | self._facts(record, units, cases)

    def _location(self, units: Sequence[Row]) -> str | None:
        """Where the units are from now on, when they are in one place that is known."""
        places = {
            (unit["station"], None if unit["state"] == State.OUTSIDE else unit["place"])
            if unit["state"] in _STANDING
            else None
            for unit in units
        }
        only = places.pop() if len(places) == 1 else None
        return self._ids.place(*only) if only is not None else None

    def _facts(self, record: CustodyRecord, units: Sequence[Row], cases: Sequence[Row]) -> EpcisEvent:
        event = record.event
        named = {unit["unit_id"] for unit in units}
        about = [*cases, *(case for case in record.cases if case["unit_id"] in named)]
        facts = {
            "passline:act": event["act"],
            "passline:shift": event["shift"],
            "passline:person": event["person"],
            "passline:secondPerson": event["second_person"],
            "passline:machine": event["machine"],
            "passline:tray": event["tray"],
            "passline:countExpected": event["count_expected"],
            "passline:countCounted": event["count_counted"],
            "passline:handoff": event_uri(event["handoff_id"]) if event["act"] in _TWO_SIDED else None,
            "passline:priority": event["priority"],
            "passline:due": self.time(event["due_us"]) if event["due_us"] is not None else None,
            "passline:reason": event["reason"],
            "passline:condition": _common_value(units, "condition"),
            "passline:outcome": _common_value(units, "outcome"),
            "passline:case": [case["case_id"] for case in about] or None,
            "passline:caseKind": _common_value(about, "kind"),
            "passline:emulated": bool(event["emulated"]),
        }
        return _present(facts)

    def _parties(self, event: Row, origin: str | None) -> EpcisEvent:
        """Who had the units and who is to have them: stations; the people stand among the line's own facts."""
        source, destination = event["from_station"], event["to_station"]
        if event["act"] == Act.RECEIVE:
            source, destination = origin, event["from_station"]
        if destination is None:
            return {}
        parties: EpcisEvent = {"destinationList": [{"type": POSSESSING, "destination": self._ids.station(destination)}]}
        if source is not None:
            parties["sourceList"] = [{"type": POSSESSING, "source": self._ids.station(source)}]
        return parties

    def _declared(self, corrections: Sequence[Row], number: int) -> EpcisEvent:
        return {
            "declarationTime": self.time(max(row["written_us"] for row in corrections)),
            "reason": "incorrect_data",
            "correctiveEventIDs": [event_uri(row["event_id"], number) for row in corrections],
        }

    def _epc(self, unit: Row) -> str:
        return self._ids.unit(unit["kind"], unit["unit_id"], unit["number"])


def put_right(record: CustodyRecord, field: str, value: str) -> CustodyRecord:
    """Return the record as a correction says it should read; a value that is no time leaves the time as it was."""
    if field == "condition":
        return replace(record, units=tuple(unit | {"condition": value} for unit in record.units))
    if field == "happened_us":
        return replace(record, event=record.event | {"happened_us": corrected_time(value, record.event["happened_us"])})
    return replace(record, event=record.event | {field: value})


def corrected_time(value: str, otherwise_us: int) -> int:
    """Return the microseconds that a correction writes, or `otherwise_us` when it writes none.

    >>> corrected_time("1795636768301774", 0), corrected_time("noon", 7)
    (1795636768301774, 7)
    """
    return int(value) if value.isascii() and value.isdecimal() and len(value) <= TIME_DIGITS else otherwise_us


@dataclass(frozen=True, slots=True)
class _Part:
    """An event without its id, and when among its fellows it is to be read."""

    rank: int
    event: EpcisEvent


_UNLOADED, _BESIDE, _LOADED, _OWN, _LOADED_NEW = range(5)


def _circumstances(event: Row, unit: Row) -> tuple[str, str, str, str, str, str | None]:
    return event["act"], event["from_station"], unit["kind"], unit["state_before"], unit["state"], unit["outcome"]


def _enters(unit: Row, tray: str | None) -> bool:
    """Say whether the act brings a unit into a tray; what is packed lies in its parcel instead."""
    return tray is not None and unit["tray_before"] != tray and unit["state"] not in (State.PACKED, State.ENDED)


def _leaves(unit: Row, event: Row) -> bool:
    if unit["tray_before"] is None or unit["state"] == State.ENDED:
        return False
    return unit["state"] == State.PACKED or event["tray"] not in (None, unit["tray_before"])


def _common_value(rows: Sequence[Row], column: str) -> Any:
    values = {row[column] for row in rows}
    return values.pop() if len(values) == 1 else None


def _present(facts: EpcisEvent) -> EpcisEvent:
    return {name: value for name, value in facts.items() if value is not None}


@lru_cache(maxsize=4096)
def _wall(time_us: int, offset: str) -> str:
    hours, minutes = int(offset[1:3]), int(offset[4:6])
    shift = timedelta(hours=hours, minutes=minutes) * (-1 if offset[0] == "-" else 1)
    return (_EPOCH + timedelta(microseconds=time_us) + shift).isoformat(timespec="microseconds")
