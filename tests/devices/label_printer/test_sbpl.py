"""SBPL is read and written as SATO's manuals have it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.errors import LabelRefusedError, MalformedError
from devices.label_printer import sbpl
from devices.roles import ParcelLabel, PrinterCondition

LABEL = ParcelLabel("P-00017", "EA123456785CN", "POST")
JOB = sbpl.JobName.of("1" * 32)
# STX, job 05, printing, 50 labels remaining, SATO, ETX: the example of the manual's chapter on Status 4.
PRINTING = bytes.fromhex("02 3035 47 303030303530 5341544f202020202020202020202020 03")
# Spaces for the number and zeros for the count once the job is out.
FINISHED = bytes.fromhex("02 2020 41 303030303030 20202020202020202020202020202020 03")
PAPER_END = bytes.fromhex("02 3035 63 303030303938 5341544f202020202020202020202020 03")


def test_status_bytes_mean_what_the_manual_says() -> None:
    assert sbpl.Status.decode(PRINTING) == sbpl.Status("05", "G", 50, "SATO            ")
    assert sbpl.Status.decode(FINISHED).condition is PrinterCondition.READY
    assert sbpl.Status.decode(PAPER_END).condition is PrinterCondition.PAPER_OUT
    for code, condition in (("b", "open"), ("d", "out of ribbon"), ("a", "full of labels to print"), ("k", "faulty")):
        assert sbpl.Status("", code, 0, "").condition == condition
    assert sbpl.Status("01", "A", 1, "").condition is PrinterCondition.BUSY


def test_a_status_is_written_as_it_is_read() -> None:
    for frame in (PRINTING, FINISHED, PAPER_END):
        assert sbpl.Status.decode(frame).encode() == frame


@pytest.mark.parametrize(
    "wrong", [b"", PRINTING[:-1], PRINTING.replace(b"0", b"x"), PRINTING[:3] + PRINTING[4:] + b"\3"]
)
def test_other_bytes_are_no_status(wrong: bytes) -> None:
    with pytest.raises(MalformedError):
        sbpl.Status.decode(wrong)


def test_answers_are_found_between_garbage() -> None:
    answers, rest = sbpl.split(b"\x02\xff" + PRINTING + b"\x06?\x15" + FINISHED + PRINTING[:9])
    assert answers == [
        sbpl.Status.decode(PRINTING),
        sbpl.Receipt.TAKEN,
        sbpl.Receipt.REFUSED,
        sbpl.Status.decode(FINISHED),
    ]
    assert rest == PRINTING[:9]


def test_a_job_is_told_by_number_and_name_however_padded() -> None:
    for name in (f"{JOB.tag:16}", f"{JOB.tag:0>16}", f"EMULATED{JOB.tag}"):
        assert sbpl.Status(JOB.number, "G", 1, name).tells_of(JOB)
    other = sbpl.JobName.of("2" * 32)
    assert not sbpl.Status(JOB.number, "G", 1, f"{other.tag:16}").tells_of(JOB)
    assert not sbpl.Status("", "A", 0, " " * 16).tells_of(JOB)


def test_a_label_is_one_job_with_its_number_first() -> None:
    data = sbpl.render(LABEL, JOB, emulated=True)
    # ESC A, ESC ID nn; the barcode is Code 128 of narrow bar 03, height 120, start code B (>H).
    assert data.startswith(bytes.fromhex("1b41 1b4944") + JOB.number.encode())
    assert bytes.fromhex("1b4247 3033 313230 3e48") + b"EA123456785CN\x1b" in data
    assert data.endswith(bytes.fromhex("1b5131 1b5a"))
    texts = ("P-00017", "POST", "EA123456785CN", "EMULATED")
    assert sbpl.decode(data) == sbpl.Printed(JOB.number, JOB.tag, texts, ("EA123456785CN",))
    assert "EMULATED" not in sbpl.decode(sbpl.render(LABEL, JOB, emulated=False)).texts


@given(st.text(max_size=30), st.text(max_size=20), st.text(max_size=20))
def test_no_text_can_be_a_command(parcel: str, tracking: str, destination: str) -> None:
    try:
        label = ParcelLabel(parcel, tracking, destination)
    except LabelRefusedError:
        return
    found = sbpl.decode(sbpl.render(label, JOB, emulated=False))
    assert (found.texts, found.barcodes) == ((parcel, destination, tracking), (tracking,))


@pytest.mark.parametrize("parcel", ["", "a\x1bZ", "P\x05", "包裹", "x" * 25, "P\n"])
def test_control_bytes_and_what_would_not_fit_are_refused(parcel: str) -> None:
    with pytest.raises(LabelRefusedError, match="nothing was sent"):
        ParcelLabel(parcel, "EA1", "POST")
