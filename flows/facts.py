"""What the board and `passline status` show, asked of the database: nothing is counted on the way.

Plain SQL through the log's read-only connection: no SQLAlchemy, no pydantic, so that `status` answers at once.
Every question is answered on SQLite and on PostgreSQL. Times are microseconds UTC.
"""

import time
from dataclasses import dataclass, field
from typing import Any, Final

from handoff_logs.months import Month
from handoff_logs.reading import Reading
from handoff_logs.unit_parts import FEW_AHEAD, PART_NAMES, months_ahead, named_parts

STATIONS: Final = ("review", "personalization", "qc", "packing", "mailing")

WAITING: Final = """
SELECT o.to_station AS station, COUNT(DISTINCT o.handoff_id) AS trays, SUM(COALESCE(p.documents, 1)) AS documents,
       MIN(o.offered_us) AS oldest_us
FROM open_offer o JOIN whereabouts w ON w.handoff_id = o.handoff_id LEFT JOIN parcel p ON p.parcel_unit = w.unit_id
WHERE w.kind <> 'blank'
GROUP BY o.to_station
"""
"""Documents (or the orders for them) offered to each station; a parcel counts as what is in it."""

IN_WORK: Final = """
SELECT w.station, SUM(COALESCE(p.documents, 1)) AS documents, MIN(w.since_us) AS oldest_us
FROM whereabouts w LEFT JOIN parcel p ON p.parcel_unit = w.unit_id
WHERE w.station IN ('review', 'personalization', 'qc', 'packing', 'mailing') AND w.state = 'held'
  AND w.kind IN ('order', 'document', 'parcel') AND w.place NOT IN ('hold', 'quarantine')
GROUP BY w.station
"""
"""Documents (or orders) accepted at each station and not handed on; what is on hold waits for people, not for work."""

DONE: Final = """
SELECT 'review' AS station, COUNT(*) AS documents FROM review_verdict
UNION ALL SELECT 'personalization', COUNT(document_unit) FROM job
UNION ALL SELECT 'qc', COUNT(*) FROM inspection
UNION ALL SELECT 'packing', COALESCE(SUM(documents), 0) FROM parcel
UNION ALL SELECT 'mailing', COALESCE(SUM(documents), 0) FROM consignment WHERE accepted_us IS NOT NULL
"""
"""What each station has finished: verdicts, good pieces, inspections, documents packed, documents taken away."""

MACHINES: Final = """
SELECT m.machine, m.state, m.reason, m.since_us, m.emulated,
       (SELECT COUNT(*) FROM job j WHERE j.machine = m.machine AND j.unfinished = FALSE) AS jobs
FROM machine_state m ORDER BY m.machine
"""
"""Each machine with the number of its finished jobs, good and bad."""

OPEN_JOBS: Final = """
SELECT machine, state, attempt, blank_serial, intent_us FROM job WHERE unfinished ORDER BY machine, intent_us
"""

APPLICATIONS: Final = """
SELECT state, COUNT(*) AS applications, COUNT(*) FILTER (WHERE emulated) AS emulated
FROM application GROUP BY state ORDER BY state
"""

TROUBLED: Final = """
SELECT state, station, COUNT(*) AS units, MIN(since_us) AS oldest_us FROM whereabouts
WHERE station IN ('intake', 'vault', 'review', 'personalization', 'qc', 'packing', 'mailing')
  AND state IN ('doubt', 'missing', 'void_missing', 'refused', 'void_refused')
GROUP BY state, station
"""
"""Units that people must look into. The stations are named for the sake of the index."""

UNANSWERED: Final = """
SELECT to_station AS station, COUNT(*) AS offers, MIN(offered_us) AS oldest_us FROM open_offer
WHERE offered_us < :before_us GROUP BY to_station
"""

LATE: Final = """
SELECT to_station AS station, COUNT(*) AS offers, MIN(due_us) AS oldest_us FROM open_offer
WHERE due_us < :now_us GROUP BY to_station
"""


