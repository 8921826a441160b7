"""The emulated physical world."""

import os
from pathlib import Path

import pytest

from devices.emulation.world import Tally, TallyWriter, What, World
from devices.piece import PieceData

DATA = PieceData("passport", "E1", ("line",), {"name": "X"}, b"portrait", {"DG1": b"zone"})


def test_only_what_was_marked_can_be_found_on_a_piece(tmp_path: Path) -> None:
    world = World(tmp_path)
    assert world.piece("E1") is None

    world.write_chip("E1", DATA.encode(), locked=True)
    chip = world.piece("E1")
    assert chip is not None and chip.chip_written and not chip.printed
    assert chip.data == PieceData("passport", "E1", (), chip=DATA.chip)
    assert world.front("E1") == PieceData("passport", "E1", ())

    world.print("E1")
    whole = world.piece("E1")
    assert whole is not None and whole.data == DATA and whole.locked
    assert world.front("E1") == PieceData("passport", "E1", ("line",))

    world.ruin("E1")
    assert world.piece("E1") is world.front("E1") is None


def test_nothing_is_found_on_a_piece_whose_chip_failed(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.spoil("E1", DATA.encode())
    piece = world.piece("E1")
    assert piece is not None and not piece.chip_written and piece.data.chip == {} and piece.data.mrz == ()


def test_the_latest_line_of_any_actor_says_where_a_piece_is(tmp_path: Path) -> None:
    world = World(tmp_path)
    hands, machine = TallyWriter(world, "hands"), TallyWriter(world, "book-01")
    hands.write(What.ARRIVED, [("E1", ""), ("E2", "")], "shelf:book")
    machine.write(What.MOVED, [("E1", "shelf:book")], "book-01:input")
    machine.write(What.MARKED, [("E1", "book-01:path")], "book-01:path", "abc")
    machine.write(What.MOVED, [("E1", "book-01:good")], "rack")
    hands.write(What.MOVED, [("E1", "rack")], "tray/1")
    hands.write(What.DEFACED, [("E1", "tray/1")], "tray/1")

    tally = Tally.read(tmp_path)

    seen = tally.pieces["E1"]
    assert (seen.place, seen.made, seen.defaced, seen.identity) == ("tray/1", 1, True, "abc")
    assert tally.at("tray/1") == ["E1"] and tally.at("shelf:book") == ["E2"] and tally.at("rack") == []
    hands.close()
    machine.close()


def test_a_half_written_line_is_read_when_it_is_whole(tmp_path: Path) -> None:
    world = World(tmp_path)
    path = world.tallies / "hands"
    line = b"1\tarrived\tE1\t\tshelf:book\t\n"
    path.write_bytes(line[:9])
    tally = Tally.read(tmp_path)
    assert tally.pieces == {}

    path.write_bytes(line)
    tally.refresh()
    assert tally.at("shelf:book") == ["E1"]


def test_an_actor_that_joins_later_is_heard(tmp_path: Path) -> None:
    world = World(tmp_path)
    tally = Tally.read(tmp_path)
    for actor in ("hands", "book-01"):
        writer = TallyWriter(world, actor)
        writer.write(What.ARRIVED, [(actor, "")], "shelf")
        writer.close()
        tally.refresh()
        assert actor in tally.at("shelf")
        # Long enough ago to be taken for settled.
        os.utime(world.tallies, (1, 1))
        tally.refresh()


def test_a_clock_that_steps_back_does_not_reorder_one_actors_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path)
    hands = TallyWriter(world, "hands")
    hands.write(What.ARRIVED, [("E1", "")], "first")
    monkeypatch.setattr("time.time_ns", lambda: 1)
    hands.write(What.MOVED, [("E1", "first")], "second")
    hands.close()
    tally = Tally.read(tmp_path)
    assert tally.at("second") == ["E1"]
