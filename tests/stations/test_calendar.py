"""Working days and working time."""

import pickle
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from stations.calendar import CHINA, CalendarFileError, WorkCalendar, from_us, load_calendar, to_us


def test_make_up_days_count_as_working_days() -> None:
    # The National Day week of 2026 was made up for on 10 October, a Saturday.
    assert WorkCalendar().is_working(date(2026, 10, 10))
    assert not WorkCalendar().is_working(date(2026, 10, 1))


def test_a_year_without_published_data_is_provisional() -> None:
    calendar = WorkCalendar()
    assert calendar.add_days(date(2026, 12, 25), 2) == (date(2026, 12, 29), False)
    assert calendar.add_days(date(2026, 12, 30), 5)[1]


def test_an_override_file_settles_a_later_year(tmp_path: Path) -> None:
    file = tmp_path / "calendar.toml"
    file.write_text('complete_years = [2027]\n[days]\n"2027-01-01" = "holiday"\n"2027-01-02" = "workday"\n')
    calendar = load_calendar(file)
    assert not calendar.is_working(date(2027, 1, 1))
    assert calendar.is_working(date(2027, 1, 2))
    assert calendar.add_days(date(2026, 12, 30), 3) == (date(2027, 1, 4), False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[days]\n2027 = 3", "2027 = 3"),
        ('[days]\n"2027-13-01" = "holiday"', "2027-13-01"),
        ('[day]\n"2027-01-01" = "holiday"', "unknown key 'day'"),
        ('complete_years = ["2027"]', "complete_years"),
        ("complete_years = [true]", "complete_years must be a list of years from 2004 to 2100, not [True]"),
        ("complete_years = [20277]", "[20277]"),
        ("complete_years = [2027]", "complete_years has 2027, and days names no holiday of it"),
        ('[days]\n"20270101" = "holiday"', "20270101"),
        ('[days]\n"2027-W01-5" = "holiday"', "2027-W01-5"),
        ('[days]\n"2072-01-01" = "Holiday"', "days has 2072-01-01 = 'Holiday'"),
        ('[days]\n"0207-01-01" = "holiday"', "0207-01-01"),
        ('[days]\n"2027-01-01" = ["holiday"]', "2027-01-01"),
        ('[days]\n"2027-01-01" = "holiday"\n"2027-01-01" = "workday"', "cannot be read"),
        ("days = 3", "days"),
        ("[days", "cannot be read"),
        ("", "it is empty"),
        ("# 2027 to come\n", "it is empty"),
    ],
)
def test_a_wrong_override_file_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "calendar.toml"
    file.write_text(text)
    with pytest.raises(CalendarFileError, match="calendar file") as refused:
        load_calendar(file)
    assert said in str(refused.value)
    assert str(pickle.loads(pickle.dumps(refused.value))) == str(refused.value)


def test_an_empty_table_of_days_takes_every_override_back(tmp_path: Path) -> None:
    file = tmp_path / "calendar.toml"
    file.write_text("[days]\n")
    assert load_calendar(file) == WorkCalendar()


def test_the_source_of_each_day_is_known(tmp_path: Path) -> None:
    calendar = WorkCalendar({date(2026, 12, 31): False, date(2027, 1, 1): False}, frozenset({2027}))
    days = {day: calendar.source(day).value for day in (date(2026, 12, 30), *calendar.days, date(2027, 1, 4))}
    assert list(days.values()) == ["published", "override", "override", "override"]
    assert calendar.source(date(2028, 1, 3)).value == "provisional"


def test_a_calendar_is_what_its_register_says() -> None:
    calendar = WorkCalendar({date(2027, 1, 1): False, date(2027, 1, 2): True}, frozenset({2027}))
    assert WorkCalendar.from_facts(calendar.facts) == calendar
    assert WorkCalendar.from_facts({}) == WorkCalendar()


def test_working_time_is_counted_back_over_weekends_and_nights() -> None:
    monday_ten = datetime(2026, 11, 23, 10, tzinfo=CHINA)
    assert WorkCalendar().back(monday_ten, timedelta(hours=5)) == datetime(2026, 11, 20, 15, tzinfo=CHINA)
    sunday = datetime(2026, 11, 22, 10, tzinfo=CHINA)
    assert WorkCalendar().back(sunday, timedelta(hours=1)) == datetime(2026, 11, 20, 17, tzinfo=CHINA)


def test_microseconds_are_exact() -> None:
    instant = datetime(2026, 11, 23, 10, 0, 0, 123_457, tzinfo=UTC)
    assert from_us(to_us(instant)) == instant
