"""How each reviewer works, for the lead: what was given to them, what they decided, let lapse, gave up and held.

In plain SQL. Somebody who let difficult ones lapse, or held them, would be picking: this shows it.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from handoff_logs.reading import Reading
from stations.review.items import ITEM_OF

_LEASES: Final = """
SELECT reviewer || '' AS reviewer, count(*) AS leased,
    sum(CASE WHEN ended_how = 'given_up' THEN 1 ELSE 0 END) AS given_up,
    sum(CASE WHEN ended_how = 'lapsed' OR (ended_us IS NULL AND until_us <= :now_us) THEN 1 ELSE 0 END) AS lapsed,
    sum(CASE WHEN ended_us IS NULL AND until_us > :now_us THEN 1 ELSE 0 END) AS in_hand
FROM review_lease WHERE leased_us >= :since_us GROUP BY 1 ORDER BY 1
"""
"""The empty word keeps SQLite from reading the whole table in the order of an index on reviewers."""
_DECISIONS: Final = """
SELECT reviewer, CASE WHEN undone_us IS NULL THEN outcome ELSE 'undone' END AS outcome, count(*) AS decided
FROM review_decision WHERE stored_us >= :since_us GROUP BY 1, 2
"""
_NOBODYS: Final = """
SELECT a.application_id FROM whereabouts AS w JOIN application AS a ON a.order_unit = w.unit_id
WHERE w.station = 'review' AND w.state = 'held' AND w.kind = 'order' AND w.place = 'input' AND a.state = 'waiting'
AND EXISTS (SELECT 1 FROM review_lease AS l WHERE l.application_id = a.application_id)
AND NOT EXISTS (SELECT 1 FROM review_lease AS l WHERE l.application_id = a.application_id AND l.ended_us IS NULL)
AND NOT EXISTS (SELECT 1 FROM review_decision AS d WHERE d.application_id = a.application_id AND d.undone_us IS NULL
    AND NOT EXISTS (SELECT 1 FROM review_verdict AS v WHERE v.application_id = d.application_id
        AND v.revision = d.revision AND v.round = d.round))
AND NOT EXISTS (SELECT 1 FROM person AS p JOIN person_role AS r ON r.code = p.code AND r.role = 'reviewer'
    WHERE p.ended_us IS NULL
    AND NOT EXISTS (SELECT 1 FROM review_lease AS l WHERE l.application_id = a.application_id AND l.reviewer = p.code
        AND l.ended_how IN ('lapsed', 'given_up'))
    AND NOT EXISTS (SELECT 1 FROM review_decision AS d WHERE d.application_id = a.application_id
        AND d.reviewer = p.code AND d.undone_us IS NULL AND d.outcome = 'hold')
    AND NOT EXISTS (SELECT 1 FROM review_verdict AS v WHERE v.application_id = a.application_id
        AND v.reviewer = p.code))
ORDER BY a.priority, w.due_us, a.application_id
"""
_SECONDS: Final = """
SELECT first.reviewer || '' AS reviewer, count(*) AS seconds,
    sum(CASE WHEN again.outcome <> 'pass' THEN 1 ELSE 0 END) AS differed
FROM review_second AS s
JOIN review_verdict AS first
    ON first.application_id = s.application_id AND first.revision = s.revision AND first.round = s.round
LEFT JOIN review_verdict AS again
    ON again.application_id = s.application_id AND again.revision = s.revision AND again.round = s.round + 1
WHERE s.chosen_us >= :since_us GROUP BY 1
"""
_AGAIN: Final = """
SELECT d.outcome, d.reasons, CASE WHEN d.undone_us IS NULL THEN 0 ELSE 1 END AS undone
FROM review_second AS s JOIN review_lease AS l
    ON l.application_id = s.application_id AND l.revision = s.revision AND l.round = s.round + 1
JOIN review_decision AS d ON d.lease_id = l.lease_id
WHERE s.chosen_us >= :since_us
UNION ALL
SELECT v.outcome, v.reasons, 0 FROM review_second AS s JOIN review_verdict AS v
    ON v.application_id = s.application_id AND v.revision = s.revision AND v.round = s.round + 1
