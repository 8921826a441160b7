"""Question 17: what was looked up, by whom, as it was recorded before it was answered."""

from typing import TypedDict

from handoff_logs.questions.answers import LAST_US, Answer, by_sql, whenever
from handoff_logs.reading import Reading


class Lookup(TypedDict):
    """One look-up. `parameters`: JSON of what was asked with; numbers and names stand in it under a pseudonym."""

    seq: int
    asked_us: int
    reader: str
    question: str
    parameters: str


_LOOKUPS = """
SELECT seq, asked_us, reader, question, parameters FROM audit_lookup
WHERE seq < :after_seq AND asked_us >= :from_us AND asked_us < :to_us {filters}
ORDER BY seq DESC LIMIT :page
"""
# A number is given as what stands for it in the records: this function has no key to hide it with.
_FILTERS = {
    "reader": "reader = :reader",
    "question": "question = :question",
    "number": "parameters LIKE '%' || :number || '%'",
}


def lookups(
    reading: Reading,
    *,
    reader: str | None = None,
    question: str | None = None,
    number: str | None = None,
    from_us: int | None = None,
    to_us: int | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> Answer[Lookup]:
    """List who looked up what, newest first; this question too is recorded. Raises BadCursorError."""
    return by_sql(
        reading, Lookup, _LOOKUPS, ("seq",), (LAST_US,), name="lookups", after=after, limit=limit,
        period=whenever(from_us, to_us), newest_first=True, conditions=_FILTERS, reader=reader, question=question,
        number=number,
    )  # fmt: skip
