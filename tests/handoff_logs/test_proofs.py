"""A proof says what the log says, to anybody with the log's key; whatever is changed in it is refused."""

import base64
import copy
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pymerkle
import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from proof_forge import Forge, changed, leaves_of
from pymerkle.core import _inclusion_path_layout
from pymerkle.hasher import MerkleHasher
from pymerkle.proof import InclusionProof
from signing_keys import log_key_of

from handoff_logs import log_key, merkle, register
from handoff_logs.checkpoints import Checkpoint
from handoff_logs.cosignatures import cosign
from handoff_logs.keyring import Keyring, person_owner, station_owner, write_new
from handoff_logs.log_key import LogKey
from handoff_logs.notes import COSIGNATURE_V1, Note, VerifierKey, signed
from handoff_logs.proofs import making
from handoff_logs.proofs.errors import (
    BrokenProofError,
    MalformedProofError,
    NotSealedError,
    SpansOriginsError,
    UnknownNumberError,
)
from handoff_logs.proofs.proof_file import parse
from handoff_logs.proofs.verifying import Continued, Verified, verify
from handoff_logs.reading import open_reading
from handoff_logs.records import Birth, Kind, new_id, number_hash
from handoff_logs.sealing import Sealer
from handoff_logs.writing import Entry

WITNESS = Ed25519PrivateKey.from_private_bytes(b"w" * 32)
WITNESS_KEY = VerifierKey("witness.example/w", COSIGNATURE_V1, WITNESS.public_key().public_bytes_raw())


@pytest.fixture
def key(signing_keys: Path) -> LogKey:
    return log_key.read(log_key_of(signing_keys))


@pytest.fixture
def sealer(centre: Any, key: LogKey) -> Sealer:
    return Sealer(centre.database, key)


@pytest.fixture
def prove(database_url: str) -> Callable[[str], bytes]:
    def made(number: str) -> bytes:
        with open_reading(database_url) as reading:
            return making.prove(reading, number).encode()

    return made


@pytest.fixture
def worked(centre: Any) -> Any:
    """A document made, sent on, packed and dispatched; a blank voided; an order refused; one missing and found."""
    order, other, third = centre.orders(3, numbers=["A1", "A2", "A3"])
    blank, spoiled = centre.blanks(2, numbers=["E1", "E2"])
    document = Birth(new_id(), Kind.DOCUMENT, "E1")
    centre.transform("review", order, blank, document)
    centre.void([spoiled])
    centre.destroy([spoiled])
    centre.accept(centre.offer([document.unit_id, other]), [document.unit_id])
    centre.settle([other], "found-at-sender")
    centre.refuse(centre.offer([third]))
    parcel = centre.pack([document.unit_id], station="qc", number="P1")
    centre.accept(centre.offer([parcel], station="qc", to="carrier"), [parcel], station="carrier")
    return centre


def told(data: bytes, key: LogKey, *witnesses: VerifierKey) -> Verified:
    found = verify(data, key.verifier, witnesses)
    assert isinstance(found, Verified)
    return found


def witnessed(sealer: Sealer, time_s: int = 1_764_000_000) -> None:
    sealed = sealer.latest()
    assert sealed is not None
    seen = cosign(sealed.note.text, WITNESS_KEY, WITNESS.sign, time_s)
    sealer.cosigned(sealed, WITNESS_KEY.name, time_s, seen.signature.value)


@pytest.mark.parametrize(
    ("number", "numbers"),
    [
        ("E1", {"A1", "E1", "P1"}),
        ("A1", {"A1", "E1", "P1"}),
        ("P1", {"A1", "E1", "P1"}),
        ("E2", {"E2"}),
        ("A2", {"A2"}),
        ("A3", {"A3"}),
    ],
)
def test_a_proof_tells_the_whole_custody(
    worked: Any, sealer: Sealer, key: LogKey, prove: Any, database_url: str, number: str, numbers: set[str]
) -> None:
    sealer.seal()
    found = told(prove(number), key)
    assert {step["number"] for step in found.steps} == numbers
    assert all(step["leaf"] is not None for step in found.steps)
    with open_reading(database_url) as reading:
        rows = making.document(reading, number)
    shown = [(row["unit_id"], row["step"], row["act"], row["state"], row["person"]) for row in rows]
    steps = [step for step in found.steps if step["kind"] != "case"]
    assert [(row["unit_id"], row["step"], row["act"], row["state"], row["person"]) for row in steps] == shown
    assert [step["kind"] == "case" for step in found.steps].count(True) == (number == "A2")


