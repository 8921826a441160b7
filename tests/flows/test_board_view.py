"""The board fits its screen, shows the worst first, counts what it can't show, and always says EMULATED."""

from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from flows.board_view import draw, one_line
from flows.facts import STATIONS, Alarm, BoardFacts, MachineFacts, StationFacts
from flows.pace import WINDOW_US, Pace, Rates
from stations.alarms.listing import Listed, printable
from stations.alarms.rules import KINDS

NOW_US = 1_790_000_000_000_000
QUIET = BoardFacts(
    now_us=NOW_US,
    emulated=True,
    stations=tuple(StationFacts(name) for name in STATIONS),
    applications={"waiting": 260, "dispatched": 30, "returned": 10},
)


def machines(count: int, state: str = "execute", reason: str = "") -> tuple[MachineFacts, ...]:
    return tuple(
        MachineFacts(f"book-{number:02}", state, reason, NOW_US - 5_000_000, number, "starting B001", True)
        for number in range(1, count + 1)
    )


def alarms(count: int) -> tuple[Alarm, ...]:
    return tuple(Alarm("late", f"station-{number}", number, NOW_US - 60_000_000) for number in range(1, count + 1))


def standing(count: int, **facts: Any) -> tuple[Listed, ...]:
    plain = {
        "code": "machine-held", "kind": KINDS["machine-held"], "subject": "book-01", "amount": None, "seen": 1,
        "returned": 0, "raised_us": NOW_US - 95_000_000, "cleared_us": None, "emulated": True, "taken_by": None,
        "taken_us": None, "told": (), "unsent": 0,
    }  # fmt: skip
    return tuple(Listed(**{"alarm_id": number, **plain, **facts}) for number in range(1, count + 1))


def drawn(facts: BoardFacts, width: int, height: int, rates: Rates | None = None) -> list[str]:
    console = Console(width=width, height=height)
    with console.capture() as capture:
        console.print(draw(facts, rates or Rates({}, None), title="passline · demo", width=width, height=height))
    return [line.rstrip() for line in capture.get().splitlines()]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (140, 40), (200, 24)])
@pytest.mark.parametrize("machine_count", [0, 4, 10, 40])
@pytest.mark.parametrize("alarm_count", [0, 1, 3, 30])
def test_the_board_fits_its_screen(width: int, height: int, machine_count: int, alarm_count: int) -> None:
    facts = replace(QUIET, machines=machines(machine_count), alarms=alarms(alarm_count))
    lines = drawn(facts, width, height)
    assert len(lines) < height
    assert max(map(len, lines)) <= width


def test_every_station_and_how_far_the_batch_is_are_shown() -> None:
    text = "\n".join(drawn(QUIET, 80, 24))
    assert all(station in text for station in STATIONS)
    assert "40 of 300 ended" in text
    assert "260 waiting · 30 dispatched · 10 returned" in text


@pytest.mark.parametrize(("width", "height"), [(80, 24), (140, 40)])
def test_an_emulated_line_says_so_on_every_board(width: int, height: int) -> None:
    assert "EMULATED" in "\n".join(drawn(QUIET, width, height))
    assert "EMULATED" in one_line(QUIET, Rates({}, None), title="passline")
    assert "EMULATED" not in "\n".join(drawn(replace(QUIET, emulated=False), width, height))


def test_a_held_machine_stands_before_those_at_work_with_its_reason() -> None:
    held = MachineFacts("card-09", "held", "feed_jam", NOW_US, 3, "starting C001", True)
    lines = drawn(replace(QUIET, machines=(*machines(30), held)), 80, 24)
    first = next(line for line in lines if "card-" in line or "book-" in line)
    assert first.split()[:4] == ["card-09", "■", "held", "feed_jam"]


def test_what_does_not_fit_is_counted() -> None:
    facts = replace(QUIET, machines=machines(30), alarms=alarms(30))
    lines = drawn(facts, 80, 24)
    machines_shown = sum("book-" in line for line in lines)
    alarms_shown = sum("late" in line for line in lines)
    assert machines_shown
    assert alarms_shown
    assert any(line.split()[:1] == [f"+{30 - machines_shown}"] for line in lines)
    assert any(f"and {30 - alarms_shown} more" in line for line in lines)


