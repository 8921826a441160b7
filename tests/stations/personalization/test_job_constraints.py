"""Each rule of the job table, tried in plain SQL: the database itself says no, whatever the program does."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from handoff_logs import log
from handoff_logs.errors import HandoffLogError
from handoff_logs.records import Birth, Kind, Outcome, new_id
from stations.trays import stamp

REFUSED = (DBAPIError, HandoffLogError)
COLUMNS = {
    "product": "'passport'",
    "attempt": "1",
    "previous_attempt": "NULL",
    "order_unit": "'order'",
    "machine": "'book-01'",
    "machine_serial": "'B1'",
    "journal_id": "'j'",
    "journal_position": "1",
    "fence": "1",
    "worker": "'w'",
    "state": "'INTENT'",
    "unfinished": "true",
    "live": "true",
    "intent_us": "1",
    "emulated": "true",
}
END_WELL = "state = 'RESULT', unfinished = false, outcome = 'good', document_unit = '{unit}'"
END_BADLY = "state = 'RESULT', unfinished = false, outcome = 'failed'"
END_VOID = "state = 'RESULT', unfinished = false, outcome = 'void', live = false"
FED = "state = 'FED', blank_serial = '{serial}', blank_unit = '{serial}'"


@pytest.fixture
def sql(line):
    """Runs one statement in a transaction of its own."""
    line.file(3)
    return lambda statement: line.database.write(lambda tx: tx.execute(text(statement)))


@pytest.fixture
def applications(line, sql):
    """Ids of applications on file."""
    return [row[0] for row in line.facts("SELECT application_id FROM application ORDER BY application_id")]


def job(name, application, **changes):
    """An INSERT of a job row."""
    values = {"job_id": f"'{name}'", "application_id": f"'{application}'", **COLUMNS, **changes}
    return f"INSERT INTO job ({', '.join(values)}) VALUES ({', '.join(values.values())})"


def change(name, what):
    """An UPDATE of a job row."""
    return f"UPDATE job SET {what} WHERE job_id = '{name}'"


def test_one_open_attempt(sql, applications):
    """A second attempt cannot be committed while the first has no outcome."""
    sql(job("a", applications[0]))
    with pytest.raises(REFUSED):
        sql(job("b", applications[0], attempt="2", previous_attempt="1"))


def test_one_live_document_per_application_and_product(sql, applications):
    """A second attempt cannot be committed while a document of the first may exist; it can when nothing was made."""
    for name, end in (("good", END_WELL.format(unit="d")), ("spoiled", END_BADLY)):
        application = applications.pop()
        sql(job(name, application))
        sql(change(name, FED.format(serial=name)))
        sql(change(name, end))
        with pytest.raises(REFUSED):
            sql(job("b", application, attempt="2", previous_attempt="1"))
    sql(job("nothing", applications[0]))
    sql(change("nothing", END_VOID))
    sql(job("b", applications[0], attempt="2", previous_attempt="1"))


@pytest.fixture
def blank(line):
    """A real blank at the vault, and what two people there do to it."""
    vault, unit = line.at("vault"), new_id()

    class Blank:
        unit_id = unit

        def void(self):
            line.database.write(lambda tx: log.void(tx, vault.party(), vault.people[1], [unit], "voided", stamp(vault)))

        def destroy(self):
            line.database.write(lambda tx: log.destroy(tx, vault.party(), vault.people[1], [unit], stamp(vault)))

        def lose(self):
            line.database.write(lambda tx: log.doubt(tx, vault.party(), [unit], "bench", stamp(vault)))
            line.database.write(
                lambda tx: log.settle(
                    tx, vault.party(), vault.people[1], [unit], Outcome.LOST, "bench", stamp(vault, reason="lost:torn")
                )
            )

    born = [Birth(unit, Kind.BLANK, "E1")]
    line.database.write(lambda tx: log.receive(tx, vault.party(), vault.people[1], born, "shelf", stamp(vault)))
    return Blank()


@pytest.mark.parametrize("acts", [("void",), ("void", "destroy"), ("lose",)], ids=" ".join)
def test_a_spoiled_blanks_job_lives_until_the_log_has_it_voided_or_lost(sql, applications, blank, acts):
    """Neither a line table's word nor a settlement that was never signed ends it."""
    sql(job("a", applications[0]))
    sql(change("a", f"state = 'FED', blank_serial = 'E1', blank_unit = '{blank.unit_id}'"))
    with pytest.raises(REFUSED, match="lives until"):
        sql(change("a", f"{END_BADLY}, live = false"))
    sql(change("a", END_BADLY))
    sql(f"UPDATE whereabouts SET state = 'void' WHERE unit_id = '{blank.unit_id}'")
    with pytest.raises(REFUSED, match="lives until"):
        sql(change("a", "live = false"))
    sql(f"UPDATE whereabouts SET state = 'held' WHERE unit_id = '{blank.unit_id}'")
    for act in acts:
        getattr(blank, act)()
    sql(change("a", "live = false"))
    sql(job("b", applications[0], attempt="2", previous_attempt="1"))


