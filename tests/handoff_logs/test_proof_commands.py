"""`logs prove`, `check FILE`, `consistency`, `line`, `check-line`: as an auditor types them."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from signing_keys import log_key_of
from sqlalchemy import create_engine

from handoff_logs import cli, key_register, log_key, register, terminal
from handoff_logs.cli import app
from handoff_logs.key_register import Reason, Signers
from handoff_logs.sealing import Sealer
from handoff_logs.unit_parts import PART_NAMES


class Answer(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Answer]:
    """Type a command in a folder; in this process, because most of a command's time is its start."""

    # Another test may have loaded `passline` in this process, which reads a line's whole settings.
    monkeypatch.setattr(cli, "resolve_url", cli.database_url)
    monkeypatch.setattr(cli, "differences", ())
    monkeypatch.setattr(terminal, "who_asks", terminal.unsigned)

    def typed(*arguments: object, cwd: Path = tmp_path) -> Answer:
        monkeypatch.chdir(cwd)
        try:
            app(list(map(str, arguments)), result_action="return_value")
            status = 0
        except SystemExit as ended:
            status = int(ended.code or 0)
        return Answer(status, *capsys.readouterr())

    return typed


def typed_elsewhere(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from handoff_logs.cli import app; app()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


@pytest.fixture
def folder(centre: Any, database_url: str, tmp_path: Path, signing_keys: Path) -> Path:
    """A run's folder with two checkpoints: `first.note`, and one over an order that was offered and accepted."""
    sealer = Sealer(centre.database, log_key.read(log_key_of(signing_keys)))
    first = sealer.seal()
    assert first
    (tmp_path / "first.note").write_bytes(first.note.encode())
    (order,) = centre.orders(1, numbers=["A1/2"])
    centre.accept(centre.offer([order]), [order])
    sealer.seal()
    (tmp_path / "line.toml").write_text(f'database = "{database_url}"\n')
    shutil.copy(log_key_of(signing_keys) / "log.pub", tmp_path)
    return tmp_path


def test_what_an_old_key_verifies_says_where_the_key_changed(
    folder: Path, centre: Any, signing_keys: Path, tmp_path: Path, run: Any
) -> None:
    keys = shutil.copytree(log_key_of(signing_keys), tmp_path / "log")
    signers = Signers(register.administration("p-0001"), "p-0002", None)
    new = key_register.rotate_log(centre.database, keys, Reason.RETIRED, signers, emulated=True)
    sealer = Sealer(centre.database, log_key.read(keys))
    sealer.seal()
    assert run("prove-key", "--dir", folder).returncode == 0
    centre.orders(1)
    sealer.seal()
    assert run("prove", "A1/2", "--dir", folder).returncode == 0
    assert run("consistency", "first.note", "--dir", folder, "--out", "since.json", "--key", "log.pub").returncode == 0
    for file in ("A1-2.proof.json", "since.json", "log-key.proof.json"):
        said = run("check", file, "--key", "log.pub")
        assert said.returncode == 0
        assert "The log's key changed at leaf 4, signed over by the key before it." in said.stdout
        assert str(new) in said.stdout
        facts = json.loads(run("check", file, "--key", "log.pub", "--output", "json").stdout)
        assert facts["key_changes"] == [{"leaf": 4, "key": str(new)}]
    (tmp_path / "new.pub").write_text(f"{new}\n")
    assert run("check", "A1-2.proof.json", "--key", "new.pub").returncode == 0
    told = run("verify", "--dir", folder, "--log-key", "log.pub", "--output", "json")
    assert json.loads(told.stdout)["key_changes"] == [{"epoch": 1, "leaf": 4, "key": str(new)}]
    line = run("line", "--dir", folder).stdout.strip()
    assert run("check-line", line, "--dir", folder).returncode == 0


def test_a_number_is_proved_and_the_file_checked_where_no_log_is(folder: Path, tmp_path: Path, run: Any) -> None:
    away = tmp_path / "auditor"
    away.mkdir()
    made = run("prove", "A1/2", "--dir", folder, cwd=away)
    assert made.returncode == 0
    assert made.stdout.startswith("A1-2.proof.json: 3 steps under passline.test/")
    checked = typed_elsewhere("check", "A1-2.proof.json", "--key", folder / "log.pub", cwd=away)
    assert (checked.returncode, checked.stderr) == (0, "")
    for words in ("The proof holds: 3 steps", "not witnessed (EMULATED)", "leaf 3", "It does not say that nothing"):
        assert words in checked.stdout
    facts = json.loads(
        run("check", "A1-2.proof.json", "--key", folder / "log.pub", "--output", "json", cwd=away).stdout
    )
    assert (facts["holds"], facts["size"], [step["act"] for step in facts["steps"]]) == (
        True,
        4,
        ["receive", "offer", "accept"],
    )
    proof = json.loads((away / "A1-2.proof.json").read_text())
    proof["events"][2]["event"]["person"] = "thief"
    (away / "forged.json").write_text(json.dumps(proof))
    broken = run("check", "forged.json", "--key", folder / "log.pub", "--output", "json", cwd=away)
    assert broken.returncode == 1
    assert json.loads(broken.stdout)["place"] == "events[2], offer by review"
    assert "does not hold at events[2], offer by review: its signature is not of the key" in broken.stderr
    (away / "cut.json").write_text("{")
    cut = run("check", "cut.json", "--key", folder / "log.pub", cwd=away)
    assert (cut.returncode, cut.stdout, len(cut.stderr.splitlines())) == (2, "", 1)


def test_what_can_not_be_asked_is_one_sentence_and_exit_2(folder: Path, run: Any) -> None:
    for arguments, word in (
        (("prove", "A9", "--dir", folder), "A9"),
        (("prove", "A1/2", "--dir", folder, "--out", folder / "none" / "x"), "Can't write"),
        (("check", folder / "first.note"), "--key"),
        (("check", "--key", folder / "log.pub"), "--key"),
        (("check", folder / "none", "--key", folder / "log.pub"), "Can't read"),
        (("check", folder / "first.note", "--key", folder / "line.toml"), "verifier key"),
        (("check", folder / "first.note", "--key", folder / "log.pub", "--witness", "x"), "verifier key"),
        (("line", "--dir", folder, "--size", 3), "no checkpoint of 3"),
        (("check-line", "some words", "--dir", folder), "no line of a log"),
        (("consistency", folder / "log.pub", "--dir", folder), "note is malformed"),
    ):
        answer = run(*arguments)
        assert (answer.returncode, answer.stdout) == (2, ""), arguments
        assert word in answer.stderr
        assert len(answer.stderr.splitlines()) == 1


def test_the_log_is_shown_to_continue_an_earlier_checkpoint(folder: Path, run: Any) -> None:
    proof, key = folder / "consistency.json", folder / "log.pub"
    made = run("consistency", folder / "first.note", "--out", proof, "--dir", folder)
    assert made.returncode == 0
    assert "The proof holds: passline.test/" in made.stdout
    assert run("check", proof, "--key", key).returncode == 0
    # The later checkpoint may come out of any proof.
    assert run("consistency", folder / "first.note", proof, "--dir", folder, "--key", key).returncode == 0
    assert run("consistency", proof, folder / "first.note", "--dir", folder).returncode == 0
    other = folder / "other.pub"
    other.write_text(f"{log_key.create(folder / 'other', 'other').verifier}\n")
    strange = run("consistency", folder / "first.note", "--dir", folder, "--key", other)
    assert strange.returncode == 1
    assert "not signed by passline.other/" in strange.stderr


def test_a_line_on_paper_is_found_in_the_log_until_the_log_is_another(
    folder: Path, database_url: str, run: Any
) -> None:
    printed = run("line", "--dir", folder).stdout.strip()
    early = run("line", "--size", 1, "--dir", folder).stdout.strip()
    for line in (printed, early):
        assert run("check-line", line, "--dir", folder).returncode == 0
    assert run("check-line", *early.lower().split(), "--dir", folder).returncode == 0
    slip = run("check-line", f"{printed[:-1]}{'0' if printed[-1] != '0' else '1'}", "--dir", folder)
    assert slip.returncode == 2
    with_the_owners_login(database_url, f"UPDATE seal_leaf SET leaf_hash = '{'0' * 64}' WHERE leaf_index = 2")
    answer = run("check-line", printed, "--dir", folder)
    assert answer.returncode == 1
    assert "no longer contains" in answer.stderr
    assert run("check-line", early, "--dir", folder).returncode == 0
    broken = run("prove", "A1/2", "--dir", folder, "--out", folder / "broken.json")
    assert broken.returncode == 1
    assert not (folder / "broken.json").exists()
    assert run("consistency", folder / "first.note", "--dir", folder).returncode == 1


@pytest.mark.parametrize(
    ("altered", "says"),
    [
        (f"UPDATE seal_leaf SET leaf_hash = '{'0' * 64}' WHERE leaf_index = 2", "not those that its key signed"),
        (f"UPDATE seal_checkpoint SET root = '{'0' * 64}' WHERE size > 1", "does not hold"),
    ],
)
def test_no_line_is_printed_that_the_logs_key_did_not_sign(
    folder: Path, database_url: str, run: Any, altered: str, says: str
) -> None:
    """Two people are going to put their names under it."""
    with_the_owners_login(database_url, altered)
    answer = run("line", "--dir", folder)
    assert (answer.returncode, answer.stdout) == (1, ""), answer
    assert says in answer.stderr


@pytest.mark.parametrize(
    "deleted",
    [
        "DELETE FROM seal_leaf WHERE leaf_index = 1",
        "DELETE FROM seal_leaf WHERE leaf_index = 0",
        "DELETE FROM custody_register",
        "DELETE FROM custody_unit WHERE step = 2",
    ],
)
def test_nothing_is_proved_where_rows_were_deleted(folder: Path, database_url: str, run: Any, deleted: str) -> None:
    with_the_owners_login(database_url, deleted)
    answer = run("prove", "A1/2", "--dir", folder)
    assert (answer.returncode, answer.stdout, len(answer.stderr.splitlines())) == (1, "", 1)
    assert "does not hold at" in answer.stderr


def with_the_owners_login(url: str, statement: str) -> None:
    """Do what the log's triggers forbid; those of look-ups stay, or nothing is proved at all."""
    engine = create_engine(url)
    with engine.begin() as thief:
        if engine.dialect.name == "sqlite":
            triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name <> 'audit_lookup'"
            for (name,) in thief.exec_driver_sql(triggers).all():
                thief.exec_driver_sql(f"DROP TRIGGER {name}")
        else:
            parts = thief.exec_driver_sql(PART_NAMES).scalars().all()
            for table in ("seal_leaf", "seal_checkpoint", "custody_register", "custody_unit", *parts):
                thief.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        thief.exec_driver_sql(statement)
    engine.dispose()
