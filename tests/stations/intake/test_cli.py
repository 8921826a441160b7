"""`passline intake` as people and scripts use it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stations.calendar import CLOSES
from stations.deadlines import ALLOWANCES
from stations.intake import cli
from stations.intake.errors import BatchRefusedError


def call(*words: object) -> Any:
    return cli.intake_app([str(word) for word in words], exit_on_error=False, result_action="return_value")


def test_generate_and_load_say_what_they_did_in_json(
    intake: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []

    def open_intake(directory: Path, by: str | None, asking: object) -> cli.OpenIntake:
        opened.append(directory)
        return cli.OpenIntake(intake.workplace, 2, ALLOWANCES, CLOSES)

    monkeypatch.setattr(cli, "open_intake", open_intake)
    call("generate", tmp_path / "b", "--documents", 5, "--seed", 2, "--intake-defects", 0.2, "--output", "json")
    assert json.loads(capsys.readouterr().out)["documents"] == 5
    assert call("load", tmp_path / "b", "--dir", tmp_path / "run", "--output", "json") == 0, "some were loaded"
    said = json.loads(capsys.readouterr().out)
    assert (said["loaded"], said["set_aside"], said["emulated"]) == (4, 1, True)
    assert Path(said["reply"]).parent == tmp_path / "run" / "replies"
    assert opened == [tmp_path / "run"]
    assert said["trays"] >= 2, "trays of the line's own size"


def test_a_refused_batch_is_one_sentence_with_its_place_and_exit_code_2(
    intake: Any, make_batch: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    batch = make_batch(2)
    min((batch.path / "images").iterdir()).unlink()
    monkeypatch.setattr(cli, "open_intake", lambda *_: cli.OpenIntake(intake.workplace, 25, ALLOWANCES, CLOSES))
    with pytest.raises(BatchRefusedError, match="images holds 3 files where the manifest says 4") as refused:
        call("load", batch.path, "--dir", tmp_path)
    assert refused.value.exit_code == 2


def test_a_batch_of_which_nothing_could_be_loaded_ends_with_1(
    intake: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "open_intake", lambda *_: cli.OpenIntake(intake.workplace, 25, ALLOWANCES, CLOSES))
    call("generate", tmp_path / "b", "--documents", 2, "--intake-defects", 1, "--review-defects", 0, "--output", "json")
    capsys.readouterr()
    assert call("load", tmp_path / "b", "--dir", tmp_path, "--output", "json") == cli.NOTHING_LOADED
    said = json.loads(capsys.readouterr().out)
    assert (said["loaded"], said["set_aside"]) == (0, 2)


def test_schema_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    call("schema")
    assert json.loads(capsys.readouterr().out)["title"] == "ApplicationRecord"


def test_load_without_a_line_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cli, "open_intake", None)
    with pytest.raises(cli.NoLineError, match="passline intake load"):
        call("load", tmp_path)
