"""The log's key is replaced: the old key signs over the record that names the new one, and every proof leads on to it.

Each on SQLite and PostgreSQL.
"""

import base64
import copy
import json
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from proof_forge import Forge, changed, leaves_of
from signing_keys import log_key_of

from handoff_logs import key_register, log_key, merkle, register
from handoff_logs.checkpoints import Checkpoint
from handoff_logs.errors import LogKeyMissingError, LogKeyPendingError, NeededKeyError
from handoff_logs.key_register import Reason, Signers
from handoff_logs.keyring import KeyFileState, registered_as
from handoff_logs.log_key import LogKey
from handoff_logs.notes import Note, VerifierKey, signed
from handoff_logs.proofs import making, signed_tree
from handoff_logs.proofs.errors import BrokenProofError, KeyNeverChangedError, MalformedProofError
from handoff_logs.proofs.proof_file import checkpoint_of, parse
from handoff_logs.proofs.verifying import Continued, Verified, verify
from handoff_logs.reading import open_reading
from handoff_logs.records import event_hash, leaf_entry
from handoff_logs.sealing import Sealer
from handoff_logs.verify.consistency import NEXT_RULE, SIGNER_RULE, VOUCHED_RULE, Outside
from handoff_logs.verify.run import CLEAN, Asked
from handoff_logs.verify.run import verify as verify_log
from handoff_logs.writing import Entry

SIGNERS = Signers(register.administration("p-0001"), "p-0002", None)


@pytest.fixture
def folder(signing_keys: Path, tmp_path: Path) -> Path:
    """The folder of the log's own key, as it was when the log began."""
    source, made = log_key_of(signing_keys), tmp_path / "log"
    made.mkdir(mode=0o700)
    for name in ("log.key", "log.pub"):
        (made / name).write_bytes((source / name).read_bytes())
        (made / name).chmod(stat.S_IMODE((source / name).stat().st_mode))
    return made


@pytest.fixture
def first(folder: Path) -> LogKey:
    return log_key.read(folder)


@pytest.fixture
def sealer(centre: Any, first: LogKey) -> Sealer:
    return Sealer(centre.database, first)


@pytest.fixture
def rotate(centre: Any, folder: Path) -> Callable[[], VerifierKey]:
    return lambda: key_register.rotate_log(centre.database, folder, Reason.RETIRED, SIGNERS, emulated=True)


@pytest.fixture
def signers(centre: Any) -> Callable[[], list[tuple[int, str]]]:
    """Each checkpoint's size and key."""
    return lambda: [
        tuple(row)
        for row in centre.do(
            lambda tx: tx.exec_driver_sql("SELECT size, key_id FROM seal_checkpoint ORDER BY size").fetchall()
        )
    ]


@pytest.fixture
def reading(database_url: str) -> Any:
    """Asks the log, read-only."""

    def ask(question: Callable[[Any], Any]) -> Any:
        with open_reading(database_url) as opened:
            return question(opened)

    return ask


def key_id(key: VerifierKey) -> str:
    return registered_as(key.public, "log").key_id


def seal_all(sealer: Sealer) -> None:
    while (sealed := sealer.seal()) and sealed.more:
        pass


def states(folder: Path) -> dict[str, KeyFileState]:
    return {file.key_id: file.state for file in log_key.files(folder)}


def test_the_old_key_signs_the_record_of_the_new_one_last(
    centre: Any, sealer: Sealer, first: LogKey, folder: Path, rotate: Any, signers: Any
) -> None:
    centre.orders(1)
    seal_all(sealer)
    new = rotate()
    centre.orders(1)
    centre.orders(1)
    assert log_key.read(folder).verifier == first.verifier  # until it is sealed, the old one is the log's
    with pytest.raises(LogKeyPendingError):
        rotate()
    seal_all(sealer)
    old = first.public.key_id
    assert signers() == [(2, old), (3, old), (5, key_id(new))]
    assert log_key.read(folder).verifier == new
    assert log_key.verifiers(folder) == [new, first.verifier]
    assert states(folder) == {old: KeyFileState.RETIRED, key_id(new): KeyFileState.KEY}
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.glob("*.key")} == {0o600}
    assert sealer.latest().note.signatures_of([new])


