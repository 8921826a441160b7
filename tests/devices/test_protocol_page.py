"""docs/protocol.md is true: its fields are the code's, its frames are what the code writes and understands."""

import re
from enum import IntEnum
from pathlib import Path

import pytest

from devices.frames import FrameDecoder, FrameKind, encode_frame
from devices.jobs import Cause, Disposition, MachineJobState
from devices.link import Link
from devices.messages import CODES, Counters, JournalEntry, OpenJob, Outcome, RefusalCode, decode, encode
from devices.wire import Ascii, Bytes, Choice, Field, Hex, Many, Nested, Number, YesNo, layout

PAGE = Path(__file__).parents[2] / "docs" / "protocol.md"
RECORDS = (Counters, OpenJob, JournalEntry, Outcome)
NUMBERS = (MachineJobState, Disposition, Cause, RefusalCode)


def field_name(field: Field) -> str:
    if isinstance(field, Number):
        return f"u{8 * field.size}"
    if isinstance(field, Hex):
        return f"{field.size} bytes"
    if isinstance(field, Choice):
        return field.members.__name__
    if isinstance(field, Many):
        return f"many {field_name(field.item)}"
    if isinstance(field, Nested):
        return field.record.__name__
    return {Ascii: "text", Bytes: "chunk", YesNo: "flag"}[type(field)]


def record_line(record: type) -> str:
    return f"{record.__name__}: " + " · ".join(f"{name} {field_name(field)}" for name, field in layout(record))


def number_line(numbers: type[IntEnum]) -> str:
    return f"{numbers.__name__}: " + " · ".join(f"{member.value} {member.name}" for member in numbers)


def field_lines() -> list[str]:
    messages = [f"{code:02X} {record_line(message)}" for code, message in CODES.items()]
    return [*messages, *(record_line(record) for record in RECORDS), *(number_line(numbers) for numbers in NUMBERS)]


def frames() -> list[tuple[str, str, bytes]]:
    """Sender, what it says, and the bytes, of every example frame on the page."""
    found = re.findall(r"^(host|machine) (.+)\n  ((?:[0-9a-f]{2} ?)+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return [(sender, text, bytes.fromhex(octets)) for sender, text, octets in found]


def test_the_page_lists_every_message_with_its_fields() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [line for line in field_lines() if line not in page] == []


@pytest.mark.parametrize(("sender", "text", "octets"), frames())
def test_an_example_frame_says_what_stands_above_it(sender: str, text: str, octets: bytes) -> None:
    [frame] = FrameDecoder(4096).feed(octets)
    if frame.kind is FrameKind.DATA:
        message = decode(frame.payload)
        assert repr(message) == text
        assert encode(message) == frame.payload
    else:
        assert frame.kind.name == text
    assert encode_frame(frame) == octets


def test_the_example_conversation_is_one_that_both_ends_follow() -> None:
    conversation = frames()
    host, machine = Link(), Link()
    host.connect(FrameDecoder(4096).feed(conversation[0][2])[0].payload)
    heard: list[tuple[str, str]] = []
    for sender, _, octets in conversation:
        speaker, listener = (host, machine) if sender == "host" else (machine, host)
        for payload in listener.receive(octets):
            message = decode(payload)
            heard.append((sender, repr(message)))
        for payload in [frame.payload for frame in FrameDecoder(4096).feed(octets) if frame.kind is FrameKind.DATA]:
            speaker.send(payload)
        speaker.outgoing()
    data = [(sender, text) for sender, text, octets in conversation if octets[1] == FrameKind.DATA]
    assert heard == data
    assert len({text.partition("(")[0] for _, text in data}) >= 13
