"""What the board and `passline status` show, asked of the database: nothing is counted on the way.

Plain SQL through the log's read-only connection: no SQLAlchemy, no pydantic, so that `status` answers at once.
Every question is answered on SQLite and on PostgreSQL. Times are microseconds UTC.
"""

import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from handoff_logs.months import Month
from handoff_logs.reading import Reading
from handoff_logs.unit_parts import FEW_AHEAD, months_ahead, read_parts
from stations.alarms import rules
from stations.alarms.listing import Listed, listed
from stations.shift.stops import EVACUATED

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

PIECES_SINCE: Final = "j.machine = m.machine AND j.result_us >= :since_us AND j.outcome IN ('good', 'failed')"
"""The pieces of a machine, good and bad, by the index of the pieces.

CROSS JOIN has SQLite begin with the few machines: without it, it reads the whole index of the jobs.
"""

DONE: Final = f"""
SELECT 'review' AS station, COUNT(*) - (SELECT COUNT(*) FROM review_second WHERE chosen_us >= :since_us) AS documents
    FROM review_verdict WHERE written_us >= :since_us
UNION ALL SELECT 'personalization', COUNT(*) FROM machine_state m CROSS JOIN job j
    WHERE {PIECES_SINCE} AND j.outcome = 'good'
UNION ALL SELECT 'qc', COUNT(*) FROM inspection WHERE written_us >= :since_us
UNION ALL SELECT 'packing', COALESCE(SUM(documents), 0) FROM parcel WHERE packed_us >= :since_us
UNION ALL SELECT 'mailing', COALESCE(SUM(documents), 0) FROM consignment WHERE accepted_us >= :since_us
"""  # noqa: S608 own words
"""What each station has finished since then: verdicts, good pieces, inspections, documents packed, and taken away."""

MACHINES: Final = f"""
SELECT m.machine, m.state, m.reason, m.since_us, m.emulated,
       (SELECT COUNT(*) FROM job j WHERE {PIECES_SINCE}) AS jobs
FROM machine_state m ORDER BY m.machine
"""  # noqa: S608 own words
"""Each machine with the number of pieces it made since then, good and bad."""

OPEN: Final = "FROM machine_state m CROSS JOIN job j WHERE j.machine = m.machine AND j.unfinished = TRUE"
"""Jobs without an outcome, by the index of each machine's."""

OPEN_JOBS: Final = f"""
SELECT j.machine, j.state, j.attempt, j.blank_serial, j.intent_us {OPEN} ORDER BY j.machine, j.intent_us
"""

APPLICATIONS: Final = """
SELECT state, COUNT(*) AS applications, COUNT(*) FILTER (WHERE emulated) AS emulated
FROM application WHERE state IN ('waiting', 'passed', 'held', 'in_production', 'stopped') GROUP BY state
UNION ALL
SELECT 'returned', COUNT(*), COUNT(*) FILTER (WHERE emulated) FROM review_verdict
WHERE written_us >= :since_us AND outcome = 'return' HAVING COUNT(*) > 0
UNION ALL
SELECT 'dispatched', SUM(documents), COUNT(*) FILTER (WHERE emulated) FROM consignment
WHERE accepted_us >= :since_us HAVING COUNT(*) > 0
ORDER BY 1
"""
"""Applications by state; of those that have ended, what ended since then."""

HERE: Final = "('intake', 'vault', 'review', 'personalization', 'qc', 'packing', 'mailing')"
"""Every station, named for the sake of the index."""

TROUBLED: Final = f"""
SELECT state, station, COUNT(*) AS units, MIN(since_us) AS oldest_us FROM whereabouts
WHERE station IN {HERE}
  AND state IN ('doubt', 'missing', 'void_missing', 'refused', 'void_refused')
GROUP BY state, station
"""  # noqa: S608 own words
"""Units that people must look into."""

UNANSWERED: Final = """
SELECT to_station AS station, COUNT(*) AS offers, MIN(offered_us) AS oldest_us FROM open_offer
WHERE offered_us < :before_us GROUP BY to_station
"""

LATE: Final = """
SELECT to_station AS station, COUNT(*) AS offers, MIN(due_us) AS oldest_us FROM open_offer
WHERE due_us < :now_us GROUP BY to_station
"""


SAME_AS: Final = {"machine held": rules.MACHINE_HELD, "late": rules.LATE_RISK, "evacuated": rules.EVACUATED}
"""What a look at the tables finds, by the kind of alarm that the register has of it."""