def test_a_remade_document_is_proved_with_the_first(centre: Any, sealer: Sealer, key: LogKey, prove: Any) -> None:
    (order,) = centre.orders(1, numbers=["A1"])
    first = Birth(new_id(), Kind.DOCUMENT, "E1")
    centre.transform("review", order, *centre.blanks(1, numbers=["E1"]), first)
    remake = Birth(new_id(), Kind.ORDER, "A1/2")
    centre.void([first.unit_id], reborn=[remake])
    second = Birth(new_id(), Kind.DOCUMENT, "E2")
    centre.transform("review", remake.unit_id, *centre.blanks(1, numbers=["E2"]), second)
    sealer.seal()
    for number in ("A1", "E1", "E2"):
        assert {step["number"] for step in told(prove(number), key).steps} == {"A1", "A1/2", "E1", "E2"}


def test_what_is_not_sealed_yet_stands_on_its_signatures_alone(
    centre: Any, sealer: Sealer, key: LogKey, prove: Any
) -> None:
    (order,) = centre.orders(1, numbers=["A1"])
    with pytest.raises(NotSealedError):
        prove("A1")
    sealer.seal()
    centre.accept(centre.offer([order]), [order])
    data = prove("A1")
    assert [step["leaf"] for step in told(data, key).steps] == [1, None, None]
    unsealed = json.loads(data)
    unsealed["events"][-1]["event"]["person"] = "thief"
    with pytest.raises(BrokenProofError, match="not of the key"):
        verify(json.dumps(unsealed).encode(), key.verifier)
    with pytest.raises(UnknownNumberError):
        prove("A9")


def test_a_witness_is_named_with_its_time_and_its_absence_is_said(
    centre: Any, sealer: Sealer, key: LogKey, prove: Any
) -> None:
    centre.orders(1, numbers=["A1"])
    sealer.seal()
    assert told(prove("A1"), key).witnessed == ()
    with pytest.raises(BrokenProofError, match="did not witness"):
        verify(prove("A1"), key.verifier, [WITNESS_KEY])
    witnessed(sealer)
    witnessed(sealer, 1_764_000_060)
    centre.orders(1)
    sealer.seal()
    data = prove("A1")
    found = told(data, key, WITNESS_KEY)
    # The witnessed checkpoint covers it all, so the newest, which no witness saw, is not taken.
    assert found.checkpoint.size == 2
    assert [(one.witness, one.time_s) for one in found.witnessed] == [(WITNESS_KEY.name, 1_764_000_000)]
    assert told(data, key).unchecked == (WITNESS_KEY.name,)
    centre.orders(1, numbers=["A2"])
    sealer.seal()
    assert told(prove("A2"), key).checkpoint.size == 4


