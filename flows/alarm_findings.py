"""What is the matter on the line now: each source of alarms asked once, by the kinds of alarms.

Of the kinds that are watched here: climate and patrols raise theirs where they are measured and walked.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from flows.makers import MAKES
from flows.settings import LineSettings, LogSettings
from handoff_logs import questions
from handoff_logs.reading import Reading
from handoff_logs.sealed_state import SealedState
from stations.alarms import rules
from stations.alarms.register import Finding
from stations.documents import PRODUCTS
from stations.personalization import rules as personalization
from stations.vault import rules as vault

WATCHED: Final = (
    rules.LATE_RISK,
    rules.LOW_STOCK,
    rules.MACHINE_HELD,
    rules.SEALING_SILENT,
    rules.WITNESS_SILENT,
    rules.DISCREPANCY,
    rules.UNSENT,
    # Found by nobody here: while this looks, the line is at work.
    rules.EMERGENCY_WAITS,
)
LOG: Final = "log"
"""What sealing and witnessing are about."""
UNSEALED_ALARM_S: Final = 15.0
"""Three times what a record may stay unsealed."""
SILENT_HEARTBEATS: Final = 3
"""Heartbeats that a witness may leave out before its silence is an alarm."""
DAY_US: Final = 86_400_000_000
PACE_DAYS: Final = 7
"""The days before today by which the pace of a working day is reckoned."""
LATE_WINDOW_US: Final = 60_000_000

HELD: Final = "SELECT machine FROM machine_state WHERE state = 'held'"
UNSETTLED: Final = """
SELECT opened.station, COUNT(*) AS cases FROM custody_case opened
WHERE opened.opened_us < :before_us
  AND NOT EXISTS (SELECT 1 FROM custody_event settle WHERE settle.case_id = opened.case_id)
GROUP BY opened.station
"""
PAST_NODE: Final = """
SELECT to_station AS station, SUM(unit_count) AS units FROM open_offer WHERE due_us < :now_us GROUP BY to_station
"""
STOCK: Final = """
SELECT place, COUNT(*) AS blanks FROM whereabouts
WHERE station IN ('vault', 'personalization') AND state IN ('held', 'offered') AND kind = 'blank' GROUP BY place
"""
"""Unmarked blanks by where they lie; what is in doubt, voided or missing makes no document."""
MADE: Final = """
SELECT j.product, j.result_us / 86400000000 AS day, COUNT(*) AS documents FROM machine_state m CROSS JOIN job j
WHERE j.machine = m.machine AND j.outcome IN ('good', 'failed') AND j.result_us >= :from_us AND j.result_us < :to_us
GROUP BY j.product, j.result_us / 86400000000
"""
"""Pieces, good and bad, of each day; CROSS JOIN has SQLite begin with the few machines, by whose index they are."""
TO_MAKE: Final = """
SELECT product, COUNT(*) AS documents FROM application WHERE state IN ('waiting', 'passed', 'held') GROUP BY product
"""


@dataclass(frozen=True, slots=True)
class StockLeft:
    """Blanks of one kind that are left, those needed for what is on the line and waiting, and a working day's use."""

    blanks: int
    needed: int
    a_day: float

    def is_low(self, days: float) -> bool:
        """Whether they don't last for what waits and so many days more.

        >>> StockLeft(90, 100, 0.0).is_low(0), StockLeft(120, 100, 50.0).is_low(2), StockLeft(0, 0, 0.0).is_low(2)
        (True, True, False)
        """
        return self.blanks < self.needed + days * self.a_day


