"""What a witness checks and answers, as C2SP tlog-witness says, on a store of its own."""

import base64
import dataclasses
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from small_log import SmallLog
from structlog.testing import capture_logs

from handoff_logs import cosignatures
from handoff_logs.errors import MalformedNoteError
from handoff_logs.notes import Note, Signature, VerifierKey, signed
from handoff_logs.witness import store as store_module
from handoff_logs.witness.cosigner import Answer, Cosigner
from handoff_logs.witness.folder import Opened, make_witness, open_witness
from handoff_logs.witness.protocol import SIZE_TYPE, AddCheckpoint

START_S = 1_790_000_000


class Clock:
    """A clock that tests set."""

    now_s = START_S

    def __call__(self) -> float:
        return self.now_s + 0.9


@pytest.fixture
def witness(tmp_path: Path) -> Opened:
    make_witness(tmp_path / "witness", "witness.example/w1")
    return open_witness(tmp_path / "witness")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cosigner(witness: Opened, clock: Clock) -> Cosigner:
    """Knows the first two small logs."""
    return Cosigner(witness.key, witness.sign, witness.store, [SmallLog(1).key, SmallLog(2).key], clock)


def ask(cosigner: Cosigner, request: AddCheckpoint) -> Answer:
    return cosigner.answer(request.encode(), "127.0.0.1")


def time_in(answer: Answer, request: AddCheckpoint, witness: Opened) -> int:
    """The time of a cosignature that holds."""
    assert answer.status == 200, answer
    signature = Signature.parse(answer.text.removesuffix("\n"))
    return cosignatures.verified(request.note.text, signature, witness.key).time_s


def test_what_continues_the_log_is_cosigned_and_remembered(cosigner: Cosigner, witness: Opened) -> None:
    log = SmallLog()
    for old_size, size in ((0, 5), (5, 6), (6, 6), (6, 16)):
        request = log.request(old_size, size)
        assert time_in(ask(cosigner, request), request, witness) == START_S
        (row,) = witness.store.cosigned()
        assert (row["origin"], row["size"], row["root"]) == (log.key.name, size, request.checkpoint.root)
        assert row["note"] == request.note.encode()
    assert witness.store.evidence() == []


def test_the_same_checkpoint_again_has_a_fresh_time(cosigner: Cosigner, witness: Opened, clock: Clock) -> None:
    request, again = SmallLog().request(0, 5), SmallLog().request(5, 5)
    ask(cosigner, request)
    clock.now_s += 60
    assert time_in(ask(cosigner, again), again, witness) == START_S + 60


def test_an_empty_log_may_be_cosigned_before_it_has_leaves(cosigner: Cosigner, witness: Opened) -> None:
    log = SmallLog()
    for old_size, size in ((0, 0), (0, 0), (0, 3)):
        request = log.request(old_size, size)
        assert time_in(ask(cosigner, request), request, witness) == START_S
    assert ask(cosigner, log.request(0, 0)).text == "3\n"


def test_each_log_is_remembered_for_itself(cosigner: Cosigner, witness: Opened) -> None:
    for log in (SmallLog(1), SmallLog(2)):
        request = log.request(0, 7)
        time_in(ask(cosigner, request), request, witness)
    assert ask(cosigner, SmallLog(2).request(0, 7)).status == 409
    assert len(witness.store.cosigned()) == 2


def test_another_old_size_is_answered_with_the_one_cosigned(cosigner: Cosigner, witness: Opened) -> None:
    log = SmallLog()
    assert ask(cosigner, log.request(3, 5)) == Answer(409, "0\n", SIZE_TYPE)
    ask(cosigner, log.request(0, 8))
    for old_size, size in ((0, 8), (7, 8), (5, 6), (0, 3), (0, 16), (9, 16)):
        assert ask(cosigner, log.request(old_size, size)) == Answer(409, "8\n", SIZE_TYPE)
    assert witness.store.cosigned()[0]["size"] == 8
    assert witness.store.evidence() == []


def test_a_smaller_tree_is_never_cosigned_again(cosigner: Cosigner, witness: Opened) -> None:
    log = SmallLog()
    ask(cosigner, log.request(0, 8))
    backwards = AddCheckpoint.of(8, (), log.note(5))
    assert ask(cosigner, backwards).status == 400
    assert ask(cosigner, log.request(5, 5)).status == 409
    assert witness.store.cosigned()[0]["size"] == 8


