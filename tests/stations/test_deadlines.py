"""Deadlines and time nodes."""

import hashlib
import json
from datetime import date, datetime, time

import pytest

from stations.calendar import CHINA, WorkCalendar, from_us
from stations.deadlines import ALLOWANCES, STATIONS, WORKING_DAYS, DeadlineRule, time_node_us

CALENDAR = WorkCalendar()
RULE = DeadlineRule(CALENDAR)


def due(service_class: str, accepted: datetime, approved: datetime | None = None) -> datetime:
    return from_us(RULE.deadline(service_class, accepted, approved).due_us).astimezone(CHINA)


def test_the_seventh_working_day_skips_the_national_holiday() -> None:
    accepted = datetime(2026, 9, 24, 10, tzinfo=CHINA)
    assert due("normal", accepted) == datetime(2026, 10, 12, 18, tzinfo=CHINA)


def test_expedited_takes_two_working_days() -> None:
    assert due("expedited", datetime(2026, 11, 20, 16, tzinfo=CHINA)) == datetime(2026, 11, 24, 18, tzinfo=CHINA)


def test_an_emergency_is_due_at_the_end_of_the_day_or_hours_after_approval_whichever_is_later() -> None:
    morning, late = (datetime(2026, 11, 21, hour, tzinfo=CHINA) for hour in (9, 22))
    assert due("emergency", morning, morning) == datetime(2026, 11, 22, tzinfo=CHINA)
    assert due("emergency", morning, late) == datetime(2026, 11, 22, 4, tzinfo=CHINA)


def test_the_day_of_acceptance_is_the_centres_day() -> None:
    # 23:30 UTC on the 19th is the morning of the 20th in China.
    assert due("expedited", datetime.fromisoformat("2026-11-19T23:30:00+00:00")).day == 24


def test_a_deadline_in_an_unpublished_year_is_provisional() -> None:
    assert RULE.deadline("normal", datetime(2026, 12, 29, 9, tzinfo=CHINA)).provisional
    assert not RULE.deadline("normal", datetime(2026, 11, 20, 9, tzinfo=CHINA)).provisional


@pytest.mark.parametrize("service_class", sorted(ALLOWANCES))
def test_time_nodes_follow_the_way_and_end_at_the_deadline(service_class: str) -> None:
    accepted = datetime(2026, 11, 20, 9, tzinfo=CHINA)
    end = RULE.deadline(service_class, accepted).due_us
    nodes = [time_node_us(station, service_class, end, CALENDAR) for station in STATIONS]
    assert nodes == sorted(nodes)
    assert nodes[-1] == end
    assert nodes[0] > int(accepted.timestamp() * 1e6)


def test_allowances_fit_into_the_working_days() -> None:
    for service_class, days in WORKING_DAYS.items():
        assert sum(span.total_seconds() for span in ALLOWANCES[service_class].values()) <= days * 10 * 3600


def test_the_terms_of_a_deadline_are_named_by_their_digest() -> None:
    """Two rules have one digest exactly where they say the same of every application."""
    other = DeadlineRule(WorkCalendar({date(2027, 1, 1): False}, frozenset({2027})))
    assert RULE.digest == DeadlineRule(WorkCalendar()).digest
    assert (
        len({RULE.digest, other.digest, DeadlineRule(CALENDAR, None).digest, DeadlineRule(CALENDAR, time(17)).digest})
        == 4
    )
    assert hashlib.sha256(other.terms.encode()).hexdigest() == other.digest
    told = json.loads(other.terms)
    assert (told["accepts_until"], told["complete_years"], told["days"]) == ("18:00", [2027], {"2027-01-01": "holiday"})
    assert told["published"].startswith("chinesecalendar ")


def test_an_acceptance_on_a_guessed_day_is_provisional_and_final_once_its_year_is_published() -> None:
    accepted = datetime(2026, 12, 24, 9, tzinfo=CHINA)
    settled = DeadlineRule(WorkCalendar({date(2027, 1, 1): False}, frozenset({2027})))
    assert RULE.deadline("normal", accepted).provisional
    assert not settled.deadline("normal", accepted).provisional
