"""One process at a time watches the alarms; who is on call is told of what happens outside a shift, and of no more."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from handoff_logs.database import Database
from stations.alarms import outbox, watching


@pytest.fixture
def hold(line_database: Database) -> Any:
    def asked(watcher: str, lease_us: int = 60_000_000) -> bool:
        return line_database.write(lambda tx: watching.hold(tx, watcher, lease_us))

    return asked


def test_one_process_at_a_time_watches_and_the_next_takes_over_when_it_is_gone(
    line_database: Database, hold: Any
) -> None:
    assert hold("one") and hold("one") and not hold("two")
    line_database.write(lambda tx: watching.let_go(tx, "two"))
    assert not hold("two"), "nobody ends another's lease"
    line_database.write(lambda tx: watching.let_go(tx, "one"))
    assert hold("two", lease_us=-1) and hold("one"), "a lease that is over is anybody's"


def test_there_is_one_watch(line_database: Database, hold: Any) -> None:
    assert hold("one")
    with pytest.raises(DBAPIError):
        line_database.write(lambda tx: tx.execute(text("INSERT INTO alarm_watch VALUES (2, 'two', 9)")))


def test_a_notice_outside_a_shift_is_of_those_on_call_too_and_ends_when_they_know(
    line_database: Database, raised: Any
) -> None:
    raised()
    everybody, night = frozenset({"duty", "night"}), frozenset({"night"})
    with line_database.read() as conn:
        assert outbox.behind(conn, everybody, night) == {"duty": 1, "night": 1}
    for target in ("duty", "night"):
        ended = line_database.write(lambda tx: outbox.end_told(tx, everybody, night))
        assert ended == 0
        notice = line_database.write(lambda tx, target=target: outbox.take(tx, target, on_call=target in night))
        assert notice is not None
        line_database.write(lambda tx, target=target, notice=notice: outbox.told(tx, notice, target))
    assert line_database.write(lambda tx: outbox.end_told(tx, everybody, night)) == 1


def test_whose_a_notice_is_never_changes(line_database: Database, raised: Any) -> None:
    raised()
    with pytest.raises(DBAPIError, match="never changes"):
        line_database.write(lambda tx: tx.execute(text("UPDATE alarm_notice SET on_call = false")))