@dataclass(frozen=True, slots=True)
class StationFacts:
    """One station now: `done` today; `oldest_us` is when its oldest work came, if it has any."""

    station: str
    waiting: int = 0
    trays_waiting: int = 0
    in_work: int = 0
    done: int = 0
    oldest_us: int | None = None


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """One machine now: `jobs` it has finished today; `job` says how far the open one is and on which blank, if any."""

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
    """Everything the board shows, as of `now_us`. `applications` maps state to number, of what ended only today's.

    `standing`: the open alarms of the register; `alarms`: what else a look at the tables finds.
    """

    now_us: int
    emulated: bool
    stations: tuple[StationFacts, ...] = ()
    machines: tuple[MachineFacts, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    standing: tuple[Listed, ...] = ()
    applications: dict[str, int] = field(default_factory=dict)

    @property
    def ended(self) -> int:
        """Applications that came today to where the line has nothing more to do for them, or are on hold or stopped."""
        return sum(self.applications.get(state, 0) for state in ("dispatched", "returned", "held", "stopped"))

    @property
    def all_applications(self) -> int:
        """Every application that is on the line or ended today."""
        return sum(self.applications.values())


def today_us() -> int:
    """When the day began where this runs, in microseconds UTC."""
    return int(datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0).timestamp()) * 1_000_000


def board_facts(reading: Reading, *, offer_age_min: int = 30, since_us: int | None = None) -> BoardFacts:
    """The line as it stands in the database; offers that stay unanswered for `offer_age_min` minutes alarm.

    What was done is counted from `since_us` on, by default from the beginning of the day: a line runs for years.
    """
    now_us = time.time_ns() // 1_000
    since = today_us() if since_us is None else since_us
    applications = reading.rows(APPLICATIONS, since_us=since)
    machines = _machines(reading, since)
    standing = tuple(listed(reading)) if has_register(reading) else ()
    found = (
        *_evacuated(reading),
        *_machine_alarms(machines),
        *_custody_alarms(reading, now_us, offer_age_min),
        *months_alarms(reading, now_us),
    )
    registered = {(one.code, one.subject) for one in standing}
    return BoardFacts(
        now_us=now_us,
        emulated=any(row["emulated"] for row in applications) or any(machine.emulated for machine in machines),
        stations=_stations(reading, since),
        machines=machines,
        alarms=tuple(one for one in found if (SAME_AS.get(one.code), one.where) not in registered),
        standing=standing,
        applications={row["state"]: row["applications"] for row in applications},
    )


def has_register(reading: Reading) -> bool:
    """Whether the database has the register of alarms: one that no newer passline has opened yet has none."""
    return has_table(reading, "alarm_delivery")


def evacuation(reading: Reading) -> dict[str, Any] | None:
    """The evacuation that is under way: its reason, who ordered it, and when."""
    rows = reading.rows(EVACUATED) if has_table(reading, "evacuation") else ()
    return next(({**row, "emulated": bool(row["emulated"])} for row in rows), None)


def _evacuated(reading: Reading) -> list[Alarm]:
    row = evacuation(reading)
    if row is None:
        return []
    return [Alarm("evacuated", "line", 1, row["ordered_us"], f"{row['reason']}, by {row['ordered_by']}")]


def has_table(reading: Reading, table: str) -> bool:
    """Say whether a table is there: a line that was set up before has it from its next start on."""
    tables = "sqlite_master WHERE name" if reading.dialect == "sqlite" else "pg_class WHERE relname"
    return bool(reading.rows(f"SELECT 1 FROM {tables} = '{table}'"))  # noqa: S608 own words


def _stations(reading: Reading, since_us: int) -> tuple[StationFacts, ...]:
    waiting = _by_station(reading.rows(WAITING))
    in_work = _by_station(reading.rows(IN_WORK))
    done = _by_station(reading.rows(DONE, since_us=since_us))
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


def _machines(reading: Reading, since_us: int) -> tuple[MachineFacts, ...]:
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
        for row in reading.rows(MACHINES, since_us=since_us)
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
    ahead = months_ahead(read_parts(reading), Month.at(now_us))
    if ahead is None or ahead >= FEW_AHEAD:
        return []
    return [Alarm("few months", "database", 1, None, f"{ahead} made ahead; passline database months")]
