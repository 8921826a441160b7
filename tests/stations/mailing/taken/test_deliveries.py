"""What a carrier says of what it took: believed once, by rule; or set aside with its line, field and reason."""

import json

import pytest

from stations.mailing import delivery_load, explaining
from stations.mailing.delivery_rules import REASONS
from stations.mailing.errors import DeliveryFileError, NothingToSettleError, UnknownSendingError
from stations.mailing.explaining import Found


def test_a_delivered_parcel_ends_with_all_that_is_in_it(sent):
    """The end of custody is signed by two people, and no document of it is left anywhere."""
    line = sent
    (tracking, _, parcel), *_ = line.posted
    report, aside = line.load(line.event(tracking))
    assert (report.delivered, report.parcels_delivered, aside) == (1, 1, [])
    units = [parcel, *line.inside(parcel)]
    assert {state for state, _ in line.states(*units)} == {"ended"}
    ((act, first, second, outcome),) = line.line.facts(
        "SELECT DISTINCT act, e.person, e.second_person, u.outcome FROM custody_event e JOIN custody_unit u"
        " USING (event_id) WHERE u.outcome IS NOT NULL"
    )
    assert (act, first != second, outcome) == ("settle", True, "delivered")


def test_an_offices_manifest_is_delivered_as_a_whole(sent):
    """The carrier says of how many parcels; another number is set aside."""
    line = sent
    manifest, parcels = line.line.facts("SELECT consignment_id, parcels FROM consignment WHERE office IS NOT NULL")[0]
    wrong = line.event(manifest=manifest, parcels=parcels + 1)
    right = line.event(manifest=manifest, parcels=parcels)
    report, aside = line.load(wrong, right)
    assert [(each["line"], each["field"], each["reason"]) for each in aside] == [(1, "parcels", "count")]
    assert (report.delivered, report.parcels_delivered) == (1, parcels)


def test_the_same_file_twice_changes_nothing(sent):
    """Nor does another form of the file with the same events."""
    line = sent
    events = [
        line.event(tracking, kind)
        for (tracking, *_), kind in zip(line.posted, ("delivered", "lost", "returned"), strict=False)
    ]
    first, _ = line.load(*events)
    before = line.line.facts("SELECT count(*), max(seq) FROM custody_event")
    for name in ("events.jsonl", "events.csv"):
        again, aside = line.load(*events, name=name)
        assert (again.repeated, again.delivered, again.lost, again.returned, aside) == (len(events), 0, 0, 0, [])
    assert line.line.facts("SELECT count(*), max(seq) FROM custody_event") == before
    assert first.delivered + first.lost + first.returned == len(events)


def test_an_id_that_another_event_has_is_set_aside(sent):
    """The carrier gives each id once."""
    line = sent
    (one, *_), (other, *_), *_ = line.posted
    event = line.event(one)
    _, aside = line.load(event, event | {"tracking": other}, event)
    assert [(each["line"], each["reason"]) for each in aside] == [(2, "event_id_taken")]


def test_bad_lines_are_set_aside_and_the_others_loaded(sent):
    """Each with its number in the file, the field and the reason."""
    line = sent
    (tracking, *_), *_ = line.posted
    good = line.event(tracking)
    lines = [
        "no json", "[1]", '{"a": 1, "a": 2}', good | {"event": "eaten"}, good | {"at": "2026-12-01"},
        good | {"at": "2026-12-01T10:00:00"}, good | {"at": 1700000000}, good | {"at": "1999-12-01T10:00:00Z"},
        good | {"manifest": "0" * 32, "parcels": 1}, good | {"parcels": 3}, good | {"note": "N1"},
        good | {"recipient": "somebody"}, {k: v for k, v in good.items() if k != "event_id"},
        good | {"tracking": "x" * 41}, good | {"event_id": "y" * 3000}, good | {"tracking": "EE999999999XX"}, good,
    ]  # fmt: skip
    report, aside = line.load(*lines)
    assert [(each["line"], each["field"], each["reason"]) for each in aside] == [
        (1, None, "line"), (2, None, "line"), (3, None, "line"), (4, "event", "value"), (5, "at", "moment"),
        (6, "at", "moment"), (7, "at", "moment"), (8, "at", "moment"), (9, "item", "item"), (10, "parcels", "parcels"),
        (11, "note", "note"), (12, "recipient", "unknown_field"), (13, "event_id", "missing"),
        (14, "tracking", "value"), (15, None, "too_long"), (16, "tracking", "unknown_item"),
    ]  # fmt: skip
    assert all(each["sentence"] == REASONS[each["reason"]] for each in aside)
    assert (report.lines, report.set_aside, report.delivered) == (17, 16, 1)


def test_rows_of_a_table_are_read_by_their_columns_names(sent):
    """Empty cells are fields that are not there; a row with a cell too few is set aside."""
    line = sent
    (tracking, *_), *_ = line.posted
    file = line.file(line.event(tracking), name="events.csv")
    with file.open("ab") as content:
        content.write(b"short,row\n\n\xff\xfe,x,y,z\n")
    reply = line.folder / "reply.jsonl"
    report = delivery_load.load(line.here, file, reply)
    aside = [json.loads(text) for text in reply.read_text().splitlines()]
    assert [(each["line"], each["reason"]) for each in aside] == [(3, "line"), (5, "encoding")]
    assert report.delivered == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [("x.txt", b""), ("x.csv", b""), ("x.csv", b"event_id,event\n"), ("x.csv", b"event_id,event,at,name\n"),
     ("x.csv", b"event_id,event,at,at\n"), ("x.csv", b"\xff\n"), ("absent.jsonl", None)],
)  # fmt: skip
def test_a_file_that_is_none_of_a_carriers_is_refused_whole(line, tmp_path, name, content):
    """Nothing of it is loaded and no reply written."""
    file, reply = tmp_path / name, tmp_path / "reply.jsonl"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(DeliveryFileError):
        delivery_load.load(line.at("mailing"), file, reply)
    assert not reply.exists()


