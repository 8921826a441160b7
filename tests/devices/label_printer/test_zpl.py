"""ZPL is read and written as Zebra's manual has it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.errors import MalformedError
from devices.label_printer import zpl
from devices.roles import ParcelLabel, PrinterCondition

JOB = "1" * 32
FIRST = bytes.fromhex("02") + b"030,0,0,1245,000,0,0,0,000,0,0,0" + bytes.fromhex("030d0a")
SECOND = bytes.fromhex("02") + b"001,0,0,0,1,2,6,0,00000000,1,000" + bytes.fromhex("030d0a")
THIRD = bytes.fromhex("02 313233342c30 03 0d 0a")
IDLE = FIRST + SECOND + THIRD


def test_status_flags_mean_what_the_manual_says() -> None:
    assert zpl.Status.decode(IDLE) == zpl.Status()
    for wanted, strings in (
        (PrinterCondition.READY, IDLE),
        (PrinterCondition.PAPER_OUT, IDLE.replace(b"030,0", b"030,1")),
        (PrinterCondition.PAUSED, IDLE.replace(b"030,0,0", b"030,0,1")),
        (PrinterCondition.BUSY, IDLE.replace(b"1245,000", b"1245,002")),
        (PrinterCondition.BUFFER_FULL, IDLE.replace(b"1245,000,0", b"1245,255,1")),
        (PrinterCondition.FAULTY, IDLE.replace(b"000,0,0,0\3", b"000,1,0,0\3")),
        (PrinterCondition.COVER_OPEN, IDLE.replace(b"001,0,0", b"001,0,1")),
        (PrinterCondition.RIBBON_OUT, IDLE.replace(b"001,0,0,0", b"001,0,0,1")),
        (PrinterCondition.BUSY, IDLE.replace(b"00000000", b"00000003")),
    ):
        assert zpl.Status.decode(strings).condition is wanted


@given(
    st.builds(zpl.Status, *[st.booleans()] * 2, st.integers(0, 999), *[st.booleans()] * 6, st.integers(0, 99_999_999))
)
def test_a_status_is_read_as_it_was_written(status: zpl.Status) -> None:
    assert zpl.Status.decode(status.encode()) == status


def test_answers_are_found_between_garbage() -> None:
    identity = zpl.Identity("EMULATED-ZPL", "V1.0.0")
    answers, rest = zpl.split(b"?\x02" + THIRD + IDLE + b"\xff" + identity.encode() + FIRST + SECOND[:7])
    assert answers == [zpl.Status(), identity]
    assert rest == FIRST + SECOND[:7]
    # ~HI as the manual has it: model, version, dots/mm, memory, objects.
    assert zpl.split(b"\x02ZTC,V1.0.0,8,512KB,X\x03\r\n")[0] == [zpl.Identity("ZTC", "V1.0.0")]


@pytest.mark.parametrize("wrong", [b"", FIRST, FIRST + THIRD + SECOND, IDLE + b"x"])
def test_other_bytes_are_no_status(wrong: bytes) -> None:
    with pytest.raises(MalformedError):
        zpl.Status.decode(wrong)


def test_a_label_is_one_format() -> None:
    data = zpl.render(ParcelLabel("P-00017", "EA123456785CN", "POST"), JOB, emulated=True)
    assert data.startswith(b"^XA") and data.endswith(b"^XZ")
    assert (data.count(b"^XA"), data.count(b"^XZ"), data.count(b"~")) == (1, 1, 0)
    texts = ("P-00017", "POST", "EA123456785CN", "EMULATED")
    assert zpl.decode(data) == zpl.Printed(zpl.tag(JOB), texts, ("EA123456785CN",))


def test_commands_within_a_text_are_escaped() -> None:
    label = ParcelLabel("^XZ~HS_5E^FS", "EA1", "A_B")
    data = zpl.render(label, JOB, emulated=False)
    assert b"^FH^FD_5EXZ_7EHS_5F5E_5EFS^FS" in data
    assert zpl.decode(data).texts == ("^XZ~HS_5E^FS", "A_B", "EA1")


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=24))
def test_every_text_comes_out_as_it_went_in(parcel: str) -> None:
    assert zpl.decode(zpl.render(ParcelLabel(parcel, "EA1", "POST"), JOB, emulated=False)).texts[0] == parcel
