"""Hands at the machines: every act may be done again, and nothing moves that does not lie where it is taken from."""

import threading
from typing import Any

import pytest

from devices.emulation.control import ControlRefusedError
from devices.emulation.hands import Hands, NoSuchPieceError, PieceInsideError
from devices.errors import MachineRefusedError
from devices.jobs import Cause, Disposition


def test_loading_again_loads_nothing_twice(line: Any) -> None:
    serials = line.load(3)
    assert line.hands.load("book-01", serials) == serials
    assert line.hands.look("book-01").input == tuple(serials)
    assert line.hands.scan("book-01:input") == serials


def test_a_stack_is_emptied_to_a_place_and_the_counters_stay(line: Any) -> None:
    line.load(2)
    machine = line.open()
    made = [line.make(machine, number).blank_serial for number in range(2)]
    assert line.hands.empty("book-01", "good", "rack") == made
    assert line.hands.empty("book-01", "good", "rack") == []
    assert line.hands.scan("rack") == made
    assert machine.hello().balanced
    machine.close()


def test_marked_pieces_are_never_loaded_as_blanks(line: Any) -> None:
    line.load(1)
    machine = line.open()
    serial = line.make(machine, 1).blank_serial
    machine.close()
    line.hands.empty("book-01", "good", "rack")
    assert line.hands.load("book-01", [serial]) == []
    assert line.hands.scan("rack") == [serial]


def test_new_hands_know_what_killed_ones_did(line: Any) -> None:
    serials = line.load(2)
    line.hands.deliver(["P1"], "packing/table")
    again = Hands(line.folder / "world", line.folder / "machines")
    assert again.deliver(["P1"], "elsewhere") == []
    assert again.scan("packing/table") == ["P1"] and again.scan("book-01:input") == serials
    assert again.dispatch(["P1"], "courier") == ["P1"] and again.dispatch(["P1"], "courier") == []
    assert line.hands.scan("outside:courier") == ["P1"]
    again.close()


def test_a_piece_inside_a_machine_is_out_of_reach(line: Any) -> None:
    (serial,) = line.load(1)
    for act in (lambda: line.hands.put([serial], "rack"), lambda: line.hands.deface(serial)):
        with pytest.raises(PieceInsideError):
            act()
    with pytest.raises(PieceInsideError):
        line.hands.insert("reader-01", serial)
    with pytest.raises(NoSuchPieceError):
        line.hands.put(["nothing"], "rack")


def test_a_reader_reads_what_was_made_and_nothing_of_a_defaced_piece(line: Any) -> None:
    line.load(1)
    machine, reader = line.open(), line.open_reader()
    serial = line.make(machine, 7).blank_serial
    line.hands.empty("book-01", "good", "rack")
    line.hands.insert("reader-01", serial)
    line.hands.insert("reader-01", serial)
    reading = reader.read(5)
    piece = line.hands.examine(serial)
    assert reading.surface_serial == serial and reading.mrz == ("P<CHN", serial) and reading.locked
    assert reading.chip == piece.data.chip
    with pytest.raises(ControlRefusedError, match="slot"):
        line.hands.deliver(["E9"], "rack")
        line.hands.insert("reader-01", "E9")
    assert line.hands.remove("reader-01", "rack") == serial
    assert line.hands.remove("reader-01", "rack") is None
    with pytest.raises(MachineRefusedError, match="NO_PIECE"):
        reader.read(0.05)

    line.hands.deface(serial)
    line.hands.deface(serial)
    line.hands.insert("reader-01", serial)
    ruined = reader.read(5)
    assert (ruined.mrz, dict(ruined.chip), ruined.locked, ruined.surface_serial) == ((), {}, False, serial)
    assert line.hands.find(serial).defaced
    machine.close()
    reader.close()


def test_a_reader_waits_for_the_piece(line: Any) -> None:
    line.hands.deliver(["E5"], "rack")
    reader = line.open_reader()
    timer = threading.Timer(0.2, line.hands.insert, ("reader-01", "E5"))
    timer.start()
    assert reader.read(10).surface_serial == "E5"
    timer.join()
    reader.close()


def test_a_jam_holds_the_machine_until_its_path_is_cleared(line: Any) -> None:
    line.load(3)
    machine = line.open()
    serial = line.prepared(machine, 1)
    line.supervisor.control("book-01").ask("fault", fault={"name": "jam"})
    machine.start(line.job(1))
    result = machine.result(line.job(1), 5)
    assert (result.cause, result.disposition) == (Cause.JAM, Disposition.IN_PATH)
    with pytest.raises(MachineRefusedError, match="HELD"):
        machine.feed(line.job(2))
    assert line.hands.look("book-01").path == (serial,) and machine.hello().balanced
    assert line.hands.clear("book-01") == [serial]
    machine.release(line.job(1), result.result_hash)
    assert line.make(machine, 2).made
    assert line.hands.look("book-01").reject == (serial,) and machine.hello().balanced
    machine.close()


def test_clearing_a_jam_rejects_what_was_drawn_behind_it_too(lines: Any) -> None:
    line = lines(speed=20.0)
    line.load(3)
    machine = line.open()
    jammed = line.prepared(machine, 1)
    machine.start(line.job(1))
    behind = line.prepared(machine, 2)
    line.supervisor.control("book-01").ask("fault", fault={"name": "jam"})
    assert machine.result(line.job(1), 10).cause is Cause.JAM
    with pytest.raises(MachineRefusedError, match="HELD"):
        machine.start(line.job(2))
    assert line.hands.clear("book-01") == [jammed, behind]
    result = machine.result(line.job(2), 10)
    assert (result.blank_serial, result.cause, result.disposition) == (behind, Cause.JAM, Disposition.REJECT_BIN)
    assert line.hands.examine(behind) is None and line.hands.examine(jammed) is not None
    assert machine.hello().balanced
    machine.close()


def test_spoiled_pieces_lie_in_the_reject_bin_and_the_others_in_the_good_stack(lines: Any) -> None:
    line = lines(spoil_rate=0.4)
    line.load(30)
    machine = line.open()
    results = [line.make(machine, number) for number in range(30)]
    spoiled = [result for result in results if not result.made]
    assert {result.cause for result in spoiled} == {Cause.CHIP_FAILED, Cause.PRINT_FAILED}
    assert line.hands.look("book-01").reject == tuple(result.blank_serial for result in spoiled)
    assert len(line.hands.look("book-01").good) == 30 - len(spoiled)
    for result in spoiled:
        piece = line.hands.examine(result.blank_serial)
        assert piece.printed == piece.chip_written == (result.cause is Cause.PRINT_FAILED)
    machine.close()


def test_a_misreading_is_over_at_the_next_attempt(lines: Any) -> None:
    line = lines(misread_rate=0.5)
    line.load(1)
    machine, reader = line.open(), line.open_reader()
    serial = line.make(machine, 1).blank_serial
    line.hands.empty("book-01", "good", "rack")
    line.hands.insert("reader-01", serial)
    readings = {reader.read(5).mrz for _ in range(12)}
    assert readings == {("P<CHN", serial), ("?<CHN", "?" + serial[1:])}
    machine.close()
    reader.close()