def test_a_second_root_of_one_size_is_refused_and_both_are_kept(cosigner: Cosigner, witness: Opened) -> None:
    ours, theirs = SmallLog(), SmallLog(history="b", fork=4)
    ask(cosigner, ours.request(0, 8))
    with capture_logs() as events:
        answer = ask(cosigner, theirs.request(8, 8))
    assert (answer.status, answer.media_type) == (409, "text/plain; charset=utf-8")
    assert [(event["event"], event["log_level"]) for event in events] == [("two_histories", "error")]
    (kept,) = witness.store.evidence()
    assert (kept["reason"], kept["time_s"]) == ("other_root", START_S)
    for note, log in ((kept["note"], theirs), (kept["cosigned_note"], ours)):
        assert Note.parse(note).signatures_of([log.key])
        assert Note.parse(note).text == log.checkpoint(8).text


def test_a_second_root_is_evidence_even_where_the_old_size_is_wrong(cosigner: Cosigner, witness: Opened) -> None:
    ask(cosigner, SmallLog().request(0, 8))
    assert ask(cosigner, SmallLog(history="b").request(0, 8)) == Answer(409, "8\n", SIZE_TYPE)
    assert [kept["reason"] for kept in witness.store.evidence()] == ["other_root"]


def test_a_forked_tree_is_refused_and_kept_once(cosigner: Cosigner, witness: Opened) -> None:
    theirs = SmallLog(history="b", fork=4)
    ask(cosigner, SmallLog().request(0, 8))
    for _ in range(3):
        assert ask(cosigner, theirs.request(8, 12)).status == 422
    (kept,) = witness.store.evidence()
    assert (kept["reason"], kept["size"], kept["old_size"], kept["cosigned_size"]) == ("unproven", 12, 8, 8)
    assert [base64.b64decode(line) for line in kept["proof"].split("\n")] == list(theirs.proof(8, 12))
    assert witness.store.cosigned()[0]["root"] == SmallLog().checkpoint(8).root


def test_a_tree_that_came_with_a_wrong_proof_first_is_no_evidence_once_it_is_proven(
    cosigner: Cosigner, witness: Opened, clock: Clock
) -> None:
    """Anybody can send the log's own checkpoint with a wrong proof; only the log's key makes another root."""
    log, fork = SmallLog(), SmallLog(history="b", fork=4)
    ask(cosigner, log.request(0, 8))
    assert ask(cosigner, AddCheckpoint.of(8, (), log.note(9))).status == 422
    assert ask(cosigner, fork.request(8, 9)).status == 422
    assert [row["proven_s"] for row in witness.store.evidence()] == [None, None]
    clock.now_s += 5
    assert ask(cosigner, log.request(8, 9)).status == 200
    assert ask(cosigner, log.request(9, 9)).status == 200
    assert [row["proven_s"] for row in witness.store.evidence()] == [START_S + 5, None]


@pytest.mark.parametrize("change", ["shorter", "longer", "reordered", "flipped"])
def test_a_proof_that_does_not_hold_is_not_cosigned(change: str, cosigner: Cosigner, witness: Opened) -> None:
    log = SmallLog()
    ask(cosigner, log.request(0, 7))
    proof = log.proof(7, 13)
    changed = {
        "shorter": proof[:-1],
        "longer": (*proof, proof[0]),
        "reordered": proof[::-1],
        "flipped": (bytes([proof[0][0] ^ 1]) + proof[0][1:], *proof[1:]),
    }[change]
    assert ask(cosigner, AddCheckpoint.of(7, changed, log.note(13))).status == 422
    assert witness.store.cosigned()[0]["size"] == 7


def test_a_proof_from_nothing_is_empty(cosigner: Cosigner) -> None:
    log = SmallLog()
    assert ask(cosigner, AddCheckpoint.of(0, (bytes(32),), log.note(3))).status == 422
    assert ask(cosigner, log.request(0, 3)).status == 200
    assert ask(cosigner, AddCheckpoint.of(3, (bytes(32),), log.note(3))).status == 422


def test_an_unknown_log_is_not_found(cosigner: Cosigner, witness: Opened) -> None:
    assert ask(cosigner, SmallLog(3).request(0, 3)).status == 404
    assert witness.store.cosigned() == []