def test_a_key_registered_later_is_proved_back_to_the_first_record(
    centre: Any, sealer: Sealer, key: LogKey, prove: Any, keyring: Keyring, tmp_path: Path
) -> None:
    (order,) = centre.orders(1, numbers=["A1"])
    old = keyring.of_station("review")
    fresh = write_new(tmp_path / "signing", station_owner("review"))
    own = write_new(tmp_path / "signing", person_owner("qc-1"))
    entries = [*register.key_entries([fresh, own]), Entry("key", old.key_id, "revoked", "rotated")]
    centre.do(lambda tx: register.record(tx, register.administration(), None, entries, centre.stamp()))
    keyring.reload()
    sealer.seal()
    centre.accept(centre.offer([order]), [order])
    # No leaf covers the acceptance yet: what both keys signed is all that stands for it.
    assert_every_change_is_refused(prove("A1"), key, step=11)
    for second in (None, base64.b64encode(bytes(64)).decode()):
        unsealed = json.loads(prove("A1"))
        unsealed["events"][-1]["second_signature"] = second
        with pytest.raises(BrokenProofError, match="second signature"):
            verify(json.dumps(unsealed).encode(), key.verifier)
    sealer.seal()
    data = prove("A1")
    assert [step["key_id"] for step in told(data, key).steps] == [
        old.key_id,
        fresh.key_id,
        keyring.of_station("qc").key_id,
    ]
    proof = json.loads(data)
    assert proof["events"][-1]["event"]["second_key_id"] == own.key_id
    assert proof["events"][-1]["second_signature"]
    assert {row["row"]["subject"] for row in proof["events"][2]["rows"]} == {old.key_id, fresh.key_id, own.key_id}
    del proof["events"][2]
    with pytest.raises(BrokenProofError, match=f"{fresh.key_id} was not registered"):
        verify(json.dumps(proof).encode(), key.verifier)
    assert_every_change_is_refused(data, key, step=17)


def test_every_change_of_every_value_is_refused(example: bytes, example_key: LogKey) -> None:
    assert_every_change_is_refused(example, example_key, WITNESS_KEY)


def test_a_changed_case_is_refused(worked: Any, sealer: Sealer, key: LogKey, prove: Any) -> None:
    sealer.seal()
    assert_every_change_is_refused(prove("A2"), key, step=29)


def assert_every_change_is_refused(data: bytes, key: LogKey, *witnesses: VerifierKey, step: int = 1) -> None:
    told(data, key, *witnesses)
    proof = json.loads(data)
    for path, value in leaves_of(proof)[::step]:
        holder = proof
        for name in path[:-1]:
            holder = holder[name]
        for other in changed(value):
            holder[path[-1]] = other
            with pytest.raises((MalformedProofError, BrokenProofError)):
                verify(json.dumps(proof).encode(), key.verifier, witnesses)
                pytest.fail(f"{path} was changed from {value!r} to {other!r}")
        holder[path[-1]] = value
    assert json.dumps(proof) == json.dumps(json.loads(data))


def test_unknown_missing_and_doubled_fields_are_refused_with_their_place(example: bytes, example_key: LogKey) -> None:
    for fragment, other, place in (
        (b'"leaf": 1,', b'"leaf": 1, "more": 2,', "events[1].seal: 'more' is unknown"),
        (b'"leaf": 1,', b'"leaf": 1, "leaf": 1,', "events[1].seal: 'leaf' stands there twice"),
        (b'"leaf": 1,', b"", "events[1].seal: 'leaf' is missing"),
        (b'"leaf": 1,', b'"leaf": 1.0,', "events[1].seal.leaf: it is no integer"),
        (b'"leaf": 1,', b'"leaf": 1e0,', "events[1].seal.leaf: it is no integer"),
        (b'"leaf": 1,', b'"leaf": NaN,', "events[1].seal.leaf: it is no integer"),
        (b'"leaf": 1,', b'"leaf": -0,', "events[1].seal.leaf: it is no integer"),
        (b'"leaf": 1,', b'"leaf": 1' + b"0" * 5000 + b",", "events[1].seal.leaf: it is no integer"),
        (b'"leaf": 1,', b'"leaf": true,', "events[1].seal.leaf: it is no integer"),
        (b'"act": "offer"', b'"act": "offer\\ud800"', "events[2].event.act: it has the character U+D800"),
        (b'"act": "offer"', b'"act": "\\u001b[2Joffer"', "events[2].event.act: it has the character U+001B"),
        (b'"act": "offer"', b'"act": "\\u202eoffer"', "events[2].event.act: it has the character U+202E"),
        (b'"checkpoint": "', b'"checkpoint": "\\u009b2J', "checkpoint: it has the character U+009B"),
        (b'"act": "offer"', b'"act": "%s"' % (b"o" * 401), "events[2].event.act: it has more than 400"),
        (b'"act": "offer"', b'"act": null', "events[2].event.act: it is no string"),
        (b'"numbers": [', b'"numbers": [{}, ', "numbers[0]: 'unit_id' is missing"),
        (b"custody proof 1", b"custody proof 2", "format: it is not"),
        (b'"numbers": [', b'"numbers": ' + b"[" * 100_000, "nested too deep"),
        (b'"numbers": [', b'"numbers": \xff[', "it is no UTF-8"),
        (b"{", b"\xef\xbb\xbf{", "line 1, column 1"),
    ):
        assert fragment in example
        with pytest.raises(MalformedProofError) as refusal:
            verify(example.replace(fragment, other, 1), example_key.verifier)
        assert place in str(refusal.value)


