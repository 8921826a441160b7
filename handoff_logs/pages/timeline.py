"""A number's custody as a time line: acts in the log's order, both sides of each handoff together, with their seals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from handoff_logs.pages.evidence import Seal, evidence
from handoff_logs.reading import Reading, Row
from handoff_logs.records import Act as ActName

_CASES: Final = """
SELECT opened.case_id, opened.kind, opened.unit_id, opened.station, opened.opened_us, opened.handoff_id,
       settle.happened_us AS settled_us, settle.person, settle.second_person, settle.reason, unit.outcome
FROM custody_case AS opened
LEFT JOIN custody_event AS settle ON settle.case_id = opened.case_id
LEFT JOIN custody_unit AS unit ON unit.event_id = settle.event_id AND unit.unit_id = opened.unit_id
WHERE opened.unit_id = :unit_id ORDER BY opened.opened_us, opened.case_id
"""


@dataclass(frozen=True, slots=True)
class Act:
    """One record, as far as these units are in it; `others` counts its further units."""

    facts: Mapping[str, Any]
    units: tuple[Row, ...]
    seal: Seal
    others: int
    corrections: Sequence[Row]

    @property
    def late_s(self) -> float | None:
        """By how many seconds it happened after its due time; None if it did not."""
        due, happened = self.facts["due_us"], self.facts["happened_us"]
        return (happened - due) / 1_000_000 if due is not None and happened > due else None

    @property
    def counts_differ(self) -> bool:
        """Whether another number was counted than expected."""
        return bool(self.facts["count_counted"] != self.facts["count_expected"])


@dataclass(slots=True)
class Entry:
    """A line of the time line: an act of one side, or an offer with what answered it."""

    act: Act
    answers: list[Act] = field(default_factory=list)

    @property
    def handoff(self) -> bool:
        """Whether it is an offer, which has two sides."""
        return bool(self.act.facts["act"] == ActName.OFFER)

    @property
    def acts(self) -> list[Act]:
        """Its acts, the offer first."""
        return [self.act, *self.answers]


@dataclass(frozen=True, slots=True)
class Custody:
    """Everything the log has of a number: the units' latest rows, the time line, count differences by unit."""

    units: tuple[Row, ...]
    entries: tuple[Entry, ...]
    cases: tuple[Row, ...]

    @property
    def acts(self) -> list[Act]:
        """All acts of the time line."""
        return [act for entry in self.entries for act in entry.acts]

    @property
    def sealed(self) -> int:
        """How many acts are under a signed root."""
        return sum(act.seal.size is not None for act in self.acts)

    @property
    def witnessed(self) -> int:
        """How many acts a witness has seen the log reach over."""
        return sum(bool(act.seal.witnessed) for act in self.acts)


def custody(reading: Reading, steps: Sequence[Row]) -> Custody:
    """Arrange the rows that `questions.document` gave, in their order."""
    beside = evidence(reading, (row["seq"] for row in steps))
    entries: list[Entry] = []
    offers: dict[str, Entry] = {}
    for seq, rows in groupby(steps, key=lambda row: row["seq"]):
        act = _act(list(rows), beside[seq])
        offer = offers.get(act.facts["offer_id"] or "")
        if offer is not None:
            offer.answers.append(act)
            continue
        entry = Entry(act)
        if entry.handoff:
            offers[act.facts["event_id"]] = entry
        entries.append(entry)
    latest = {row["unit_id"]: row for row in steps}
    names = {unit_id: row["number"] or unit_id for unit_id, row in latest.items()}
    units = tuple(row | {"inside": names.get(row["container"] or "")} for row in latest.values())
    cases = tuple(
        case | {"number": names[unit_id], "unit_kind": latest[unit_id]["kind"]}
        for unit_id in latest
        for case in reading.rows(_CASES, unit_id=unit_id)
    )
    return Custody(units, tuple(entries), cases)


def _act(rows: list[Row], beside: Row) -> Act:
    others = (beside["last_position"] or 0) - len(rows)
    return Act(rows[0] | beside, tuple(rows), beside["seal"], max(others, 0), beside["corrections"])
