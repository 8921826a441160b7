"""Each attack is found by the step that must find it (docs/handoff-log.md)."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from signing_keys import log_key_of
from verified_log import WITNESS_KEY, by, cosign_newest, fill, stamp

from handoff_logs import log, log_key, merkle, register
from handoff_logs.checkpoints import Checkpoint
from handoff_logs.keyring import Keyring, person_owner, public_of
from handoff_logs.notes import Note, signed
from handoff_logs.projections import Projection
from handoff_logs.reading import open_reading
from handoff_logs.records import EVENT_FIELDS, UNIT_FIELDS, Birth, Kind, new_id, unit_hash
from handoff_logs.register import Entry, Register
from handoff_logs.sealing import Sealer, _leaf
from handoff_logs.verify.bounds import Tree
from handoff_logs.verify.consistency import Outside
from handoff_logs.verify.custody import KEYS_RULE
from handoff_logs.verify.explanations import FIELD
from handoff_logs.verify.inclusion import EventProof, UnitProof, verify_unit
from handoff_logs.verify.problems import Limits
from handoff_logs.verify.run import CLEAN, FINDINGS, Asked, verify

pytestmark = pytest.mark.usefixtures("remembered")


def found(problems: Any) -> set[tuple[int, str]]:
    return {(problem.step, problem.rule) for problem in problems}


def steps(problems: Any) -> set[int]:
    return {problem.step for problem in problems}


def test_edited_rows_units_and_leaves_are_found_by_recomputation(bare: Any) -> None:
    for change in (
        "UPDATE custody_event SET reason = 'late' WHERE act = 'void'",
        "UPDATE custody_unit SET place = 'pocket' WHERE state = 'outside'",
        "UPDATE seal_leaf SET leaf_hash = '00' WHERE leaf_index = 7",
        "DELETE FROM custody_case",
        "UPDATE unit_number SET number = 'E9' WHERE number = 'E2' AND kind = 'document'",
        # Salt and number that are together what was hashed.
        "UPDATE unit_number SET salt = salt || substr(number, 1, 1), number = substr(number, 2) WHERE number = 'E2'",
    ):
        with bare.damaged():
            bare.connection.execute(change)
            assert 3 in steps(bare.problems()), change


def test_a_truncated_tail_is_found_with_an_outside_checkpoint(bare: Any) -> None:
    size, root = bare.connection.execute("SELECT size, root FROM seal_checkpoint ORDER BY size DESC").fetchone()
    whole = Outside(verified=Tree(1, size, bytes.fromhex(root)))
    assert bare.problems(outside=whole) == []
    with bare.damaged():
        (first,) = bare.connection.execute("SELECT min(size) FROM seal_checkpoint").fetchone()
        run = bare.connection.execute
        run(f"DELETE FROM seal_checkpoint WHERE size > {first}")
        run(f"DELETE FROM seal_cosignature WHERE size > {first}")
        run(f"DELETE FROM seal_leaf WHERE leaf_index >= {first}")
        run("DELETE FROM seal_node")
        gone = "(SELECT event_id FROM custody_event WHERE seq NOT IN (SELECT event_seq FROM seal_leaf))"
        for table in ("custody_unit", "custody_case", "custody_register", "custody_event"):
            run(f"DELETE FROM {table} WHERE event_id IN {gone}")
        for table in ("whereabouts", "open_offer", "unit_number"):
            run(f"DELETE FROM {table}")
        assert bare.problems() == []  # alone, the log can't know
        assert steps(bare.problems(outside=whole)) == {2}
        assert steps(bare.problems(known=whole.verified)) >= {2}


def test_a_rewritten_log_is_found_by_the_log_s_key_or_by_the_witness(bare: Any, signing_keys: Path) -> None:
    """Rewritten with the stolen log key, everything below the newest checkpoint's cosignature must still hold."""
    key = log_key.read(log_key_of(signing_keys))
    (size,) = bare.connection.execute("SELECT max(size) FROM seal_checkpoint").fetchone()
    with bare.damaged():
        checkpoint = Checkpoint(key.origin, size, b"\x01" * 32)
        signature = signed(checkpoint.text, key.verifier, key.sign)
        outside = Outside(checkpoints=[Note(checkpoint.text, (signature,))])
        assert found(bare.problems(outside=outside)) == {(2, "the log begins with the tree that the auditor knows")}
    other = Outside(log_keys=[WITNESS_KEY])
    assert found(bare.problems(outside=other)) == {
        (2, "a checkpoint is signed by the log's key that the auditor knows")
    }