def test_a_file_cut_anywhere_is_refused(example: bytes) -> None:
    for length in range(0, len(example) - 2, 97):
        with pytest.raises(MalformedProofError):
            parse(example[:length])


def test_an_oversized_file_is_refused_unread() -> None:
    with pytest.raises(MalformedProofError, match="longer than any proof"):
        parse(b" " * (32 * 1024 * 1024 + 1))


def test_another_logs_key_and_a_forged_checkpoint_are_refused(
    centre: Any, sealer: Sealer, key: LogKey, prove: Any, tmp_path: Path
) -> None:
    centre.orders(1, numbers=["A1"])
    sealer.seal()
    data = prove("A1")
    other = log_key.create(tmp_path / "other", "other")
    with pytest.raises(BrokenProofError, match="checkpoint: this note is not signed by"):
        verify(data, other.verifier)
    namesake = LogKey(VerifierKey(key.origin, 1, other.verifier.public), other.private)
    # Signed by a namesake of the log, from the same records.
    forged = Forge(namesake, tmp_path / "signing").sealed(json.loads(data), signs=False)
    with pytest.raises(BrokenProofError, match="not signed by"):
        verify(forged, key.verifier)
    with pytest.raises(BrokenProofError, match="does not register the log's key"):
        verify(forged, namesake.verifier)
    text = Checkpoint("passline.test/00000000", 2, bytes(32)).text
    misnamed = json.loads(data)
    misnamed["checkpoint"] = Note(text, (signed(text, key.verifier, key.sign),)).encode().decode()
    with pytest.raises(BrokenProofError, match="it is of the log passline"):
        verify(json.dumps(misnamed).encode(), key.verifier)
    altered = data.replace(rb"\n2\n", rb"\n3\n", 1)
    assert altered != data
    with pytest.raises(BrokenProofError, match="checkpoint: the signature of"):
        verify(altered, key.verifier)


def another_person(events: Any) -> None:
    events[3]["event"]["person"] = "review-1"


def a_second_hand(events: Any) -> None:
    events[3]["event"]["second_person"] = "review-1"


def a_step_less(events: Any) -> None:
    del events[2]


def another_kind(events: Any) -> None:
    events[2]["rows"][0]["row"]["kind"] = "blank"


def an_illegal_move(events: Any) -> None:
    events[2]["rows"][0]["row"]["state"] = "ended"


def a_second_number(events: Any) -> None:
    events[2]["rows"][0]["row"]["number_hash"] = number_hash("0" * 32, "A9")


def another_holder(events: Any) -> None:
    events[1]["rows"][0]["row"]["station"] = "packing"


def another_offer(events: Any) -> None:
    events[3]["event"]["offer_hash"] = "wrong"


def no_offer(events: Any) -> None:
    events[3]["event"]["offer_id"] = events[1]["event"]["event_id"]


def anothers_row(events: Any) -> None:
    events[2]["rows"][0]["row"]["event_id"] = "0" * 32


def a_row_twice(events: Any) -> None:
    events[2]["rows"] *= 2


def an_event_twice(events: Any) -> None:
    events.append(copy.deepcopy(events[2]))


def no_log_key(events: Any) -> None:
    events[0]["rows"] = [row for row in events[0]["rows"] if row["row"]["value"] != "log"]


