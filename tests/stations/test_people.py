"""Emulated people: enough of them, in one place each, and recognisable."""

from itertools import chain

import pytest

from stations import people


def test_nobody_stands_at_two_stations():
    """So that nobody can sign both sides of a handoff."""
    codes = list(chain.from_iterable(duty.codes for duty in people.emulated_roster("day", 3).values()))
    assert len(codes) == len(set(codes)) == 3 * len(people.STAFFING)


def test_emulated_staff_is_known_by_its_code():
    """Rule 9: emulated is always visible."""
    assert all(person.emulated for person in people.emulated_duty("qc", "day").people)
    assert not people.Person("1007", people.Role.INSPECTOR).emulated


def test_a_station_needs_two_people():
    """Voids are signed by two."""
    with pytest.raises(ValueError, match="at least two"):
        people.emulated_duty("qc", "day", 1)
