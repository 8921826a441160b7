"""A witness is its key and its store together, its own user's alone; and its commands say so."""

import json
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from small_log import SmallLog

from flows.cli import run
from flows.errors import Exit
from handoff_logs.errors import MalformedNoteError
from handoff_logs.notes import COSIGNATURE_V1, VerifierKey
from handoff_logs.witness.cosigner import Cosigner
from handoff_logs.witness.errors import FolderTakenError, NoWitnessError, StoreLostError, UnsafeKeyError
from handoff_logs.witness.folder import make_witness, open_witness
from handoff_logs.witness.protocol import AddCheckpoint
from handoff_logs.witness.rates import MAX_HOSTS, Rates

NAME = "witness.example/w1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_witness(tmp_path / "witness", NAME)
    return tmp_path / "witness"


def permissions(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_witness_is_made_for_its_user_alone(folder: Path) -> None:
    assert (permissions(folder), permissions(folder / "key.pem")) == (0o700, 0o600)
    key, sign, _ = open_witness(folder)
    assert (key.name, key.kind) == (NAME, COSIGNATURE_V1)
    assert key.holds(b"anything", sign(b"anything"))
    assert sorted(path.name for path in folder.parent.iterdir()) == ["witness"]


def test_two_witnesses_never_share_a_key(folder: Path, tmp_path: Path) -> None:
    assert make_witness(tmp_path / "deeper" / "other", NAME).public != open_witness(folder).key.public


def test_a_witness_is_not_made_over_anything(folder: Path, tmp_path: Path) -> None:
    before = (folder / "key.pem").read_bytes()
    (tmp_path / "file").touch()
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "witness.db").touch()
    for taken in (folder, tmp_path / "file", tmp_path / "some"):
        with pytest.raises(FolderTakenError):
            make_witness(taken, NAME)
    assert (folder / "key.pem").read_bytes() == before
    (tmp_path / "empty").mkdir()
    make_witness(tmp_path / "empty", NAME)
    open_witness(tmp_path / "empty")


def test_half_a_witness_is_never_left_behind(tmp_path: Path) -> None:
    with pytest.raises(MalformedNoteError):
        make_witness(tmp_path / "witness", "no spaces please")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610, 0o700, 0o666])
def test_a_key_that_others_may_read_is_refused(mode: int, folder: Path) -> None:
    (folder / "key.pem").chmod(mode)
    with pytest.raises(UnsafeKeyError, match="wider than 600"):
        open_witness(folder)
    (folder / "key.pem").chmod(0o400)
    open_witness(folder)


