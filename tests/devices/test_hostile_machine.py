"""Whatever a machine says, a host raises only the package's own errors and keeps nothing that it did not ask for."""

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.book_personalizer.driver import BookPersonalizer
from devices.document_reader.driver import LinkDocumentReader
from devices.errors import DeviceError, MalformedError, UnexpectedAnswerError
from devices.fake_transport import FakeTransport
from devices.jobs import Cause, Disposition, MachineJobState
from devices.link import Link
from devices.messages import (
    CODES,
    Counters,
    Hello,
    HelloReply,
    JournalEntry,
    JournalPage,
    Message,
    Outcome,
    PieceRead,
    Result,
    decode,
    encode,
)
from devices.session import Patience

JOB, ID = "1" * 32, "a" * 32
IMPATIENT = Patience(session_s=1.0, reply_s=0.2, motion_s=0.2, longest_s=0.2, poll_s=0.05)
PAYLOADS = st.lists(
    st.binary(max_size=60)
    | st.builds(
        lambda code, request, rest: bytes((code,)) + request.to_bytes(2, "big") + rest,
        st.sampled_from(list(CODES)),
        st.integers(0, 6),
        st.binary(max_size=120),
    ),
    max_size=12,
)


class Babbler:
    """A machine that answers HELLO for `model` and everything else with what it was given to say."""

    next_deadline_s = None

    def __init__(self, model: str, sayings: list[bytes]) -> None:
        self.link, self.model, self.sayings = Link(), model, sayings

    def turn(self, data: bytes, now_s: float) -> bytes:
        self.link.tick(now_s)
        for payload in self.link.receive(data):
            message = decode(payload)
            if isinstance(message, Hello):
                self.say(encode(self.hello(message)))
                self.link.agree(4096, 8)
            else:
                for saying in self.sayings:
                    self.say(saying)
        return self.link.outgoing()

    def say(self, payload: bytes) -> None:
        self.link.send(payload)

    def hello(self, message: Message) -> HelloReply:
        counters = Counters(0, 0, 0, 0, 0)
        sizes = (message.request, 1, 4096, 8)
        return HelloReply(*sizes, self.model, "S1", "1", ID, True, ID, 1, 1, 0, counters, ())


def personalizer(sayings: list[bytes]) -> BookPersonalizer:
    transport = FakeTransport(Babbler("book-personalizer", sayings))
    driver = BookPersonalizer("book-01", "S1", True, transport, patience=IMPATIENT)
    driver.open()
    return driver


@given(PAYLOADS)
def test_a_babbling_personalizer_raises_only_device_errors(sayings: list[bytes]) -> None:
    driver = personalizer(sayings)
    acts = (
        lambda: driver.claim(1),
        lambda: driver.feed(JOB),
        lambda: driver.prepare(JOB, b"data"),
        lambda: driver.start(JOB),
        lambda: driver.return_blank(JOB),
        lambda: driver.journal(0),
        lambda: driver.result(JOB, 0.1),
        lambda: driver.release(JOB, "0" * 64),
    )
    for act in acts:
        with suppress(DeviceError):
            act()
    driver.close()


@given(PAYLOADS)
def test_a_babbling_reader_raises_only_device_errors(sayings: list[bytes]) -> None:
    transport = FakeTransport(Babbler("document-reader", sayings))
    reader = LinkDocumentReader("reader-01", "S1", True, transport, patience=IMPATIENT)
    reader.open()
    with suppress(DeviceError):
        reader.read(0.1)
    reader.close()


def test_results_of_jobs_that_nobody_asked_for_are_not_kept() -> None:
    facts = (MachineJobState.DONE, "E1", Disposition.GOOD_STACK, Cause.NONE)
    driver = personalizer([encode(Result(0, Outcome(f"{number:032x}", *facts))) for number in range(200)])
    with suppress(DeviceError):
        driver.status(JOB)
    assert driver._session.ignored == 200
    driver.close()


def test_a_reader_that_announces_too_much_is_refused_before_it_sends_it() -> None:
    announced = encode(PieceRead(2, "E1", (), True, 2**32 - 1, "0" * 64))
    transport = FakeTransport(Babbler("document-reader", [announced]))
    reader = LinkDocumentReader("reader-01", "S1", True, transport, patience=IMPATIENT)
    reader.open()
    with pytest.raises(MalformedError):
        reader.read(0.1)
    assert reader.identify().serial == "S1"
    reader.close()


def test_a_journal_without_end_is_refused(monkeypatch) -> None:
    monkeypatch.setattr("devices.personalizer.MOST_JOURNAL_ENTRIES", 20)
    entry = JournalEntry(0, 0, JOB, MachineJobState.FED, False, 0, "", ID + ID, Disposition.NONE, Cause.NONE)
    pages = [
        JournalPage(2 + page, ID, 0, 2**63, tuple(replace(entry, position=10 * page + at) for at in range(10)))
        for page in range(9)
    ]
    # Every request is answered with all pages; each finds the one that bears its number.
    driver = personalizer([encode(page) for page in pages])
    with pytest.raises(UnexpectedAnswerError):
        driver.journal(0)
    driver.close()
