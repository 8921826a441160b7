"""Registers change by records: what holds is the latest entry, and a record repeated is the same or refused."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from handoff_logs import register
from handoff_logs.errors import EventIdReusedError
from handoff_logs.log import Stamp
from handoff_logs.records import new_id
from handoff_logs.register import Register
from handoff_logs.writing import Entry

MACHINE = {("book-01", "driver"): "book-personalizer", ("book-01", "serial"): "A1"}


def follow(database, machines, thresholds=()):
    """Follow a source that says this of machines and thresholds."""
    wanted = {Register.MACHINE: machines, Register.THRESHOLD: dict(thresholds)}
    return database.write(lambda tx: register.follow(tx, register.administration(), wanted, Stamp(1, True)))


def records(database):
    """How many records the log has."""
    with database.read() as conn:
        return conn.execute(text("SELECT count(*) FROM custody_event")).scalar()


def test_a_register_repeated_under_its_id_is_the_same_record_and_with_other_entries_refused(database):
    stamp, by = Stamp(1, True, event_id=new_id()), register.administration("p-0001")
    entries = [Entry(Register.MACHINE, "book-01", "serial", "A1"), Entry(Register.MACHINE, "book-01", "driver", "b")]

    def record(what):
        return database.write(lambda tx: register.record(tx, by, None, what, stamp))

    assert record(entries) == record(entries) == stamp.event_id
    others = (
        entries[:1],
        entries[::-1],
        [*entries, Entry(Register.MACHINE, "book-02", "serial", "A2")],
        [entries[0], entries[1]._replace(value="c")],
        [entries[0], entries[1]._replace(value=None)],
        [],
    )
    for other in others:
        with pytest.raises(EventIdReusedError):
            record(other)
    with database.read() as conn:
        assert register.state(conn, Register.MACHINE) == {("book-01", "serial"): "A1", ("book-01", "driver"): "b"}


def test_several_registers_follow_their_source_by_one_record_and_by_none_if_nothing_changed(database):
    before = records(database)
    assert follow(database, MACHINE, {("line", "tray_size"): "25"}.items())
    assert follow(database, MACHINE, {("line", "tray_size"): "25"}.items()) is None
    assert records(database) == before + 1
    assert follow(database, MACHINE | {("book-01", "serial"): "A2"})
    assert records(database) == before + 2
    with database.read() as conn:
        assert register.state(conn, Register.MACHINE)["book-01", "serial"] == "A2"
        assert register.state(conn, Register.THRESHOLD) == {}


def test_of_many_that_follow_one_source_at_once_one_records_it(database):
    with ThreadPoolExecutor(8) as threads:
        written = list(threads.map(lambda _: follow(database, MACHINE), range(8)))
    assert len([one for one in written if one]) == 1