WHERE s.chosen_us >= :since_us AND NOT EXISTS (SELECT 1 FROM review_decision AS d
    WHERE d.application_id = v.application_id AND d.revision = v.revision AND d.round = v.round AND d.undone_us IS NULL)
"""
"""Second looks: at the desk, and those of emulated staff, which has no desk."""
QUESTIONS: Final = (_LEASES, _DECISIONS, _NOBODYS, _SECONDS, _AGAIN)


@dataclass(frozen=True, slots=True)
class Rate:
    """One reviewer over a time; `undone` verdicts are in none of the other counts of verdicts.

    `seconds`: passes of theirs that another decides again; `differed`: of these, those that the other did not pass.
    """

    reviewer: str
    leased: int
    in_hand: int
    passed: int
    returned: int
    held: int
    undone: int
    lapsed: int
    given_up: int
    seconds: int = 0
    differed: int = 0

    @property
    def decided(self) -> int:
        """Verdicts that stand."""
        return self.passed + self.returned + self.held

    @property
    def left_share(self) -> float:
        """The share of what was given to them that they let lapse or gave up, 0 to 1."""
        return (self.lapsed + self.given_up) / self.leased if self.leased else 0.0

    @property
    def held_share(self) -> float:
        """The share of holds among their verdicts, 0 to 1."""
        return self.held / self.decided if self.decided else 0.0


@dataclass(frozen=True, slots=True)
class Differing:
    """What second looks caught of one item: `differed` of `seconds` that stand; `taken_back` were undone again."""

    item: str
    differed: int
    taken_back: int
    seconds: int

    @property
    def share(self) -> float:
        """The share of second looks that did not pass for this item, 0 to 1."""
        return self.differed / self.seconds if self.seconds else 0.0


def differing(reading: Reading, since_us: int) -> list[Differing]:
    """What second looks at passes chosen since caught, the most frequent item first; never whose the passes were."""
    caught: Counter[tuple[str, int]] = Counter()
    seconds = 0
    for row in reading.rows(_AGAIN, since_us=since_us):
        seconds += 0 if row["undone"] else 1
        items = {ITEM_OF[reason].code for reason in row["reasons"].split()} if row["outcome"] != "pass" else set()
        caught.update((item, row["undone"]) for item in items)
    found = [Differing(item, caught[item, 0], caught[item, 1], seconds) for item in {item for item, _ in caught}]
    return sorted(found, key=lambda each: (-each.differed, -each.taken_back, each.item))


def rates(reading: Reading, since_us: int, now_us: int) -> list[Rate]:
    """Each reviewer to whom something was given since, by code. Microseconds UTC."""
    decided: dict[tuple[str, str], int] = {
        (row["reviewer"], row["outcome"]): row["decided"] for row in reading.rows(_DECISIONS, since_us=since_us)
    }
    leased: dict[str, Mapping[str, int]] = {
        row["reviewer"]: row for row in reading.rows(_LEASES, since_us=since_us, now_us=now_us)
    }
    again: dict[str, Mapping[str, int]] = {row["reviewer"]: row for row in reading.rows(_SECONDS, since_us=since_us)}
    return [
        Rate(
            reviewer=code,
            leased=row["leased"],
            in_hand=row["in_hand"],
            passed=decided.get((code, "pass"), 0),
            returned=decided.get((code, "return"), 0),
            held=decided.get((code, "hold"), 0),
            undone=decided.get((code, "undone"), 0),
            lapsed=row["lapsed"],
            given_up=row["given_up"],
            seconds=again[code]["seconds"] if code in again else 0,
            differed=again[code]["differed"] if code in again else 0,
        )
        for code, row in leased.items()
    ]


def nobodys(reading: Reading) -> list[str]:
    """Applications that wait and that no reviewer of the register may be given: each of them had it and let it go."""
    return [str(row["application_id"]) for row in reading.rows(_NOBODYS)]