def at(seconds: int, *, review: int = 0, qc: int = 0, review_waits: int = 60, qc_waits: int = 30) -> BoardFacts:
    stations = (
        StationFacts("review", waiting=review_waits, done=review),
        StationFacts("qc", waiting=qc_waits, done=qc),
    )
    return replace(QUIET, now_us=NOW_US + seconds * 1_000_000, stations=stations)


def test_rates_are_what_was_done_over_the_window() -> None:
    pace = Pace()
    assert pace.look(at(0, review=100)).per_minute == {}
    assert pace.look(at(10, review=110)).per_minute == {"review": 60}
    later = WINDOW_US // 1_000_000 + 10
    assert pace.look(at(later, review=110)).per_minute == {}


def test_the_slowest_station_decides_the_time_left() -> None:
    pace = Pace()
    pace.look(at(0))
    # 60 wait at review and 30 at qc: qc has 90 before it at one a second.
    assert pace.look(at(10, review=20, qc=10)).left_s == 90


def test_a_station_that_waits_for_others_is_not_slow() -> None:
    pace = Pace()
    pace.look(at(0, qc_waits=0))
    assert pace.look(at(10, review=10, qc=1, qc_waits=0)).left_s == 60


def test_a_station_is_as_fast_as_while_it_had_work() -> None:
    pace = Pace()
    pace.look(at(0, qc_waits=0))
    pace.look(at(9, review=90, qc_waits=30))
    # 90 to pass qc, which made two in the one second that it had work.
    assert pace.look(at(10, review=100, qc=2)).left_s == 45


def test_nothing_is_left_when_nothing_waits() -> None:
    pace = Pace()
    pace.look(QUIET)
    assert pace.look(replace(QUIET, now_us=NOW_US + 1_000_000)).left_s == 0


def test_the_time_left_is_not_guessed_while_nothing_moved() -> None:
    pace = Pace()
    pace.look(at(0))
    assert pace.look(at(10)).left_s is None


def test_the_registers_alarms_come_first_with_icon_word_age_and_whose_they_are() -> None:
    facts = replace(QUIET, standing=standing(1), alarms=alarms(1))
    lines = drawn(facts, 140, 40)
    (first,) = [number for number, line in enumerate(lines) if "Machine held at book-01" in line]
    assert (
        "▲ urgent" in lines[first] and "1:35" in lines[first] and "operator" in lines[first] and "○ 1" in lines[first]
    )
    assert "late at station-1" in lines[first + 1]
    assert "2 alarms" in one_line(facts, Rates({}, None), title="passline")


def test_a_taken_alarm_says_by_whom_and_an_escalated_one_who_was_told() -> None:
    taken = replace(QUIET, standing=standing(1, taken_by="p-0417"))
    assert "taken by p-0417 ◐" in "\n".join(drawn(taken, 140, 40))
    told = replace(QUIET, standing=standing(1, told=("lead",)))
    assert "operator → lead" in "\n".join(drawn(told, 140, 40))


@pytest.mark.parametrize(("width", "height"), [(80, 24), (140, 40)])
def test_what_does_not_fit_of_the_register_is_counted(width: int, height: int) -> None:
    lines = drawn(replace(QUIET, standing=standing(20), alarms=alarms(20)), width, height)
    shown = sum("Machine held" in line for line in lines)
    assert len(lines) < height and any(f"and {40 - shown} more: passline alarms list" in line for line in lines)


def test_a_hostile_subject_is_text_on_the_board() -> None:
    lines = drawn(replace(QUIET, standing=standing(1, subject=printable("[red]x[/]\x1b[2J\x07"))), 140, 40)
    assert any("[red]x[/]" in line for line in lines) and "\x1b" not in "".join(lines) and "\x07" not in "".join(lines)