def test_another_rotation_follows_the_first_and_another_process_goes_on(
    centre: Any, sealer: Sealer, first: LogKey, folder: Path, rotate: Any, signers: Any
) -> None:
    second = rotate()
    seal_all(sealer)
    third = rotate()
    centre.orders(1)
    seal_all(Sealer(centre.database, log_key.read(folder)))
    assert [key for _, key in signers()] == [first.public.key_id, key_id(second), key_id(third)]
    assert [state for _, state in sorted(states(folder).items())].count(KeyFileState.KEY) == 1


def test_a_log_that_was_never_sealed_begins_with_its_first_key(
    centre: Any, first: LogKey, rotate: Any, folder: Path, signers: Any
) -> None:
    new = rotate()
    centre.orders(1)
    seal_all(Sealer(centre.database, log_key.read(folder)))
    assert signers() == [(2, first.public.key_id), (3, key_id(new))]


@pytest.mark.parametrize("died_at", ["_sign", "_hand_over"])
def test_a_sealer_that_dies_at_the_hand_over_ends_it_next_time(
    centre: Any, sealer: Sealer, first: LogKey, folder: Path, rotate: Any, signers: Any, monkeypatch: Any, died_at: str
) -> None:
    new = rotate()

    def die(*_: object) -> None:
        raise LookupError("died here")

    monkeypatch.setattr(sealer, died_at, die)
    with pytest.raises(LookupError):
        sealer.seal()
    centre.orders(1)
    assert log_key.read(folder).verifier == first.verifier
    seal_all(Sealer(centre.database, log_key.read(folder)))
    assert signers() == [(2, first.public.key_id), (3, key_id(new))]
    assert states(folder) == {first.public.key_id: KeyFileState.RETIRED, key_id(new): KeyFileState.KEY}


def test_a_hand_over_of_files_that_is_cut_off_is_repeated(folder: Path, first: LogKey, monkeypatch: Any) -> None:
    """Between the new `log.pub` and the old key's retirement."""
    new = log_key.write_next(folder)
    monkeypatch.setattr(log_key, "retire", lambda *_: (_ for _ in ()).throw(LookupError))
    with pytest.raises(LookupError):
        log_key.take_over(folder, key_id(new))
    assert log_key.read(folder).verifier == new
    monkeypatch.undo()
    for _ in range(2):
        log_key.take_over(folder, key_id(new))
        assert states(folder) == {first.public.key_id: KeyFileState.RETIRED, key_id(new): KeyFileState.KEY}


def test_two_sealers_hand_over_once(centre: Any, sealer: Sealer, folder: Path, rotate: Any, signers: Any) -> None:
    other = Sealer(centre.database, log_key.read(folder))
    other.seal()
    new = rotate()
    seal_all(sealer)
    centre.orders(1)
    seal_all(other)
    assert [key for _, key in signers()][-1] == key_id(new)
    assert [size for size, _ in signers()] == [1, 2, 3]


def test_a_sealer_with_a_stale_copy_of_the_folder_signs_nothing(
    centre: Any, sealer: Sealer, first: LogKey, rotate: Any, signers: Any
) -> None:
    stale = Sealer(centre.database, replace(first, folder=None))
    rotate()
    seal_all(sealer)
    centre.orders(1)
    before = signers()
    with pytest.raises(LogKeyMissingError):
        stale.seal()
    assert signers() == before
    assert centre.do(lambda tx: tx.exec_driver_sql("SELECT count(*) FROM seal_leaf").scalar()) == before[-1][0]
    seal_all(sealer)
    assert len(signers()) == len(before) + 1


