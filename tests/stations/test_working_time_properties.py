"""Deadlines, time nodes and working time against a second calendar: that of `holidays`, counted day by day.

It comes from other hands than the program's, and both say the same of every day of these years.
"""

from datetime import date, datetime, time, timedelta
from functools import cache

import holidays
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from stations.calendar import CHINA, CLOSES, OPENS, WorkCalendar, from_us
from stations.deadlines import ALLOWANCES, STATIONS, WORKING_DAYS, DeadlineRule, time_node_us

FIRST, LAST = 2006, 2026
CALENDAR = WorkCalendar()
SECOND = holidays.country_holidays("CN", years=range(FIRST, LAST + 1))
HOURS = 10
"""Of a working day."""

instants = st.datetimes(datetime(FIRST, 2, 1), datetime(LAST, 11, 30)).map(lambda moment: moment.replace(tzinfo=CHINA))
closings = st.sampled_from([None, time(12), time(17, 30), CLOSES, time(23, 59)])
classes = st.sampled_from(sorted(WORKING_DAYS))
spans = st.timedeltas(timedelta(), timedelta(hours=90))


@cache
def worked(day: date) -> bool:
    return bool(SECOND.is_working_day(day))


hours_worked = st.builds(
    lambda day, time_of_day: datetime.combine(day, time_of_day, CHINA),
    st.dates(date(FIRST, 2, 1), date(LAST, 11, 30)).map(lambda day: day if worked(day) else next_worked(day)),
    st.times(OPENS, CLOSES),
)
"""Instants at which people work, the first and the last of a day among them."""


def next_worked(day: date) -> date:
    day += timedelta(days=1)
    while not worked(day):
        day += timedelta(days=1)
    return day


def due(rule: DeadlineRule, service_class: str, accepted: datetime) -> datetime:
    return from_us(rule.deadline(service_class, accepted).due_us).astimezone(CHINA)


def worked_minutes(start: datetime, end: datetime) -> int:
    """Every working minute between two whole minutes, one by one."""
    minutes, moment = 0, start
    while moment < end:
        minutes += worked(moment.date()) and OPENS <= moment.time() < CLOSES
        moment += timedelta(minutes=1)
    return minutes


@pytest.mark.parametrize("year", range(FIRST, LAST + 1))
def test_both_calendars_agree_on_every_day(year: int) -> None:
    days = (date(year, 1, 1) + timedelta(days=number) for number in range(365 + (year % 4 == 0)))
    assert [day for day in days if CALENDAR.is_working(day) != worked(day)] == []


@given(instants, closings, classes)
@example(datetime(2026, 11, 20, 18, tzinfo=CHINA), CLOSES, "expedited")
@example(datetime(2026, 11, 20, 18, 0, 0, 1, tzinfo=CHINA), CLOSES, "expedited")
@example(datetime(2026, 10, 10, 12, tzinfo=CHINA), CLOSES, "normal")  # a Saturday that is worked
@example(datetime(2026, 10, 9, 19, tzinfo=CHINA), CLOSES, "normal")  # the day before it
@example(datetime(2026, 10, 1, 9, tzinfo=CHINA), CLOSES, "normal")
def test_a_deadline_is_the_close_of_the_nth_working_day_after_the_day_it_counts_from(
    accepted: datetime, closes: time | None, service_class: str
) -> None:
    day = accepted.date()
    if closes is not None and (accepted.time() > closes or not worked(day)):
        day = next_worked(day)
    for _ in range(WORKING_DAYS[service_class]):
        day = next_worked(day)
    assert due(DeadlineRule(CALENDAR, closes), service_class, accepted) == datetime.combine(day, CLOSES, CHINA)


@given(
    instants, st.timedeltas(timedelta(), timedelta(days=20)), closings, st.sampled_from([*WORKING_DAYS, "emergency"])
)
def test_what_is_accepted_later_is_never_due_earlier(
    accepted: datetime, later: timedelta, closes: time | None, service_class: str
) -> None:
    rule = DeadlineRule(CALENDAR, closes)
    assert due(rule, service_class, accepted + later) >= due(rule, service_class, accepted)


@given(instants, classes)
def test_an_evening_costs_a_working_day_at_most(accepted: datetime, service_class: str) -> None:
    """Counting late acceptances as of the next day never makes anything due earlier, and by one day at most later."""
    same_day, next_day = (due(DeadlineRule(CALENDAR, closes), service_class, accepted) for closes in (None, CLOSES))
    assert next_day.date() in (same_day.date(), next_worked(same_day.date()))


@given(instants)
def test_an_emergency_knows_no_closing_time(accepted: datetime) -> None:
    assert due(DeadlineRule(CALENDAR, CLOSES), "emergency", accepted) == due(
        DeadlineRule(CALENDAR, None), "emergency", accepted
    )


@given(instants, spans)
def test_back_leaves_exactly_the_working_time_between(instant: datetime, span: timedelta) -> None:
    assert CALENDAR.between(CALENDAR.back(instant, span), instant) == span


@given(hours_worked, spans)
def test_forward_is_the_inverse_of_back(instant: datetime, span: timedelta) -> None:
    assume(instant.time() > OPENS)
    assert CALENDAR.forward(CALENDAR.back(instant, span), span) == instant


@given(hours_worked, spans)
def test_back_is_the_inverse_of_forward(instant: datetime, span: timedelta) -> None:
    assume(instant.time() < CLOSES and span)
    assert CALENDAR.back(CALENDAR.forward(instant, span), span) == instant


@given(
    instants.map(lambda moment: moment.replace(second=0, microsecond=0)),
    st.integers(0, 60 * 24 * 6).map(lambda minutes: timedelta(minutes=minutes)),
)
def test_working_time_is_what_counting_minutes_gives(start: datetime, span: timedelta) -> None:
    assert CALENDAR.between(start, start + span) == timedelta(minutes=worked_minutes(start, start + span))
    assert CALENDAR.between(start + span, start) == -CALENDAR.between(start, start + span)


@given(instants, st.sampled_from(sorted(ALLOWANCES)), st.lists(st.integers(1, 40), min_size=5, max_size=5))
def test_time_nodes_follow_the_way_each_its_allowance_before_the_next(
    accepted: datetime, service_class: str, hours: list[int]
) -> None:
    allowances = {service_class: dict(zip(STATIONS, (timedelta(hours=each) for each in hours), strict=True))}
    end = DeadlineRule(CALENDAR).deadline(service_class, accepted).due_us
    nodes = [from_us(time_node_us(station, service_class, end, CALENDAR, allowances)) for station in STATIONS]
    assert nodes == sorted(nodes)
    assert nodes[-1] == from_us(end)
    for earlier, later, station in zip(nodes, nodes[1:], STATIONS[1:], strict=False):
        passed = later - earlier if service_class == "emergency" else CALENDAR.between(earlier, later)
        assert passed == allowances[service_class][station]


def test_the_usual_allowances_begin_after_acceptance_in_office_hours() -> None:
    """Whoever files in the morning is not late from the first minute on."""
    accepted = datetime(2026, 11, 20, 9, tzinfo=CHINA)
    for service_class in ALLOWANCES:
        end = DeadlineRule(CALENDAR).deadline(service_class, accepted).due_us
        first = from_us(time_node_us("review", service_class, end, CALENDAR))
        assert first > accepted