def test_a_checkpoint_signed_by_another_key_is_broken(bare: Any) -> None:
    with bare.damaged():
        bare.connection.execute("UPDATE seal_checkpoint SET key_id = (SELECT min(key_id) FROM custody_event)")
        assert (2, "a checkpoint is signed by a registered key of the log") in found(bare.problems())


def test_no_leaf_hides_in_a_tree_that_nobody_declared_and_no_older_tree_loses_its_checkpoints(bare: Any) -> None:
    """A record beside the log's tree has no cosigned time around it, so its own time could say anything."""
    origin = "INSERT INTO seal_origin VALUES (2, 'passline.test/00000002')"
    last = "(SELECT max(leaf_index) FROM seal_leaf)"
    beside = (
        f"DELETE FROM seal_cosignature WHERE size > {last}",
        f"DELETE FROM seal_checkpoint WHERE size > {last}",
        f"UPDATE seal_leaf SET epoch = 2, leaf_index = 0 WHERE leaf_index = {last}",
    )
    undeclared = (4, "a later tree begins with two people's word on what was lost")
    for changes, problem in (
        (beside, (2, "every leaf is in a tree of the log")),
        ((*beside, origin), undeclared),
        ((origin,), undeclared),
        (
            ("DELETE FROM seal_cosignature", "DELETE FROM seal_checkpoint", origin),
            (4, "no leaf is without a checkpoint for long"),
        ),
    ):
        with bare.damaged():
            for change in changes:
                bare.connection.execute(change)
            assert problem in found(bare.problems()), changes


@pytest.fixture
def worked(database: Any, keyring: Keyring, signing_keys: Path) -> Any:
    """A filled log that goes on: its database and its sealer."""
    key = log_key.read(log_key_of(signing_keys))
    Keyring.create(keyring._folder, [person_owner("vault-2")]).close()
    keyring.reload()
    fill(database, keyring, key, leaves=40)
    return database, Sealer(database, key)


def test_a_whole_log_is_clean_on_both_ways_of_reading(worked: Any, database_url: str) -> None:
    for known in (None, verify(database_url).sealed.tree):
        verdict = verify(database_url, Asked(known=known))
        assert (verdict.problems, verdict.exit_code) == ((), CLEAN)


def test_only_what_is_new_is_read_again_and_its_faults_found(worked: Any, database_url: str) -> None:
    database, sealer = worked
    known = verify(database_url).sealed.tree
    births = [Birth(new_id(), Kind.ORDER) for _ in range(3)]
    database.write(lambda tx: log.receive(tx, by("review"), None, births, "in", stamp()))
    sealer.seal()
    verdict = verify(database_url, Asked(known=known))
    assert (verdict.problems, verdict.events, verdict.units) == ((), 1, 3)
    assert verdict.sealed.tree.size == known.size + 1
    forged = Tree(known.epoch, known.size, bytes(32))
    assert steps(verify(database_url, Asked(known=forged)).problems) == {2}


def test_back_dated_and_future_dated_records_are_found_by_their_times(
    worked: Any, database_url: str, monkeypatch: Any
) -> None:
    database, sealer = worked
    now_us = time.time_ns() // 1000
    for written_us, rule in (
        (now_us - 60_000_000, "a record is written after the tree before it was cosigned"),
        (now_us + 60_000_000, "a record is written before it is cosigned"),
    ):
        monkeypatch.setattr("handoff_logs.writing.clock_us", lambda _tx, written_us=written_us: written_us)
        births = [Birth(new_id(), Kind.ORDER)]
        database.write(lambda tx, b=births: log.receive(tx, by("review"), None, b, "in", stamp()))
        sealer.seal()
        cosign_newest(sealer)
        verdict = verify(database_url)
        assert (5, rule) in found(verdict.problems)
        assert verdict.exit_code == FINDINGS


def test_a_record_forged_with_the_database_login_is_found_by_its_signature(bare: Any) -> None:
    """Sealed by an honest sealer, so that only the signature tells."""
    with bare.damaged():
        row = bare.connection.execute("SELECT signature FROM custody_event WHERE act = 'accept'").fetchone()
        bare.connection.execute(f"UPDATE custody_event SET signature = {bare.mark} WHERE act = 'refuse'", (row[0],))
        assert (6, "a record is signed by its station: its signature is the key's") in found(bare.problems())
    with bare.damaged():
        bare.connection.execute(
            "UPDATE custody_event SET key_id = (SELECT key_id FROM custody_event WHERE act = 'accept' LIMIT 1)"
            " WHERE act = 'void'"
        )
        assert (6, "a record is signed by its station: its key is the acting side's") in found(bare.problems())
    with bare.damaged():
        bare.connection.execute("UPDATE custody_event SET second_signature = signature WHERE second_signature <> ''")
        assert (6, "a record is signed by its person: its signature is the key's") in found(bare.problems())


