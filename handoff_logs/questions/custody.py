"""Questions 1 and 2: the whole custody of a number, and who held it at a time."""

from collections.abc import Iterable
from typing import TypedDict

from handoff_logs.errors import UnitElsewhereError
from handoff_logs.questions.answers import Answer, Period, now_us, of_rows, whenever
from handoff_logs.reading import Reading, Row


class Step(TypedDict):
    """One step of one unit, with the act that made it."""

    seq: int
    position: int
    unit_id: str
    step: int
    kind: str
    number: str | None
    act: str
    state: str
    station: str
    place: str
    person: str
    second_person: str | None
    from_station: str
    to_station: str | None
    machine: str | None
    shift: str
    tray: str | None
    reason: str | None
    outcome: str | None
    handoff_id: str | None
    container: str | None
    event_id: str
    happened_us: int
    due_us: int | None
    written_us: int
    emulated: bool


class Holder(TypedDict):
    """Who answered for a unit at a time. `place` of an unanswered offer is `in transit`: its sender still answers.

    `inside` is the number (or unit id) of the outermost container, whose custody a packed unit follows.
    """

    unit_id: str
    number: str
    kind: str
    state: str
    station: str
    place: str
    person: str
    inside: str | None
    since_us: int
    act: str
    machine: str | None
    shift: str
    event_id: str
    emulated: bool


KINDS = "('order', 'blank', 'document', 'tray', 'parcel')"
"""Named, because numbers are indexed within a kind."""
IN_TRANSIT = "in transit"
OFFERED = ("offered", "void_offered")

# A number leads to its units; from a parcel down to what was packed in it; then to all that any of them was made of,
# became, was packed in or was remade as.
_DOCUMENT = f"""
WITH RECURSIVE named(unit_id) AS (
    SELECT unit_id FROM unit_number WHERE kind IN {KINDS} AND number = :number
    UNION
    SELECT unit_id FROM unit_number WHERE kind IN {KINDS} AND number > :number || '/' AND number < :number || '0'
), related(unit_id) AS (
    SELECT unit_id FROM named
    UNION
    SELECT packed.unit_id FROM named
    JOIN custody_unit AS parcel ON parcel.unit_id = named.unit_id AND parcel.step = 1 AND parcel.kind = 'parcel'
    JOIN custody_unit AS packed ON packed.event_id = parcel.event_id AND packed.container = parcel.unit_id
    UNION
    SELECT kin.unit_id FROM related
    JOIN custody_unit AS own ON own.unit_id = related.unit_id
    JOIN custody_event AS event ON event.event_id = own.event_id
        AND event.act IN ('transform', 'void', 'settle', 'pack')
    JOIN custody_unit AS kin ON kin.event_id = own.event_id AND kin.unit_id <> own.unit_id AND (
        event.act = 'transform'
        OR (event.act IN ('void', 'settle') AND event.last_position = 2 AND own.step > 1 AND kin.step = 1)
        OR (event.act = 'pack' AND kin.unit_id = own.container))
)
SELECT event.seq, unit.position, unit.unit_id, unit.step, unit.kind, unit_number.number, event.act, unit.state,
       unit.station, unit.place, unit.person, event.second_person, event.from_station, event.to_station, event.machine,
       event.shift, event.tray, event.reason, unit.outcome, unit.handoff_id, unit.container, event.event_id,
       event.happened_us, event.due_us, event.written_us, event.emulated
FROM custody_unit AS unit JOIN custody_event AS event ON event.event_id = unit.event_id
LEFT JOIN unit_number ON unit_number.unit_id = unit.unit_id
WHERE unit.unit_id IN (SELECT unit_id FROM related)
"""  # noqa: S608 own words
_BEARERS = f"SELECT unit_id, number FROM unit_number WHERE kind IN {KINDS} AND number = :number"  # noqa: S608
_NUMBER_OF = "SELECT number FROM unit_number WHERE unit_id = :unit_id"
_STEPS = """
SELECT unit.step, unit.kind, unit.state, unit.station, unit.place, unit.person, unit.container, event.act,
       event.machine, event.shift, event.event_id, event.emulated, event.happened_us, (
           SELECT correction.corrects_value FROM custody_event AS correction
           WHERE correction.corrects = event.event_id AND correction.corrects_field = 'happened_us'
           ORDER BY correction.seq DESC LIMIT 1) AS corrected
FROM custody_unit AS unit JOIN custody_event AS event ON event.event_id = unit.event_id
WHERE unit.unit_id = :unit_id ORDER BY unit.step DESC
"""