@dataclass(frozen=True, slots=True)
class StationFacts:
    """One station now; `oldest_us` is when its oldest work came, if it has any."""

    station: str
    waiting: int = 0
    trays_waiting: int = 0
    in_work: int = 0
    done: int = 0
    oldest_us: int | None = None


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """One machine now: `jobs` it has finished; `job` says how far the open one is and on which blank, if any."""

    machine: str
    state: str
    reason: str
    since_us: int
    jobs: int
    job: str
    emulated: bool


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that a person should look at. `count` units or offers, the oldest since `since_us`."""

    code: str
    where: str
    count: int
    since_us: int | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class BoardFacts:
    """Everything the board shows, as of `now_us`. `applications` maps state to number."""

    now_us: int
    emulated: bool
    stations: tuple[StationFacts, ...] = ()
    machines: tuple[MachineFacts, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    applications: dict[str, int] = field(default_factory=dict)

    @property
    def ended(self) -> int:
        """Applications that are where the line has nothing more to do for them."""
        return sum(self.applications.get(state, 0) for state in ("dispatched", "returned", "held", "stopped"))

    @property
    def all_applications(self) -> int:
        """Every application that was loaded."""
        return sum(self.applications.values())


def board_facts(reading: Reading, *, offer_age_min: int = 30) -> BoardFacts:
    """The line as it stands in the database; offers that stay unanswered for `offer_age_min` minutes alarm."""
    now_us = time.time_ns() // 1_000
    applications = reading.rows(APPLICATIONS)
    machines = _machines(reading)
    return BoardFacts(
        now_us=now_us,
        emulated=any(row["emulated"] for row in applications) or any(machine.emulated for machine in machines),
        stations=_stations(reading),
        machines=machines,
        alarms=(
            *_machine_alarms(machines),
            *_custody_alarms(reading, now_us, offer_age_min),
            *months_alarms(reading, now_us),
        ),
        applications={row["state"]: row["applications"] for row in applications},
    )


def _stations(reading: Reading) -> tuple[StationFacts, ...]:
    waiting = _by_station(reading.rows(WAITING))
    in_work = _by_station(reading.rows(IN_WORK))
    done = _by_station(reading.rows(DONE))
    facts = []
    for station in STATIONS:
        here = [row for row in (waiting.get(station), in_work.get(station)) if row]
        facts.append(
            StationFacts(
                station=station,
                waiting=int(waiting.get(station, {}).get("documents", 0)),
                trays_waiting=waiting.get(station, {}).get("trays", 0),
                in_work=int(in_work.get(station, {}).get("documents", 0)),
                done=int(done[station]["documents"]),
                oldest_us=min((row["oldest_us"] for row in here), default=None),
            )
        )
    return tuple(facts)


def _by_station(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["station"]: row for row in rows}


def _machines(reading: Reading) -> tuple[MachineFacts, ...]:
    # The longest open job is the one in the machine; a second may be drawn behind it.
    jobs = {row["machine"]: _job(row) for row in reversed(reading.rows(OPEN_JOBS))}
    return tuple(
        MachineFacts(
            machine=row["machine"],
            state=row["state"],
            reason=row["reason"] or "",
            since_us=row["since_us"],
            jobs=row["jobs"],
            job=jobs.get(row["machine"], ""),
            emulated=bool(row["emulated"]),
        )
        for row in reading.rows(MACHINES)
    )


def _job(row: dict[str, Any]) -> str:
    attempt = f", attempt {row['attempt']}" if row["attempt"] > 1 else ""
    return f"{row['state'].lower()} {row['blank_serial'] or ''}".rstrip() + attempt


def _machine_alarms(machines: tuple[MachineFacts, ...]) -> list[Alarm]:
    return [
        Alarm(f"machine {machine.state}", machine.machine, 1, machine.since_us, machine.reason)
        for machine in machines
        if machine.state in ("held", "suspended")
    ]


def _custody_alarms(reading: Reading, now_us: int, offer_age_min: int) -> list[Alarm]:
    old_us = now_us - offer_age_min * 60_000_000
    troubled = [Alarm(row["state"], row["station"], row["units"], row["oldest_us"]) for row in reading.rows(TROUBLED)]
    late = [Alarm("late", row["station"], row["offers"], row["oldest_us"]) for row in reading.rows(LATE, now_us=now_us)]
    unanswered = [
        Alarm("unanswered", row["station"], row["offers"], row["oldest_us"])
        for row in reading.rows(UNANSWERED, before_us=old_us)
    ]
    return [*troubled, *late, *unanswered]


def months_alarms(reading: Reading, now_us: int) -> list[Alarm]:
    """Say when the owner of the tables is to make more of the months that units are born in; nothing stops for it."""
    if reading.dialect == "sqlite":
        return []
    there = named_parts(row["name"] for row in reading.rows(PART_NAMES))
    ahead = months_ahead(there, Month.at(now_us))
    if ahead is None or ahead >= FEW_AHEAD:
        return []
    return [Alarm("few months", "database", 1, None, f"{ahead} made ahead; passline database months")]
