"""What keeps a shift from closing, each with what to do; and the shift as it stands: plain SQL, for both databases."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, Protocol

from handoff_logs.reading import Reading, Row
from stations.people import EMULATED_PREFIX
from stations.vault.balance import LAST_US, Balance, Period, balance_since

_HERE: Final = "('intake', 'vault', 'review', 'personalization', 'qc', 'packing', 'mailing')"
OPEN_SHIFT: Final = """
SELECT shift.shift_id, shift.name, shift.opened_us, shift.opening_reason, shift.emulated,
       opened.counted_by AS opened_by, opened.counted_second AS opened_second
FROM shift JOIN shift_count AS opened ON opened.count_id = shift.opening_count WHERE NOT shift.closed
"""
PEOPLE: Final = "SELECT station, code, role FROM shift_person WHERE shift_id = :shift_id ORDER BY station, code"
MACHINES: Final = """
SELECT its.machine, its.state AS state_at_opening, coalesce(state.state, 'new') AS state, coalesce(state.reason, '')
       AS reason FROM shift_machine AS its LEFT JOIN machine_state AS state ON state.machine = its.machine
WHERE its.shift_id = :shift_id ORDER BY its.machine
"""
CASES: Final = """
SELECT shift.shift_id, shift.name, 'opening' AS moment, shift.opening_reason AS reason, shift.opened_us AS since_us,
       shift.emulated
FROM shift WHERE shift.opening_reason IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM shift_settlement AS done WHERE done.shift_id = shift.shift_id AND done.moment = 'opening')
UNION ALL
SELECT shift.shift_id, shift.name, 'close', shift.closing_reason, shift.closed_us, shift.emulated
FROM shift WHERE shift.closing_reason IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM shift_settlement AS done WHERE done.shift_id = shift.shift_id AND done.moment = 'close')
UNION ALL
SELECT gone.evacuation_id, 'evacuation', 'return', gone.forced_reason, gone.returned_us, gone.emulated
FROM evacuation AS gone WHERE gone.how = 'forced' AND NOT EXISTS (
    SELECT 1 FROM evacuation_settlement AS done WHERE done.evacuation_id = gone.evacuation_id)
ORDER BY 5, 3
"""
"""Shifts, and returns from evacuations, that were forced, and whose case nobody has closed."""
EVACUATED: Final = "SELECT evacuation_id, reason, ordered_by, ordered_us, emulated FROM evacuation WHERE NOT over"
"""The evacuation that is under way."""

COUNTS: Final = """
SELECT one.count_id, one.moment, one.counted_us, one.counted_by, one.counted_second,
       (SELECT sum(lying.pieces) FROM shift_counted AS lying WHERE lying.count_id = one.count_id) AS pieces,
       (SELECT count(*) FROM shift_difference AS each WHERE each.count_id = one.count_id) AS differences,
       coalesce(shift.shift_id, '') AS shift_id, coalesce(shift.name, '') AS shift,
       CASE WHEN EXISTS (SELECT 1 FROM shift_relief AS done WHERE done.count_id = one.count_id) THEN 'relieved'
            WHEN one.moment = 'return' THEN coalesce((SELECT gone.how FROM evacuation AS gone
                WHERE gone.return_count = one.count_id), 'refused')
            WHEN shift.shift_id IS NULL THEN 'refused' WHEN one.moment <> 'opening' THEN shift.closed_how
            WHEN shift.opening_reason IS NULL THEN 'opened' ELSE 'forced' END AS outcome,
       coalesce(CASE one.moment WHEN 'opening' THEN shift.opening_reason ELSE shift.closing_reason END, '') AS reason,
       one.emulated
FROM shift_count AS one LEFT JOIN shift
    ON CASE one.moment WHEN 'opening' THEN shift.opening_count ELSE shift.closing_count END = one.count_id
WHERE :count_id IN ('', one.count_id) ORDER BY one.counted_us DESC, one.count_id
"""
"""Counts and what came of each, latest first; all, or the one of this id."""
TAKEN_OVER: Final = """
SELECT taken.from_shift, before.name AS from_name, before.closed_us AS handed_us, counted.count_id,
       counted.counted_by AS handed_by, counted.counted_second AS taken_by, before.closed_how AS how
FROM shift_handover AS taken JOIN shift AS before ON before.shift_id = taken.from_shift
JOIN shift_count AS counted ON counted.count_id = before.closing_count WHERE taken.to_shift = :shift_id
"""
"""From which shift one took over, and from whom."""
HANDED: Final = "SELECT station, event_id, units FROM shift_handed WHERE count_id = :count_id ORDER BY station"
PASSED: Final = """
SELECT kind, subject, station, CASE kind
        WHEN 'offer' THEN EXISTS (SELECT 1 FROM open_offer WHERE handoff_id = subject)
        WHEN 'refused' THEN EXISTS (SELECT 1 FROM custody_unit AS unit JOIN whereabouts AS here
            ON here.unit_id = unit.unit_id AND here.handoff_id = unit.event_id WHERE unit.event_id = subject
            AND here.state IN ('refused', 'void_refused'))
        ELSE NOT EXISTS (SELECT 1 FROM custody_event AS settle WHERE settle.case_id = subject) END AS still_open
