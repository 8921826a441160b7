"""A delivery is received whole by two keepers, or not at all."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from handoff_logs.errors import NumberTakenError
from stations.vault import pieces, receiving
from stations.vault.errors import NoteRefusedError, RangeCountError, SerialKindError, SerialsKnownError
from stations.vault.receiving import Delivery

TEN = Delivery("book", "EA0000001", "EA0000010", 10, "DN-1")


def test_the_same_delivery_again_is_the_same_receipt(line):
    """A lost answer, a double click: the record that is there is given back."""
    first = receiving.receive(line.at("vault"), TEN)
    again = receiving.receive(line.at("vault"), TEN)
    assert (first.repeated, again.repeated, again.event_id) == (False, True, first.event_id)
    assert line.facts("SELECT count(*) FROM whereabouts WHERE kind = 'blank' AND place = 'shelf:book'") == [(10,)]


@pytest.mark.parametrize(
    "other",
    [
        Delivery("book", "EA0000010", "EA0000019", 10, "DN-2"),
        Delivery("book", "EA0000001", "EA0000010", 10, "DN-2"),
        Delivery("book", "EA0000001", "EA0000005", 5, "DN-1"),
        Delivery("book", "EA0000001", "EA0000020", 20, "DN-1"),
    ],
)
def test_a_delivery_with_known_serials_is_refused_whole_and_names_them(line, other):
    """Whatever part of it is known; the new part is not received either."""
    receiving.receive(line.at("vault"), TEN)
    with pytest.raises(SerialsKnownError) as refusal:
        receiving.receive(line.at("vault"), other)
    assert set(refusal.value.serials) <= {f"EA{number:07d}" for number in range(1, 11)}
    assert line.facts("SELECT count(*) FROM whereabouts WHERE kind = 'blank'") == [(10,)]


@pytest.mark.parametrize(
    ("delivery", "refusal"),
    [
        (Delivery("book", "EA0000001", "EA0000010", 9, "DN-1"), RangeCountError),
        (Delivery("book", "K00000001", "K00000002", 2, "DN-1"), SerialKindError),
        (Delivery("card", "EA0000001", "EA0000002", 2, "DN-1"), SerialKindError),
        (Delivery("card", "k-1", "k-2", 2, "DN-1"), SerialKindError),
        (Delivery("book", "EA0000001", "EA0000010", 10, "what came today"), NoteRefusedError),
        (Delivery("book", "EA0000001", "EA0000010", 10, ""), NoteRefusedError),
    ],
)
def test_what_does_not_agree_is_refused(line, delivery, refusal):
    """Count, kind and note are looked at before anything is recorded."""
    with pytest.raises(refusal):
        receiving.receive(line.at("vault"), delivery)
    assert line.facts("SELECT count(*) FROM whereabouts WHERE kind = 'blank'") == [(0,)]


def test_one_keeper_alone_receives_nothing(line):
    """A workplace has two people; the log refuses one person as both hands."""
    with pytest.raises(ValueError, match="two different people"):
        line.at("vault").at("vault", ("p-0101", "p-0101"))


def test_of_two_pairs_who_receive_the_same_at_once_one_does(line):
    """The serials are in the log once; the other pair is told, or gets the same receipt."""

    def receive(note):
        try:
            return receiving.receive(line.at("vault"), Delivery("book", "EA0000001", "EA0000010", 10, note))
        except (SerialsKnownError, NumberTakenError) as refusal:
            return refusal

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(receive, ["DN-1", "DN-2", "DN-3", "DN-4"]))
    assert sum(isinstance(one, receiving.Receipt) for one in found) == 1
    assert line.facts("SELECT count(*) FROM whereabouts WHERE kind = 'blank'") == [(10,)]


def test_a_piece_is_found_by_the_serial_printed_on_it(line):
    """As the blank that it is; after it became a document, as that."""
    line.file(2)
    receiving.receive(line.at("vault"), Delivery("card", "K00000001", "K00000002", 2, "DN-1"))
    with line.database.read() as conn:
        found = pieces.find(conn, ["K00000002", "K00000009"])
    assert set(found) == {"K00000002"}
    piece = found["K00000002"]
    assert (piece.unit_kind, piece.kind, piece.state, piece.place) == ("blank", "card", "held", "shelf:card")
