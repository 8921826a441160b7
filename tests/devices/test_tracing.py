"""A trace tells what goes by, whatever it is, and nothing that is in a document."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.frames import CANCEL, FLAG, Frame, FrameKind, encode_frame
from devices.jobs import Cause, Disposition, MachineJobState
from devices.label_printer.sbpl import STATUS_REQUEST
from devices.messages import (
    CODES,
    Data,
    Fed,
    JournalEntry,
    JournalPage,
    Message,
    Outcome,
    PieceRead,
    RefusalCode,
    Refused,
    Result,
    encode,
)
from devices.mrz_reader.frames import Swipe, encode_swipe
from devices.registry import BUILT_IN
from devices.scale.frames import Said, SerialNumber, encode_answer
from devices.tap import Direction
from devices.tracing import (
    AnswerTracing,
    BurstTracing,
    Decoded,
    LinkTracing,
    NoTracing,
    Tracing,
    describe_frame,
    live_tracing,
    stored_tracing,
)

JOB, SECRET = "5142c72bfb669f6d589b82138beb96cd", "LIXIAOMING"
LINKED = {"book-personalizer", "card-personalizer", "document-reader"}
LINE_BYTES = st.lists(
    st.binary(max_size=30)
    | st.sampled_from([FLAG, CANCEL, b"\x7d", encode_frame(Frame(FrameKind.ACK, 0, 0x7E))])
    | st.builds(
        lambda code, rest: encode_frame(Frame(FrameKind.DATA, 1, 2, bytes((code,)) + rest)),
        st.sampled_from(list(CODES)),
        st.binary(max_size=60),
    ),
    max_size=20,
).map(b"".join)


def of(message: Message) -> Decoded:
    return describe_frame(Frame(FrameKind.DATA, 3, 7, encode(message)))


def fed(tracing: Tracing, data: bytes, size: int) -> list[Decoded]:
    """What `data` decodes to in pieces of `size`."""
    return [one for at in range(0, len(data), size) for one in tracing.feed(data[at : at + size])]


def test_a_frame_is_told_by_its_numbers_and_its_message() -> None:
    told = of(Refused(4, RefusalCode.WRONG_STATE, JOB, MachineJobState.DONE, 0))
    assert told.what == "Refused"
    assert told.facts == {
        "seq": 3,
        "ack": 7,
        "code": "WRONG_STATE",
        "job_id": "5142c72b",
        "state": "DONE",
        "detail": 0,
    }
    outcome = Outcome(JOB, MachineJobState.FAILED, "E00000001", Disposition.REJECT_BIN, Cause.CHIP_FAILED)
    assert of(Result(0, outcome)).facts["cause"] == "CHIP_FAILED"
    again = describe_frame(Frame(FrameKind.DATA, 0, 0, encode(Fed(1, JOB, "E1")), retransmission=True))
    assert again.facts["again"] is True and again.facts["blank_serial"] == "E1"
    assert describe_frame(Frame(FrameKind.NAK, 0, 5)) == Decoded("NAK", {"ack": 5})


@pytest.mark.parametrize(
    "message",
    [
        Data(4, 0, SECRET.encode()),
        PieceRead(4, "E00000001", (f"P<CHN{SECRET}", SECRET), True, 1, "0" * 64),
        JournalPage(
            4,
            "a" * 32,
            1,
            2,
            (JournalEntry(1, 1, JOB, MachineJobState.DONE, True, 0, SECRET, "b" * 64, Disposition(2), Cause(0)),),
        ),
    ],
    ids=lambda message: type(message).__name__,
)
def test_what_is_in_a_document_is_told_as_length_and_hash(message: Message) -> None:
    told = of(message)
    assert not told.error
    for screen in (str(told), json.dumps(told.as_json())):
        assert SECRET not in screen and SECRET.encode().hex() not in screen


def test_a_payload_that_is_no_message_is_told_as_wrong_and_not_shown() -> None:
    [told] = LinkTracing().feed(encode_frame(Frame(FrameKind.DATA, 0, 0, b"\xee" + SECRET.encode())))
    assert told.error and told.facts["reason"] == "unknown code" and told.facts["bytes"] == 11
    assert SECRET not in str(told)


def test_damaged_and_cancelled_frames_are_told_in_their_place() -> None:
    sound = encode_frame(Frame(FrameKind.ACK, 0, 1))
    line = sound + b"\x7e\x02garbage\x7e" + FLAG + b"\x01half a fr" + CANCEL + sound
    told = LinkTracing().feed(line)
    assert [one.what for one in told] == ["ACK", "damaged", "cancelled", "ACK"]
    assert [one.error for one in told] == [False, True, False, False]
    assert told[1].facts["bytes"] == len(b"\x02garbage")


def test_whoever_comes_in_the_middle_of_a_frame_sees_no_damage() -> None:
    frame = encode_frame(Frame(FrameKind.DATA, 0, 0, encode(Data(1, 0, b"chunk"))))
    told = LinkTracing().feed(frame[5:] + frame)
    assert [one.what for one in told] == ["part", "Data"]
    assert not any(one.error for one in told)


@given(LINE_BYTES, st.integers(1, 9))
def test_any_bytes_are_told_alike_wherever_they_are_cut(data: bytes, size: int) -> None:
    """And none raise. More bytes than the longest frame has are one damaged frame however they come."""
    flood = b"\x7e" + b"x" * 9000 + data + b"\x7e"
    for driver in BUILT_IN:
        for direction in Direction:
            whole, cut = stored_tracing(driver)[direction], stored_tracing(driver)[direction]
            assert whole.feed(data) == fed(cut, data, size)
            assert all(isinstance(one, Decoded) for one in live_tracing(driver)[direction].feed(data))
    assert LinkTracing().feed(flood) == fed(LinkTracing(), flood, 512 + size)


def test_a_burst_is_told_by_length_hash_and_the_names_of_its_control_characters() -> None:
    [told] = BurstTracing().feed(b"\x02" + SECRET.encode() + b"\x00\x00\x03\r\n")
    assert (told.facts["bytes"], told.facts["controls"]) == (16, "STX NUL ETX CR LF")
    assert SECRET not in str(told)
    assert BurstTracing().feed(STATUS_REQUEST)[0].facts["controls"] == "ENQ"
    [many] = BurstTracing().feed(bytes(range(32)))
    assert str(many.facts["controls"]).endswith("BEL …")


@pytest.mark.parametrize("driver", sorted(BUILT_IN))
def test_every_driver_has_its_way_of_being_traced(driver: str) -> None:
    expected = LinkTracing if driver in LINKED else BurstTracing
    assert {type(tracing) for tracing in live_tracing(driver).values()} == {expected}
    stored = NoTracing if driver.startswith("modbus-") else LinkTracing if driver in LINKED else AnswerTracing
    assert isinstance(stored_tracing(driver)[Direction.TO_HOST], stored)


def test_answers_of_other_machines_are_told_by_kind() -> None:
    scale = stored_tracing("mt-sics-scale")[Direction.TO_HOST]
    said = b"".join(encode_answer(answer) for answer in (Said.BUSY, SerialNumber("EMULATED 1"), Said.OVERLOAD))
    assert [one.what for one in scale.feed(said + b"S S 1\r\n")] == [
        "Said BUSY",
        "SerialNumber",
        "Said OVERLOAD",
        "damaged",
    ]
    swipe = stored_tracing("rte-mrz-reader")[Direction.TO_HOST]
    [zone] = swipe.feed(encode_swipe(Swipe((f"P<CHN{SECRET}", "E00000001"))))
    assert zone.what == "Swipe" and SECRET not in str(zone)