def test_the_log_s_key_is_never_only_revoked(centre: Any, first: LogKey) -> None:
    with pytest.raises(NeededKeyError, match="passline keys rotate log"):
        centre.do(lambda tx: key_register.check_revocable(tx, first.public.key_id))


def test_it_is_replaced_only_where_its_key_is(centre: Any, sealer: Sealer, rotate: Any, tmp_path: Path) -> None:
    sealer.seal()
    log_key.create(tmp_path / "other", "test")
    with pytest.raises(LogKeyMissingError):
        key_register.rotate_log(centre.database, tmp_path / "other", Reason.LOST, SIGNERS, emulated=True)
    assert len(list((tmp_path / "other").glob("*.key"))) == 1


def test_a_record_by_one_person_hands_nothing_over_and_is_found(
    centre: Any, sealer: Sealer, first: LogKey, folder: Path, signers: Any, database_url: str
) -> None:
    new = registered_as(log_key.write_next(folder).public, "log")
    entries = [*register.key_entries([new]), Entry("key", first.public.key_id, "revoked", "retired")]
    centre.do(lambda tx: register.record(tx, SIGNERS.by, None, entries, centre.stamp()))
    centre.orders(1)
    seal_all(sealer)
    assert {key for _, key in signers()} == {first.public.key_id}
    assert NEXT_RULE in {problem.rule for problem in verify_log(database_url).problems}


# In processes of their own

SEALER = textwrap.dedent("""
    import sys, threading
    from pathlib import Path
    from handoff_logs import log_key
    from handoff_logs.database import Database
    from handoff_logs.sealing import Sealer
    from handoff_logs.sealing_loop import SealingLoop

    with Database(sys.argv[1]) as database:
        loop = SealingLoop(Sealer(database, log_key.read(Path(sys.argv[2]))), None, every_s=0.02)
        print("sealing", flush=True)
        loop.run(threading.Event())
""")
ROTATE = textwrap.dedent("""
    import os, signal, sys
    from pathlib import Path
    from handoff_logs import key_register, keyring, register
    from handoff_logs.database import Database

    def die(*_):
        os.kill(os.getpid(), signal.SIGKILL)

    url, folder, signing, where = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
    record = key_register._record
    signers = key_register.Signers(register.administration("p-0001"), "p-0002", None)
    with Database(url, keyring=keyring.Keyring(signing)) as database:
        if where == "half a file":
            os.fsync = die
        elif where == "a whole file":
            key_register.register.key_entries = die
        elif where == "an uncommitted record":
            key_register._record = lambda *facts: (record(*facts), die())
        elif where == "a committed record":
            write = database.write
            database.write = lambda work: (write(work), die())
        key_register.rotate_log(database, folder, key_register.Reason.LOST, signers, emulated=True)
""")


def test_a_running_sealer_takes_each_next_key_by_itself(
    centre: Any, folder: Path, rotate: Any, signers: Any, first: LogKey, database_url: str
) -> None:
    sealer = subprocess.Popen([sys.executable, "-c", SEALER, database_url, str(folder)], stdout=subprocess.PIPE)
    try:
        assert sealer.stdout is not None
        assert sealer.stdout.readline() == b"sealing\n"
        keys = [first.verifier]
        for _ in range(3):
            keys.append(rotate())
            centre.orders(1)
            deadline = time.monotonic() + 30
            while signers()[-1:] == [] or signers()[-1][1] != key_id(keys[-1]):
                assert sealer.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
    finally:
        sealer.kill()
        sealer.wait()
        sealer.stdout.close()
    assert list(dict(signers()).values()) == sorted(dict(signers()).values(), key=[key_id(key) for key in keys].index)
    verdict = verify_log(database_url, Asked(Outside(log_keys=(first.verifier,))))
    assert (verdict.exit_code, [one.key for one in verdict.sealed.key_changes]) == (CLEAN, keys[1:])