def document(
    reading: Reading,
    number: str,
    /,
    *,
    station: str | None = None,
    person: str | None = None,
    machine: str | None = None,
    kind: str | None = None,
    from_us: int | None = None,
    to_us: int | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> Answer[Step]:
    """Tell the whole custody of a document, application, blank or parcel number, a row a step, in the log's order.

    The order, blank, document and parcels that belong together come together, with every remake of the application.
    Empty when the log doesn't know the number. `person`: either hand. Raises BadCursorError.
    """
    rows = reading.rows(_DOCUMENT, number=number)
    applications = {str(row["number"]).partition("/")[0] for row in rows if row["kind"] == "order" and row["number"]}
    for application in applications - {number}:
        rows += reading.rows(_DOCUMENT, number=application)
    period = whenever(from_us, to_us)
    wanted = {"station": station, "machine": machine, "kind": kind}
    unique = {(row["seq"], row["position"]): row for row in rows if _is_wanted(row, wanted, person, period)}
    return of_rows(Step, unique.values(), ("seq", "position"), name="document", after=after, limit=limit)


def _is_wanted(row: Row, wanted: dict[str, str | None], person: str | None, period: Period) -> bool:
    return (
        row["happened_us"] in period
        and (person is None or person in (row["person"], row["second_person"]))
        and all(value is None or row[name] == value for name, value in wanted.items())
    )


def holder(
    reading: Reading,
    number: str,
    /,
    *,
    at_us: int | None = None,
    kind: str | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> Answer[Holder]:
    """Tell who held each unit that bears a number at a time (now, if none is given), by when acts happened.

    Corrected times count as corrected. Units not yet in the log then are left out. Raises BadCursorError, and
    UnitElsewhereError for what was packed into a unit whose records are not in this database.
    """
    at_us = now_us() if at_us is None else at_us
    held = (
        _held(reading, bearer["unit_id"], bearer["number"], at_us) for bearer in reading.rows(_BEARERS, number=number)
    )
    rows = [row for row in held if row is not None and kind in (None, row["kind"])]
    return of_rows(Holder, rows, ("unit_id",), name="holder", after=after, limit=limit)


def _held(reading: Reading, unit_id: str, number: str, at_us: int) -> Row | None:
    step = _step_at(reading.rows(_STEPS, unit_id=unit_id), at_us)
    if step is None:
        return None
    answering, inside = step, None
    while answering["state"] == "packed":
        container = answering["container"]
        steps = reading.rows(_STEPS, unit_id=container)
        if not steps:
            raise UnitElsewhereError(number, container)
        around = _step_at(steps, at_us)
        if around is None:
            break
        answering, inside = around, container
    if inside is not None:
        named = reading.rows(_NUMBER_OF, unit_id=inside)
        inside = named[0]["number"] if named else inside
    place = IN_TRANSIT if answering["state"] in OFFERED else answering["place"]
    custody = {name: answering[name] for name in ("station", "person", "act", "machine", "shift", "event_id")}
    own = {"unit_id": unit_id, "number": number, "kind": step["kind"], "state": step["state"], "inside": inside}
    return own | custody | {"place": place, "since_us": _when(answering), "emulated": answering["emulated"]}


def _step_at(steps: Iterable[Row], at_us: int) -> Row | None:
    return next((step for step in steps if _when(step) <= at_us), None)


def _when(step: Row) -> int:
    corrected = str(step["corrected"] or "")
    return int(corrected) if corrected.isdecimal() else int(step["happened_us"])
