"""The one command `passline`: the commands of all four packages, each loaded only when it is called.

Exit status: 0 fine · 1 findings · 2 input, configuration or usage refused · 3 something is in doubt and waits for two
people · 70 a fault in passline itself · 130 interrupted. Data goes to standard output, everything else to standard
error.
"""

import difflib
import errno
import os
import sys
import traceback
from typing import Final, NamedTuple

from cyclopts import App, CycloptsError

from flows.collector import collect_seldom
from flows.errors import Exit
from flows.typed_arguments import check_arguments


class Command(NamedTuple):
    """A command's name, where it is found, and what it is for."""

    name: str
    target: str
    help: str


COMMANDS: Final = (
    Command("demo", "flows.demo:demo_command", "Run the whole line on emulated machines and staff, and report."),
    Command("new", "flows.line_cli:new_command", "Write the line.toml of a new line, all emulated."),
    Command("intake", "flows.intake_commands:intake_app", "Generate, check and load batches of applications."),
    Command("calendar", "flows.calendar_commands:app", "Working days: which are worked, and what settles them."),
    Command(
        "run",
        "flows.line_cli:run_command",
        "Start the line on what is waiting; Ctrl-C stops it after the documents in work.",
    ),
    Command("shift", "flows.shift_commands:app", "The shift: open it, see what stands against its close, close it."),
    Command("patrol", "flows.patrol_commands:app", "Rounds by plan, what they find, and each finding to its end."),
    Command("gate", "flows.gate_commands:app", "The gate of the core area: who is inside, who passed."),
    Command("applications", "flows.applications_commands:app", "Stop an application; release or end it."),
    Command("review", "flows.review_commands:app", "What is looked at on every application; the hold list; questions."),
    Command("casebook", "flows.casebook_commands:app", "Mistakes that were caught; those that test a rule."),
    Command("qc", "flows.qc_commands:app", "What is looked at on every document."),
    Command("alarms", "flows.alarm_commands:app", "What a person must look at: list, acknowledge, try the targets."),
    Command("climate", "flows.climate_commands:app", "The air of each zone: status, readings; resume a suspended one."),
    Command("board", "flows.board:app", "Watch the line in the terminal; displays that show it on a wall."),
    Command(
        "status",
        "flows.status:status_command",
        "Print the totals: applications, documents, blanks, units, offers, doubts.",
    ),
    Command("late", "flows.late_command:late_command", "List what is late, what will be, and why."),
    Command("logs", "flows.log_commands:app", "Ask the handoff log: who held what, when."),
    Command("sign-in", "flows.sign_in_commands:sign_in_command", "Sign in at this terminal, to ask the handoff log."),
    Command("sign-out", "flows.sign_in_commands:sign_out_command", "End the session at this terminal."),
    Command("whoami", "flows.sign_in_commands:whoami_command", "Print who is signed in at this terminal."),
    Command("witness", "handoff_logs.witness.cli:app", "Run the witness of a handoff log, on another machine."),
    Command("blanks", "flows.blanks_commands:app", "Blanks and the vault: where each is, and what becomes of it."),
    Command("packing", "flows.packing_commands:app", "Packing's hold shelf: what lies there, what two make of it."),
    Command("numbers", "flows.numbers_commands:app", "Ranges of numbers for permits and parcels."),
    Command("mailing", "flows.mailing_commands:app", "Manifests, what the carrier says, and what comes back."),
    Command("rolls", "flows.rolls_commands:app", "Rolls of laminate: where each is, and what was used of it."),
    Command("people", "flows.people_commands:people_app", "The register of people: who may sign in, with which roles."),
    Command("keys", "flows.keys_commands:app", "The keys that sign the handoff log: make, replace, revoke."),
    Command("database", "flows.database_commands:app", "The line's PostgreSQL database: its roles, their rights."),
    Command(
        "pages",
        "flows.pages_command:pages_command",
        "Serve the auditors' pages, the alarms, the board, and patrols on a telephone.",
    ),
    Command(
        "desk", "flows.desk_command:desk_command", "Serve the desks of review, QC, packing and mailing in a browser."
    ),
    Command("devices", "flows.device_commands:app", "Machines and emulators: what is there, who answers."),
    Command("deploy", "flows.deployments:deploy_command", "Register every flow as a Prefect deployment."),
    Command("serve", "flows.deployments:serve_command", "Work on the runs of the deployments."),
)