def test_a_key_signs_only_between_its_registration_and_its_end(bare: Any) -> None:
    with bare.damaged():
        bare.connection.execute("UPDATE custody_register SET event_id = (SELECT event_id FROM custody_event"
                                " WHERE act = 'transform' LIMIT 1) WHERE value LIKE 'person:%' OR subject ="
                                " (SELECT subject FROM custody_register WHERE value LIKE 'person:%')")  # fmt: skip
        assert (6, "a record is signed by its person: its key was registered before it") in found(bare.problems())
    with bare.damaged():
        bare.connection.execute(
            "UPDATE custody_register SET register = 'key', field = 'revoked', subject ="
            " (SELECT key_id FROM custody_event WHERE act = 'void') WHERE register = 'threshold'"
        )
        assert (6, "a record is signed by its station: its key was not revoked before it") in found(bare.problems())


def test_a_stolen_administration_key_alone_makes_nobody_another_key(worked: Any, database_url: str) -> None:
    database, sealer = worked
    key = register.key_entries([public_of(Ed25519PrivateKey.generate(), "station:review")])
    end = [Entry(Register.KEY, key[0].subject, "revoked", "stolen")]
    by_ = register.administration("1001")
    for second, problems in (("1002", []), (None, [(7, KEYS_RULE)] * 2)):
        other = register.key_entries([public_of(Ed25519PrivateKey.generate(), "station:review")])
        for entries in (key, end) if second else (other, [end[0]._replace(subject=other[0].subject)]):
            database.write(lambda tx, e=entries, s=second: register.record(tx, by_, s, e, stamp()))
        sealer.seal()
        assert [(problem.step, problem.rule) for problem in verify(database_url).problems] == problems


def test_records_removed_before_they_were_sealed_leave_a_gap_in_their_key_s_numbers(bare: Any) -> None:
    for number in ("key_number", "second_key_number"):
        with bare.damaged():
            run = bare.connection.execute
            run(f"UPDATE custody_event SET {number} = {number} + 1 WHERE {number} > 0")
            assert (4, "a key numbers its records without a gap") in found(bare.problems())


def test_a_skipped_record_is_found_once_it_is_old(worked: Any, database_url: str) -> None:
    database, sealer = worked
    births = [Birth(new_id(), Kind.ORDER)]
    database.write(lambda tx: log.receive(tx, by("review"), None, births, "in", stamp()))
    assert verify(database_url).exit_code == CLEAN
    cosign_newest(sealer, int(time.time()) + 30)
    verdict = verify(database_url)
    assert found(verdict.problems) == {(4, "nothing is unsealed for long")}
    assert verify(database_url, Asked(limits=Limits(unsealed_s=60))).exit_code == CLEAN


def test_edited_tables_are_found_by_what_the_log_says(bare: Any) -> None:
    for change, rule in (
        ("UPDATE whereabouts SET station = 'packing' WHERE state = 'outside'", "whereabouts follow the log"),
        ("UPDATE whereabouts SET tray = 'T9' WHERE tray IS NOT NULL", "whereabouts follow the log"),
        ("DELETE FROM open_offer", "open offers follow the log"),
        ("UPDATE unit_number SET kind = 'order' WHERE number = 'P1'", "a number's kind is its unit's"),
        ("UPDATE custody_move SET after = 'held' WHERE act = 'void'", "the legal moves are the program's"),
    ):
        with bare.damaged():
            bare.connection.execute(change)
            assert (7, rule) in found(bare.problems()), change


def test_a_table_of_another_package_is_compared_with_its_register(bare: Any) -> None:
    told = "SELECT subject AS name, value FROM custody_register WHERE register = 'threshold'"
    for table, problems in ((told, set()), ("SELECT 'lost' AS name, '4' AS value", {(7, "thresholds follow the log")})):
        projection = Projection("thresholds follow the log", table, told, "name")
        assert found(bare.problems(projections=[projection])) == problems


