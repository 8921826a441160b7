"""MT-SICS lines as the public manuals print them; nothing else is taken for an answer."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.scale.frames import (
    LONGEST_LINE,
    AnswerDecoder,
    Command,
    LineDecoder,
    Said,
    SerialNumber,
    Weight,
    decode_answer,
    encode_answer,
    encode_command,
)

VALUES = st.decimals(-99_999, 999_999, places=2).map(lambda value: value + 0)  # no -0.00
SERIALS = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters='"'), min_size=1, max_size=60)
ANSWERS = (
    st.sampled_from(Said)
    | st.builds(Weight, st.booleans(), VALUES, st.sampled_from(["g", "kg", "mg", "ct"]))
    | st.builds(SerialNumber, SERIALS)
)


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("53 20 53 20 20 20 20 20 31 30 30 2e 30 30 20 67 0d 0a", Weight(True, Decimal("100.00"), "g")),
        (b"S D     123.34 g\r\n".hex(), Weight(False, Decimal("123.34"), "g")),
        (b"S S      -0.05 g\r\n".hex(), Weight(True, Decimal("-0.05"), "g")),
        (b"S S    3.12345 kg\r\n".hex(), Weight(True, Decimal("3.12345"), "kg")),
        ("53 20 49 0d 0a", Said.BUSY),
        ("53 20 2b 0d 0a", Said.OVERLOAD),
        ("53 20 2d 0d 0a", Said.UNDERLOAD),
        ("5a 20 41 0d 0a", Said.ZEROED),
        ("45 53 0d 0a", Said.SYNTAX_ERROR),
        ("45 54 0d 0a", Said.TRANSMISSION_ERROR),
        ("45 4c 0d 0a", Said.LOGICAL_ERROR),
        (b'I4 A "B021002593"\r\n'.hex(), SerialNumber("B021002593")),
        (b"I4 I\r\n".hex(), Said.SERIAL_BUSY),
    ],
)
def test_answers_are_read_as_the_manual_prints_them(line: str, answer) -> None:
    assert AnswerDecoder().feed(bytes.fromhex(line)) == [answer]
    assert encode_answer(answer) == bytes.fromhex(line)


def test_commands_are_upper_case_and_end_with_cr_lf() -> None:
    assert encode_command(Command.WEIGH_STABLE).hex(" ") == "53 0d 0a"
    assert encode_command(Command.ASK_SERIAL).hex(" ") == "49 34 0d 0a"


@given(st.lists(ANSWERS, max_size=5), st.integers(1, 30))
def test_answers_come_back_in_order_however_the_stream_is_cut(answers: list, size: int) -> None:
    stream = b"".join(map(encode_answer, answers))
    decoder = AnswerDecoder()
    assert [got for at in range(0, len(stream), size) for got in decoder.feed(stream[at : at + size])] == answers
    assert decoder.damaged == 0


@given(st.builds(Weight, st.booleans(), VALUES, st.just("g")), st.data())
def test_a_weight_that_lost_a_byte_is_no_weight(weight: Weight, data: st.DataObject) -> None:
    """There is no checksum: the width of ten characters is what shows that a digit is missing."""
    line = encode_answer(weight)[:-2]
    at = data.draw(st.integers(0, len(line) - 1))
    assert decode_answer(line[:at] + line[at + 1 :]) is None


@pytest.mark.parametrize(
    "line",
    [
        b"S S     0100.0 g",
        b"S S      1OO.0 g",
        b"S S          . g",
        b"S S     100.00",
        b"S  S    100.00 g",
        b"s s     100.00 g",
    ],
)
def test_what_no_scale_prints_is_no_weight(line: bytes) -> None:
    assert decode_answer(line) is None


@given(st.lists(st.binary(max_size=300) | st.sampled_from([b"\r", b"\n", b"\r\n", b"S S "]), max_size=20))
def test_any_bytes_leave_the_decoders_bounded_and_ready(pieces: list[bytes]) -> None:
    answers, lines = AnswerDecoder(), LineDecoder()
    for piece in pieces:
        answers.feed(piece)
        lines.feed(piece)
        assert max(answers.held_bytes, lines.held_bytes) <= LONGEST_LINE
    good = Weight(True, Decimal("1.00"), "g")
    assert answers.feed(b"\r\n" + encode_answer(good))[-1] == good
    assert lines.feed(b"\r\nSI\r\n")[-1] == b"SI"


def test_of_a_line_too_long_nothing_is_taken_for_an_answer() -> None:
    decoder = AnswerDecoder()
    for _ in range(50):
        decoder.feed(b"noise" * 50)
    assert decoder.feed(b"S S     100.00 g\r\n") == []
    assert decoder.damaged == 1
