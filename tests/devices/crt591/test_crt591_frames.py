"""Frames of the CRT-591-M, on the bytes that its manual and public captures of real machines show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.crt591 import chip
from devices.crt591.frames import (
    BIN_COUNTER,
    CHIP,
    COLD_RESET,
    ERRORS,
    EXCHANGE_APDU,
    INITIALIZE,
    KEEP_CARD,
    LONGEST_FRAME,
    MOST_DATA,
    MOVE,
    OUT_OF_GATE,
    READ,
    SERIAL_NUMBER,
    STATUS,
    TO_BIN,
    TO_CHIP,
    TO_GATE,
    Bin,
    Card,
    Command,
    Failure,
    FrameDecoder,
    Reply,
    Signal,
    Supply,
    decode,
    encode,
)
from devices.errors import DeviceError, MalformedError, PayloadTooLargeError

# Initialize, status, move to the chip and both of the chip are public captures; the rest follow the manual.
LITERAL_COMMANDS = [
    ("F2 00 00 03 43 30 33 03 B2", Command(INITIALIZE, KEEP_CARD)),
    ("F2 00 00 03 43 31 30 03 B0", Command(STATUS, READ)),
    ("F2 00 00 03 43 32 30 03 B3", Command(MOVE, TO_GATE)),
    ("F2 00 00 03 43 32 31 03 B2", Command(MOVE, TO_CHIP)),
    ("F2 00 00 03 43 32 33 03 B0", Command(MOVE, TO_BIN)),
    ("F2 00 00 03 43 32 39 03 BA", Command(MOVE, OUT_OF_GATE)),
    ("F2 00 00 03 43 A2 30 03 23", Command(SERIAL_NUMBER, READ)),
    ("F2 00 00 03 43 A5 30 03 24", Command(BIN_COUNTER, READ)),
    ("F2 00 00 04 43 51 30 33 03 E4", Command(CHIP, COLD_RESET, b"3")),
    (
        "F2 00 00 10 43 51 39 00 A4 04 00 08 A0 00 00 00 54 48 00 01 03 DF",
        Command(CHIP, EXCHANGE_APDU, bytes.fromhex("00A4040008A000000054480001")),
    ),
]
# As the manual's tables lay them out.
LITERAL_ANSWERS = [
    ("F2 00 00 06 50 31 30 30 32 30 03 94", Reply(STATUS, READ, Card.NONE, Supply.ENOUGH, Bin.HAS_ROOM)),
    ("F2 00 00 06 50 32 31 32 31 31 03 96", Reply(MOVE, TO_CHIP, Card.AT_CHIP, Supply.FEW, Bin.FULL)),
    ("F2 00 00 09 50 A5 30 30 32 30 30 34 31 03 3A", Reply(BIN_COUNTER, READ, Card.NONE, *"20", b"041")),
    ("F2 00 00 05 4E 32 31 41 30 03 C8", Failure(MOVE, TO_CHIP, "A0")),
    ("F2 00 00 05 45 32 33 41 31 03 C0", Failure(MOVE, TO_BIN, "A1")),
]
NOISE = st.binary(max_size=1200)


@pytest.mark.parametrize(("text", "command"), LITERAL_COMMANDS)
def test_commands_are_the_bytes_of_the_manual(text: str, command: Command) -> None:
    assert encode(command).hex(" ").upper() == text
    assert FrameDecoder().feed(bytes.fromhex(text)) == [command]


@pytest.mark.parametrize(("text", "answer"), LITERAL_ANSWERS)
def test_answers_are_read_and_both_failure_heads_are_taken(text: str, answer: Reply | Failure) -> None:
    assert FrameDecoder().feed(b"\x06" + bytes.fromhex(text)) == [Signal.ACK, answer]
    if text.split()[4] != "45":
        assert encode(answer).hex(" ").upper() == text


def test_every_error_of_the_manual_has_a_meaning() -> None:
    assert Failure(MOVE, TO_CHIP, "A0").meaning == "A0, stack empty"
    assert Failure(MOVE, TO_CHIP, "77").meaning == "77, not in the manual"
    assert {"10", "12", "43", "45", "50", "51", "60", "69", "A0", "A1", "B0"} <= ERRORS.keys()


def test_only_questions_may_be_asked_twice_and_only_moves_move() -> None:
    commands = [command for _, command in LITERAL_COMMANDS]
    assert [command.code for command in commands if command.asks] == [STATUS, SERIAL_NUMBER, BIN_COUNTER]
    assert {command.code for command in commands if command.moves} == {MOVE}
    assert not Command(BIN_COUNTER, 0x31, b"000").asks


def test_more_data_than_a_frame_takes_is_refused() -> None:
    with pytest.raises(PayloadTooLargeError):
        encode(Command(CHIP, EXCHANGE_APDU, bytes(MOST_DATA + 1)))
    longest = Reply(CHIP, EXCHANGE_APDU, Card.AT_CHIP, Supply.FEW, Bin.FULL, bytes(MOST_DATA))
    assert len(encode(longest)) == LONGEST_FRAME
    assert decode(encode(longest)) == longest


@pytest.mark.parametrize("at", range(9))
def test_a_damaged_byte_never_passes_and_the_next_frame_is_found(at: int) -> None:
    sound = encode(Command(MOVE, TO_BIN))
    damaged = bytearray(sound)
    damaged[at] ^= 0x10
    decoder = FrameDecoder()
    found = decoder.feed(bytes(damaged) + sound)
    # A length that grew swallows the next frame: it is asked for again.
    decoder.drop()
    found += decoder.feed(sound)
    assert found[-1] == Command(MOVE, TO_BIN)
    assert found.count(Command(MOVE, TO_BIN)) <= 2


def test_bytes_of_a_damaged_frame_are_no_signals() -> None:
    damaged = bytearray(encode(Command(CHIP, EXCHANGE_APDU, b"\x06\x15\x04\x06\x15")))
    damaged[-1] ^= 1
    assert FrameDecoder().feed(bytes(damaged)) == [Signal.DAMAGED]
    assert FrameDecoder().feed(b"\x15\x04zz\x06") == [Signal.NAK, Signal.EOT, Signal.ACK]


@given(st.lists(NOISE, max_size=4))
def test_any_bytes_at_all_neither_raise_nor_pile_up(pieces: list[bytes]) -> None:
    decoder = FrameDecoder()
    for piece in pieces:
        decoder.feed(piece)
        assert decoder.held_bytes < LONGEST_FRAME
        try:
            decode(piece)
        except MalformedError:
            continue


@given(
    st.lists(st.builds(Command, st.integers(0, 255), st.integers(0, 255), st.binary(max_size=MOST_DATA)), max_size=4),
    st.data(),
)
def test_frames_survive_any_cutting_of_the_stream(commands: list[Command], data: st.DataObject) -> None:
    stream = b"".join(encode(command) for command in commands)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    decoder = FrameDecoder()
    parts = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert [frame for part in parts for frame in decoder.feed(part)] == commands


def test_chip_commands_are_those_of_iso_7816() -> None:
    said = [
        chip.select_number_file(),
        chip.read(0, 256),
        chip.select_application(),
        chip.create_file(0x0101, 0x5D),
        chip.update(0x0123, b"\x61\x5b"),
        chip.select_file(0x0101),
        chip.activate(),
    ]
    assert [command.encode().hex(" ") for command in said] == [
        "00 a4 00 0c 02 2f 02",
        "00 b0 00 00 00",
        "00 a4 04 0c 07 a0 00 00 02 47 10 01",
        "00 e0 00 00 0d 62 0b 80 02 00 5d 82 01 01 83 02 01 01",
        "00 d6 01 23 02 61 5b",
        "00 a4 02 0c 02 01 01",
        "00 44 00 00",
    ]
    assert [chip.ChipCommand.decode(command.encode()) for command in said] == said
    assert chip.created(said[3]) == (0x0101, 0x5D)
    assert said[4].offset == 0x0123


@given(st.binary(max_size=300))
def test_any_bytes_said_to_or_by_a_chip_raise_nothing_else(data: bytes) -> None:
    for decoder in (chip.ChipCommand.decode, chip.ChipAnswer.decode):
        try:
            assert decoder(data).encode() == data or decoder is chip.ChipCommand.decode
        except DeviceError:
            continue
    assert len(chip.FILES) == len(chip.NAMES) == 18
