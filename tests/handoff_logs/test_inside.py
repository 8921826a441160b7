"""Only who is inside signs at a core station, says the database; and who was inside when is a question of the log."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from handoff_logs import log, register
from handoff_logs.errors import AtGateError, NotInsideError
from handoff_logs.log import Stamp
from handoff_logs.questions import inside
from handoff_logs.reading import open_reading
from handoff_logs.records import Birth, Kind, Party, new_id
from handoff_logs.register import Register
from handoff_logs.verify.run import CLEAN, Asked, verify
from handoff_logs.writing import Entry


@pytest.fixture
def gate(centre: Any) -> "Gate":
    return Gate(centre)


class Gate:
    """The records that a gate makes, as entries of the register."""

    def __init__(self, centre: Any) -> None:
        self.centre = centre

    def records(self, entry: Entry, at_us: int = 1, machine: str | None = None) -> None:
        stamp = Stamp(at_us, True, machine=machine)
        self.centre.do(lambda tx: register.record(tx, register.administration(), None, [entry], stamp))

    def core(self, station: str, value: str | None) -> None:
        self.records(Entry(Register.STATION, station, "core", value))

    def enter(self, person: str, stay: int, at_us: int = 1) -> None:
        self.records(Entry(Register.GATE, person, f"entered-{stay}", "face-01"), at_us, "face-01")

    def leave(self, person: str, stay: int, at_us: int = 2) -> None:
        self.records(Entry(Register.GATE, person, f"left-{stay}", "face-02"), at_us, "face-02")


def test_only_who_is_inside_signs_at_a_core_station(gate: Gate) -> None:
    gate.centre.orders(1)
    gate.core("review", "real")
    with pytest.raises(NotInsideError) as refused:
        gate.centre.orders(1)
    assert (refused.value.person, refused.value.station) == ("review-1", "review")
    assert "only who is inside may sign at review" in str(refused.value)
    gate.enter("review-1", 1)
    gate.centre.orders(1)
    gate.leave("review-1", 1)
    with pytest.raises(NotInsideError):
        gate.centre.orders(1)
    gate.core("review", None)
    gate.centre.orders(1)


def test_the_second_hand_at_a_core_station_is_inside_too(gate: Gate) -> None:
    gate.core("review", "real")
    gate.enter("review-1", 1)
    with pytest.raises(NotInsideError) as refused:
        gate.centre.blanks(1)
    assert refused.value.person == "review-2"
    gate.enter("review-2", 2)
    gate.centre.blanks(1)


def test_it_is_the_station_that_acts_that_counts(gate: Gate) -> None:
    """A handoff out of the core is accepted outside, and one into it by somebody inside."""
    gate.core("review", "real")
    gate.enter("review-1", 1)
    offer = gate.centre.offer(units := gate.centre.orders(1))
    gate.centre.accept(offer, units)
    back = gate.centre.offer(units, "qc", "review")
    with pytest.raises(NotInsideError):
        gate.centre.do(lambda tx: log.accept(tx, Party("review", "review-2", "day"), back.handoff_id, units, "in",
                                             gate.centre.stamp()))  # fmt: skip
    gate.centre.accept(back, units, "review")


def test_behind_an_emulated_gate_emulated_staff_alone_must_be_inside(gate: Gate) -> None:
    gate.core("review", "emulated")
    gate.centre.blanks(1)
    births = [Birth(new_id(), Kind.ORDER, None)]
    emulated = Party("review", "e-rev-1", "day")

    def receive() -> None:
        gate.centre.do(lambda tx: log.receive(tx, emulated, None, births, "in", gate.centre.stamp()))

    with pytest.raises(NotInsideError):
        receive()
    gate.enter("e-rev-1", 1)
    receive()


def test_a_person_is_inside_at_most_once_and_leaves_the_stay_that_began(gate: Gate) -> None:
    gate.enter("p-0101", 1)
    with pytest.raises(AtGateError, match="nobody enters who is inside"):
        gate.enter("p-0101", 2)
    with pytest.raises(AtGateError, match="nobody leaves who is not inside"):
        gate.leave("p-0101", 2)
    gate.leave("p-0101", 1)
    with pytest.raises(AtGateError):
        gate.leave("p-0101", 1)
    gate.enter("p-0101", 3)


def test_of_two_who_record_one_person_at_the_same_instant_one_wins(gate: Gate) -> None:
    def enter(stay: int) -> bool:
        try:
            gate.enter("p-0101", stay)
        except AtGateError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(enter, range(8))) == [False] * 7 + [True]


def test_who_was_inside_when_is_a_question_of_the_log(gate: Gate, database_url: str) -> None:
    gate.enter("p-0101", 1, 10)
    gate.enter("p-0102", 2, 20)
    gate.leave("p-0101", 1, 30)
    gate.enter("p-0101", 4, 40)

    def asked(**filters: Any) -> list[tuple[Any, ...]]:
        with open_reading(database_url) as reading:
            rows = list(inside(reading, **filters))
        return [(row["person"], row["entered_us"], row["left_us"]) for row in rows]

    assert asked(at_us=5) == []
    assert asked(at_us=20) == [("p-0101", 10, 30), ("p-0102", 20, None)]
    assert asked(at_us=30) == [("p-0102", 20, None)]
    assert asked() == [("p-0102", 20, None), ("p-0101", 40, None)]
    assert asked(person="p-0101") == [("p-0101", 10, 30), ("p-0101", 40, None)]
    assert asked(person="p-0101", at_us=15) == [("p-0101", 10, 30)]
    with open_reading(database_url) as reading:
        (row,) = inside(reading, at_us=15)
        first = inside(reading, person="p-0101", limit=1)
        assert [row["entered_us"] for row in first] == [10]
        assert [row["entered_us"] for row in inside(reading, person="p-0101", after=first.cursor)] == [40]
    assert (row["machine"], row["left_machine"], row["emulated"]) == ("face-01", "face-02", True)


def test_who_puts_somebody_inside_without_a_record_is_found(gate: Gate, database_url: str) -> None:
    gate.core("review", "real")
    gate.enter("p-0101", 1)

    def found() -> set[str]:
        return {problem.rule for problem in verify(database_url, Asked()).problems if problem.step == 7}

    assert found() == set()
    gate.centre.sql("INSERT INTO inside (person, stay, since_us) VALUES ('p-0666', '9', 1)")
    gate.centre.sql("DELETE FROM core_station")
    assert found() == {"who is inside follows the log", "core stations follow the log"}
    assert verify(database_url, Asked()).exit_code != CLEAN


def test_the_tables_are_written_by_records_alone_on_postgresql(gate: Gate, database_url: str) -> None:
    """What the guards write with their owner's rights, no login of the line may: see `roles.FOLLOWING`."""
    if not database_url.startswith("postgresql"):
        pytest.skip("SQLite has no logins")
    definer = text("SELECT prosecdef, proconfig FROM pg_proc WHERE proname = 'custody_register_gate'")
    with gate.centre.database.read() as conn:
        row = conn.execute(definer).one()
    assert row.prosecdef and row.proconfig == ["search_path=public, pg_temp"]