@pytest.mark.parametrize("where", ["half a file", "a whole file", "an uncommitted record", "a committed record"])
def test_a_rotation_killed_anywhere_is_cleared_or_done_by_the_next(
    centre: Any,
    first: LogKey,
    folder: Path,
    tmp_path: Path,
    signers: Any,
    database_url: str,
    where: str,
    forks: Any,
) -> None:
    assert forks.run(ROTATE, database_url, folder, tmp_path / "signing", where)[0] == -signal.SIGKILL
    again, _ = forks.run(ROTATE, database_url, folder, tmp_path / "signing", "nowhere")
    # Once its record is committed, nothing is left to do but to seal it.
    assert again == (1 if where == "a committed record" else 0)
    centre.orders(1)
    seal_all(Sealer(centre.database, log_key.read(folder)))
    present = log_key.read(folder)
    assert present.verifier != first.verifier
    assert signers() == [(2, first.public.key_id), (3, present.public.key_id)]
    assert [key for key, state in states(folder).items() if state is KeyFileState.KEY] == [present.public.key_id]
    assert list(folder.glob("*.new")) == []
    assert verify_log(database_url).exit_code == CLEAN


# Proofs


@pytest.fixture
def rotated(centre: Any, sealer: Sealer, first: LogKey, rotate: Any) -> tuple[VerifierKey, VerifierKey, VerifierKey]:
    """The first, second and third key of a log in which A1 passed from review to QC, and A2 was received."""
    units = centre.orders(1, numbers=["A1"])
    seal_all(sealer)
    second = rotate()
    offer = centre.offer(units)
    seal_all(sealer)
    third = rotate()
    centre.accept(offer, units)
    centre.orders(1, numbers=["A2"])
    seal_all(sealer)
    return first.verifier, second, third


def proof_of(reading: Any, number: str = "A1") -> bytes:
    return reading(lambda opened: making.prove(opened, number)).encode()


def test_a_proof_is_verified_with_any_of_the_log_s_keys(rotated: Any, reading: Any, centre: Any) -> None:
    data = proof_of(reading)
    assert json.loads(data)["format"] == "passline custody proof 2"
    assert parse(data).encode() == data
    for key in rotated:
        told = verify(data, key)
        assert isinstance(told, Verified)
        assert [one.key for one in told.key_changes] == list(rotated[1:])
        assert [one.old for one in told.key_changes] == list(rotated[:2])
        assert [step["act"] for step in told.steps] == ["receive", "offer", "accept"]
    stranger = replace(rotated[0], public=b"\x01" * 32)
    with pytest.raises(BrokenProofError, match="none of the log's keys"):
        verify(data, stranger)
    with pytest.raises(BrokenProofError, match="none of the log's keys"):
        verify(data, replace(rotated[0], name="passline.other/00000000"))


def test_an_old_proof_holds_as_before(centre: Any, sealer: Sealer, first: LogKey, rotate: Any, reading: Any) -> None:
    centre.orders(1, numbers=["A1"])
    seal_all(sealer)
    old = proof_of(reading)
    assert json.loads(old)["format"] == "passline custody proof 1"
    new = rotate()
    seal_all(sealer)
    still = proof_of(reading)  # under the hand-over's checkpoint, which the old key signed
    centre.orders(1)
    seal_all(sealer)
    for data in (old, still):
        assert isinstance(verify(data, first.verifier), Verified)
        with pytest.raises(BrokenProofError):
            verify(data, new)
    assert isinstance(verify(proof_of(reading), new), Verified)
    assert isinstance(verify(proof_of(reading), first.verifier), Verified)


def test_every_change_of_a_chain_is_refused(rotated: Any, reading: Any) -> None:
    data = proof_of(reading)
    for key, step in ((rotated[0], 5), (rotated[2], 11)):
        proof = json.loads(data)
        for path, value in leaves_of(proof)[::step]:
            holder = proof
            for name in path[:-1]:
                holder = holder[name]
            for other in changed(value):
                holder[path[-1]] = other
                with pytest.raises((BrokenProofError, MalformedProofError)):
                    verify(json.dumps(proof).encode(), key)
            holder[path[-1]] = value