def test_only_the_logs_own_key_signs_for_it(cosigner: Cosigner, witness: Opened) -> None:
    log, stranger = SmallLog(1), SmallLog(3)
    text = log.checkpoint(3).text
    same_name = dataclasses.replace(stranger.key, name=log.key.name)
    forged = Signature(log.key.name, log.key.key_id, stranger.private.sign(text.encode()))
    theirs = signed(text, same_name, stranger.private.sign)
    ours = signed(text, log.key, log.private.sign)
    others_log = signed(text, SmallLog(2).key, SmallLog(2).private.sign)
    for signatures in ([theirs], [forged], [forged, ours], [others_log]):
        assert ask(cosigner, AddCheckpoint.of(0, (), Note(text, tuple(signatures)))).status == 403
    assert witness.store.cosigned() == []
    assert witness.store.evidence() == []
    assert ask(cosigner, AddCheckpoint.of(0, (), Note(text, (theirs, ours)))).status == 200
    assert Note.parse(witness.store.cosigned()[0]["note"]).signatures == (ours,)


def test_a_log_may_have_two_keys(witness: Opened) -> None:
    old, new = SmallLog(1), SmallLog(3)
    renamed = dataclasses.replace(new.key, name=old.key.name)
    cosigner = Cosigner(witness.key, witness.sign, witness.store, [old.key, renamed])
    text = old.checkpoint(2).text
    assert ask(cosigner, AddCheckpoint.of(0, (), Note(text, (signed(text, renamed, new.private.sign),)))).status == 200
    assert ask(cosigner, old.request(2, 3)).status == 200


def test_a_witness_is_no_log(witness: Opened) -> None:
    with pytest.raises(MalformedNoteError, match="0x01"):
        Cosigner(witness.key, witness.sign, witness.store, [witness.key])


def malformed() -> Iterator[bytes]:
    good = SmallLog().request(0, 3).encode().decode()
    yield b""
    yield b"\xff" + good.encode()
    yield good.removeprefix("old 0\n\n").encode()
    for other in ("old 00", "old -1", "old", "old ", "old  0", "new 0", "Old 0", "old 0 ", f"old {2**63}", "old 0\r"):
        yield good.replace("old 0", other, 1).encode()
    yield good.replace("old 0\n", "old 0\n\n", 1).encode()
    yield good.replace("old 0\n", "old 0\nAAAA\n", 1).encode()
    yield good.replace("old 0\n", "old 0\nnot base64\n", 1).encode()
    yield good.replace("old 0\n", "old 0\n" + f"{'A' * 43}=\n" * 64, 1).encode()
    yield good.removesuffix("\n").encode()
    yield f"{good}\n".encode()
    yield good.replace("\n3\n", "\n03\n").encode()
    yield good.replace("\n3\n", "\n").encode()


@pytest.mark.parametrize("body", [*malformed()])
def test_what_cannot_be_read_is_a_bad_request(body: bytes, cosigner: Cosigner, witness: Opened) -> None:
    assert cosigner.answer(body, "127.0.0.1").status == 400
    assert witness.store.cosigned() == []


def test_a_clock_set_back_a_little_repeats_itself_and_further_back_cosigns_nothing(
    cosigner: Cosigner, witness: Opened, clock: Clock
) -> None:
    log = SmallLog()
    ask(cosigner, log.request(0, 3))
    clock.now_s = START_S - 2
    request = log.request(3, 4)
    assert time_in(ask(cosigner, request), request, witness) == START_S
    clock.now_s = START_S - 3
    assert ask(cosigner, log.request(4, 5)).status == 503
    assert witness.store.cosigned()[0]["size"] == 4


def test_a_store_that_cannot_be_written_cosigns_nothing(
    cosigner: Cosigner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "BUSY_TIMEOUT_S", 0.05)
    path = tmp_path / "witness" / "witness.db"
    held = sqlite3.connect(path, isolation_level=None)
    held.execute("BEGIN IMMEDIATE")
    assert ask(cosigner, SmallLog().request(0, 3)).status == 503
    held.close()
    assert ask(cosigner, SmallLog().request(0, 3)).status == 200
    path.unlink()
    assert ask(cosigner, SmallLog().request(3, 4)).status == 503
    assert not path.exists()