def test_missing_guards_are_a_finding(worked: Any, database_url: str) -> None:
    database, _ = worked
    drop = "DROP TRIGGER seal_leaf_no_update" if database_url.startswith("sqlite") else (
        "ALTER TABLE seal_leaf DISABLE TRIGGER seal_leaf_append_only")  # fmt: skip
    database.write(lambda tx: tx.exec_driver_sql(drop))
    verdict = verify(database_url)
    assert steps(verdict.problems) == {7}
    assert verdict.exit_code == FINDINGS


def test_two_people_s_sealed_explanation_closes_a_finding_and_nothing_else_does(worked: Any, database_url: str) -> None:
    database, sealer = worked
    database.write(lambda tx: tx.exec_driver_sql("UPDATE whereabouts SET place = 'pocket' WHERE state = 'outside'"))
    (finding,) = verify(database_url).problems

    def explain(second: str | None) -> int:
        entry = Entry(Register.EXPLANATION, finding.finding_id, FIELD, "moved-by-hand")
        by_ = register.administration("1001")
        database.write(lambda tx: register.record(tx, by_, second, [entry], stamp()))
        return verify(database_url).exit_code

    assert explain(None) == FINDINGS
    sealer.seal()
    assert verify(database_url).exit_code == FINDINGS
    assert explain("1002") == FINDINGS  # not sealed yet
    sealer.seal()
    verdict = verify(database_url)
    assert verdict.exit_code == CLEAN
    assert verdict.problems[0].explained_by


def test_one_unit_is_verified_against_a_checkpoint_without_a_database(worked: Any, database_url: str) -> None:
    columns = ", ".join(f"event.{field}" for field in EVENT_FIELDS)
    with open_reading(database_url) as reading:
        rows = reading.tuples(
            f"SELECT event.seq, event.signature, event.second_signature, {columns} FROM custody_event AS event"
            " JOIN seal_leaf AS leaf ON leaf.event_seq = event.seq ORDER BY leaf.leaf_index"
        )
        index = next(i for i, row in enumerate(rows) if "T1" in row and "offer" in row)
        event = dict(zip(EVENT_FIELDS, rows[index][3:], strict=True))
        event["emulated"] = bool(event["emulated"])
        units = reading.tuples(
            f"SELECT {', '.join(UNIT_FIELDS)} FROM custody_unit WHERE event_id = :event ORDER BY position",
            event=event["event_id"],
        )
    leaves = [_leaf(row) for row in rows]
    checkpoint = Checkpoint("passline.test", len(leaves), merkle.root(leaves))
    path = merkle.inclusion_path(merkle.nodes_of(leaves), index, len(leaves))
    proof = EventProof(event, *rows[index][:3], index, path)
    hashes = [unit_hash(row) for row in units]
    unit = UnitProof(units[1], 1, 2, merkle.inclusion_path(merkle.nodes_of(hashes), 1, 2))
    assert verify_unit(unit, proof, checkpoint) == []
    wrong = UnitProof((*units[1][:8], "pocket", *units[1][9:]), 1, 2, unit.path)
    assert found(verify_unit(wrong, proof, checkpoint)) == {(1, "the event's root covers the unit")}
    shifted = EventProof(event | {"shift": "night"}, *rows[index][:3], index, path)
    assert found(verify_unit(unit, shifted, checkpoint)) == {(1, "the checkpoint covers the event")}


def test_several_processes_see_one_state_of_a_log_that_grows(
    worked: Any, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is recorded, sealed and cosigned meanwhile is neither missed nor half seen."""
    database, sealer = worked
    monkeypatch.setattr("handoff_logs.verify.run.ALONE_PAGES", 1)
    monkeypatch.setattr("handoff_logs.verify.recomputation.PAGE_EVENTS", 4)
    stop = threading.Event()

    def work() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            births = [Birth(new_id(), Kind.ORDER, f"N{number}-{n}") for n in range(3)]
            units = [birth.unit_id for birth in births]
            database.write(lambda tx, b=births: log.receive(tx, by("review"), None, b, "in", stamp()))
            offer = database.write(
                lambda tx, u=units: log.offer(tx, by("review"), "out", "qc", u, priority=2, stamp=stamp())
            )
            database.write(lambda tx, o=offer, u=units: log.accept(tx, by("qc"), o.handoff_id, u, "in", stamp()))
            sealer.seal()

    writer = threading.Thread(target=work)
    writer.start()
    try:
        verdicts = [verify(database_url, processes=2) for _ in range(2)]
    finally:
        stop.set()
        writer.join()
    assert [verdict.problems for verdict in verdicts] == [(), ()]
    assert 0 < verdicts[0].events < verdicts[1].events