FROM shift_passed WHERE count_id = :count_id ORDER BY kind, station, subject
"""
"""What passed by list on a count, and whether it is still open."""
COUNTED: Final = "SELECT station, place, pieces, sha256 FROM shift_counted WHERE count_id = :count_id ORDER BY 1, 2"
DIFFERING: Final = """
SELECT serial, what, station, place, logged FROM shift_difference WHERE count_id = :count_id ORDER BY station, serial
"""

RELIEFS: Final = """
SELECT relief.absent, relief.reliever, relief.reason, relief.relieved_us, relief.count_id, counted.counted_by AS lead,
       counted.counted_second AS witness, coalesce((SELECT sum(handed.units) FROM shift_handed AS handed
       WHERE handed.count_id = relief.count_id), 0) AS units, (SELECT count(*) FROM shift_difference AS one
       WHERE one.count_id = relief.count_id) AS differences
FROM shift_relief AS relief JOIN shift_count AS counted ON counted.count_id = relief.count_id
WHERE relief.shift_id = :shift_id ORDER BY relief.relieved_us
"""
"""Who was relieved during a shift, by whom, and what passed."""
ABSENT: Final = """
SELECT relief.absent FROM shift_relief AS relief JOIN shift ON shift.shift_id = relief.shift_id WHERE NOT shift.closed
"""
"""Who was relieved in the open shift."""
RELIEVED: Final = """
SELECT absent FROM shift_relief WHERE shift_id = :shift_id AND absent IN (:absent, :reliever)
"""
HELD_PIECES: Final = f"""
SELECT here.unit_id, number.number, here.kind, here.state, here.station, here.place, coalesce(here.tray, '') AS tray
FROM whereabouts AS here JOIN unit_number AS number ON number.unit_id = here.unit_id
WHERE here.kind = 'blank' AND here.person = :person AND here.station IN {_HERE}
    AND here.state IN ('held', 'void', 'doubt')
UNION ALL SELECT here.unit_id, number.number, here.kind, here.state, here.station, here.place,
       coalesce(here.tray, '') FROM whereabouts AS here
JOIN custody_unit AS born ON born.unit_id = here.unit_id AND born.step = 1
JOIN custody_unit AS spent ON spent.event_id = born.event_id AND spent.kind = 'blank'
JOIN unit_number AS number ON number.unit_id = spent.unit_id
WHERE here.kind = 'document' AND here.person = :person AND here.station IN {_HERE}
    AND here.state IN ('held', 'void', 'doubt')
