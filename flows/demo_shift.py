"""A demonstration's two shifts: one opened on a blind count, handed over to the next on another, and that one closed on
a count that balances; rounds, an emergency and an excursion of the climate in between.

Everything is done by the functions that the commands call; what has been done already is read from the database, so
that a demo that was cut off goes on.
"""

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from devices.emulation.control import ControlClient
from devices.emulation.faults import FaultName
from flows.composition import prepare
from flows.core_gate import emulated_inside, let_in, walk
from flows.demo_people import LEAD, enrol_demo_people
from flows.line_state import Line
from flows.parts import Parts
from flows.run_folder import RunFolder
from flows.sealer_watch import sealer_beside
from flows.settings import LineSettings
from flows.two_hands import workplace_of
from handoff_logs.errors import AlreadyAnsweredError, LineFrozenError
from handoff_logs.reading import open_reading
from handoff_logs.records import new_id
from stations.by import By
from stations.climate import station as climate
from stations.climate.errors import NotLookedError, StillOutsideError
from stations.gate.rules import Direction
from stations.green import station as green
from stations.green.errors import NotRaisableError
from stations.intake.deadline_changes import in_force
from stations.patrol import rounds
from stations.patrol.rules import EMULATED_PATROLLER, Answer, Walked
from stations.people import Role, emulated_roster
from stations.people_register.credentials import SignedIn
from stations.people_register.sign_in import sign_in_as
from stations.personalization.rules import STATION as PERSONALIZATION
from stations.shift import counting, eyes, handing_over, rules, station
from stations.shift.counting import Counted, Signers
from stations.shift.crews import Plan
from stations.shift.rules import Difference
from stations.shift.stops import Stop, balance_of, unbalanced
from stations.trays import TimeNodes
from stations.vault.rules import STATION as VAULT

log = structlog.get_logger()

LOOK_EVERY_S: Final = 0.25
FIRST_LEADS: Final = Signers(*rules.EMULATED_LEADS[:2])
"""Who opens the first shift, and hands it over: from the one to the other."""
NEXT_LEADS: Final = Signers(*rules.EMULATED_LEADS[1:3])
"""Who closes the next: its lead and another."""
HANDING_OVER: Final = "the shift is handed over"
NEXT_SHIFTS: Final = ("evening", "night")
UNDRAWN: Final = """
SELECT named.number FROM application AS one JOIN whereabouts AS here ON here.unit_id = one.order_unit
JOIN unit_number AS named ON named.unit_id = one.order_unit
WHERE one.state = 'passed' AND one.priority = :ordinary AND here.station = 'personalization' AND here.state = 'held'
ORDER BY here.due_us DESC, here.unit_id DESC LIMIT 1
"""
"""The order that would wait longest for a machine."""
FACTS: Final = """
SELECT (SELECT count(*) FROM green_channel) AS raised, (SELECT count(*) FROM patrol_round) AS rounds,
       (SELECT count(*) FROM climate_suspension) AS suspensions,
       (SELECT min(zone) FROM climate_suspension WHERE resumed_us IS NULL) AS suspended,
       (SELECT count(*) FROM job WHERE outcome = 'good') AS made,
       (SELECT count(*) FROM shift_handover) AS hand_overs,
       (SELECT count(*) FROM application) AS applications
"""
LAST_SHIFT: Final = """
SELECT shift.name, shift.opened_us, shift.closed, shift.closed_how,
       counted.counted_by, counted.counted_second,
       (SELECT sum(lying.pieces) FROM shift_counted AS lying WHERE lying.count_id = shift.closing_count) AS counted
FROM shift JOIN shift_count AS counted ON counted.count_id = coalesce(shift.closing_count, shift.opening_count)
ORDER BY shift.opened_us DESC LIMIT 1
"""
_ORDINARY: Final = 2
_ROUNDS_AT: Final = {0: 0.0, 1: 0.5}
"""Which share of the documents is made when the first round is walked, and the second."""
_HAND_OVER_AT: Final = 0.4
_WARM_AT: Final = 0.5
_WARM_LOOKS: Final = 20
_REPAIRED: Final = "cooling-restarted"