def resigned(note: str, key: LogKey, **facts: Any) -> str:
    checkpoint = replace(Checkpoint.parse(Note.parse(note.encode()).text), **facts)
    return Note(checkpoint.text, (signed(checkpoint.text, key.verifier, key.sign),)).encode().decode()


def test_forged_chains_are_refused(rotated: Any, reading: Any, folder: Path, first: LogKey) -> None:
    data = proof_of(reading)
    stolen = first  # a thief has the log's old key, after it was replaced
    thief = log_key.create(folder.with_name("thief"), "test")

    def forged(change: Callable[[dict[str, Any]], object]) -> bytes:
        proof = json.loads(data)
        change(proof)
        return json.dumps(proof).encode()

    def swap(proof: dict[str, Any]) -> None:
        proof["handovers"].reverse()

    def drop_record(proof: dict[str, Any]) -> None:
        at = next(
            n
            for n, one in enumerate(proof["events"])
            if any(row["row"].get("field") == "revoked" for row in one["rows"])
        )
        del proof["events"][at]

    cases: list[tuple[Callable[[dict[str, Any]], object], str]] = [
        (swap, "handovers\\[0\\]"),
        (lambda proof: proof["handovers"].pop(), "signed over the leaf"),
        (lambda proof: proof["handovers"].pop(0), "handovers\\[0\\]"),
        (lambda proof: proof["handovers"].append(proof["handovers"][-1]), "no record in the file names a next key"),
        (drop_record, "proof does not hold"),
        # The old key signs another tree at the hand-over, or a later one.
        (lambda proof: proof["handovers"].__setitem__(0, resigned(proof["handovers"][0], stolen, root=b"\0" * 32)),
         "not the log up to the leaf"),
        (lambda proof: proof["handovers"].__setitem__(0, resigned(proof["handovers"][0], stolen, size=4)),
         "not the log up to the leaf"),
        # The old key signs the present log, and a stranger's key does.
        (lambda proof: proof.__setitem__("checkpoint", resigned(proof["checkpoint"], stolen)), "checkpoint"),
        (lambda proof: proof.__setitem__("checkpoint", resigned(proof["checkpoint"], replace(
            thief, verifier=replace(thief.verifier, name=first.origin)))), "checkpoint"),
        (lambda proof: proof["handovers"].__setitem__(0, resigned(proof["handovers"][0], replace(
            thief, verifier=replace(thief.verifier, name=first.origin)))), "handovers\\[0\\]"),
    ]  # fmt: skip
    for change, said in cases:
        for key in rotated:
            with pytest.raises(BrokenProofError, match=said):
                verify(forged(change), key)
    # Without the chain the file is a proof of format 1 by a key that the first record does not name.
    alone = json.loads(data) | {"format": "passline custody proof 1"}
    del alone["handovers"]
    for key in rotated:
        with pytest.raises(BrokenProofError):
            verify(json.dumps(alone).encode(), key)


def test_consistency_is_proved_across_keys(rotated: Any, reading: Any, centre: Any, sealer: Sealer) -> None:
    sizes = [size for size, in centre.do(
        lambda tx: tx.exec_driver_sql("SELECT size FROM seal_checkpoint ORDER BY size").fetchall())]  # fmt: skip
    notes = [reading(lambda opened, size=size: signed_tree.SignedTree(opened).signed(size)) for size in sizes]
    for older, note in enumerate(notes):
        for newer in notes[older:]:
            data = reading(lambda opened, a=note, b=newer: making.prove_consistency(opened, b, a)).encode()
            assert parse(data).encode() == data
            told = verify(data, rotated[0])
            assert isinstance(told, Continued)
            assert (told.old.size, told.new.size) == (checkpoint_of(note).size, checkpoint_of(newer).size)
    told = verify(data, rotated[2])
    assert [one.key for one in told.key_changes] == list(rotated[1:])