"""  # noqa: S608 own words
"""Blanks and documents that one person answers for, by the serial printed on them."""

_JOBS: Final = """
SELECT job_id, machine, coalesce(blank_serial, '') AS blank, coalesce(doubt, '') AS doubt FROM job
WHERE unfinished ORDER BY intent_us, job_id
"""
_OFFERS: Final = f"""
SELECT handoff_id, kind, from_station, to_station, unit_count, person FROM open_offer
WHERE kind <> 'order' AND from_station IN {_HERE} AND to_station IN {_HERE} ORDER BY offered_us, handoff_id
"""  # noqa: S608 own words
_REFUSED: Final = f"""
SELECT station, kind, count(*) AS units FROM whereabouts
WHERE station IN {_HERE} AND state IN ('refused', 'void_refused') GROUP BY station, kind ORDER BY station, kind
"""  # noqa: S608 own words
_CASES: Final = """
SELECT opened.case_id, opened.kind, opened.station, coalesce(number.number, opened.unit_id) AS unit
FROM open_case AS opened LEFT JOIN unit_number AS number ON number.unit_id = opened.unit_id
ORDER BY opened.opened_us, opened.case_id
"""
_INSIDE: Final = "SELECT person, since_us FROM inside ORDER BY since_us, person"
COUNTING: Final = 2
"""So many are inside rightly while a shift closes: the two who count."""
TO_PASS: Final = f"""
SELECT 'offer' AS kind, handoff_id AS subject, from_station AS station, person FROM open_offer
WHERE from_station IN {_HERE}
UNION SELECT 'refused', handoff_id, station, person FROM whereabouts
WHERE station IN {_HERE} AND state IN ('refused', 'void_refused')
UNION SELECT 'case', opened.case_id, opened.station, coalesce(here.person, '') FROM open_case AS opened
LEFT JOIN whereabouts AS here ON here.unit_id = opened.unit_id
ORDER BY 1, 3, 2
"""  # noqa: S608 own words
"""What is open and passes by list, with who answers for it."""
CONTENT: Final = f"""
SELECT here.station, here.unit_id, here.person, coalesce(number.number, '') AS number FROM whereabouts AS here
LEFT JOIN unit_number AS number ON number.unit_id = here.unit_id AND here.kind = 'blank'
WHERE here.station IN {_HERE} AND here.state IN ('held', 'void', 'doubt') ORDER BY here.station, here.unit_id
"""  # noqa: S608 own words
"""All that lies at each station, blanks with their serials."""
_LEASES: Final = "SELECT machine, worker FROM machine_lease WHERE until_us > :now_us ORDER BY machine"


class Ask(Protocol):
    """Whoever answers SQL with `:name` parameters: a reading, or a transaction (`station`)."""

    def __call__(self, sql: str, **parameters: str | int | None) -> Sequence[Row]:
        """The rows by column name."""
        ...


class Stop(NamedTuple):
    """One thing that keeps a shift from closing: what kind, where, which, and what to do about it."""

    code: str
    where: str
    what: str
    to_do: str


def stops(ask: Ask, now_us: int) -> list[Stop]:
    """Everything but the count and the balance that keeps a shift from closing now (microseconds UTC)."""
    return [*_jobs(ask), *_working(ask, now_us), *_offers(ask), *_refused(ask), *_open_cases(ask), *_inside(ask)]


def balance_of(reading: Reading, opened_us: int) -> list[Balance]:
    """The balance of blanks since the shift was opened, by kind, station and machine: what moved, and what is here."""
    return balance_since(reading, Period(opened_us, LAST_US))


def unbalanced(rows: Sequence[Balance]) -> Iterator[Stop]:
    """The places whose blanks do not balance; whole stations, which include their machines."""
    for row in rows:
        if row["difference"] and not row["machine"]:
            yield Stop(
                "balance",
                row["station"],
                f"{row['difference']} {row['kind']} blanks on one side only: {_some(row['unaccounted'])}",
                "Rows of the log are gone: `passline logs verify`, then tell the auditors.",
            )


def _jobs(ask: Ask) -> Iterator[Stop]:
    for row in ask(_JOBS):
        drawn = f", blank {row['blank']}" if row["blank"] else ""
        if row["doubt"]:
            to_do = f"Two people settle it: `passline devices settle {row['job_id']} --found …`."
            yield Stop("job-in-doubt", row["machine"], f"job {row['job_id']}{drawn}: {row['doubt']}", to_do)
        else:
            to_do = "Let the machine finish its document: `passline run`."
            yield Stop("job-unfinished", row["machine"], f"job {row['job_id']}{drawn}", to_do)


def _working(ask: Ask, now_us: int) -> Iterator[Stop]:
    for row in ask(_LEASES, now_us=now_us):
        yield Stop("machine-at-work", row["machine"], "it is being worked", "Stop its line (Ctrl-C), and wait for it.")


def _offers(ask: Ask) -> Iterator[Stop]:
    for row in ask(_OFFERS):
        units = f"{row['unit_count']} {row['kind']} units" if row["kind"] == "mixed" else _units(row)
        what = f"handoff {row['handoff_id']}: {units} offered by {row['person']}, not signed by {row['to_station']}"
        if row["kind"] == "blank" and row["to_station"] in ("vault", "personalization"):
            to_do = f"Count and accept it: `passline blanks accept {row['handoff_id']} --station {row['to_station']}`."
        else:
            to_do = (
                f"{row['to_station']} counts and accepts it, or {row['from_station']} takes it back: `passline run`."
            )
        yield Stop("offer-unanswered", f"{row['from_station']} to {row['to_station']}", what, to_do)


def _refused(ask: Ask) -> Iterator[Stop]:
    for row in ask(_REFUSED):
        to_do = "Its sender takes it back with a recount."
        yield Stop("handoff-refused", row["station"], f"{row['units']} {row['kind']} refused and not taken back", to_do)


def _open_cases(ask: Ask) -> Iterator[Stop]:
    for row in ask(_CASES):
        yield Stop(
            "difference-open",
            row["station"],
            f"case {row['case_id']}: {row['unit']} {row['kind']}",
            "Two people look and settle it (`passline logs differences`); a document that turns up: "
            f"`passline blanks found SERIAL`; what nobody finds: `passline blanks report-lost {row['unit']} …`.",
        )


def _inside(ask: Ask) -> Iterator[Stop]:
    people = ask(_INSIDE)
    if len(people) > COUNTING:
        for row in people:
            yield still_inside(row["person"])


def still_inside(person: str) -> Stop:
    """What is to be done about somebody who is inside at the close and does not count."""
    if person.startswith(EMULATED_PREFIX):
        to_do = "EMULATED staff leave by the emulated gate: `passline gate walk out`."
    else:
        to_do = f"All but the two who count leave by the gate; who left unseen: `passline gate settle {person} …`."
    return Stop("still-inside", "the core area", f"{person} is inside", to_do)


def others_inside(ask: Ask, signers: Sequence[str]) -> Iterator[Stop]:
    """Those inside who do not sign the close."""
    return (still_inside(row["person"]) for row in ask(_INSIDE) if row["person"] not in signers)


def _units(row: Row) -> str:
    return f"{row['unit_count']} {row['kind']}{'' if row['unit_count'] == 1 else 's'}"


def _some(words: Sequence[Any], most: int = 5) -> str:
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "")