def test_no_job_is_replaced_by_changing_another(sql, applications, database_url):
    """Which SQLite would do without a word, and the other's application would be free to be made again."""
    how = "UPDATE OR REPLACE job" if database_url.startswith("sqlite") else "UPDATE job"
    sql(job("a", applications[0], document_number="'C1'"))
    sql(change("a", FED.format(serial="E1")))
    sql(job("b", applications[1]))
    for taken in ("blank_serial = 'E1', blank_unit = 'E1'", "document_number = 'C1'"):
        with pytest.raises(REFUSED):
            sql(change("b", taken).replace("UPDATE job", how))
    sql(change("a", END_WELL.format(unit="d")))
    with pytest.raises(REFUSED):
        sql(change("b", END_WELL.format(unit="d")).replace("UPDATE job", how))
    assert sql("SELECT count(*) FROM job").scalar() == 2


def test_attempts_are_unique_and_without_gaps(sql, applications):
    """The same attempt twice, or one whose predecessor does not exist, is refused."""
    sql(job("a", applications[0]))
    sql(change("a", END_VOID))
    for attempt, before in (("1", "NULL"), ("3", "2"), ("2", "NULL"), ("3", "1")):
        with pytest.raises(REFUSED):
            sql(job("b", applications[0], attempt=attempt, previous_attempt=before))
    sql(job("b", applications[0], attempt="2", previous_attempt="1"))


def test_a_blank_is_used_once_unless_it_came_back_unmarked(sql, applications):
    """Two jobs cannot have one blank; a blank that was returned may be drawn again."""
    sql(job("a", applications[0]))
    sql(job("b", applications[1]))
    sql(change("a", FED.format(serial="E1")))
    with pytest.raises(REFUSED):
        sql(change("b", FED.format(serial="E1")))
    sql(change("a", "state = 'RESULT', unfinished = false, outcome = 'returned', live = false"))
    sql(change("b", FED.format(serial="E1")))


def test_a_number_is_given_once(sql, applications):
    """Two jobs of a product cannot have one document number."""
    sql(job("a", applications[0], document_number="'C1'"))
    with pytest.raises(REFUSED):
        sql(job("b", applications[1], document_number="'C1'"))


@pytest.mark.parametrize(
    "illegal",
    [
        "state = 'STARTING'",
        "state = 'RELEASED', unfinished = false, outcome = 'void', live = false",
        "state = 'nonsense'",
        "state = 'RESULT'",
        "state = 'FED'",
        "unfinished = false",
        "live = false",
        "outcome = 'good'",
        "doubt = 'reason'",
        "settled_by = 'one', settled_second = 'one'",
        "application_id = 'other'",
        "journal_position = 2",
        "machine = 'book-02'",
    ],
)
def test_illegal_moves_and_rewritten_intents_are_refused(sql, applications, illegal):
    """Only the moves of `job_move` are possible, with the facts that they need, and an intent stays what it was."""
    sql(job("a", applications[0]))
    with pytest.raises(REFUSED):
        sql(change("a", illegal))


@pytest.mark.parametrize(
    "rewritten",
    ["blank_serial = 'E2', blank_unit = 'E2'", "outcome = 'failed'", "document_unit = 'e'", "state = 'FED'"],
)
def test_what_was_booked_is_not_rewritten(sql, applications, rewritten):
    """A blank, an outcome and a document stay with their job."""
    sql(job("a", applications[0]))
    sql(change("a", FED.format(serial="E1")))
    sql(change("a", END_WELL.format(unit="d")))
    with pytest.raises(REFUSED):
        sql(change("a", rewritten))


