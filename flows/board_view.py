"""The board as Rich draws it: pure, from facts to something to print. Status by icon, word and colour."""

import time
from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from flows.alarm_look import ALARM_STATES, LOOKS
from flows.durations import duration
from flows.facts import Alarm, BoardFacts, MachineFacts
from flows.pace import Rates
from stations.alarms.listing import Listed

WIDE: Final = 120
"""From this width on, stations and machines stand side by side."""
FIXED_LINES: Final = 7
"""Lines of heading, progress and gaps, and one spare for the cursor."""
STATION_LINES: Final = 7
"""The stations with their heading and a gap, where they stand above the machines."""
MACHINE_LOOKS: Final = {
    "execute": ("●", "green"),
    "idle": ("○", "dim"),
    "suspended": ("◐", "yellow"),
    "held": ("■", "bold red"),
    "stopped": ("□", "dim"),
}
STATES: Final = ("waiting", "passed", "in_production", "dispatched", "returned", "held", "stopped")
"""An application's states in the order of its way."""
UNKNOWN_LOOK: Final = ("?", "bold red")
BAR: Final = 40

Row = TypeVar("Row")


def draw(facts: BoardFacts, rates: Rates, *, title: str, width: int, height: int) -> RenderableType:
    """The whole board for a screen of `width` by `height` characters; what does not fit is counted, not dropped."""
    wide = width >= WIDE
    room = height - FIXED_LINES - (0 if wide else STATION_LINES)
    alarm_lines = max(1, min(len(facts.standing) + len(facts.alarms), room // 3))
    stations, machines = _stations(facts, rates), _machines(facts, room - alarm_lines)
    gap = Text("")
    if wide:
        halves = Table.grid(expand=True, padding=(0, 3))
        halves.add_row(stations, machines)
        body: list[RenderableType] = [halves]
    else:
        body = [stations, gap, machines]
    return Group(_heading(facts, rates, title), gap, *body, gap, _alarms(facts, alarm_lines), gap, *_progress(facts))


def one_line(facts: BoardFacts, rates: Rates, *, title: str) -> str:
    """The same in one line, for logs and pipes."""
    stations = " ".join(f"{one.station} {one.waiting}/{one.in_work}/{one.done}" for one in facts.stations)
    parts = [title, *(["EMULATED"] if facts.emulated else []), stations]
    parts.append(f"{facts.ended} of {facts.all_applications} ended, {_left(rates.left_s)}")
    if count := len(facts.standing) + len(facts.alarms):
        parts.append(f"{count} alarms")
    return " · ".join(parts)


def _heading(facts: BoardFacts, rates: Rates, title: str) -> RenderableType:
    grid = Table.grid(expand=True)
    grid.add_column(justify="left")
    grid.add_column(justify="center")
    grid.add_column(justify="right")
    emulated = Text.assemble((" EMULATED ", "black on yellow") if facts.emulated else "")
    clock = time.strftime("%H:%M:%S", time.localtime(facts.now_us / 1e6))
    grid.add_row(Text(title, "bold"), emulated, Text(f"{_left(rates.left_s)} · {clock}"))
    return grid


def _left(seconds: float | None) -> str:
    if seconds is None:
        return "time left not known yet"
    return f"{duration(seconds)} left" if seconds else "nothing left"


def _stations(facts: BoardFacts, rates: Rates) -> Table:
    table = Table(box=None, expand=True, padding=(0, 1), header_style="dim")
    table.add_column("station", no_wrap=True)
    for name in ("waiting", "in work", "done today", "oldest", "a minute"):
        table.add_column(name, justify="right", no_wrap=True)
    for station in facts.stations:
        oldest = "" if station.oldest_us is None else duration((facts.now_us - station.oldest_us) / 1e6)
        rate = rates.per_minute.get(station.station)
        busy = "bold" if station.in_work else ""
        table.add_row(
            Text(station.station, busy),
            _number(station.waiting),
            _number(station.in_work),
            _number(station.done),
            oldest,
            f"{rate:.0f}" if rate else "",
        )
    return table


def _machines(facts: BoardFacts, room: int) -> Table:
    table = Table(box=None, expand=True, padding=(0, 1), header_style="dim")
    for name, right in (("machine", False), ("state", False), ("job", False), ("jobs", True), ("for", True)):
        table.add_column(name, justify="right" if right else "left", no_wrap=True, ratio=1 if name == "job" else None)
    shown, more = _fit(_worst_first(facts.machines), room - 1)
    for machine in shown:
        icon, style = MACHINE_LOOKS.get(machine.state, UNKNOWN_LOOK)
        table.add_row(
            machine.machine,
            Text(f"{icon} {machine.state}", style),
            Text(machine.reason or machine.job, style if machine.reason else "", overflow="ellipsis"),
            _number(machine.jobs),
            duration((facts.now_us - machine.since_us) / 1e6),
        )
    if more:
        table.add_row(f"+{more}", Text("more machines", "dim"))
    return table


def _worst_first(machines: Iterable[MachineFacts]) -> list[MachineFacts]:
    return sorted(machines, key=lambda machine: (machine.state not in ("held", "suspended"), machine.machine))


def _alarms(facts: BoardFacts, room: int) -> RenderableType:
    lines = [_standing(alarm, facts.now_us) for alarm in facts.standing]
    lines += [_alarm(alarm, facts.now_us) for alarm in facts.alarms]
    if not lines:
        return Text(" ✓ no alarms", "green")
    shown, more = _fit(lines, room)
    return Group(*shown, *([Text(f" ! and {more} more: passline alarms list", "red")] if more else []))


def _standing(alarm: Listed, now_us: int) -> Text:
    icon, style = LOOKS[alarm.severity]
    state, _ = ALARM_STATES[alarm.state]
    words = [f" {icon} {alarm.severity}: {alarm.title} at {alarm.subject}"]
    words.append(f"for {duration((now_us - alarm.raised_us) / 1e6)}")
    words += [alarm.much] if alarm.much else []
    taken = f"taken by {alarm.taken_by}" if alarm.taken_by else f"for {' → '.join((alarm.owner, *alarm.told))}"
    look = "dim" if alarm.taken_by else style
    return Text(f"{' · '.join([*words, taken])} {state} {alarm.alarm_id}", look, overflow="ellipsis", no_wrap=True)


def _alarm(alarm: Alarm, now_us: int) -> Text:
    age = "" if alarm.since_us is None else f" for {duration((now_us - alarm.since_us) / 1e6)}"
    count = f" × {alarm.count}" if alarm.count > 1 else ""
    detail = f": {alarm.detail}" if alarm.detail else ""
    return Text(f" ! {alarm.code}{count} at {alarm.where}{age}{detail}", "bold red", overflow="ellipsis", no_wrap=True)


def _progress(facts: BoardFacts) -> tuple[RenderableType, RenderableType]:
    whole = facts.all_applications
    filled = round(BAR * facts.ended / whole) if whole else 0
    bar = Text.assemble(
        (" " + "━" * filled, "green"), ("━" * (BAR - filled), "dim"), f" {facts.ended} of {whole} ended"
    )
    ordered = sorted(facts.applications.items(), key=lambda item: STATES.index(item[0]))
    words = " · ".join(f"{count} {state.replace('_', ' ')}" for state, count in ordered)
    return bar, Text(f" {words}", "dim", overflow="ellipsis", no_wrap=True)


def _number(value: int) -> Text:
    return Text(f"{value:,}", "" if value else "dim")


def _fit(rows: Sequence[Row], room: int) -> tuple[Sequence[Row], int]:
    """As many rows as there is room for, the last line kept for `more` when they don't all fit."""
    if len(rows) <= room:
        return rows, 0
    kept = max(0, room - 1)
    return rows[:kept], len(rows) - kept
