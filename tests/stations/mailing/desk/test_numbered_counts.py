"""A driver without a scanner counts a tray's parcels and signs for the number; on both databases."""

import pytest

from handoff_logs.errors import SamePersonError
from stations.mailing import acts
from stations.mailing.errors import NothingAtTheDoorError

THERE = (
    "SELECT handoff_id, tray, count(*) FROM whereabouts WHERE state = 'offered' AND kind = 'parcel'"
    " AND station = 'mailing' GROUP BY 1, 2 ORDER BY 2"
)


@pytest.fixture
def there(desk):
    """The trays at the door: handoff, tray, how many parcels."""
    desk.weigh_all()
    desk.book()
    return desk.rows(THERE)


def count(desk, handoff, number, driver="dan"):
    """Have the driver sign for a number, and book it; what it came to."""
    desk.sign("door", "ann", driver, subject=handoff, detail=acts.NUMBER, labels=(str(number),))
    (told,) = desk.run()
    return told


def test_the_right_number_takes_the_whole_tray_and_no_other(desk, there):
    (handoff, _, parcels), *others = there
    told = count(desk, handoff, parcels)
    assert (told["taken"], told["missing"], told["refused"]) == (parcels, (), ())
    assert desk.rows("SELECT count(*) FROM whereabouts WHERE kind = 'parcel' AND station = 'carrier'") == [(parcels,)]
    assert desk.rows(THERE) == others
    assert desk.rows("SELECT count(*) FROM open_case") == [(0,)]


@pytest.mark.parametrize("off", [-1, 1])
def test_a_number_that_differs_hands_nothing_over_and_the_recount_makes_the_cases(desk, there, off):
    """Nobody knows by a number which is missing: mailing scans what came back, and that says it."""
    handoff, tray, parcels = there[0]
    standing = desk.offered()
    told = count(desk, handoff, parcels + off)
    assert (told["taken"], told["refused"], told["differs"]) == (0, (tray,), (tray,))
    assert desk.rows("SELECT count(*) FROM whereabouts WHERE kind = 'parcel' AND station = 'carrier'") == [(0,)]
    back = sorted(set(standing) - set(desk.offered()))
    assert len(back) == parcels
    desk.sign("retake", "ann", None, subject=handoff, labels=tuple(back[1:]))
    (told,) = desk.run()
    assert tuple(told["missing"]) == (back[0],)
    assert desk.rows("SELECT kind FROM open_case") == [("missing",)]
    with pytest.raises(NothingAtTheDoorError):
        count(desk, handoff, parcels)


def test_what_stands_at_no_door_is_no_count_and_who_offered_it_takes_nothing(desk, there):
    with pytest.raises(NothingAtTheDoorError):
        count(desk, "0" * 32, 3)
    with pytest.raises(SamePersonError):
        acts.sign(desk.here, desk.signed("door", "bob", "ann", subject=there[0][0], detail="number", labels=("3",)))
    assert desk.rows("SELECT count(*) FROM mailing_act") == [(0,)]