def no_station_key(events: Any) -> None:
    events[0]["rows"] = [row for row in events[0]["rows"] if row["row"]["value"] != "station:review"]


def another_public_key(events: Any) -> None:
    public = [row["row"] for row in events[0]["rows"] if row["row"]["field"] == "public"]
    public[0]["value"] = public[1]["value"]


def revoked(events: Any) -> None:
    key_id = next(row["row"]["subject"] for row in events[0]["rows"] if row["row"]["value"] == "station:review")
    events[0]["rows"].append({"row": events[0]["rows"][0]["row"] | {"subject": key_id, "field": "revoked"}})


def the_logs_key_revoked(events: Any) -> None:
    register_entry(events, "log", "revoked", "stolen")


def a_key_ended(events: Any) -> None:
    register_entry(events, "station:qc", "owner", None)


def register_entry(events: Any, owner: str, field: str, value: str | None) -> None:
    """A second record of the administration, before the custody."""
    key_id = next(row["row"]["subject"] for row in events[0]["rows"] if row["row"]["value"] == owner)
    later = copy.deepcopy(events[0])
    later["event"]["event_id"] = later["event"]["handoff_id"] = "f" * 32
    entry = later["rows"][0]["row"] | {"event_id": "f" * 32, "subject": key_id, "field": field, "value": value}
    later["rows"] = [{"row": entry}]
    events.insert(1, later)


def a_register_row_elsewhere(events: Any) -> None:
    row = events[0]["rows"][0]["row"] | {"event_id": events[1]["event"]["event_id"]}
    events[1]["rows"].append({"row": row})


FORGERIES = {
    another_person: "signed both sides",
    a_second_hand: "review-1 signed both sides",
    a_step_less: "is the step 3 of its unit where the step 2",
    another_kind: "its order became a blank",
    an_illegal_move: "offer can't take a unit from held to ended",
    a_second_number: "only a unit's first step",
    another_holder: "review acts on what packing holds",
    another_offer: "answers another offer",
    no_offer: "answers no offer",
    anothers_row: "a row of another event",
    a_row_twice: "there twice",
    an_event_twice: "there twice",
    no_log_key: "does not register the log's key",
    no_station_key: "was not registered by an earlier record",
    another_public_key: "registers another key",
    revoked: "was revoked",
    the_logs_key_revoked: "the log's key was revoked",
    a_key_ended: "was not registered by an earlier record",
    a_register_row_elsewhere: "only the act `register`",
}


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.__name__)
def test_who_holds_all_keys_still_can_not_prove_what_breaks_a_rule(
    example: bytes, example_key: LogKey, forge: Forge, forgery: Callable[[Any], None]
) -> None:
    proof = json.loads(example)
    verify(forge.sealed(copy.deepcopy(proof)), example_key.verifier)
    forgery(proof["events"])
    with pytest.raises(BrokenProofError, match=FORGERIES[forgery]):
        verify(forge.sealed(proof), example_key.verifier)


def test_events_stand_in_the_order_of_their_leaves(example: bytes, example_key: LogKey) -> None:
    for order, fault in (((0, 2, 1, 3), "does not come after"), ((1, 0, 2, 3), "not the log's first record")):
        proof = json.loads(example)
        proof["events"] = [proof["events"][place] for place in order]
        with pytest.raises(BrokenProofError, match=fault):
            verify(json.dumps(proof).encode(), example_key.verifier)
    proof = json.loads(example)
    proof["events"][2]["seal"] = None
    with pytest.raises(BrokenProofError, match="leaf 3 does not come after"):
        verify(json.dumps(proof).encode(), example_key.verifier)


def test_a_proof_of_nothing_is_none(example: bytes, example_key: LogKey, forge: Forge) -> None:
    proof = json.loads(example)
    proof["numbers"], numbers = [], proof["numbers"]
    proof["events"] = proof["events"][:1]
    with pytest.raises(BrokenProofError, match="no step of any unit"):
        verify(forge.sealed(proof), example_key.verifier)
    proof["numbers"] = numbers
    with pytest.raises(BrokenProofError, match="A1 is not the number of the unit"):
        verify(forge.sealed(proof), example_key.verifier)
    proof["events"] = []
    with pytest.raises(BrokenProofError, match="first record is not there"):
        verify(json.dumps(proof).encode(), example_key.verifier)


