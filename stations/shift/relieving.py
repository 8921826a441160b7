"""Relieving an absent custodian: by a lead, a witness and whoever takes over, on a blind count of what is there.

What was found passes to the reliever, who signs for it; what nobody found stays with the absent one, who signs in to
nothing until the shift is over.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, insert

from handoff_logs.database import Database
from handoff_logs.dialects import clock_us
from handoff_logs.log import Stamp
from handoff_logs.reading import Row
from handoff_logs.records import new_id
from stations.people import Role
from stations.shift import counting, rules
from stations.shift.acts import asking, one_at_a_time, open_shift_row, refuse_evacuated, written
from stations.shift.counting import Counted, Signers
from stations.shift.crews import unfit
from stations.shift.errors import (
    NoShiftOpenError,
    NothingToRelieveError,
    RelieverRefusedError,
    RelieverSignsError,
)
from stations.shift.passing import Hands, Listed, pass_on, to_list
from stations.shift.rules import Difference, Logged, Moment, What
from stations.shift.stops import CONTENT, HELD_PIECES, PEOPLE, RELIEVED
from stations.shift.tables import ShiftRelief
from stations.vault import pieces

REASON: Final = "relief"
"""Of the records by which what an absent person answered for passes."""


@dataclass(frozen=True, slots=True)
class Taking:
    """Who is absent, who takes over by which sign-in (None if they count, or are emulated), and why, as a code."""

    absent: str
    reliever: str
    reason: str
    sign_in: str | None = None


@dataclass(frozen=True, slots=True)
class Relieved:
    """What came of a relief: how many units passed at each station, what passed by list, what the count found."""

    relief_id: str
    count_id: str
    shift: str
    units: Mapping[str, int]
    passed: tuple[Listed, ...]
    differences: tuple[Difference, ...]


def check_relieve(conn: Connection, taking: Taking) -> tuple[Row, frozenset[str]]:
    """The open shift, and the stations where pieces of the absent person lie, which must be counted.

    Raises `NoShiftOpenError`, `LineEvacuatedError`, `ShiftReasonError`, `NothingToRelieveError`,
    `RelieverRefusedError`.
    """
    rules.check_reason(taking.reason)
    refuse_evacuated(conn)
    row = open_shift_row(conn)
    if row is None:
        raise NoShiftOpenError
    ask, emulated = asking(conn), bool(row["emulated"])
    asked = {"shift_id": row["shift_id"], "absent": taking.absent, "reliever": taking.reliever}
    relieved = {one["absent"] for one in ask(RELIEVED, **asked)}
    if taking.absent in relieved:
        raise NothingToRelieveError(taking.absent, "was relieved already")
    crew = {one["code"]: one["station"] for one in ask(PEOPLE, shift_id=row["shift_id"])}
    stations = {one["station"] for one in ask(CONTENT) if one["person"] == taking.absent}
    stations |= {one.station for one in to_list(conn, taking.absent)}
    if taking.absent not in crew and not stations:
        raise NothingToRelieveError(taking.absent, "stands in no crew of this shift and answers for nothing")
    if taking.absent in crew:
        stations.add(crew[taking.absent])
    if taking.reliever == taking.absent or taking.reliever in relieved:
        raise RelieverRefusedError(taking.reliever, "this person is absent")
    for station in sorted(stations):
        if why := _may_not_take_over(conn, taking.reliever, station, crew, emulated=emulated):
            raise RelieverRefusedError(taking.reliever, why)
    return row, frozenset(one["station"] for one in ask(HELD_PIECES, person=taking.absent))


def check_signers(taking: Taking, by: Signers) -> None:
    """Raise `RelieverSignsError` where the absent one signs, or who takes over is the witness."""
    for code, hand in ((by.first, "lead"), (by.second, "witness")):
        if code == taking.absent or (hand == "witness" and code == taking.reliever):
            raise RelieverSignsError(code, hand)


def relieve(database: Database, taking: Taking, count: Counted, by: Signers) -> Relieved:
    """Let the reliever answer for all that the absent person answered for and the count found there.

    `by`: the lead and the witness who counted. Offers and cases of the absent person pass by list. Raises as
    `check_relieve` and `check_signers`, `CountMissingError`, `CountTwiceError`, `ShiftMovedError`.
    """
    check_signers(taking, by)

    def work(tx: Connection) -> Relieved:
        one_at_a_time(tx)
        row, needed = check_relieve(tx, taking)
        rules.check_count(count.scans, count.stations, sorted(needed))
        emulated, now_us = bool(row["emulated"]), clock_us(tx)
        held = _held(tx, taking.absent)
        known = {scan.serial: one for scan in count.scans if (one := held.get(scan.serial)) is not None}
        others = [scan.serial for scan in count.scans if scan.serial not in known]
        for serial, piece in pieces.find(tx, others).items():
            known[serial] = Logged(serial, piece.unit_kind, piece.state, piece.station, piece.place)
        found = list(rules.compare_held(count.scans, held, known))
        count_id, _ = counting.record(tx, count, Moment.RELIEF, by, now_us, emulated=emulated, found=found)
        missing = {one.serial for one in found if one.what is What.MISSING}
        gone = {
            one["unit_id"]
            for one in asking(tx)(HELD_PIECES, person=taking.absent)
            if one["number"].partition("/")[0] in missing
        }
        content = [
            (one["station"], one["unit_id"])
            for one in asking(tx)(CONTENT)
            if one["person"] == taking.absent and one["unit_id"] not in gone
        ]
        passed = to_list(tx, taking.absent)
        # The lead's word stands beside the reliever's; where they are one, the witness's.
        beside, sign_in = (by.first, by.first_sign_in)
        taker_sign_in = taking.sign_in
        if taking.reliever == by.first:
            beside, sign_in, taker_sign_in = by.second, by.second_sign_in, by.first_sign_in
        stamp = Stamp(now_us, emulated, reason=REASON, second_sign_in=sign_in)
        hands = Hands(beside, taking.reliever, taker_sign_in, row["name"])
        units, facts = pass_on(tx, count_id, content, passed, hands, stamp)
        relief_id = new_id()
        tx.execute(
            insert(ShiftRelief).values(
                relief_id=relief_id,
                shift_id=row["shift_id"],
                absent=taking.absent,
                reliever=taking.reliever,
                sign_in=taking.sign_in,
                count_id=count_id,
                reason=taking.reason,
                relieved_us=now_us,
                emulated=emulated,
            )
        )
        said = f"{taking.absent} {taking.reliever} {now_us} {taking.reason} {row['shift_id']}"
        counting.note(tx, by, now_us, [*facts, (count_id, "relieved", said)], emulated=emulated)
        return Relieved(relief_id, count_id, row["name"], units, tuple(passed), tuple(found))

    return written(database, work)


def _may_not_take_over(
    conn: Connection, code: str, station: str, crew: Mapping[str, str], *, emulated: bool
) -> str | None:
    """Why a person can't answer for what is at a station: a lead can anywhere, others at their own."""
    if (at := crew.get(code, station)) != station:
        return f"this person stands at {at} in this shift, and what passes is at {station}"
    why = unfit(conn, code, station, emulated=emulated, also=frozenset({Role.LEAD}))
    return None if why is None else f"at {station}, {why}"


def _held(tx: Connection, person: str) -> dict[str, Logged]:
    """What lies at stations and a person answers for, by serial."""
    held = {}
    for one in asking(tx)(HELD_PIECES, person=person):
        serial = one["number"].partition("/")[0]
        held[serial] = Logged(serial, one["kind"], one["state"], one["station"], one["place"])
    return held
