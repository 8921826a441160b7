"""A person's numbers go with their salts; what happened to the units stays, and is recorded to have been erased."""

from typing import Any

import pytest

from handoff_logs import erasing
from handoff_logs.errors import ErasureTooEarlyError, NumberUnknownError, SamePersonError
from handoff_logs.log import Stamp
from handoff_logs.questions import document, violations
from handoff_logs.reading import open_reading
from handoff_logs.records import Birth, Kind, new_id

STAMP = Stamp(1, True, reason="retention")


def made(centre: Any, number: str, blank_number: str) -> list[str]:
    (order,), (blank,) = centre.orders(1, numbers=[number]), centre.blanks(1, numbers=[blank_number])
    birth = Birth(new_id(), Kind.DOCUMENT, blank_number)
    centre.transform("review", order, blank, birth)
    return [order, blank, birth.unit_id]


def erase(centre: Any, number: str, before_us: int | None, second: str = "p-0002") -> int:
    return int(centre.do(lambda tx: erasing.erase(tx, number, "p-0001", second, before_us, STAMP)))


def test_all_numbers_of_an_application_are_erased_and_its_custody_stays(centre: Any, database_url: str) -> None:
    units = made(centre, "3701-1", "EA0000001")
    others = made(centre, "3701-2", "EA0000002")
    centre.pack([units[2], others[2]], number="EE000000001CN")
    now_us = centre.do(centre.database.clock_us)
    with pytest.raises(ErasureTooEarlyError, match="keep_numbers_years"):
        erase(centre, "EA0000001", now_us - 1_000_000 * 60)
    with pytest.raises(SamePersonError):
        erase(centre, "EA0000001", None, second="p-0001")
    assert erase(centre, "EA0000001", now_us + 60_000_000) == 3
    with open_reading(database_url) as reading:
        assert [list(document(reading, number)) for number in ("3701-1", "EA0000001")] == [[], []]
        assert list(document(reading, "3701-2"))
        assert list(document(reading, "EE000000001CN"))
        assert reading.rows("SELECT count(*) AS n FROM unit_number")[0]["n"] == 4
        assert violations(reading) == []
        said = reading.rows(
            "SELECT entry.subject, entry.field, entry.value, event.person, event.second_person FROM custody_register"
            " AS entry JOIN custody_event AS event ON event.event_id = entry.event_id WHERE register = 'erasure'"
        )
    assert {tuple(row.values()) for row in said} == {
        (unit, "number", "retention", "p-0001", "p-0002") for unit in units
    }
    with pytest.raises(NumberUnknownError):
        erase(centre, "EA0000001", None)
    with pytest.raises(NumberUnknownError):  # a parcel is nobody's
        erase(centre, "EE000000001CN", None)
