"""What is the matter on the line now: each source of alarms asked once, by the kinds of alarms.

Of the kinds that are watched here: climate raises its own where it is measured.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from flows.settings import LineSettings, LogSettings
from handoff_logs import questions
from handoff_logs.reading import Reading
from handoff_logs.sealed_state import SealedState
from stations.alarms import rules
from stations.alarms.register import Finding
from stations.patrol.listing import overdue
from stations.vault.forecast import stock

WATCHED: Final = (
    rules.LATE_RISK,
    rules.LOW_STOCK,
    rules.MACHINE_HELD,
    rules.PATROL_OVERDUE,
    rules.SEALING_SILENT,
    rules.WITNESS_SILENT,
    rules.DISCREPANCY,
    rules.UNSENT,
    rules.ALONE_INSIDE,
    # Found by nobody here: while this looks, the line is at work.
    rules.EMERGENCY_WAITS,
)
LOG: Final = "log"
"""What sealing and witnessing are about."""
UNSEALED_ALARM_S: Final = 15.0
"""Three times what a record may stay unsealed."""
SILENT_HEARTBEATS: Final = 3
"""Heartbeats that a witness may leave out before its silence is an alarm."""
LATE_WINDOW_US: Final = 60_000_000

GATE: Final = "gate"
"""What too few inside are about."""
INSIDE: Final = "SELECT count(*) AS people FROM inside"
HELD: Final = "SELECT machine FROM machine_state WHERE state = 'held'"
UNSETTLED: Final = """
SELECT station, COUNT(*) AS cases FROM open_case WHERE opened_us < :before_us GROUP BY station
"""
PAST_NODE: Final = """
SELECT to_station AS station, SUM(unit_count) AS units FROM open_offer WHERE due_us < :now_us GROUP BY to_station
"""


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


def low_stock(reading: Reading, settings: LineSettings, now_us: int) -> dict[Finding, int | None]:
    """The kinds of blanks that do not last, with how many are left: what `passline blanks stock` says."""
    days_ahead, reserve = settings.stock_asked
    forecasts = stock(reading, now_us, days_ahead=days_ahead, reserve=reserve)
    return {(rules.LOW_STOCK, each.kind): each.usable for each in forecasts if each.low}


def findings(
    reading: Reading,
    seals: SealedState,
    unsent: Mapping[str, int],
    low: Mapping[Finding, int | None],
    settings: LineSettings,
    now_us: int,
) -> dict[Finding, int | None]:
    """Everything that is the matter at `now_us`, with its amount; `unsent`: notices by target that is not reached.

    `low`: what `low_stock` found, which need not be asked at every look.
    """
    found: dict[Finding, int | None] = {(rules.MACHINE_HELD, row["machine"]): None for row in reading.rows(HELD)}
    before_us = now_us - settings.alarms.discrepancy_min * 60_000_000
    for row in reading.rows(UNSETTLED, before_us=before_us):
        found[rules.DISCREPANCY, row["station"]] = row["cases"]
    for station, units in _past_node(reading, now_us).items():
        found[rules.LATE_RISK, station] = units
    found |= low
    for patrol in overdue(reading, settings.patrols, now_us):
        found[rules.PATROL_OVERDUE, patrol] = None
    for silence in silences(seals, settings.log):
        if silence.reason == "unsealed":
            found[rules.SEALING_SILENT, LOG] = silence.count
        else:
            found[rules.WITNESS_SILENT, LOG] = None
    if settings.gate is not None:
        people = int(reading.rows(INSIDE)[0]["people"])
        if 0 < people < settings.gate.min_inside:
            found[rules.ALONE_INSIDE, GATE] = people
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
