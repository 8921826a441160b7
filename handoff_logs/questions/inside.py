"""Question 18: who was inside the core area when, as the gate recorded it or two people settled it."""

from typing import TypedDict

from handoff_logs.questions.answers import Answer, by_sql, now_us
from handoff_logs.reading import Reading


class Stay(TypedDict):
    """One stay inside, still going on where `left_us` is None; a passage that two people settled has no machine."""

    seq: int
    person: str
    entered_us: int
    left_us: int | None
    machine: str | None
    left_machine: str | None
    reason: str | None
    left_reason: str | None
    event_id: str
    left_event_id: str | None
    emulated: bool


# `+`: by the index of the few entries of the gate, not through the whole log in its order.
_STAYS = """
SELECT event.seq, said.subject AS person, event.happened_us AS entered_us, gone.happened_us AS left_us, event.machine,
       gone.machine AS left_machine, event.reason, gone.reason AS left_reason, event.event_id,
       gone.event_id AS left_event_id, event.emulated
FROM custody_register AS said JOIN custody_event AS event ON event.event_id = said.event_id
LEFT JOIN custody_register AS way_out ON way_out.register = 'gate' AND way_out.subject = said.subject
    AND way_out.field = 'left-' || substr(said.field, 9)
LEFT JOIN custody_event AS gone ON gone.event_id = way_out.event_id
WHERE said.register = 'gate' AND substr(said.field, 1, 8) = 'entered-' AND +event.seq > :after_seq {filters}
ORDER BY +event.seq LIMIT :page
"""
_FILTERS = {
    "at_us": "event.happened_us <= :at_us AND coalesce(gone.happened_us > :at_us, TRUE)",
    "person": "said.subject = :person",
}


def inside(
    reading: Reading,
    *,
    at_us: int | None = None,
    person: str | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> Answer[Stay]:
    """List who was inside the core area, in the order of entering, with every stay's beginning and end.

    Without a time: now, or of a `person` (staff code) every stay. Raises BadCursorError.
    """
    if at_us is None and person is None:
        at_us = now_us()
    return by_sql(
        reading, Stay, _STAYS, ("seq",), (-1,), name="inside", after=after, limit=limit, conditions=_FILTERS,
        at_us=at_us, person=person,
    )  # fmt: skip