def test_an_event_before_the_handoff_or_not_yet_is_set_aside(sent):
    """The carrier can't have delivered what it had not taken."""
    line = sent
    (tracking, *_), *_ = line.posted
    early = line.event(tracking, after_us=-600_000_000)
    late = line.event(tracking, after_us=3_600_000_000)
    _, aside = line.load(early, late)
    assert [(each["field"], each["reason"]) for each in aside] == [("at", "before_handoff"), ("at", "future")]


def test_a_lost_parcel_opens_a_case_that_two_people_explain(sent):
    """Custody stays with the carrier, and the document is live, until they do; and after, no remake follows."""
    line = sent
    (tracking, label, parcel), *_ = line.posted
    line.load(line.event(tracking, "lost"))
    assert line.states(parcel) == [("outside", "carrier")]
    assert line.open_cases() == [("missing", parcel)]
    _, aside = line.load(line.event(tracking, after_us=2_000))
    assert [each["reason"] for each in aside] == ["reported_lost"]
    assert [each.what for each in opened(line)] == ["case"]
    explaining.settle(line.here, label, Found.LOST)
    assert {state for state, _ in line.states(parcel, *line.inside(parcel))} == {"ended"}
    assert line.open_cases() == opened(line) == []
    live = line.line.facts("SELECT live FROM job WHERE document_unit = :unit", unit=line.inside(parcel)[0])
    assert [bool(row[0]) for row in live] == [True]
    _, aside = line.load(line.event(tracking, after_us=3_000))
    assert [each["reason"] for each in aside] == ["ended_lost"]


def opened(line):
    return line.line.facts(explaining.OPEN_ITEMS)


@pytest.mark.parametrize("found", [Found.WITH_CARRIER, Found.DELIVERED])
def test_what_was_reported_lost_and_is_not_goes_on(sent, found):
    """The carrier has it still and may say what becomes of it; or it was delivered after all."""
    line = sent
    (tracking, _, parcel), *_ = line.posted
    line.load(line.event(tracking, "lost"))
    explaining.settle(line.here, tracking, found)
    assert line.open_cases() == []
    report, aside = line.load(line.event(tracking, after_us=2_000))
    assert (report.delivered == 1) == (found is Found.WITH_CARRIER)
    assert [each["reason"] for each in aside] == ([] if report.delivered else ["ended_delivered"])
    assert {state for state, _ in line.states(parcel, *line.inside(parcel))} == {"ended"}


def test_an_event_that_contradicts_a_later_one_is_set_aside(sent):
    """Whatever the order of the files: time goes one way, and what is delivered is gone."""
    line = sent
    (one, *_), (other, *_), *_ = line.posted
    _, aside = line.load(
        line.event(one, "returned", after_us=5_000),
        line.event(one, after_us=4_000),
        line.event(one, after_us=6_000),
        line.event(other, after_us=5_000),
        line.event(other, "lost", after_us=6_000),
    )
    assert [(each["line"], each["reason"]) for each in aside] == [
        (2, "earlier"),
        (3, "coming_back"),
        (5, "ended_delivered"),
    ]


def test_a_parcel_lost_on_its_way_back_is_a_case(sent):
    """What is said to come back is still the carrier's."""
    line = sent
    (tracking, _, parcel), *_ = line.posted
    line.load(line.event(tracking, "returned"), line.event(tracking, "lost", after_us=2_000))
    assert line.open_cases() == [("missing", parcel)]


def test_only_what_fits_a_case_settles_it(sent):
    """A parcel without a case, one that was never sent, and a finding that can't be."""
    line = sent
    (tracking, *_), *_ = line.posted
    with pytest.raises(UnknownSendingError):
        explaining.settle(line.here, "nothing", Found.LOST)
    with pytest.raises(NothingToSettleError):
        explaining.settle(line.here, tracking, Found.LOST)
    line.load(line.event(tracking, "lost"))
    with pytest.raises(NothingToSettleError):
        explaining.settle(line.here, tracking, Found.HERE)


def test_a_load_that_was_cut_short_goes_on(sent, monkeypatch):
    """Chunks that were recorded stay, the rest follows, and nothing is recorded twice."""
    line = sent
    events = [line.event(tracking) for tracking, *_ in line.posted]
    assert len(events) > 2
    booked, calls = delivery_load._book, []

    def dying(tx, workplace, lines):
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("killed")
        return booked(tx, workplace, lines)

    monkeypatch.setattr(delivery_load, "_book", dying)
    with pytest.raises(RuntimeError, match="killed"):
        line.load(*events, chunk_lines=1)
    monkeypatch.undo()
    report, _ = line.load(*events, chunk_lines=1)
    assert (report.repeated, report.delivered) == (2, len(events) - 2)