@dataclass(slots=True)
class DemoShift:
    """The shifts of the demo in `folder`; `refused` says what kept one from being opened, handed over or closed.

    `played`: a hand-over was tried, which is tried once.
    """

    folder: RunFolder
    settings: LineSettings
    refused: tuple[str, ...] = ()
    played: bool = False

    def open(self) -> None:
        """Enrol the demo's people and open the shift, unless one is open."""
        prepare(self.folder)
        name = self.settings.staff.shift
        with workplace_of(self.folder, VAULT) as here:
            enrol_demo_people(self.folder, here.database)
            with here.database.read() as conn:
                if station.open_name(conn) is not None:
                    return
                seen = self._seen(conn)
            opened = station.open_shift(here.database, self._plan(name, here.emulated), seen, FIRST_LEADS)
        self.refused = tuple(f"{one.serial} {one.what}" for one in opened.differences)

    @contextmanager
    def beside(self, line: Line) -> Iterator[None]:
        """Play what happens during the shift while the block runs; what went wrong with it is raised at its end."""
        ended = threading.Event()
        with ThreadPoolExecutor(1, "demo-shift") as threads:
            playing = threads.submit(self._play, line, ended)
            try:
                yield
            finally:
                ended.set()
            playing.result()
        if line.stop_reason is None:
            core = emulated_inside(line.database)
            walk(self.folder, self.settings, line.database, line.parts, Direction.OUT, core)
        elif line.pausing:
            leads = (FIRST_LEADS.first, FIRST_LEADS.second)
            let_in(self.folder, self.settings, line.database, line.parts, leads)

    def hand_over(self) -> str:
        """Hand the shift over to the next, on a count of all blanks, while the line stands; what came of it."""
        self.played = True
        with workplace_of(self.folder, VAULT) as here:
            with here.database.read() as conn:
                name = next(each for each in NEXT_SHIFTS if each != station.open_name(conn))
                plan = self._plan(name, here.emulated)
                row, _ = handing_over.check_hand_over(conn, plan, ())
                seen = self._seen(conn)
            against = self._unbalanced(row["opened_us"])
            handed = handing_over.hand_over(here.database, plan, seen, FIRST_LEADS, against)
        self.refused = _told(handed.stops, handed.differences)
        if handed.to_shift is None:
            return f"EMULATED: the shift {handed.from_name} is NOT handed over: {'; '.join(self.refused)}"
        return (
            f"EMULATED: the shift {handed.from_name} is handed over, {handed.how}, and the shift {name} is open: "
            f"{len(seen.scans)} blanks counted blind by {FIRST_LEADS.first} and {FIRST_LEADS.second}, "
            f"{sum(handed.units.values())} units and {len(handed.passed)} offers passed on."
        )

    def close(self) -> None:
        """Count again and close the shift, if nothing stands against it; sealed and cosigned like all else."""
        with sealer_beside(self.folder, self.settings), workplace_of(self.folder, VAULT) as here:
            with here.database.read() as conn:
                row, _ = station.check_close(conn, ())
            against = self._unbalanced(row["opened_us"])
            with here.database.read() as conn:
                seen = self._seen(conn)
            by = NEXT_LEADS if self._facts()["hand_overs"] else FIRST_LEADS
            closed = station.close_shift(here.database, seen, by, against)
        self.refused = _told(closed.stops, closed.differences)

    def told(self) -> dict[str, Any]:
        """How the shift stands, for the report: from the database."""
        with closing(open_reading(self.folder.line().database_url)) as reading:
            (row,) = reading.rows(LAST_SHIFT)
            rows = balance_of(reading, row["opened_us"])
        facts = self._facts()
        return {
            "name": row["name"],
            "closed": row["closed_how"] if row["closed"] else None,
            "signed_by": [row["counted_by"], row["counted_second"]],
            "counted": row["counted"],
            "difference": sum(abs(each["difference"]) for each in rows if not each["machine"]),
            "emergencies": facts["raised"],
            "rounds": facts["rounds"],
            "suspensions": facts["suspensions"],
            "hand_overs": facts["hand_overs"],
            "refused": list(self.refused),
        }

    def _play(self, line: Line, ended: threading.Event) -> None:
        """What happens in the middle: rounds, an emergency, the next shift, too warm air and a lead who resumes."""
        warmed, url = False, self.folder.line().database_url
        while not ended.wait(LOOK_EVERY_S):
            with closing(open_reading(url)) as reading:
                (facts,) = reading.rows(FACTS)
                waiting = reading.rows(UNDRAWN, ordinary=_ORDINARY)
            share = facts["made"] / max(1, facts["applications"])
            if share > _ROUNDS_AT.get(facts["rounds"], 1.0):
                self._walk_a_round(line)
            if waiting and not facts["raised"]:
                self._raise(line, str(waiting[0]["number"]).partition("/")[0])
            # Without machine time the line is measured, and not stopped for it.
            if share > _HAND_OVER_AT and self.settings.speed and not (facts["hand_overs"] or self.played):
                line.pause(HANDING_OVER)
                return
            if share > _WARM_AT and not facts["suspensions"] and not warmed:
                self._warm()
                warmed = True
            if facts["suspended"] is not None:
                self._resume(line, facts["suspended"])

    def _walk_a_round(self, line: Line) -> None:
        patrol = self.settings.patrols[0]
        answers = {(point, item.id): Answer.OK for point, item in patrol.cells}
        here = line.workplace(PERSONALIZATION)
        rounds.record_round(
            here, Walked(patrol, answers, ()), new_id(), By(EMULATED_PATROLLER), self.settings.personalizers
        )

    def _raise(self, line: Line, number: str) -> None:
        lead, here = self._lead(line), line.workplace(PERSONALIZATION)
        here = here.at(here.station, (lead.code, *here.people), {lead.code: lead.sign_in})
        with line.database.read() as conn:
            nodes = TimeNodes(in_force(conn), self.settings.allowances.by_class())
        try:
            green.raise_to_green(here, number, "exam", nodes)
        except (NotRaisableError, AlreadyAnsweredError, LineFrozenError) as error:
            log.info("emergency_too_late", error=type(error).__name__)  # it moved on meanwhile: another is found

    def _warm(self) -> None:
        """The EMULATED room is too warm for so many looks."""
        for zone in self.settings.zones:
            for sensor in zone.sensors:
                control = ControlClient(self.folder.machines / sensor)
                control.ask("fault", fault={"name": FaultName.DRIFT.value, "times": _WARM_LOOKS})

    def _resume(self, line: Line, zone: str) -> None:
        database = line.database
        with database.read() as conn:
            try:
                climate.check_resume(conn, zone, _REPAIRED, database.clock_us(conn))
            except (StillOutsideError, NotLookedError):
                return
        lead = self._lead(line)
        database.write(
            lambda tx: climate.resume(tx, zone, _REPAIRED, lead, database.clock_us(tx), emulated=line.emulated)
        )

    def _lead(self, line: Line) -> SignedIn:
        people = enrol_demo_people(self.folder, line.database)
        return sign_in_as(line.database, people[LEAD], (Role.LEAD,))

    def _plan(self, name: str, emulated: bool) -> Plan:
        """EMULATED people stand at every station."""
        roster = emulated_roster(name, self.settings.staff.people_per_station)
        crew = {at: duty.codes for at, duty in roster.items() if at in rules.CREW}
        return Plan(name, crew, self.settings.personalizers, ("all",), emulated)

    def _facts(self) -> dict[str, Any]:
        with closing(open_reading(self.folder.line().database_url)) as reading:
            (facts,) = reading.rows(FACTS)
        return facts

    def _unbalanced(self, opened_us: int) -> list[Stop]:
        with closing(open_reading(self.folder.line().database_url)) as reading:
            return list(unbalanced(balance_of(reading, opened_us)))

    def _seen(self, conn: Connection) -> Counted:
        with closing(Parts(self.folder, self.settings, leave_emulators=True)) as parts:
            return counting.joined([eyes.count(conn, parts.operators(), self.settings.personalizers)])


def _told(stops: Iterable[Stop], differences: Iterable[Difference]) -> tuple[str, ...]:
    return (
        *(f"{stop.where}: {stop.what}. {stop.to_do}" for stop in stops),
        *(f"{one.serial} {one.what}" for one in differences),
    )
