"""`passline review`: what is looked at on every application, and the list of persons whose applications wait."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from cyclopts import App, Parameter

from flows.errors import Exit
from flows.item_tables import ItemOutput, ItemTable, PrintedItem
from flows.run_folder import RunFolder
from handoff_logs.sheets import write_rows
from stations.people import Role
from stations.people_register.asking import Asking, PasswordsFrom
from stations.review.items import ITEMS, REASONS, ReviewItem
from stations.review.words import SHOWN

if TYPE_CHECKING:
    from stations.review.questions import Question

app = App(name="review", help="What is looked at on every application; the hold list; questions to applicants.")
hold_list_app = App(name="hold-list", help="Persons whose applications wait: set the list, see which is in force.")
app.command(hold_list_app)
answers_app = App(name="answers", help="What offices answer to the questions of holds.")
app.command(answers_app)

Directory = Annotated[Path, Parameter("--dir", help="The run's folder.")]
HERE: Final = Path(".passline")
QUESTION_COLUMNS: Final = (
    *("question", "office", "number", "revision", "product", "asked", "reasons"),
    "sent_before",
)


@app.command(name="items")
def items_command(*, output: ItemOutput = "table") -> int:
    """Print every review item: its question, what the desk shows for it, if a rule looks at it, its reason codes."""
    item_table().show(output, [_as_json(item) for item in ITEMS.values()])
    return Exit.FINE


def item_table() -> ItemTable:
    """The review items, as they are printed."""
    return ItemTable("rule", "reason", "reason", [_printed(item) for item in ITEMS.values()])


@hold_list_app.command(name="set")
def set_command(
    file: Annotated[Path, Parameter(help="Resident ID numbers, one a line; what follows a # is passed over.")],
    /,
    *,
    by: Annotated[str | None, Parameter("--by", help="Code of the lead who sets it; asked if left out.")] = None,
    directory: Directory = HERE,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Let a file's persons be the hold list, in place of the one before. A lead signs in; the log records which.

    Nothing of the file is kept but keyed hashes. A line that is no resident ID number refuses the whole file. An empty
    file is an empty list.
    """
    from flows.two_hands import as_one, workplace_of
    from handoff_logs import register
    from handoff_logs.log import Stamp
    from stations.review import hold_list

    folder = RunFolder(directory)
    lines = hold_list.lines_of(file)
    with workplace_of(folder, "review") as here:
        keys = hold_list.keys_of(lines, here.personal)
        lead = as_one(here, Asking(passwords_from), by, hold_list.KEEPERS)
        written = hold_list.write(folder.hold_lists, keys)
        person = lead.people[0]
        party = register.administration(person, lead.sign_ins[person])
        database = here.database
        before = database.write(
            lambda tx: hold_list.put_in_force(tx, party, written, Stamp(database.clock_us(tx), here.emulated))
        )
        if before is not None and before != written:
            hold_list.remove(folder.hold_lists, before)
        mark = "EMULATED line: " if here.emulated else ""
    recorded = "was in force already" if before == written else "is in force and recorded"
    sys.stdout.write(f"{mark}the hold list of {_persons(written.count)} {recorded} ({written.sha256[:12]})\n")
    return Exit.FINE


@hold_list_app.command(name="show")
def show_command(
    *,
    directory: Directory = HERE,
    output: Annotated[Literal["table", "json"], Parameter(help="How to print it.")] = "table",
) -> int:
    """Say which hold list is in force, and how many persons are on it; ends with 1 where its file is another."""
    from flows.two_hands import workplace_of
    from stations.review import hold_list
    from stations.review.errors import HoldListDiffersError

    folder = RunFolder(directory)
    with workplace_of(folder, "review") as here:
        with here.database.read() as conn:
            listed = hold_list.in_force(conn)
        emulated, whole = here.emulated, True
        try:
            if listed is not None:
                hold_list.persons(folder.hold_lists, listed)
        except HoldListDiffersError as error:
            whole = False
            sys.stderr.write(f"passline: {error}\n")
    told: dict[str, Any] = {"emulated": emulated, "set": listed is not None}
    if listed is not None:
        told |= {"sha256": listed.sha256, "persons": listed.count, "as_recorded": whole}
    if output == "json":
        sys.stdout.write(json.dumps(told) + "\n")
    else:
        mark = "EMULATED line: " if emulated else ""
        said = "no hold list was ever set"
        if listed is not None:
            file = "as recorded" if whole else "not the recorded one"
            said = f"a hold list of {_persons(listed.count)} is in force ({listed.sha256[:12]}); its file is {file}"
        sys.stdout.write(f"{mark}{said}\n")
    return Exit.FINE if whole else Exit.FINDINGS