def test_who_holds_the_logs_key_alone_can_forge_no_record(example: bytes, example_key: LogKey, forge: Forge) -> None:
    proof = json.loads(example)
    proof["events"][2]["event"]["to_station"] = "packing"
    with pytest.raises(BrokenProofError, match="not of the key"):
        verify(forge.sealed(copy.deepcopy(proof), signs=False), example_key.verifier)
    with pytest.raises(BrokenProofError, match="station:qc's, and station:review had to sign"):
        verify(forge.sealed(proof, signers={2: "qc"}), example_key.verifier)


# The rest stands on one small proof, made once: fast enough to be tried in thousands of ways.


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, signing_keys: Path) -> tuple[bytes, Path]:
    """A proof of an order that was received, offered and accepted, and the keys behind it."""
    from signing_keys import keyring_copy

    from handoff_logs import log
    from handoff_logs.database import Database
    from handoff_logs.records import Party

    folder = tmp_path_factory.mktemp("small")
    (folder / "passline.db").write_bytes(sqlite_template.read_bytes())
    url, keys = f"sqlite:///{folder / 'passline.db'}", folder / "signing"
    order = Birth(new_id(), Kind.ORDER, "A1")

    def stamp() -> log.Stamp:
        return log.Stamp(time.time_ns() // 1000, True)

    review, qc = Party("review", "review-1", "day"), Party("qc", "qc-1", "day")
    with Database(url, keyring=keyring_copy(signing_keys, keys)) as database:
        database.write(lambda tx: log.receive(tx, review, None, [order], "in", stamp()))
        offer = database.write(
            lambda tx: log.offer(tx, review, "out", "qc", [order.unit_id], priority=2, stamp=stamp())
        )
        database.write(lambda tx: log.accept(tx, qc, offer.handoff_id, [order.unit_id], "in", stamp()))
        sealer = Sealer(database, log_key.read(log_key_of(signing_keys)))
        sealer.seal()
        witnessed(sealer)
    with open_reading(url) as reading:
        return making.prove(reading, "A1").encode(), keys


@pytest.fixture
def example(made: tuple[bytes, Path]) -> bytes:
    return made[0]


@pytest.fixture
def example_key(signing_keys: Path) -> LogKey:
    return log_key.read(log_key_of(signing_keys))


@pytest.fixture
def forge(made: tuple[bytes, Path], example_key: LogKey) -> Forge:
    return Forge(example_key, made[1])


@given(st.data())
def test_bytes_changed_anywhere_are_refused_or_mean_the_same(made: Any, signing_keys: Path, data: Any) -> None:
    original = made[0]
    begin = data.draw(st.integers(0, len(original) - 1))
    length = data.draw(st.integers(0, 8))
    other = original[:begin] + data.draw(st.binary(max_size=8)) + original[begin + length :]
    try:
        verify(other, log_key.read(log_key_of(signing_keys)).verifier, [WITNESS_KEY])
    except (MalformedProofError, BrokenProofError):
        return
    assert json.loads(other) == json.loads(original)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(max_size=8), below, max_size=4),
    max_leaves=6,
)


@settings(max_examples=50)
@given(JSON | st.dictionaries(st.sampled_from(["format", "checkpoint", "cosignatures", "events", "numbers"]), JSON))
def test_what_is_no_proof_is_refused_as_such(value: Any) -> None:
    with pytest.raises(MalformedProofError):
        parse(json.dumps(value).encode())


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_refused_as_no_proof(data: bytes) -> None:
    with pytest.raises(MalformedProofError):
        parse(data)