@pytest.mark.parametrize("content", ["", "hello", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_what_is_no_key_is_refused(content: str, folder: Path) -> None:
    (folder / "key.pem").write_text(content)
    with pytest.raises(UnsafeKeyError):
        open_witness(folder)


def test_a_witness_without_its_store_is_refused(folder: Path) -> None:
    (folder / "witness.db").unlink()
    with pytest.raises(StoreLostError, match="must not cosign again"):
        open_witness(folder)
    assert not (folder / "witness.db").exists()


@pytest.mark.parametrize("content", [b"", b"hello", bytes(4096)])
def test_a_store_that_cannot_be_read_is_a_lost_one(content: bytes, folder: Path) -> None:
    (folder / "witness.db").write_bytes(content)
    with pytest.raises(StoreLostError):
        open_witness(folder)


def test_a_damaged_store_is_a_lost_one(folder: Path) -> None:
    path = folder / "witness.db"
    content = bytearray(path.read_bytes())
    for place in range(4096, len(content)):
        content[place] ^= 0x55
    path.write_bytes(content)
    with pytest.raises(StoreLostError):
        open_witness(folder)


def test_another_witness_store_is_a_lost_one(folder: Path, tmp_path: Path) -> None:
    make_witness(tmp_path / "other", NAME)
    (tmp_path / "other" / "witness.db").rename(folder / "witness.db")
    with pytest.raises(StoreLostError, match="another"):
        open_witness(folder)


def test_a_store_without_its_key_is_no_witness(folder: Path) -> None:
    (folder / "key.pem").unlink()
    with pytest.raises(NoWitnessError, match="init"):
        open_witness(folder)


def test_every_commit_is_on_the_disk_before_anything_is_signed(folder: Path) -> None:
    """SQLite's EXTRA syncs the file and the folder; its own statements show what is committed when."""
    store = open_witness(folder).store
    seen: list[str] = []
    with store._connection() as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (3,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)

    def sign(message: bytes) -> bytes:
        other = sqlite3.connect(folder / "witness.db")
        seen.extend(row[0] for row in other.execute("SELECT size FROM cosigned"))
        other.close()
        return bytes(64)

    cosigner = Cosigner(open_witness(folder).key, sign, store, [SmallLog().key])
    assert cosigner.answer(SmallLog().request(0, 5).encode(), "127.0.0.1").status == 200
    assert seen == [5]


def test_the_commands_make_and_show_a_witness(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = ["--dir", str(tmp_path / "w")]
    assert run(["witness", "init", "--name", NAME, *directory]) == Exit.FINE
    vkey = capsys.readouterr().out.strip()
    assert VerifierKey.parse(vkey).name == NAME
    assert run(["witness", "show", *directory]) == Exit.FINE
    assert capsys.readouterr().out.splitlines() == [vkey]
    key, sign, store = open_witness(tmp_path / "w")
    cosigner = Cosigner(key, sign, store, [SmallLog().key])
    cosigner.answer(SmallLog().request(0, 5).encode(), "127.0.0.1")
    assert run(["witness", "show", *directory]) == Exit.FINE
    assert f"{SmallLog().key.name}: 5 leaves" in capsys.readouterr().out
    cosigner.answer(AddCheckpoint.of(5, (), SmallLog().note(6)).encode(), "127.0.0.1")
    cosigner.answer(SmallLog().request(5, 6).encode(), "127.0.0.1")
    assert run(["witness", "show", *directory]) == Exit.FINE
    assert "later proven: passline.example/00000001: 6 leaves" in capsys.readouterr().out
    cosigner.answer(SmallLog(history="b").request(6, 6).encode(), "127.0.0.1")
    assert run(["witness", "show", *directory]) == Exit.FINDINGS
    assert "REFUSED" in capsys.readouterr().out
    assert run(["witness", "show", "--output", "json", *directory]) == Exit.FINDINGS
    facts = json.loads(capsys.readouterr().out)
    assert (facts["key"], facts["cosigned"][0]["size"]) == (vkey, 6)
    assert facts["evidence"][1]["note"] == SmallLog(history="b").note(6).encode().decode()
    assert facts["evidence"][1]["cosigned_note"] == SmallLog().note(6).encode().decode()


def test_the_commands_refuse_in_one_sentence(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = ["--log", str(SmallLog().key)]
    for arguments, word in (
        (["init", "--name", NAME, "--dir", str(folder)], "not empty"),
        (["init", "--name", "two words", "--dir", str(tmp_path / "new")], "space"),
        (["show", "--dir", str(tmp_path / "nowhere")], "init"),
        (["serve", *log, "--dir", str(tmp_path / "nowhere")], "init"),
        (["serve", "--log", "nonsense", "--dir", str(folder)], "name+id+key"),
        (["serve", "--log", str(open_witness(folder).key), "--dir", str(folder)], "0x01"),
        (["serve", *log, "--host", "192.0.2.1", "--dir", str(folder)], "--host"),
        (["serve", *log, "--port", "70000", "--dir", str(folder)], "--port"),
        (["serve", "--dir", str(folder)], "--log"),
    ):
        assert run(["witness", *arguments]) == Exit.REFUSED
        said = capsys.readouterr()
        assert said.out == ""
        assert word in said.err
        assert said.err.startswith("passline: ")


def test_help_loads_no_server() -> None:
    heavy = ("starlette", "uvicorn", "httpx", "structlog", "cryptography", "sqlalchemy", "prefect")
    check = f"import sys, handoff_logs.witness.cli; print([m for m in {heavy!r} if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_a_hosts_rate_fills_again_with_time_and_is_its_own() -> None:
    rates = Rates(per_second=2, burst=3)
    assert [rates.allow("a", 10.0) for _ in range(4)] == [True, True, True, False]
    assert rates.allow("b", 10.0)
    assert [rates.allow("a", 10.6) for _ in range(2)] == [True, False]
    assert [rates.allow("a", 100.0) for _ in range(4)] == [True, True, True, False]


def test_rates_of_any_number_of_hosts_take_bounded_room() -> None:
    rates = Rates()
    for number in range(3 * MAX_HOSTS):
        assert rates.allow(str(number), 0.0)
    assert len(rates._left) == MAX_HOSTS
