"""A target's address is a secret: read from its owner's file or the environment, checked, and never shown."""

import logging
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alarm_target import Hook, hook

from flows.alarm_targets import LONGEST_ADDRESS, NotToldError, Target, TargetRefusedError, open_targets
from flows.cli import run
from flows.configuration import SettingsError, read_settings
from flows.default_line import write_default
from flows.errors import Exit
from flows.run_folder import RunFolder
from stations.alarms.rules import Severity

FILE = '[[alarms.targets]]\nname = "duty"\nfile = "keys/duty.target"\n'
ENVIRONMENT = '[[alarms.targets]]\nname = "duty"\nenvironment = "DUTY_TARGET"\n'


@pytest.fixture
def duty() -> Iterator[Hook]:
    with hook() as opened:
        yield opened


@pytest.fixture
def line(tmp_path: Path) -> Callable[..., RunFolder]:
    """A line whose line.toml ends with what a test says of targets."""

    def write(tables: str, address: str | None = None, mode: int = 0o600) -> RunFolder:
        folder = RunFolder(tmp_path / "line")
        with write_default(folder).open("a", encoding="utf-8") as file:
            file.write(f"\n{tables}")
        if address is not None:
            folder.keys.mkdir()
            path = folder.keys / "duty.target"
            path.write_text(address, "utf-8")
            path.chmod(mode)
        return folder

    return write


def targets(folder: RunFolder) -> tuple[Target, ...]:
    return open_targets(folder, read_settings(folder))


def test_a_line_has_no_targets_unless_they_are_named(line: Callable[..., RunFolder]) -> None:
    assert targets(line("")) == ()


def test_an_address_is_read_from_a_file(line: Callable[..., RunFolder], duty: Hook) -> None:
    (target,) = targets(line(FILE, f"{duty.address}\n"))
    target.tell("title", "body", Severity.URGENT)
    assert [(each["title"], each["message"], each["type"]) for each in duty.told] == [("title", "body", "failure")]


def test_an_address_is_read_from_the_environment(
    line: Callable[..., RunFolder], duty: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUTY_TARGET", duty.address)
    (target,) = targets(line(ENVIRONMENT))
    target.tell("title", "body", Severity.NOTICE)
    assert duty.titles == ["title"]


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("", "is empty"),
        ("nonsense", "no address that apprise knows"),
        ("nonsense://s3cret-token", "no address that apprise knows"),
        ("dbus://", "only this computer"),
        ("SYSLOG://s3cret-token", "only this computer"),
        ("json://a/s3cret-token\njson://b/s3cret-token", "one address and nothing else"),
        ("json://a/s3cret-token json://b", "one address and nothing else"),
        ("json://s3cret-token/" + "x" * LONGEST_ADDRESS, "one address and nothing else"),
    ],
)
def test_an_address_that_can_not_be_one_is_refused_and_not_repeated(
    line: Callable[..., RunFolder], address: str, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = line(FILE, address)
    with caplog.at_level(logging.DEBUG), pytest.raises(TargetRefusedError, match=says) as refused:
        targets(folder)
    shown = f"{refused.value} {refused.value.next_step} {refused.value.args} {caplog.text}"
    assert "s3cret-token" not in shown and "duty" in shown


def test_an_address_in_a_file_that_others_may_read_is_refused(line: Callable[..., RunFolder], duty: Hook) -> None:
    with pytest.raises(TargetRefusedError, match="chmod 600"):
        targets(line(FILE, duty.address, mode=0o640))


@pytest.mark.parametrize("tables", [FILE, ENVIRONMENT])
def test_an_address_that_is_not_there_is_refused(line: Callable[..., RunFolder], tables: str) -> None:
    with pytest.raises(TargetRefusedError, match=r"can't be read|is empty"):
        targets(line(tables))


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        ('[[alarms.targets]]\nname = "duty"\n', "file or environment"),
        (f'{FILE}environment = "X"\n', "file or environment"),
        (FILE + FILE, "taken"),
        (FILE.replace("duty", "prefect", 1), "taken"),
        (ENVIRONMENT.replace("DUTY_TARGET", "PASSLINE_DUTY"), "does not begin with PASSLINE_"),
        (ENVIRONMENT.replace("DUTY_TARGET", "duty target"), "capitals"),
        (FILE.replace("duty", "The Duty", 1), "small letters"),
        (f'{FILE}url = "json://s3cret"\n', "is no setting"),
    ],
)
def test_a_target_that_says_too_little_or_too_much_is_refused(
    line: Callable[..., RunFolder], tables: str, says: str
) -> None:
    with pytest.raises(SettingsError, match=says):
        read_settings(line(tables))


def test_the_secret_is_in_no_repr(duty: Hook) -> None:
    assert "s3cret" not in repr(Target("duty", duty.address))


def test_what_a_target_refuses_or_does_not_answer_is_a_code(duty: Hook, caplog: pytest.LogCaptureFixture) -> None:
    duty.status = 500
    with caplog.at_level(logging.DEBUG), pytest.raises(NotToldError) as refused:
        Target("duty", duty.address).tell("title", "body", Severity.URGENT)
    with caplog.at_level(logging.DEBUG), pytest.raises(NotToldError) as absent:
        Target("duty", "json://user:s3cret-token@127.0.0.1:9/hook").tell("title", "body", Severity.URGENT)
    assert refused.value.code == absent.value.code == "refused_or_no_answer"
    assert "s3cret" not in caplog.text


def test_the_refusal_survives_pickling() -> None:
    error = TargetRefusedError("duty", "keys/duty.target", "is empty")
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.next_step) == (str(error), error.next_step)


def test_the_command_tells_each_target_that_this_is_a_test(
    line: Callable[..., RunFolder], duty: Hook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NIGHT_TARGET", "json://user:s3cret-token@127.0.0.1:9/")
    night = ENVIRONMENT.replace("duty", "night").replace("DUTY", "NIGHT")
    folder = line(FILE + night, duty.address)
    assert run(["alarms", "test-target", "duty", "--dir", str(folder.path)]) == Exit.FINE
    assert run(["alarms", "test-target", "--dir", str(folder.path)]) == Exit.FINDINGS
    out, err = capsys.readouterr()
    assert "✓ duty took it" in out and "✕ night was not told: refused_or_no_answer" in out
    assert duty.titles == ["EMULATED 模拟 passline · demo · test 测试"] * 2
    assert run(["alarms", "test-target", "day", "--dir", str(folder.path)]) == Exit.REFUSED
    err += capsys.readouterr().err
    assert "no target of alarms day" in err and "duty, night" in err
    assert "s3cret" not in out + err


def test_a_line_with_a_target_that_can_not_be_used_is_not_started(
    line: Callable[..., RunFolder], capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor is its Prefect server."""
    folder = line(FILE)
    assert run(["run", "--dir", str(folder.path)]) == Exit.REFUSED
    assert "target duty is refused" in capsys.readouterr().err
    assert not folder.database_file.exists() and not (folder.prefect_home / "prefect.db").exists()
