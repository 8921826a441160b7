"""A demonstration's shift: opened on a blind count, an emergency in its middle, closed on a count that balances.

Everything is done by the functions that the commands call; what has been done already is read from the database, so
that a demo that was cut off goes on.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from flows.composition import open_line, prepare
from flows.demo_people import LEAD, enrol_demo_people
from flows.line_state import Line
from flows.makers import MAKES
from flows.parts import Parts
from flows.run_folder import RunFolder
from flows.sealer_watch import sealer_beside
from flows.settings import LineSettings
from flows.supply import stock
from flows.two_hands import workplace_of
from handoff_logs.errors import AlreadyAnsweredError
from handoff_logs.reading import open_reading
from stations.green import station as green
from stations.green.errors import NotRaisableError
from stations.intake.deadline_changes import in_force
from stations.people import Role, emulated_roster
from stations.people_register.sign_in import sign_in_as
from stations.personalization.rules import STATION as PERSONALIZATION
from stations.shift import counting, eyes, rules, station
from stations.shift.counting import Counted, Signers
from stations.shift.stops import balance_of, unbalanced
from stations.trays import TimeNodes
from stations.vault.rules import STATION as VAULT

log = structlog.get_logger()

LOOK_EVERY_S: Final = 0.25
_BY: Final = Signers(*rules.EMULATED_LEADS[:2])
UNDRAWN: Final = """
SELECT named.number FROM application AS one JOIN whereabouts AS here ON here.unit_id = one.order_unit
JOIN unit_number AS named ON named.unit_id = one.order_unit
WHERE one.state = 'passed' AND one.priority = :ordinary AND here.station = 'personalization' AND here.state = 'held'
ORDER BY here.due_us DESC, here.unit_id DESC LIMIT 1
"""
"""The order that would wait longest for a machine."""
RAISED: Final = "SELECT count(*) AS raised FROM green_channel"
LAST_SHIFT: Final = """
SELECT shift.name, shift.opened_us, shift.closed, shift.closed_how, opened.counted_by, opened.counted_second,
       (SELECT sum(lying.pieces) FROM shift_counted AS lying WHERE lying.count_id = shift.closing_count) AS counted
FROM shift JOIN shift_count AS opened ON opened.count_id = shift.opening_count ORDER BY shift.opened_us DESC LIMIT 1
"""
_ORDINARY: Final = 2


@dataclass(slots=True)
class DemoShift:
    """The shift of the demo in `folder`; `refused` says what kept it from being opened or closed."""

    folder: RunFolder
    settings: LineSettings
    refused: tuple[str, ...] = ()

    def open(self) -> None:
        """Let the vault receive its blanks, enrol the demo's people, and open the shift unless one is open."""
        prepare(self.folder)
        name = self.settings.staff.shift
        with open_line(self.folder, shift=name, stations=()) as line:
            stock(line)
        with workplace_of(self.folder, VAULT) as here:
            enrol_demo_people(self.folder, here.database)
            with here.database.read() as conn:
                if station.open_name(conn) is not None:
                    return
                seen = self._seen(conn)
            roster = emulated_roster(name, self.settings.staff.people_per_station)
            crew = {at: duty.codes for at, duty in roster.items() if at in rules.CREW}
            plan = station.Plan(name, crew, self._personalizers(), ("all",), here.emulated)
            opened = station.open_shift(here.database, plan, seen, _BY)
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

    def close(self) -> None:
        """Count again and close the shift, if nothing stands against it; sealed and cosigned like all else."""
        url = self.folder.line().database_url
        with sealer_beside(self.folder, self.settings), workplace_of(self.folder, VAULT) as here:
            with here.database.read() as conn:
                row, _ = station.check_close(conn, ())
            with closing(open_reading(url)) as reading:
                against = list(unbalanced(balance_of(reading, row["opened_us"])))
            with here.database.read() as conn:
                seen = self._seen(conn)
            closed = station.close_shift(here.database, seen, _BY, against)
        self.refused = (
            *(f"{stop.where}: {stop.what}. {stop.to_do}" for stop in closed.stops),
            *(f"{one.serial} {one.what}" for one in closed.differences),
        )

    def told(self) -> dict[str, Any]:
        """How the shift stands, for the report: from the database."""
        with closing(open_reading(self.folder.line().database_url)) as reading:
            (row,) = reading.rows(LAST_SHIFT)
            rows = balance_of(reading, row["opened_us"])
            (green_channel,) = reading.rows(RAISED)
        return {
            "name": row["name"],
            "closed": row["closed_how"] if row["closed"] else None,
            "signed_by": [row["counted_by"], row["counted_second"]],
            "counted": row["counted"],
            "difference": sum(abs(each["difference"]) for each in rows if not each["machine"]),
            "emergencies": green_channel["raised"],
            "refused": list(self.refused),
        }

    def _play(self, line: Line, ended: threading.Event) -> None:
        """The middle of the shift: a lead raises the order that would wait longest."""
        while not ended.wait(LOOK_EVERY_S):
            with closing(open_reading(self.folder.line().database_url)) as reading:
                if reading.rows(RAISED)[0]["raised"]:
                    return
                waiting = reading.rows(UNDRAWN, ordinary=_ORDINARY)
            if waiting:
                self._raise(line, str(waiting[0]["number"]).partition("/")[0])

    def _raise(self, line: Line, number: str) -> None:
        database = line.database
        lead = sign_in_as(database, enrol_demo_people(self.folder, database)[LEAD], (Role.LEAD,))
        here = line.workplace(PERSONALIZATION)
        here = here.at(here.station, (lead.code, *here.people), {lead.code: lead.sign_in})
        with database.read() as conn:
            nodes = TimeNodes(in_force(conn), self.settings.allowances.by_class())
        try:
            green.raise_to_green(here, number, "exam", nodes)
        except (NotRaisableError, AlreadyAnsweredError) as error:
            log.info("emergency_too_late", error=type(error).__name__)  # it moved on meanwhile: another is found

    def _seen(self, conn: Connection) -> Counted:
        with closing(Parts(self.folder, self.settings, leave_emulators=True)) as parts:
            return counting.joined([eyes.count(conn, parts.operators(), self._personalizers())])

    def _personalizers(self) -> tuple[str, ...]:
        return tuple(device.id for device in self.settings.devices if device.driver in MAKES)
