"""A session's secret is its account's alone: what is a link, another's or open to others is not believed."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from flows import session_file
from flows.session_file import SessionFileRefusedError, read, remove, write
from stations.people_register.terminal_sessions import Secret

ONE, TWO = Secret("a" * 32, "A" * 43), Secret("b" * 32, "B" * 43)
NOBODY = 65_534


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the account keeps its sessions; without a runtime folder of the system's."""
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "passline" / "sessions"


@pytest.fixture
def line(tmp_path: Path) -> Path:
    (tmp_path / "line").mkdir()
    return tmp_path / "line"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_secret_is_kept_for_its_account_alone_and_forgotten(state: Path, line: Path) -> None:
    assert read(line) is None
    remove(line)
    path = write(line, ONE)
    assert (path.parent, mode(path), mode(path.parent)) == (state, 0o600, 0o700)
    assert read(line) == ONE
    assert write(line, TWO) == path and read(line) == TWO
    assert [file.name for file in state.iterdir()] == [path.name]
    remove(line)
    assert read(line) is None


def test_its_mode_does_not_hang_on_the_accounts_umask(state: Path, line: Path) -> None:
    before = os.umask(0)
    try:
        path = write(line, ONE)
    finally:
        os.umask(before)
    assert (mode(path), mode(state), mode(state.parent)) == (0o600, 0o700, 0o700)


def test_each_line_has_its_own_by_whichever_path_it_is_named(state: Path, line: Path, tmp_path: Path) -> None:
    other, link = tmp_path / "other", tmp_path / "link"
    other.mkdir()
    link.symlink_to(line)
    write(line, ONE)
    assert read(other) is None
    assert read(link) == ONE == read(tmp_path / "other" / ".." / "line")


def test_it_lies_where_the_system_forgets_it_if_that_is_the_accounts_alone(
    state: Path, line: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = tmp_path / "runtime"
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    assert write(line, ONE).parent == state, "there is none"
    runtime.mkdir(mode=0o755)
    assert write(line, ONE).parent == state, "others may look into it"
    runtime.chmod(0o700)
    assert write(line, TWO).parent == runtime / "passline" / "sessions"
    for value in ("runtime", ""):
        monkeypatch.setenv("XDG_RUNTIME_DIR", value)
        monkeypatch.chdir(tmp_path)
        assert read(line) == ONE
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert write(line, ONE).parent == tmp_path / "home" / ".local" / "state" / "passline" / "sessions"


def linked(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def second_name(path: Path) -> None:
    path.with_name("second").hardlink_to(path)


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir(mode=0o700)


def another_owner(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only the superuser gives a file away")
    os.chown(path, NOBODY, NOBODY)


def another_owner_of_the_folder(path: Path) -> None:
    another_owner(path.parent)


def linked_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))
    path.parent.symlink_to(path.parent.with_name("elsewhere"))


BENT: dict[str, tuple[Callable[[Path], object], str]] = {
    "link": (linked, "can't be read"),
    "second name": (second_name, "second name"),
    "pipe": (pipe, "no file at all"),
    "folder": (folder, "no file at all"),
    "open to a group": (lambda path: path.chmod(0o640), "mode 0640"),
    "open to all": (lambda path: path.chmod(0o604), "mode 0604"),
    "another's": (another_owner, "another account"),
    "folder of another's": (another_owner_of_the_folder, "another account"),
    "folder open": (lambda path: path.parent.chmod(0o711), "mode 0711"),
    "folder is a link": (linked_folder, "can't be opened"),
    "empty": (lambda path: path.write_bytes(b""), "not what passline writes"),
    "long": (lambda path: path.write_bytes(b"a" * 32 + b" " + b"A" * 4096), "not what passline writes"),
    "cut off": (lambda path: path.write_bytes(path.read_bytes()[:-3]), "not what passline writes"),
    "bytes": (lambda path: path.write_bytes(b"\xff" * 77), "not what passline writes"),
}


@pytest.mark.parametrize("what", BENT)
def test_what_is_not_as_it_was_written_signs_nobody_in(state: Path, line: Path, what: str) -> None:
    path = write(line, ONE)
    bend, fault = BENT[what]
    bend(path)
    with pytest.raises(SessionFileRefusedError, match=fault) as refused:
        read(line)
    assert "passline sign-in" in refused.value.next_step
    assert ONE.token not in str(refused.value)


def test_a_link_in_its_place_is_replaced_and_not_written_through(state: Path, line: Path, tmp_path: Path) -> None:
    path = write(line, ONE)
    path.unlink()
    (tmp_path / "victim").write_text("unharmed")
    path.symlink_to(tmp_path / "victim")
    write(line, TWO)
    assert (tmp_path / "victim").read_text() == "unharmed"
    assert not path.is_symlink() and read(line) == TWO


def test_a_write_that_fails_leaves_the_earlier_secret(state: Path, line: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(line, ONE)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(session_file.os, "fsync", full)
    with pytest.raises(OSError, match="space"):
        write(line, TWO)
    assert read(line) == ONE
    assert len(list(state.iterdir())) == 1
