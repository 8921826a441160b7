"""How an application's deadline came to be what it is: each change, and what differed in the terms of its reckoning."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from flows.errors import NumberNotOnFileError
from handoff_logs.reading import Reading

OF_NUMBER: Final = """
SELECT unit_number.number, application.application_id, application.deadline_us, application.provisional
FROM unit_number JOIN application ON application.order_unit = unit_number.unit_id
WHERE unit_number.kind = 'order' AND (number = :number OR (number > :number || '/' AND number < :number || '0'))
ORDER BY number
"""
"""Its revisions and remakes bear the number with a slash behind it."""
CHANGES: Final = """
SELECT change.before_us, change.before_provisional, change.after_us, change.after_provisional, change.changed_us,
       why.digest, why.terms, earlier.terms AS earlier_terms, green.approver, green.reason
FROM deadline_change AS change
JOIN deadline_reckoning AS why ON why.position = change.reckoning
LEFT JOIN deadline_reckoning AS earlier ON earlier.position = why.position - 1
LEFT JOIN green_channel AS green
    ON green.application_id = change.application_id AND green.deadline_change = change.position
WHERE change.application_id = :application_id ORDER BY change.position
"""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a deadline; `why` says what the terms had that those before had not."""

    changed_us: int
    before_us: int
    before_provisional: bool
    after_us: int
    after_provisional: bool
    calendar: str
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class History:
    """One revision of an application: its deadline now, and how it came to that."""

    number: str
    deadline_us: int
    provisional: bool
    changes: tuple[Change, ...]


def histories(reading: Reading, number: str) -> list[History]:
    """The revisions of an application on file, by its number. Raises NumberNotOnFileError."""
    found = reading.rows(OF_NUMBER, number=number)
    if not found:
        raise NumberNotOnFileError(number)
    return [
        History(
            row["number"],
            row["deadline_us"],
            bool(row["provisional"]),
            tuple(_change(each) for each in reading.rows(CHANGES, application_id=row["application_id"])),
        )
        for row in found
    ]


def _change(row: dict[str, Any]) -> Change:
    green = f"raised to the green channel by {row['approver']} ({row['reason']})" if row["approver"] else None
    earlier = json.loads(row["earlier_terms"]) if row["earlier_terms"] else {}
    return Change(
        changed_us=row["changed_us"],
        before_us=row["before_us"],
        before_provisional=bool(row["before_provisional"]),
        after_us=row["after_us"],
        after_provisional=bool(row["after_provisional"]),
        calendar=row["digest"],
        why=(green,) if green else tuple(_differing(earlier, json.loads(row["terms"]))),
    )


def _differing(earlier: dict[str, Any], terms: dict[str, Any]) -> Iterator[str]:
    """What the terms say that earlier ones did not, and what they say no longer.

    >>> was = {"accepts_until": "18:00", "complete_years": [], "days": {"2027-01-02": "workday"}, "published": "a 1"}
    >>> list(_differing(was, was | {"complete_years": [2027], "days": {"2027-01-01": "holiday"}}))
    ['2027-01-01 is a holiday', '2027-01-02 is as published again', '2027 is complete']
    """
    days, had = terms["days"], earlier.get("days", {})
    for day in sorted(days.keys() | had.keys()):
        if days.get(day) != had.get(day):
            yield f"{day} is a {days[day]}" if day in days else f"{day} is as published again"
    years, known = set(terms["complete_years"]), set(earlier.get("complete_years", []))
    yield from (f"{year} is complete" for year in sorted(years - known))
    yield from (f"{year} is complete no longer" for year in sorted(known - years))
    if earlier.get("published", terms["published"]) != terms["published"]:
        yield f"published days are those of {terms['published']}"
    if earlier.get("accepts_until", terms["accepts_until"]) != terms["accepts_until"]:
        yield f"acceptances count as of their day until {terms['accepts_until']}"