@app.command(name="questions")
def questions_command(
    *,
    office: Annotated[str, Parameter(help="The accepting office, by its code.")],
    output: Annotated[Literal["table", "json", "csv"], Parameter(help="How to print them.")] = "table",
    by: Annotated[str | None, Parameter("--by", help="Code of the clerk or lead who sends them.")] = None,
    directory: Directory = HERE,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Print what an office is to ask its applicants: each application that is held, and its reasons.

    A clerk or lead signs in, and that they were sent is recorded; asked again, they are printed again. Answers come
    back as JSON Lines: `passline review answers load FILE`.
    """
    from flows.two_hands import as_one, workplace_of
    from stations.by import By
    from stations.review import questions

    with workplace_of(RunFolder(directory), "review") as here:
        hand = as_one(here, Asking(passwords_from), by, _askers())
        code = hand.people[0]
        asked = questions.ask(hand, By(code, hand.sign_ins[code]), office)
        emulated = here.emulated
    rows = [_question(each) for each in asked]
    match output:
        case "json":
            sys.stdout.write(json.dumps(rows, ensure_ascii=False, indent=2) + "\n")
        case "csv":
            write_rows(QUESTION_COLUMNS, ({**row, "reasons": " ".join(row["reasons"])} for row in rows))
        case "table":
            for row in rows:
                sys.stdout.write(f"{row['number']}  revision {row['revision']}  {row['product']}  {row['asked']}\n")
                sys.stdout.write(f"    {row['question']}\n")
                for code in row["reasons"]:
                    sys.stdout.write(f"    {code}  {REASONS[code].english} {REASONS[code].chinese}\n")
    mark = "EMULATED line: " if emulated else ""
    count = "1 question" if len(rows) == 1 else f"{len(rows)} questions"
    sys.stderr.write(f"{mark}{count} for {office}; that they were sent is recorded\n")
    return Exit.FINE


@answers_app.command(name="load")
def load_answers_command(
    file: Annotated[Path, Parameter(help="JSON Lines: question, office, answers, answered_on.")],
    /,
    *,
    output: Annotated[Literal["table", "json"], Parameter(help="How to print what became of it.")] = "table",
    by: Annotated[str | None, Parameter("--by", help="Code of the clerk or lead who loads them.")] = None,
    directory: Directory = HERE,
    passwords_from: PasswordsFrom = None,
) -> int:
    """Load what an office answered: those applications are reviewed again, by another than who held them.

    A clerk or lead signs in. Bad lines are set aside with their line and reason, and it ends with 1; the others are
    taken. Loading a file again changes nothing.
    """
    from flows.configuration import read_settings
    from flows.two_hands import as_one, workplace_of
    from stations.by import By
    from stations.intake.deadline_changes import in_force
    from stations.review import answers
    from stations.trays import TimeNodes

    lines = answers.lines_of(file)
    folder = RunFolder(directory)
    with workplace_of(folder, "review") as here:
        hand = as_one(here, Asking(passwords_from), by, _askers())
        code = hand.people[0]
        with here.database.read() as conn:
            calendar = in_force(conn)
        nodes = TimeNodes(calendar, read_settings(folder).allowances.by_class())
        loaded = answers.load(hand, By(code, hand.sign_ins[code]), lines, nodes)
        emulated = here.emulated
    if output == "json":
        aside = [{"line": each.line, "reason": each.reason.value} for each in loaded.set_aside]
        told = {"emulated": emulated, "answered": loaded.answered, "repeated": loaded.repeated, "trays": loaded.trays}
        sys.stdout.write(json.dumps({**told, "set_aside": aside}) + "\n")
    else:
        mark = "EMULATED line: " if emulated else ""
        sys.stdout.write(f"{mark}answered {loaded.answered}, on record before {loaded.repeated}, ")
        sys.stdout.write(f"set aside {len(loaded.set_aside)}; back to review in {loaded.trays} trays\n")
        for each in loaded.set_aside:
            sys.stdout.write(f"  line {each.line} {answers.ASIDE_WORDS[each.reason]} ({each.reason})\n")
    return Exit.FINDINGS if loaded.set_aside else Exit.FINE


def _askers() -> tuple[Role, ...]:
    return (Role.CLERK, Role.LEAD)


def _question(question: "Question") -> dict[str, Any]:
    from stations.calendar import CHINA, from_us

    asked = from_us(question.asked_us).astimezone(CHINA).isoformat(timespec="minutes")
    values = (question.question, question.office, question.number, question.revision, question.product, asked)
    return dict(zip(QUESTION_COLUMNS, (*values, list(question.reasons), question.sent_before), strict=True))


def _persons(count: int) -> str:
    return "1 person" if count == 1 else f"{count} persons"


def _printed(item: ReviewItem) -> PrintedItem:
    return PrintedItem(
        item.code,
        item.question,
        item.question_zh,
        *SHOWN[item.shows],
        shown_as=item.shows.value,
        automatic=item.automatic,
        ends=_outcome(item),
        codes=item.reasons,
    )


def _outcome(item: ReviewItem) -> str:
    return "hold" if item.asks else "return"


def _as_json(item: ReviewItem) -> dict[str, Any]:
    return {
        "code": item.code,
        "id": item.id,
        "group": item.group.value,
        "question": item.question,
        "question_zh": item.question_zh,
        "shows": item.shows.value,
        "shown": SHOWN[item.shows].english,
        "shown_zh": SHOWN[item.shows].chinese,
        "automatic": item.automatic,
        "outcome": _outcome(item),
        "reasons": [reason._asdict() for reason in item.reasons],
    }
