"""Messages: each comes back as it was sent, and whatever else arrives is refused whole."""

from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.errors import DeviceError, MalformedError
from devices.jobs import Cause, Disposition, MachineJobState
from devices.link import LEAST_PAYLOAD
from devices.messages import (
    CODES,
    MAX_OPEN_JOBS,
    NO_DIGEST,
    Counters,
    Data,
    DataCollector,
    HelloReply,
    Message,
    OpenJob,
    Outcome,
    data_messages,
    decode,
    encode,
)
from devices.wire import Ascii, Bytes, Choice, Field, Hex, Many, Nested, Number, YesNo, layout

ASCII = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=12)


def values_of(field: Field) -> st.SearchStrategy[object]:
    if isinstance(field, Number):
        return st.integers(0, 256**field.size - 1)
    if isinstance(field, Hex):
        return st.binary(min_size=field.size, max_size=field.size).map(bytes.hex)
    if isinstance(field, Choice):
        return st.sampled_from(list(field.members))
    if isinstance(field, Many):
        return st.lists(values_of(field.item), max_size=3).map(tuple)
    if isinstance(field, Nested):
        return records(field.record)
    return {Ascii: ASCII, Bytes: st.binary(max_size=40), YesNo: st.booleans()}[type(field)]


def records(record: type) -> st.SearchStrategy[object]:
    return st.tuples(*(values_of(field) for _, field in layout(record))).map(lambda values: record(*values))


MESSAGES = st.sampled_from(list(CODES.values())).flatmap(records)


@given(MESSAGES)
def test_every_message_comes_back_as_it_was_sent(message: Message) -> None:
    assert decode(encode(message)) == message


@given(MESSAGES, st.data())
def test_a_message_cut_off_or_lengthened_is_refused(message: Message, data: st.DataObject) -> None:
    payload = encode(message)
    cut = data.draw(st.integers(0, len(payload) - 1))
    for damaged in (payload[:cut], payload + b"\0"):
        with pytest.raises(MalformedError):
            decode(damaged)


@given(
    st.binary(max_size=300)
    | st.tuples(st.sampled_from(list(CODES)), st.binary(max_size=200)).map(lambda t: bytes((t[0],)) + t[1])
)
def test_any_payload_is_a_message_or_refused(payload: bytes) -> None:
    try:
        message = decode(payload)
    except DeviceError:
        return
    assert encode(message) == payload


def test_the_longest_hello_fits_the_payload_of_an_unagreed_link() -> None:
    jobs = tuple(OpenJob("f" * 32, MachineJobState.FED) for _ in range(MAX_OPEN_JOBS))
    text, job = "x" * 64, "f" * 32
    hello = HelloReply(1, 1, 4096, 8, text, text, text, job, True, job, 0, 0, 0, Counters(0, 0, 0, 0, 0), jobs)
    assert len(encode(hello)) <= LEAST_PAYLOAD


@given(st.binary(max_size=5000), st.integers(512, 4096))
def test_data_arrive_whole_in_payloads_that_fit(data: bytes, max_payload: int) -> None:
    collector = DataCollector(7, len(data), sha256(data).hexdigest())
    for part in data_messages(7, data, max_payload):
        assert len(encode(part)) <= max_payload
        collector.add(part)
    assert collector.take() == data


@pytest.mark.parametrize("part", [Data(7, 1, b"gap"), Data(8, 0, b"other request"), Data(7, 0, b"more than announced")])
def test_data_out_of_place_are_refused(part: Data) -> None:
    with pytest.raises(MalformedError):
        DataCollector(7, 10, NO_DIGEST).add(part)


def test_more_data_than_a_machine_takes_are_refused_before_any_arrives() -> None:
    with pytest.raises(MalformedError):
        DataCollector(7, 101, NO_DIGEST, limit=100)


def test_data_that_disagree_with_their_hash_are_refused() -> None:
    collector = DataCollector(7, 4, NO_DIGEST)
    collector.add(Data(7, 0, b"data"))
    assert collector.complete
    with pytest.raises(MalformedError):
        collector.take()


def test_the_result_hash_depends_on_every_fact() -> None:
    made = Outcome("0" * 32, MachineJobState.DONE, "E1", Disposition.GOOD_STACK, Cause.NONE)
    others = (
        replace(made, job_id="1" * 32),
        replace(made, state=MachineJobState.FAILED),
        replace(made, blank_serial="E2"),
        replace(made, disposition=Disposition.REJECT_BIN),
        replace(made, cause=Cause.JAM),
    )
    assert len({made.digest(), *(other.digest() for other in others)}) == 6