def stock_left(reading: Reading, settings: LineSettings, now_us: int) -> dict[str, StockLeft]:
    """What is left of each kind of blank, and how fast it goes: by the working days of the week before today."""
    lies = {row["place"]: row["blanks"] for row in reading.rows(STOCK)}
    today_us = _midnight_us(now_us)
    made = reading.rows(MADE, from_us=today_us - PACE_DAYS * DAY_US, to_us=today_us)
    to_make = {row["product"]: row["documents"] for row in reading.rows(TO_MAKE)}
    left: dict[str, StockLeft] = {}
    for kind in dict.fromkeys(product.blank for product in PRODUCTS.values()):
        products = {name for name, product in PRODUCTS.items() if product.blank == kind}
        mine = [row for row in made if row["product"] in products]
        days = len({row["day"] for row in mine})
        left[kind] = StockLeft(
            sum(lies.get(place, 0) for place in _places(kind, settings)),
            sum(to_make.get(product, 0) for product in products),
            sum(row["documents"] for row in mine) / days if days else 0.0,
        )
    return left


def _places(kind: str, settings: LineSettings) -> list[str]:
    """Where unmarked blanks of a kind lie: the vault's shelf, the stock, the stacks of the machines that take them."""
    machines = [device.id for device in settings.devices if kind in _takes(device.driver)]
    return [vault.shelf(kind), personalization.blank_stock(kind), *map(personalization.input_stack, machines)]


def _takes(driver: str) -> tuple[str, ...]:
    return (personalization.blank_kind(MAKES[driver]),) if driver in MAKES else ()


def _midnight_us(now_us: int) -> int:
    now = datetime.fromtimestamp(now_us / 1e6, UTC).astimezone()
    return int(now.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()) * 1_000_000


@dataclass(frozen=True, slots=True)
class Silence:
    """Records that wait for their seal (`unsealed`) or seals for a witness (`unwitnessed`), and for how long."""

    reason: str
    count: int
    seconds: float


def silences(state: SealedState, settings: LogSettings) -> Iterator[Silence]:
    """What the sealer or the witness has left undone for too long."""
    if state.unsealed_s is not None and state.unsealed_s > UNSEALED_ALARM_S:
        yield Silence("unsealed", state.unsealed, state.unsealed_s)
    silence_s = settings.heartbeat_s * SILENT_HEARTBEATS
    if settings.witness and state.cosigned_s is not None and state.cosigned_s > silence_s:
        yield Silence("unwitnessed", state.size, state.cosigned_s)


def findings(
    reading: Reading, seals: SealedState, unsent: Mapping[str, int], settings: LineSettings, now_us: int
) -> dict[Finding, int | None]:
    """Everything that is the matter at `now_us`, with its amount; `unsent`: notices by target that is not reached."""
    found: dict[Finding, int | None] = {(rules.MACHINE_HELD, row["machine"]): None for row in reading.rows(HELD)}
    before_us = now_us - settings.alarms.discrepancy_min * 60_000_000
    for row in reading.rows(UNSETTLED, before_us=before_us):
        found[rules.DISCREPANCY, row["station"]] = row["cases"]
    for station, units in _past_node(reading, now_us).items():
        found[rules.LATE_RISK, station] = units
    for kind, left in stock_left(reading, settings, now_us).items():
        if left.is_low(settings.alarms.stock_days):
            found[rules.LOW_STOCK, kind] = left.blanks
    for silence in silences(seals, settings.log):
        if silence.reason == "unsealed":
            found[rules.SEALING_SILENT, LOG] = silence.count
        else:
            found[rules.WITNESS_SILENT, LOG] = None
    for target, notices in unsent.items():
        found[rules.UNSENT, target] = notices
    return found


def _past_node(reading: Reading, now_us: int) -> dict[str, int]:
    """Units past their time node by the station that has them, or has to take them."""
    late: dict[str, int] = {}
    # A minute on either side: only what is still here is asked, not what was handed on today.
    for row in questions.late(reading, from_us=now_us - LATE_WINDOW_US, to_us=now_us + LATE_WINDOW_US):
        if row["still_here"]:
            late[row["station"]] = late.get(row["station"], 0) + row["still_here"]
    for offer in reading.rows(PAST_NODE, now_us=now_us):
        late[offer["station"]] = late.get(offer["station"], 0) + int(offer["units"])
    return late
