"""Rule 1: an application never has two live documents, after whatever; nor a person two live applications of one type.

| face | tried here | tried elsewhere |
| --- | --- | --- |
| direct function | an order that became a document; an order that was drawn | `test_production`, `test_settlement`, `crash/test_every_commit` and `test_kill_and_resume` (any crash), `test_load` (one person, one batch twice), `mailing/test_returns` (made again after a return: once, and never beside a newer one) |
| plain SQL | a job forged dead, at the line and outside; an application that was dispatched | `test_job_constraints`, `test_load` (a second live application), `mailing/test_returns` (dispatched, and not come back), `test_illegal_custody` (transforming conserves, numbers once) |
| command | one batch loaded by two processes at once | `intake/test_cli`, `test_settle_command` |
| page | no page of the auditors and leads makes, voids or files anything | `test_app` (which pages take a form), `test_qc_pages` (a void signed once, whatever is sent again), `test_mailing_pages` (sent again after a return) |
| two processes | drawing, transforming, intents and filings in plain SQL, at the same instant | `test_load`, `test_production` (threads) |
"""  # noqa: E501

from collections.abc import Callable
from typing import Any

import pytest
from at_once import DONE, draw, plain, transform
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from flows.errors import Exit
from handoff_logs import log
from handoff_logs.errors import HandoffLogError, IllegalMoveError
from handoff_logs.records import Birth, Kind, new_id
from stations.intake.generator.defects import Shares
from stations.personalization import station as personalization
from stations.review import station as review
from stations.trays import stamp

Together = Callable[..., list[str]]
PASSPORTS = Shares(hk_macau_permit=0, taiwan_permit=0, emergencies=0, expedited=0, intake_defects=0, review_defects=0)
INTENT = (
    "INSERT INTO job (job_id, application_id, product, attempt, previous_attempt, order_unit, machine, machine_serial,"
    " journal_id, journal_position, fence, worker, state, unfinished, live, intent_us, emulated)"
    " SELECT :job, application_id, product, :attempt, :before, order_unit, :job, 'S', :job, 1, 1, 'w', 'INTENT', TRUE,"
    " TRUE, 1, TRUE FROM application WHERE application_id = :id"
)
TWIN = (
    "INSERT INTO application SELECT {columns} FROM application WHERE application_id = (SELECT min(application_id) FROM"
    " application)"
)


@pytest.fixture
def ordered(line: Any) -> Any:
    """A line with two passports whose orders wait for a machine."""
    line.shares = PASSPORTS
    line.file(2)
    for offer in line.waiting("review"):
        review.work_tray(line.at("review"), offer, line.reviewer)
    for offer in line.waiting("personalization"):
        personalization.accept_tray(line.at("personalization"), offer)
    return line


@pytest.fixture
def made(line: Any) -> Any:
    """A line with one passport that was made."""
    line.shares = PASSPORTS
    line.file(1)
    for offer in line.waiting("review"):
        review.work_tray(line.at("review"), offer, line.reviewer)
    line.make_documents()
    return line


def dispatched(line: Any) -> None:
    """Hand the document that waits for QC to the carrier."""
    [(unit, handoff)] = line.facts("SELECT unit_id, handoff_id FROM whereabouts WHERE kind = 'document'")
    qc, carrier = line.at("qc"), line.at("carrier")
    write = line.database.write
    write(lambda tx: log.accept(tx, qc.party(), handoff, [unit], "in", stamp(qc)))
    onward = write(lambda tx: log.offer(tx, qc.party(), "in", "carrier", [unit], priority=2, stamp=stamp(qc)))
    write(lambda tx: log.accept(tx, carrier.party(), onward.handoff_id, [unit], "van", stamp(carrier)))
    assert line.facts("SELECT state FROM whereabouts WHERE kind = 'document'") == [("outside",)]


def attempt(application: str, job: str = "b", number: int = 2, before: int | None = 1) -> dict[str, Any]:
    return {"job": job, "id": application, "attempt": number, "before": before}


def test_an_order_that_became_a_document_becomes_no_second_one_called_directly(centre: Any) -> None:
    (order,), blanks = centre.orders(1), centre.blanks(2)
    centre.transform("review", order, blanks[0], Birth(new_id(), Kind.DOCUMENT, "E1"))
    with pytest.raises(IllegalMoveError) as refused:
        centre.transform("review", order, blanks[1], Birth(new_id(), Kind.DOCUMENT, "E2"))
    assert (refused.value.unit_id, refused.value.state) == (order, "ended")
    assert centre.states(blanks[1:]) == [("held", "review")]


@pytest.mark.parametrize("way", ["made", "outside"])
def test_a_job_of_a_document_is_not_forged_dead_in_plain_sql(made: Any, way: str) -> None:
    """Also when a line table says that it was voided, and when the carrier has it: it lives until it is cancelled."""
    if way == "outside":
        dispatched(made)
    else:
        plain(made.database, "UPDATE whereabouts SET state = 'void' WHERE kind = 'document'", {})
    for statement in (
        "UPDATE job SET live = FALSE",
        "DELETE FROM job",
        "UPDATE job SET outcome = 'failed', live = FALSE",
    ):
        with pytest.raises(DBAPIError, match="job: "):
            plain(made.database, statement, {})
    [(application,)] = made.facts("SELECT application_id FROM application")
    with pytest.raises((DBAPIError, HandoffLogError)):
        plain(made.database, INTENT, attempt(application))
    if way == "made":
        plain(made.database, "UPDATE whereabouts SET state = 'offered' WHERE kind = 'document'", {})