def test_a_job_that_ended_never_lives_again(sql, applications):
    sql(job("a", applications[0]))
    sql(change("a", END_VOID))
    with pytest.raises(REFUSED):
        sql(change("a", "live = true"))


def test_jobs_begin_as_intents_and_are_never_deleted_or_replaced(sql, applications, database_url):
    """A job row is a guard: it can neither appear with an outcome nor vanish."""
    with pytest.raises(REFUSED):
        sql(job("a", applications[0], state="'FED'", blank_serial="'E1'", blank_unit="'E1'"))
    sql(job("a", applications[0]))
    with pytest.raises(REFUSED):
        sql("DELETE FROM job")
    if database_url.startswith("sqlite"):
        with pytest.raises(REFUSED):
            sql(job("a", applications[0]).replace("INSERT", "INSERT OR REPLACE"))
    else:
        with pytest.raises(REFUSED):
            sql("TRUNCATE job CASCADE")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO job_move (before, after) VALUES ('INTENT', 'STARTING')",
        "UPDATE job_move SET after = 'STARTING'",
        "DELETE FROM job_move",
    ],
)
def test_legal_moves_change_by_migration_only(sql, statement):
    """The table of legal moves is read-only to the program."""
    with pytest.raises(REFUSED):
        sql(statement)


SPECIMEN = {"application_id": "NULL", "order_unit": "NULL", "live": "false", "specimen": "'set-up'"}
END_SPECIMEN = "state = 'RESULT', unfinished = false, outcome = 'specimen'"


def test_a_specimen_has_no_application_and_all_else_has_one(sql, applications):
    sql(job("a", "", **SPECIMEN))
    for changes in (
        {"application_id": f"'{applications[0]}'"},
        {"order_unit": "'order'"},
        {"specimen": "NULL"},
        {"specimen": "NULL", "live": "true"},
    ):
        with pytest.raises(REFUSED):
            sql(job("b", "", **{**SPECIMEN, "attempt": "2", "previous_attempt": "1", **changes}))


def test_a_specimen_is_never_live_never_a_document_and_bears_no_number_of_one(sql, applications):
    with pytest.raises(REFUSED):
        sql(job("a", "", **{**SPECIMEN, "live": "true"}))
    sql(job("a", "", **SPECIMEN))
    sql(change("a", FED.format(serial="E1")))
    for what in (
        "live = true",
        "document_number = 'E1'",
        END_WELL.format(unit="d"),
        "state = 'RESULT', unfinished = false, outcome = 'failed'",
        f"{END_SPECIMEN}, document_unit = 'd'",
    ):
        with pytest.raises(REFUSED):
            sql(change("a", what))
    sql(change("a", END_SPECIMEN))


def test_a_job_of_an_application_never_ends_or_becomes_a_specimen(sql, applications):
    sql(job("a", applications[0]))
    sql(job("b", "", **SPECIMEN))
    for name, what in (
        ("a", f"{END_SPECIMEN}, live = false"),
        ("a", "application_id = NULL, order_unit = NULL, live = false, specimen = 'set-up'"),
        ("b", f"application_id = '{applications[1]}', order_unit = 'order', specimen = NULL"),
        ("b", "specimen = 'other'"),
    ):
        with pytest.raises(REFUSED):
            sql(change(name, what))


def test_a_specimen_of_a_machine_is_counted_once(sql, applications):
    """Also by a statement that would put itself in the other's place."""
    sql(job("a", "", **SPECIMEN))
    with pytest.raises(REFUSED):
        sql(job("b", "", **SPECIMEN))


def test_a_specimens_blank_is_drawn_for_nothing_else(sql, applications):
    sql(job("a", "", **SPECIMEN))
    sql(change("a", FED.format(serial="E1")))
    sql(change("a", END_SPECIMEN))
    sql(job("b", applications[0]))
    with pytest.raises(REFUSED):
        sql(change("b", FED.format(serial="E1")))
