"""What happens in a shift is no notice for those who are on call; that they are called always is."""

from typing import Any

import pytest

from stations.alarms.register import clear, raise_alarm
from stations.alarms.rules import CALLED, MACHINE_HELD


@pytest.fixture
def theirs(shift: Any) -> Any:
    """For each notice, of which alarm it is and whether those on call are told."""
    query = (
        "SELECT alarm.kind, notice.on_call FROM alarm_notice AS notice JOIN alarm ON alarm.alarm_id = notice.alarm_id"
        " ORDER BY notice.alarm_id, notice.position"
    )
    return lambda: [(kind, bool(on_call)) for kind, on_call in shift.rows(query)]


def test_those_on_call_are_told_of_nothing_that_happens_in_a_shift_but_that_they_are_called(
    shift: Any, theirs: Any
) -> None:
    def write(act: Any) -> None:
        shift.database.write(act)

    shift.open()
    write(lambda tx: raise_alarm(tx, MACHINE_HELD, "book-01", emulated=True))
    write(lambda tx: raise_alarm(tx, CALLED, "on-call", emulated=True))
    assert theirs() == [(MACHINE_HELD, False), (CALLED, True)]
    shift.close()
    write(lambda tx: clear(tx, MACHINE_HELD, "book-01"))
    write(lambda tx: raise_alarm(tx, MACHINE_HELD, "card-01", emulated=True))
    ours = [each for each in theirs() if each[0] == MACHINE_HELD]
    assert ours == [(MACHINE_HELD, False), (MACHINE_HELD, True), (MACHINE_HELD, True)]
