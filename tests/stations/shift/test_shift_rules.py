"""The rules of a shift: names, crew, checklist, count and log."""

import pytest

from stations.people import Role
from stations.shift import counting, rules
from stations.shift.errors import (
    ChecklistError,
    ChecklistItemError,
    CountFileError,
    CountMissingError,
    CountTwiceError,
    CrewShortError,
    CrewStationError,
    CrewTwiceError,
    ShiftNameError,
    ShiftReasonError,
)
from stations.shift.rules import CHECKLIST, CREW, Logged, Scan, What

CREW_OF_TWO = {station: (f"{station}-1", f"{station}-2") for station in CREW}
BOOK = Logged("EA0000001", "blank", "held", "vault", "shelf:book")


@pytest.mark.parametrize("name", ["", "Early", "1st", "two words", "a" * 32, "früh", "early\n"])
def test_a_name_that_records_can_not_bear_is_refused(name):
    with pytest.raises(ShiftNameError):
        rules.check_name(name)


def test_a_reason_is_a_code():
    assert rules.check_reason("power-cut") == "power-cut"
    assert rules.check_reason(None) is None
    with pytest.raises(ShiftReasonError):
        rules.check_reason("the power went")


def test_each_station_has_its_people_and_nobody_stands_at_two():
    rules.check_crew(CREW_OF_TWO)
    with pytest.raises(CrewShortError) as short:
        rules.check_crew({**CREW_OF_TWO, "vault": ("p-0001",)})
    assert (short.value.station, short.value.people, short.value.needed) == ("vault", 1, 2)
    with pytest.raises(CrewTwiceError):
        rules.check_crew({**CREW_OF_TWO, "review": ("vault-1",)})
    with pytest.raises(CrewStationError):
        rules.check_crew({**CREW_OF_TWO, "kitchen": ("p-0001",)})


def test_a_lead_is_among_those_who_open_and_an_auditor_is_not_among_the_seconds():
    """Whoever looks at what others did does none of it."""
    assert rules.LEADS == (Role.LEAD,)
    assert {Role.AUDITOR, Role.ADMINISTRATOR, Role.DRIVER}.isdisjoint(rules.SECONDS)


def test_every_item_of_the_checklist_is_confirmed_by_name_or_all_at_once():
    items = [item.id for item in CHECKLIST]
    rules.check_items(items)
    rules.check_items(["all"])
    with pytest.raises(ChecklistError) as missing:
        rules.check_items(items[1:])
    assert missing.value.items == (items[0],)
    with pytest.raises(ChecklistItemError):
        rules.check_items(["all", "coffee"])
    assert all(item.english and item.chinese and len(item.id) <= 16 for item in CHECKLIST)


@pytest.mark.parametrize(
    ("scan", "logged", "what"),
    [
        (Scan("vault", "shelf:book", BOOK.serial), BOOK, None),
        (Scan("vault", "", BOOK.serial), BOOK, None),
        (None, BOOK, What.MISSING),
        (Scan("personalization", "", BOOK.serial), BOOK, What.SURPLUS),
        (Scan("vault", "shelf:card", BOOK.serial), BOOK, What.MISPLACED),
        (Scan("vault", "", BOOK.serial), None, What.UNKNOWN),
        (Scan("vault", "", BOOK.serial), BOOK._replace(state="ended"), What.SURPLUS),
        (Scan("vault", "", BOOK.serial), BOOK._replace(state="missing"), What.SURPLUS),
        (None, BOOK._replace(state="missing"), None),
        (None, BOOK._replace(state="offered"), None),
        (Scan("personalization", "", BOOK.serial), BOOK._replace(state="offered"), None),
        (Scan("personalization", "", BOOK.serial), BOOK._replace(kind="document", station="qc"), None),
    ],
)
def test_a_count_and_the_log_differ_by_serial(scan, logged, what):
    """What is on its way is an open offer, and a document no blank any more: neither is a difference."""
    scans = [scan] if scan else []
    found = [one.what for one in rules.compare(scans, {logged.serial: logged} if logged else {})]
    assert found == ([what] if what else [])


def test_what_was_scanned_twice_or_nowhere_is_no_count():
    empty = counting.read("f", "", "personalization")
    with pytest.raises(CountMissingError) as missing:
        counting.joined([empty])
    assert missing.value.stations == ("vault",)
    with pytest.raises(CountTwiceError) as twice:
        counting.joined([empty, counting.read("f", "EA1\nEA2\nEA1\n", "vault")])
    assert twice.value.serials == ("EA1",)


def test_a_file_with_columns_names_places_and_empty_ones():
    count = counting.read("f", "station,place,serial\nvault,shelf:book,EA0000001\npersonalization,stock:book,\n")
    assert count.scans == (Scan("vault", "shelf:book", "EA0000001"),)
    assert count.stations == {"vault", "personalization"}
    assert counting.joined([count]) == count


@pytest.mark.parametrize(
    ("text", "station"),
    [
        ("", None),
        ("EA0000001\n", None),
        ("station,place,serial\nvault,EA0000001\n", None),
        ("station,place,serial\nvault,a place,EA0000001\n", None),
        ("station,place,serial\nkitchen,,EA0000001\n", None),
        ('station,place,serial\nvault,"shelf\n', None),
        ("EA0000001 EA0000002\n", "vault"),
        ("ea0000001\n", "vault"),
        ("A" * 41, "vault"),
        ("张伟", "vault"),
    ],
)
def test_what_is_no_list_of_serials_is_refused_whole(text, station):
    """A name typed into the file is neither kept nor taken for a serial."""
    with pytest.raises(CountFileError):
        counting.read("f", text, station)