def test_of_racing_histories_one_is_cosigned(cosigner: Cosigner, witness: Opened) -> None:
    ask(cosigner, SmallLog().request(0, 4))
    requests = [SmallLog(history=name, fork=4).request(4, size) for name in "abcdefgh" for size in (5, 9)]
    with ThreadPoolExecutor(len(requests)) as pool:
        answers = list(pool.map(lambda request: ask(cosigner, request), requests))
    won = [request for request, answer in zip(requests, answers, strict=True) if answer.status == 200]
    assert len(won) == 1
    assert {answer.status for answer in answers} == {200, 409}
    assert witness.store.cosigned()[0]["root"] == won[0].checkpoint.root


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM cosigned",
        "UPDATE cosigned SET size = size - 1",
        "UPDATE cosigned SET root = zeroblob(32)",
        "UPDATE cosigned SET time_s = time_s - 1",
        "UPDATE cosigned SET origin = 'another'",
        "INSERT OR REPLACE INTO cosigned SELECT origin, 1, root, note, time_s FROM cosigned",
        "DELETE FROM evidence",
        "UPDATE evidence SET size = 1",
    ],
)
def test_the_store_itself_refuses_to_forget(statement: str, cosigner: Cosigner, tmp_path: Path) -> None:
    ask(cosigner, SmallLog().request(0, 8))
    ask(cosigner, SmallLog(history="b").request(8, 8))
    connection = sqlite3.connect(tmp_path / "witness" / "witness.db")
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(statement)
    connection.close()


def test_no_event_carries_a_signature_or_a_key(cosigner: Cosigner) -> None:
    with capture_logs() as events:
        ask(cosigner, SmallLog().request(0, 8))
        ask(cosigner, SmallLog(history="b").request(8, 8))
        ask(cosigner, SmallLog(3).request(0, 8))
    assert [event["event"] for event in events] == ["checkpoint_cosigned", "two_histories", "checkpoint_refused"]
    assert "—" not in str(events)
    assert "PRIVATE" not in str(events)


# Requests that the log of another implementation signed, with that implementation's proofs (sigsum).
SIGSUM = "sigsum.org/v1/tree/4d6d8825a6bb689d459628312889dfbb0bcd41b5211d9e1ce768b0ff0309e562"
SIGSUM_PUBLIC = "ffdc2d4d98e4124d3feaf788c0c2f9abfd796083d1f0495437f302ec79cf100f"
SIGSUM_REQUESTS = {
    (0, 1): (
        ("KgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",),
        "UgIom7fPZTqpxWWhyjWduBvTvGVqsokMbqTArsQilegKoFBJQjUFAmQ0+YeSPM3wfUQMFSzVnnNuWRTYrajXpNUbIQY=",
    ),
    (1, 3): (
        (
            "KgEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "KgIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "RcCI1Nk56ZcSmIEfIn0SleqtV7uvrlXNccFx595Iwl0=",
        ),
        "UgIom2VbtIcdFbwFAy1n7s6IkAxIY6J/GQOTuZF2ORV39d75cbAj2aQYwyJre36kezNobZs4SUUdrcawfAB8WVrx6go=",
    ),
    (1, 5): (
        (
            "KgEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "+fUDV+k970B4I3uKrqJM4aP1lloPZP8mvr2Z4wRw2LI=",
            "KgQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "QrtXrQZCCvpIgsSmOsah7HdICzMLLyDfxToMql9WTjY=",
        ),
        "UgIomw/EOJmWi0i1FQsOj+etB7F8IccFam/jgd6wzRns4QPVmyEZtdvl1U2KEmLOZ/ASRcWJi0tW90dJWAShei7sDww=",
    ),
}


def sigsum_body(old_size: int, size: int) -> bytes:
    (*proof, root), signature = SIGSUM_REQUESTS[old_size, size]
    lines = [f"old {old_size}", *proof, "", SIGSUM, str(size), root, "", f"— {SIGSUM} {signature}", ""]
    return "\n".join(lines).encode()


@pytest.mark.parametrize("size", [3, 5])
def test_another_implementations_log_is_cosigned(size: int, witness: Opened) -> None:
    key = VerifierKey(SIGSUM, 1, bytes.fromhex(SIGSUM_PUBLIC))
    cosigner = Cosigner(witness.key, witness.sign, witness.store, [key])
    assert cosigner.answer(sigsum_body(0, 1), "127.0.0.1").status == 200
    assert cosigner.answer(sigsum_body(1, size), "127.0.0.1").status == 200
    assert cosigner.answer(sigsum_body(1, 8 - size), "127.0.0.1") == Answer(409, f"{size}\n", SIZE_TYPE)
