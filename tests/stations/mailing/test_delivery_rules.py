"""The rules of what a carrier may say, and the reading of its files, over anything that can be thrown at them."""

import csv
import io
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stations.mailing import deliveries, errors
from stations.mailing.deliveries import Line, SetAside
from stations.mailing.delivery_rules import CLOCKS_US, REASONS, Sending, refusal
from stations.mailing.errors import DeliveryFileError
from stations.mailing.tables import DeliveryKind

US = st.integers(0, 20)
SENDINGS = st.builds(
    Sending,
    st.just("p"),
    st.just("c"),
    taken_us=st.none() | US,
    ended=st.sampled_from([None, "delivered", "lost", "opened"]),
    came_back=st.booleans(),
    lost_case=st.booleans(),
    last=st.none() | st.sampled_from(DeliveryKind),
    last_us=US,
)
NUMBERS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,39}", fullmatch=True)


@given(SENDINGS, st.sampled_from(DeliveryKind), US)
def test_only_what_the_carrier_has_is_believed_of_it(sending, kind, at_us):
    """Whatever is believed is of a parcel that it took before, that is still out, and contradicts nothing later."""
    reason = refusal(sending, kind, at_us, now_us=100)
    assert reason is None or reason in REASONS
    if reason is None:
        assert sending.is_out
        assert sending.taken_us <= at_us
        assert not sending.lost_case
        assert at_us >= sending.last_us
        assert sending.last is not DeliveryKind.RETURNED or kind is DeliveryKind.LOST


@given(SENDINGS, st.sampled_from(DeliveryKind), US)
def test_nothing_is_said_of_the_future(sending, kind, at_us):
    """Beyond what two clocks differ by."""
    assert refusal(sending, kind, at_us + CLOCKS_US + 1, now_us=0) is not None


@given(st.binary(max_size=400), st.sampled_from([".csv", ".jsonl"]))
def test_any_bytes_are_events_or_set_aside(tmp_path_factory, content, form):
    """No line takes the program down, and each that says anything is answered once."""
    file = tmp_path_factory.mktemp("bytes") / f"any{form}"
    file.write_bytes(content)
    try:
        read = list(deliveries.read(file))
    except DeliveryFileError:
        assert form == ".csv"
        return
    numbers = [each.line for each in read]
    assert numbers == sorted(set(numbers))
    assert all(isinstance(each, Line) or each.reason in REASONS for each in read)


@given(
    st.dictionaries(
        st.sampled_from([*deliveries.FIELDS, "other"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50) | NUMBERS,
    )
)
def test_any_object_is_an_event_or_set_aside_by_its_field(tmp_path_factory, said):
    """A reason of the table, and the field by its name."""
    file = tmp_path_factory.mktemp("objects") / "any.jsonl"
    file.write_text(json.dumps(said) + "\n")
    for each in deliveries.read(file):
        if isinstance(each, SetAside):
            assert each.reason in REASONS
        else:
            assert (each.told.tracking is None) != (each.told.manifest is None)


@given(
    NUMBERS, NUMBERS, st.sampled_from(DeliveryKind), st.datetimes(min_value=deliveries._EARLIEST.replace(tzinfo=None))
)
def test_both_forms_of_a_file_say_the_same(tmp_path_factory, event_id, tracking, kind, at):
    """One event has one hash, whichever form it came in."""
    said = {"event_id": event_id, "event": kind.value, "tracking": tracking, "at": f"{at.isoformat()}+08:00"}
    folder = tmp_path_factory.mktemp("forms")
    (folder / "a.jsonl").write_text(json.dumps(said) + "\n")
    table = io.StringIO()
    writer = csv.DictWriter(table, list(said))
    writer.writeheader()
    writer.writerow(said)
    (folder / "a.csv").write_text(table.getvalue())
    (one,), (other,) = (list(deliveries.read(folder / name)) for name in ("a.jsonl", "a.csv"))
    if isinstance(one, SetAside):
        assert isinstance(other, SetAside)
        assert one.reason == other.reason == "moment"
    else:
        assert one.told.sha256 == other.told.sha256


@pytest.mark.parametrize(
    "refusal_",
    [
        errors.DeliveryFileError("x.csv", "is no file"),
        errors.UnknownSendingError("EE1"),
        errors.UnknownParcelsError(("P-1", "P-2")),
        errors.NothingScannedError(),
        errors.UnknownNoteError("R-1"),
        errors.NotReturnedError("EE1", "held at packing, input"),
        errors.NothingToSettleError("EE1", "outside", "here"),
        errors.LiveElsewhereError("a", "passport"),
        errors.RemadeBeforeError("a"),
        errors.PersonErasedError("a"),
        errors.UnknownManifestError("m"),
    ],
    ids=lambda refusal_: type(refusal_).__name__,
)
def test_a_refusal_survives_pickling_and_says_what_did_not_change(refusal_):
    """Prefect carries it between processes."""
    again = pickle.loads(pickle.dumps(refusal_))
    assert (type(again), str(again), vars(again)) == (type(refusal_), str(refusal_), vars(refusal_))
    assert "{" not in str(refusal_)
    assert len(str(refusal_)) > 40


@pytest.mark.parametrize("field", sorted(deliveries.FIELDS))
def test_the_schema_says_each_field(field):
    """What a carrier's programmers are given."""
    assert field in deliveries.schema()["properties"]