def test_hashes_and_paths_are_what_other_libraries_make_of_them(
    worked: Any, sealer: Sealer, key: LogKey, prove: Any
) -> None:
    sealer.seal()
    proof = json.loads(prove("E1"))
    origin, size, root = proof["checkpoint"].splitlines()[:3]
    assert origin == key.origin
    hasher = MerkleHasher("sha256")
    for one in proof["events"]:
        event = one["event"]
        digest = hasher.hash_raw(rfc8785.dumps(event)).hex()
        entry = {"seq": one["seal"]["seq"], "event_hash": digest}
        entry |= {name: one[name] for name in ("signature", "second_signature")}
        leaf = hasher.hash_buff(rfc8785.dumps(entry))
        path = [leaf, *(bytes.fromhex(one) for one in one["seal"]["path"])]
        rule, _ = _inclusion_path_layout(one["seal"]["leaf"] + 1, int(size))
        shown = InclusionProof("sha256", True, int(size), one["seal"]["leaf"] + 1, rule, path)
        pymerkle.verify_inclusion(leaf, base64.b64decode(root), shown, size=int(size))
        for row in one["rows"]:
            node = hasher.hash_buff(rfc8785.dumps(row["row"]))
            for side, sibling in (step.split() for step in row["path"]):
                pair = (bytes.fromhex(sibling), node) if side == "left" else (node, bytes.fromhex(sibling))
                node = hasher.hash_pair(*pair)
            assert node.hex() == event["units_root"]


def test_a_proof_over_a_declared_loss_is_not_made_from_one_tree(
    centre: Any, sealer: Sealer, prove: Any, database_url: str
) -> None:
    centre.orders(1, numbers=["A1"])
    sealer.seal()
    centre.sql("INSERT INTO seal_origin VALUES (2, 'passline.test/ffffffff')")
    centre.sql(
        "INSERT INTO seal_checkpoint SELECT 2, size, root, key_id, signature FROM seal_checkpoint WHERE epoch = 1"
    )
    with pytest.raises(SpansOriginsError, match="trees 1"):
        prove("A1")


def test_a_log_continues_what_it_signed_before_and_no_other_history(
    centre: Any, sealer: Sealer, key: LogKey, database_url: str, example: bytes
) -> None:
    first = sealer.seal()
    centre.orders(1)
    centre.orders(1)
    second = sealer.seal()
    assert first and second
    with open_reading(database_url) as reading:
        data = making.prove_consistency(reading, first.note).encode()
        assert data == making.prove_consistency(reading, first.note, second.note).encode()
        # A checkpoint of four records, by the same key: this log was cut, or is an older copy.
        with pytest.raises(BrokenProofError, match="the log has 3 records and once signed 4"):
            making.prove_consistency(reading, parse(example).note)
        assert data == making.prove_consistency(reading, second.note, first.note).encode()
        centre_again = making.prove_consistency(reading, second.note).encode()
    found = verify(data, key.verifier)
    assert isinstance(found, Continued)
    assert (found.old.size, found.new.size) == (1, 3)
    assert isinstance(verify(centre_again, key.verifier), Continued)
    proof = json.loads(data)
    for path, value in leaves_of(proof):
        for other in changed(value):
            changed_proof = copy.deepcopy(proof)
            holder = changed_proof
            for name in path[:-1]:
                holder = holder[name]
            holder[path[-1]] = other
            with pytest.raises((MalformedProofError, BrokenProofError)):
                verify(json.dumps(changed_proof).encode(), key.verifier)


def test_verifying_needs_no_database() -> None:
    forbidden = ("sqlalchemy", "sqlmodel", "sqlite3", "psycopg", "pydantic", "handoff_logs.reading")
    code = f"import sys, handoff_logs.proofs.verifying; print([m for m in {forbidden!r} if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_a_path_with_sides_leads_to_the_root_of_every_tree() -> None:
    leaves = [merkle.leaf_hash(bytes([n])) for n in range(20)]
    for size in range(1, 21):
        node = merkle.nodes_of(leaves[:size])
        for index in range(size):
            assert merkle.followed(leaves[index], merkle.sided_path(node, index, size)) == merkle.root(leaves[:size])