def test_an_order_that_became_a_document_becomes_no_second_one_by_who_writes_the_log(made: Any) -> None:
    """Whoever can write all tables meets the log, where the order has ended."""
    [(order, person)] = made.facts(
        "SELECT j.order_unit, w.person FROM job j JOIN whereabouts w ON w.unit_id = j.order_unit"
    )
    birth = Birth(new_id(), Kind.DOCUMENT, "E9")
    with pytest.raises(HandoffLogError):
        transform(made.database, "personalization", person, order, order, birth)
    assert made.facts("SELECT count(*) FROM whereabouts WHERE kind = 'document'") == [(1,)]


def test_an_application_that_was_dispatched_is_made_no_second_time_in_plain_sql(made: Any) -> None:
    """Its document lives outside, also when it is lost there: a new application is a new document's."""
    made.database.write(lambda tx: tx.execute(text("UPDATE application SET state = 'dispatched', live = FALSE")))
    [(application,)] = made.facts("SELECT application_id FROM application")
    with pytest.raises((DBAPIError, HandoffLogError)):
        plain(made.database, INTENT, attempt(application))
    assert made.facts("SELECT count(*) FROM job") == [(1,)]


def test_of_three_machines_that_draw_two_orders_at_the_same_instant_none_has_anothers(
    ordered: Any, together: Together
) -> None:
    """Each machine in a process of its own; who is refused finds nothing half done."""
    told = together(*[(draw, (machine, ("passport",))) for machine in ("book-01", "book-02", "book-03")])
    assert 1 <= told.count(DONE) <= 2
    drawn = ordered.facts("SELECT application_id, count(*) FROM job GROUP BY application_id")
    assert [count for _, count in drawn] == [1] * told.count(DONE)
    assert ordered.states().get("in_production") == told.count(DONE)


def test_of_two_intents_for_one_application_at_the_same_instant_one_is_kept(ordered: Any, together: Together) -> None:
    """Plain SQL from two processes, past leases and states."""
    [(application,), _] = ordered.facts("SELECT application_id FROM application ORDER BY 1")
    told = together(*[(plain, (INTENT, attempt(application, name, 1, None))) for name in ("a", "b")])
    assert told.count(DONE) == 1
    assert ordered.facts("SELECT count(*) FROM job") == [(1,)]


def test_of_two_documents_made_of_one_order_at_the_same_instant_one_is_born(centre: Any, together: Together) -> None:
    """The other's blank stays whole."""
    (order,), blanks = centre.orders(1), centre.blanks(2)
    births = [Birth(new_id(), Kind.DOCUMENT, number) for number in ("E1", "E2")]
    told = together(
        *[(transform, ("review", "review-1", order, blank, birth)) for blank, birth in zip(blanks, births, strict=True)]
    )
    assert told.count(DONE) == 1
    assert sorted(state for state, _ in centre.states(blanks)) == ["ended", "held"]


def test_of_two_filings_of_one_person_at_the_same_instant_one_lives(line: Any, together: Together) -> None:
    """Plain SQL from two processes: what a person already has is not filed beside it, whatever number it bears."""
    line.shares = PASSPORTS
    line.file(1)
    names = [row[0] for row in line.facts(COLUMNS[line.database.write(lambda tx: tx.dialect.name)])]
    line.database.write(lambda tx: tx.execute(text("UPDATE application SET state = 'returned', live = FALSE")))
    new = {"application_id": ":id", "order_unit": ":id", "application_key": ":id", "state": "'waiting'", "live": "TRUE"}
    statement = TWIN.format(columns=", ".join(new.get(name, name) for name in names))
    told = together(*[(plain, (statement, {"id": name})) for name in ("a", "b")])
    assert told.count(DONE) == 1
    assert line.facts("SELECT count(*) FROM application WHERE live") == [(1,)]


COLUMNS = {
    "sqlite": "SELECT name FROM pragma_table_info('application') ORDER BY cid",
    "postgresql": "SELECT column_name FROM information_schema.columns WHERE table_name = 'application'"
    " ORDER BY ordinal_position",
}


def test_of_two_commands_that_load_one_batch_at_once_nothing_is_filed_twice(house: Any) -> None:
    """It was loaded before; a replayed batch is the same batch."""
    batch = str(house.folder.path.with_name("batch"))
    ended = house.at_once((("intake", "load", batch), ()), (("intake", "load", batch), ()))
    assert Exit.FINE in ended
    filed = "SELECT count(*) AS filed, count(DISTINCT person_key) AS people FROM application"
    assert house.rows(filed) == [{"filed": 3, "people": 3}]


def test_no_page_files_or_makes_anything(house: Any) -> None:
    before = house.records()
    with house.pages("lead") as client:
        for address in ("/intake", "/applications", "/jobs", "/custody", "/"):
            assert client.post(address, data={"number": "JN1"}).status_code in (404, 405)
    assert house.records() == before