def test_a_checkpoint_that_the_old_key_signed_after_it_ended_is_not_continued(
    rotated: Any, reading: Any, first: LogKey
) -> None:
    newest = reading(lambda opened: making.signed_checkpoint_of(opened))
    late = Note(newest.text, (signed(newest.text, first.verifier, first.sign),))
    with pytest.raises(BrokenProofError):
        reading(lambda opened: making.prove_consistency(opened, late))


def test_a_file_shows_the_present_key_to_whoever_has_an_earlier_one(
    centre: Any, sealer: Sealer, first: LogKey, rotate: Any, reading: Any
) -> None:
    seal_all(sealer)
    with pytest.raises(KeyNeverChangedError):
        reading(making.prove_key)
    new = rotate()
    with pytest.raises(KeyNeverChangedError):
        reading(making.prove_key)  # not sealed yet
    seal_all(sealer)
    for _ in range(2):  # signed by the old key alone, then by the new one too
        told = verify(reading(making.prove_key).encode(), first.verifier)
        assert [one.key for one in told.key_changes] == [new]
        centre.orders(1)
        seal_all(sealer)
    assert isinstance(verify(reading(making.prove_key).encode(), new), Continued)


def test_a_key_that_is_only_named_has_signed_nothing_yet(
    centre: Any, sealer: Sealer, first: LogKey, rotate: Any, reading: Any
) -> None:
    keys = [first.verifier]
    for _ in range(2):
        keys.append(rotate())
        seal_all(sealer)
    data = reading(making.prove_key).encode()
    for key in keys[:2]:
        told = verify(data, key)
        assert [one.key for one in told.key_changes] == keys[1:]
    with pytest.raises(BrokenProofError, match="none of the log's keys that signed it"):
        verify(data, keys[2])


# The whole log


def broken(url: str, **outside: Any) -> set[str]:
    return {problem.rule for problem in verify_log(url, Asked(Outside(**outside))).problems if problem.step == 2}


def test_a_log_whose_key_changed_twice_is_clean_for_whoever_has_any_of_them(
    rotated: Any, database_url: str, reading: Any
) -> None:
    verdict = verify_log(database_url)
    assert verdict.exit_code == CLEAN, verdict.problems
    assert [one.key for one in verdict.sealed.key_changes] == list(rotated[1:])
    note = reading(lambda opened: signed_tree.SignedTree(opened).signed(2))
    newest = reading(lambda opened: signed_tree.SignedTree(opened).signed(signed_tree.SignedTree(opened).newest))
    for key in rotated:
        assert broken(database_url, log_keys=(key,), checkpoints=(note, newest)) == set()
    stranger = replace(rotated[0], public=b"\x01" * 32)
    assert broken(database_url, log_keys=(stranger,)) == {
        "a checkpoint is signed by the log's key that the auditor knows"
    }
    assert verify_log(database_url, Asked(known=verdict.sealed.tree)).exit_code == CLEAN


@contextmanager
def owner(url: str) -> Iterator[Any]:
    """The database's owner at work, past all guards."""
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                connection.execute(f"DROP TRIGGER {name}")
            yield connection
        connection.close()
    else:
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            connection.execute("ALTER TABLE seal_checkpoint DISABLE TRIGGER ALL")
            yield connection


