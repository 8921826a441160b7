"""What became of each roll, and whether machine, books and the counts of people agree; read-only and quick to start."""

from collections.abc import Sequence
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Final, TypedDict

from handoff_logs.reading import Reading, Row
from stations.rolls import rules
from stations.rolls.projection import FACTS
from stations.rolls.rules import RollAct

STEPS: Final = """
SELECT step.number, step.step, step.act, step.person, step.second_person, step.shift, step.machine,
       step.machine_serial, step.journal_id, step.good, step.rejected, step.machine_step, step.made, step.spoiled,
       step.unsure, step.left_pieces, step.reason, step.at_us, step.emulated, roll.kind, roll.pieces, roll.note
FROM roll JOIN roll_step AS step ON step.number = roll.number ORDER BY roll.number, step.step
"""
SINCE: Final = """
SELECT coalesce(sum(CASE WHEN outcome = 'good' THEN 1 ELSE 0 END), 0) AS made,
       coalesce(sum(CASE WHEN outcome = 'good' THEN 0 ELSE 1 END), 0) AS spoiled
FROM (SELECT outcome FROM job WHERE machine = :machine AND outcome IN ('good', 'failed') AND result_us >= :since_us
    UNION ALL
    SELECT outcome FROM job WHERE machine = :machine AND outcome = 'specimen' AND result_us >= :since_us) AS booked
"""
CHANGED: Final = "the log says otherwise of it: passline logs verify"


class RollRow(TypedDict):
    """One roll: `state` is what happened last, at `place`, for which `answers` answers; both are empty once it ended.

    `used`: pieces that the machine's own counters say it let out while this roll was on, taken off meanwhile;
    `made`, `spoiled`: documents, and pieces that became none (specimens too), booked in that time and since it was
    mounted;
    `unsure`: booked pieces that the counters may have or not. `left`: what two people counted on it at its end.
    `findings`: where those do not agree, and where the log says otherwise than the tables.
    """

    number: str
    kind: str
    pieces: int
    state: str
    place: str
    answers: str
    since_us: int
    used: int
    made: int
    spoiled: int
    unsure: int
    left: int | None
    findings: list[str]
    emulated: bool


def rolls(reading: Reading) -> list[RollRow]:
    """Every roll by its number; the log, which is sealed, is held against the rows of each."""
    changed = {row["subject"] for row in reading.rows(FACTS)}
    found = [
        _row(reading, list(steps), changed=number in changed)
        for number, steps in groupby(reading.rows(STEPS), key=itemgetter("number"))
    ]
    gone = changed - {row["number"] for row in found}
    return sorted([*found, *map(_vanished, gone)], key=itemgetter("number"))


def _row(reading: Reading, steps: Sequence[Row], *, changed: bool) -> RollRow:
    last, act = steps[-1], RollAct(steps[-1]["act"])
    findings = [CHANGED] if changed else []
    used = 0
    for on, off in pairwise(steps):
        if off["act"] == RollAct.TAKEN_OFF:
            counted, finding = _counted(on, off)
            used += counted
            findings += finding
    made, spoiled, unsure = (sum(step[name] or 0 for step in steps) for name in ("made", "spoiled", "unsure"))
    if act is RollAct.MOUNTED:
        (since,) = reading.rows(SINCE, machine=last["machine"], since_us=last["at_us"])
        made, spoiled = made + int(since["made"]), spoiled + int(since["spoiled"])
    if act is RollAct.DESTROYED:
        gone = last["pieces"] - last["left_pieces"]
        if beyond := rules.beyond(gone, made, made + spoiled + unsure):
            findings.append(f"roll {beyond:+}: {gone} pieces are gone, {_explained(made, spoiled + unsure)} are booked")
    return RollRow(
        number=last["number"],
        kind=last["kind"],
        pieces=last["pieces"],
        state=act.value,
        place=rules.place(act, last["machine"]),
        answers="" if act in rules.ENDED else last["second_person" if act in rules.TAKEN_OVER else "person"],
        since_us=last["at_us"],
        used=used,
        made=made,
        spoiled=spoiled,
        unsure=unsure,
        left=last["left_pieces"],
        findings=findings,
        emulated=any(step["emulated"] for step in steps),
    )


def _counted(on: Row, off: Row) -> tuple[int, list[str]]:
    """How many pieces a machine counted between mounting and taking off, and what does not agree with that."""
    if off["good"] is None:
        return 0, [f"{off['machine']}: its counters were not read when it was taken off"]
    memory = itemgetter("machine_serial", "journal_id")
    used = off["good"] - on["good"] + off["rejected"] - on["rejected"]
    if memory(on) != memory(off) or off["good"] < on["good"] or off["rejected"] < on["rejected"]:
        return 0, [f"{off['machine']}: its counters are not those of the mounting"]
    booked = off["made"] + off["spoiled"]
    if beyond := rules.beyond(used, booked, booked + off["unsure"]):
        return used, [
            f"{off['machine']} {beyond:+}: it counted {used} pieces, {_explained(booked, off['unsure'])} are booked"
        ]
    return used, []


def _explained(least: int, unsure: int) -> str:
    return f"{least} to {least + unsure}" if unsure else str(least)


def _vanished(number: str) -> RollRow:
    return RollRow(
        number=number,
        kind="",
        pieces=0,
        state="unknown",
        place="",
        answers="",
        since_us=0,
        used=0,
        made=0,
        spoiled=0,
        unsure=0,
        left=None,
        findings=[CHANGED],
        emulated=False,
    )