DEBUG: Final = "PASSLINE_DEBUG"
"""Set, it shows tracebacks."""

CLOSED: Final = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP}
)
"""What the system says of a file or folder that somebody named and this program may not use as it must."""

MOST: Final = 20_000
"""Characters of a refusal, which may list what is wrong with a whole file."""
MOST_SAID: Final = 400
"""Characters of what a wrong usage is told by."""


def build() -> App:
    """The application with every command by its import path; nothing of them is imported yet."""
    app = App(
        name="passline",
        help="The production line of a travel-document centre: stations, machines, and who held what, when.",
        help_epilogue="Exit status: 0 fine, 1 findings, 2 refused, 3 in doubt, 70 own fault, 130 interrupted.",
        version=_version,
        config=(check_arguments,),
        error_formatter=lambda error: f"passline: {_usage(error)}",
        help_on_error=False,
    )
    for position, command in enumerate(COMMANDS):
        app.command(command.target, name=command.name, help=command.help, sort_key=position)
    app.register_install_completion_command()
    return app


def main() -> None:
    """The entry point: run the command and end with its status; never show a traceback unless PASSLINE_DEBUG is set."""
    collect_seldom()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit status."""
    if (unknown := _unknown_command(arguments)) is not None:
        _say(unknown)
        return Exit.REFUSED
    try:
        status = build()(arguments, exit_on_error=False, result_action="return_value")
    except CycloptsError:
        return Exit.REFUSED
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError):
            return Exit.FINE  # a table's printer ends with 1 for it, which here means findings
        return ended.code if isinstance(ended.code, int) else Exit.FINE
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python must not complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FINE
    except Exception as error:  # noqa: BLE001 (the outermost boundary: people get a sentence, not a traceback)
        return _refused(error)
    return status if isinstance(status, int) else Exit.FINE


def _refused(error: Exception) -> int:
    """Say what happened and what to do next."""
    if os.environ.get(DEBUG):
        traceback.print_exception(error)
    exit_code = getattr(error, "exit_code", None)
    if exit_code is None and _is_ours(error):
        exit_code = Exit.REFUSED
    if isinstance(error, OSError) and error.errno in CLOSED and error.filename is not None:
        _say(f"{os.fsdecode(error.filename)} can't be used: {error.strerror}. Name another, or get the right to it.")
        return Exit.REFUSED
    if exit_code is None:
        _say(f"a fault in passline itself ({type(error).__name__}: {error}). Set {DEBUG}=1 to see where.")
        return Exit.UNEXPECTED
    _say(str(error))
    if next_step := getattr(error, "next_step", ""):
        _say(next_step)
    return int(exit_code)


def _is_ours(error: Exception) -> bool:
    """Typed refusals of the four packages; whatever else arrives here is a fault."""
    packages = {"flows", "stations", "devices", "handoff_logs"}
    return any(base.__module__.partition(".")[0] in packages for base in type(error).__mro__)


def _version() -> str:
    # Imported when asked for: it takes as long as everything else that --help needs.
    from importlib.metadata import version

    return version("passline")


def _unknown_command(arguments: list[str]) -> str | None:
    # Before the parser sees it: to suggest a near match it would import every command, and with them Prefect.
    if not arguments or arguments[0].startswith("-"):
        return None
    names = [command.name for command in COMMANDS]
    word = arguments[0]
    if word in names:
        return None
    word = _as_text(word, MOST_SAID)
    near = difflib.get_close_matches(word, names, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(names)}."
    return f"there is no command `{word}`; {hint}"


def _usage(error: CycloptsError) -> str:
    return f"{_as_text(str(error), MOST_SAID)} See `passline --help`, or `--help` after the command."


def _as_text(said: str, most: int) -> str:
    """What is said, which repeats what was typed or what a row holds: nothing that moves a cursor, and not for ever."""
    shown = "".join(one if one.isprintable() or one == "\n" else "\N{REPLACEMENT CHARACTER}" for one in said[:most])
    return shown if len(said) <= most else f"{shown}…"


def _say(sentence: str) -> None:
    sys.stderr.write(f"passline: {_as_text(sentence, MOST)}\n")