def test_what_a_key_signed_outside_its_time_is_broken(
    rotated: Any, database_url: str, first: LogKey, folder: Path
) -> None:
    """By the old key after the hand-over, and by the new one before it: the root, and all else, is right."""
    assert broken(database_url) == set()
    verdict = verify_log(database_url)
    (before, after) = (one.leaf + 1 for one in verdict.sealed.key_changes)
    present = log_key.read(folder)
    with owner(database_url) as connection:
        rows = dict(connection.execute("SELECT size, root FROM seal_checkpoint").fetchall())
    for size, key in ((max(rows), first), (after, present), (min(rows), present)):
        text = Checkpoint(first.origin, size, bytes.fromhex(rows[size])).text
        signature = base64.b64encode(key.sign(text.encode())).decode()
        with owner(database_url) as connection:
            ((was, was_by),) = connection.execute(
                f"SELECT signature, key_id FROM seal_checkpoint WHERE size = {size}"
            ).fetchall()
            connection.execute(
                f"UPDATE seal_checkpoint SET signature = '{signature}', key_id = '{key.public.key_id}'"
                f" WHERE size = {size}"
            )
        assert broken(database_url) == {SIGNER_RULE}, size
        brought = Note(text, (signed(text, key.verifier, key.sign),))
        assert "the auditor's checkpoint is one that the log's key signed" in broken(
            database_url, checkpoints=(brought,)
        )
        with owner(database_url) as connection:
            connection.execute(
                f"UPDATE seal_checkpoint SET signature = '{was}', key_id = '{was_by}' WHERE size = {size}"
            )
    with owner(database_url) as connection:
        connection.execute(f"DELETE FROM seal_checkpoint WHERE size = {before}")
    assert broken(database_url) == {VOUCHED_RULE}


def test_who_holds_all_keys_of_stations_and_the_old_log_key_still_needs_a_second_person(
    rotated: Any, reading: Any, folder: Path, first: LogKey, tmp_path: Path
) -> None:
    proof = json.loads(proof_of(reading, "A2"))
    thief = replace(log_key.create(tmp_path / "thief", "test"), verifier=rotated[2])
    changes = [n for n, one in enumerate(proof["events"]) if one["event"]["second_person"] == "p-0002"]
    assert len(changes) == 2
    last = changes[-1]
    for row in proof["events"][last]["rows"]:
        if row["row"]["field"] == "public":
            row["row"]["value"] = thief.public.public
        if row["row"]["field"] in ("public", "owner"):
            row["row"]["subject"] = thief.public.key_id
    mine = replace(thief, verifier=replace(rotated[2], public=base64.b64decode(thief.public.public)))
    for second_person, holds in (("p-0002", True), (None, False), ("p-0001", False)):
        forged = copy.deepcopy(proof)
        # One change of key, by the stolen first key.
        forged["events"] = [one for n, one in enumerate(forged["events"]) if n != changes[0]]
        event = next(one for one in forged["events"] if one["event"]["second_person"] == "p-0002")
        event["event"]["second_person"] = second_person
        for row in event["rows"]:
            if row["row"]["field"] == "revoked":
                row["row"]["subject"] = first.public.key_id
        plain = forged | {"format": "passline custody proof 1"}
        del plain["handovers"]
        sealed = json.loads(Forge(first, tmp_path / "signing").sealed(plain))
        at = next(n for n, one in enumerate(sealed["events"]) if one["event"]["event_id"] == event["event"]["event_id"])
        one, size = sealed["events"][at], len(sealed["events"])
        entry = leaf_entry(one["seal"]["seq"], event_hash(one["event"]), one["signature"], one["second_signature"])
        path = [bytes.fromhex(sibling) for sibling in one["seal"]["path"]]
        root = merkle.root_ending_with(merkle.leaf_hash(entry), at, size, path)
        text = Checkpoint(first.origin, at + 1, root).text
        over = Note(text, (signed(text, first.verifier, first.sign),)).encode().decode()
        sealed |= {
            "format": "passline custody proof 2",
            "handovers": [over],
            "checkpoint": resigned(sealed["checkpoint"], mine),
        }
        data = json.dumps(sealed).encode()
        if holds:
            assert isinstance(verify(data, first.verifier), Verified)
        else:
            with pytest.raises(BrokenProofError, match="not as two people name one next key"):
                verify(data, first.verifier)
