"""docs/commands.md says what the commands say of themselves."""

import re

import pytest
from cyclopts import App

from flows.cli import COMMANDS, build
from flows.command_reference import MEANINGS, PAGE, reference
from flows.errors import Exit


def test_the_page_is_what_the_commands_say() -> None:
    assert PAGE.read_text("utf-8") == reference(), "run: python -m flows.command_reference"


def apps(app: App) -> list[App]:
    """Every command and sub-command."""
    below = [app[name] for name in app if not name.startswith("-")]
    return [*below, *(deeper for one in below for deeper in apps(one))]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_option_of_every_command_is_on_the_page_with_words(command: object) -> None:
    page = PAGE.read_text("utf-8")
    assert isinstance(command, tuple)
    app = build()[command[0]]
    for one in [app, *apps(app)]:
        if one.default_command is None:
            continue
        for argument in one.assemble_argument_collection():
            assert argument.parameter.help, f"{one.name}: {argument.name} has no help"
            assert re.search(rf"{re.escape(argument.name)}\b", page, re.IGNORECASE), argument.name


@pytest.mark.parametrize("group", ["intake", "logs", "witness", "people", "devices", "blanks"])
def test_the_help_of_a_group_says_what_each_of_its_commands_is_for(
    group: str, capsys: pytest.CaptureFixture[str]
) -> None:
    build()([group, "--help"], result_action="return_value")
    shown = capsys.readouterr().out
    for name in build()[group]:
        assert name.startswith("-") or re.search(rf"│ {name} +\w", shown), name


def test_every_exit_status_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Exit)
