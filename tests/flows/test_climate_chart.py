"""The picture of a figure: nothing leaves it, what nobody measured is a gap, and what was outside is marked."""

import re

from hypothesis import given
from hypothesis import strategies as st

from flows.climate_chart import HEIGHT, HOUR_US, WIDTH, Chart, Point, chart, points_of, portion_us, times_outside
from stations.climate.rules import Figure

DAY = (0, 24 * HOUR_US)
VALUES = st.floats(-50, 5e6, allow_nan=False)
LIMITS = st.tuples(st.one_of(st.none(), VALUES), st.one_of(st.none(), VALUES))


def drawn(points: list[Point], limits: tuple[float | None, float | None] = (18.0, 26.0)) -> Chart:
    return chart(Figure.TEMPERATURE, limits, {"air-01": points}, ([], []), DAY)


@given(st.lists(st.tuples(st.integers(0, DAY[1]), VALUES, VALUES), max_size=30), LIMITS)
def test_whatever_was_measured_lies_on_the_picture(
    told: list[tuple[int, float, float]], limits: tuple[float | None, float | None]
) -> None:
    points = [Point(at, min(pair), max(pair), sum(pair) / 2) for at, *pair in sorted(told)]
    made = drawn(points, limits)
    places = [place for trace in made.traces for piece in (*trace.lines, *trace.bands) for place in piece.split()]
    for place in places:
        x, y = map(float, place.split(","))
        assert 0 <= x <= WIDTH and 0 <= y <= HEIGHT
    assert all(0 <= tick.at <= HEIGHT for tick in (*made.limits, *made.values))
    assert all(0 <= tick.at <= WIDTH for tick in made.times)
    assert len(made.values) <= 7 and 2 <= len(made.times) <= 13


def test_a_line_breaks_where_nobody_looked() -> None:
    width_us = portion_us(*DAY)
    told = [Point(number * width_us, 20.0, 21.0, 20.5) for number in (1, 2, 3, 9, 10)]
    (trace,) = drawn(told).traces
    assert [len(re.findall(",", line)) for line in trace.lines] == [3, 2]


def test_a_single_reading_is_a_dot() -> None:
    (trace,) = drawn([Point(HOUR_US, 20.0, 20.0, 20.0)]).traces
    (line,) = trace.lines
    first, second = line.split()
    assert first == second


def test_a_line_has_few_enough_points() -> None:
    assert portion_us(0, 6 * HOUR_US) == 60_000_000
    assert 168 * HOUR_US / portion_us(0, 168 * HOUR_US) <= 480


def test_portions_without_the_figure_are_left_out() -> None:
    rows = [
        {"sensor": "air-01", "portion": number, **{f"temperature_{name}": value for name in ("min", "max", "mean")}}
        for number, value in enumerate((20.0, None, 22.0))
    ]
    (points,) = points_of(rows, Figure.TEMPERATURE, 100, 10).values()
    assert [(point.at_us, point.mean) for point in points] == [(105, 20.0), (125, 22.0)]


def crossing(at_us: int, outwards: bool, sensor: str = "air-01", figure: str = "temperature") -> dict[str, object]:
    return {"sensor": sensor, "figure": figure, "outwards": outwards, "at_us": at_us}


def test_two_sensors_outside_are_one_stretch() -> None:
    rows = [crossing(1, True), crossing(2, True, "air-02"), crossing(3, False), crossing(5, False, "air-02")]
    assert times_outside(rows, Figure.TEMPERATURE, False, (0, 9)) == [(1, 5)]


def test_what_is_outside_all_the_time_or_since_before_is_marked() -> None:
    assert times_outside([], Figure.TEMPERATURE, True, (0, 9)) == [(0, 9)]
    assert times_outside([crossing(4, False)], Figure.TEMPERATURE, False, (0, 9)) == [(0, 4)]
    assert times_outside([crossing(4, True, figure="silence")], Figure.TEMPERATURE, True, (0, 9)) == [(4, 9)]
    assert times_outside([crossing(4, True, figure="humidity")], Figure.TEMPERATURE, False, (0, 9)) == []
