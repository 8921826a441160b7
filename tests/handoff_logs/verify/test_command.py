"""`logs verify`: what it prints, where it ends, and where it goes on."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from signing_keys import log_key_of
from verified_log import by, fill, stamp

from handoff_logs import log, log_key
from handoff_logs.keyring import Keyring, person_owner
from handoff_logs.proofs.making import prove
from handoff_logs.reading import open_reading
from handoff_logs.records import Birth, Kind, new_id
from handoff_logs.sealing import Sealer


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from handoff_logs.cli import app; app()", "verify", "--dir", str(folder)]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)


@pytest.fixture
def folder(database: Any, database_url: str, keyring: Keyring, signing_keys: Path, tmp_path: Path) -> Path:
    """A run's folder with a filled log."""
    Keyring.create(keyring._folder, [person_owner("vault-2")]).close()
    keyring.reload()
    fill(database, keyring, log_key.read(log_key_of(signing_keys)), leaves=30)
    (tmp_path / "line.toml").write_text(f'database = "{database_url}"\n')
    return tmp_path


def test_a_run_goes_on_where_the_last_one_ended(folder: Path, database: Any, signing_keys: Path) -> None:
    assert run(folder, "--since-last").returncode == 2
    public = log_key_of(signing_keys) / "log.pub"
    first = run(folder, "--log-key", str(public), "--output", "json")
    assert (first.returncode, first.stderr) == (0, "")
    verdict = json.loads(first.stdout)
    assert (verdict["verdict"], verdict["problems"]) == ("clean", [])
    births = [Birth(new_id(), Kind.ORDER)]
    database.write(lambda tx: log.receive(tx, by("review"), None, births, "in", stamp()))
    Sealer(database, log_key.read(log_key_of(signing_keys))).seal()
    second = json.loads(run(folder, "--since-last", "--output", "json").stdout)
    assert (second["events"], second["size"]) == (1, verdict["size"] + 1)
    state = json.loads((folder / "verified.json").read_text())
    assert (state["size"], state["root"]) == (second["size"], second["root"])
    # Another history than the one that was verified.
    (folder / "verified.json").write_text(json.dumps(state | {"root": "00" * 32}))
    for arguments in ((), ("--since-last",)):
        answer = run(folder, *arguments)
        assert answer.returncode == 1
        assert "begins with the tree" in answer.stdout


def test_a_proof_that_an_auditor_kept_brings_its_checkpoint(folder: Path, database_url: str) -> None:
    with open_reading(database_url) as reading:
        proof = prove(reading, "A1")
    kept = folder / "A1.proof.json"
    kept.write_bytes(proof.encode())
    assert run(folder, "--checkpoint", str(kept)).returncode == 0
    kept.write_bytes(proof.encode()[:-9])
    refused = run(folder, "--checkpoint", str(kept))
    assert (refused.returncode, refused.stdout) == (2, "")


def test_findings_exit_with_2_and_a_broken_log_with_1(folder: Path, database: Any) -> None:
    database.write(lambda tx: tx.exec_driver_sql("UPDATE whereabouts SET place = 'pocket' WHERE state = 'outside'"))
    answer = run(folder)
    assert answer.returncode == 2
    assert "whereabouts follow the log" in answer.stdout
    assert not (folder / "verified.json").exists()
    note = folder / "kept.note"
    note.write_text("passline.elsewhere/00000000\n3\n" + "A" * 43 + "=\n\n\u2014 x AAAAAAA=\n")
    answer = run(folder, "--checkpoint", str(note), "--output", "json")
    assert answer.returncode == 1
    assert 2 in {row["step"] for row in json.loads(answer.stdout)["problems"]}


def test_what_cannot_be_read_is_one_sentence_and_exit_2(folder: Path) -> None:
    for arguments in (("--checkpoint", "nowhere.note"), ("--log-key", str(folder / "line.toml"))):
        answer = run(folder, *arguments)
        assert (answer.returncode, answer.stdout, len(answer.stderr.splitlines())) == (2, "", 1)
