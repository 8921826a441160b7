"""What else of the same type a person has: asked of the database for many applications at once, on both databases."""

from datetime import date
from typing import Any

import filing
import pytest
from sqlalchemy import text

from stations.review import station as review
from stations.review.cases import NOTHING_ELSE, others_of
from stations.review.rules import EarlierDocument, Finding, Suggestion


class Keeping:
    """Passes everything, and keeps what the rules said of duplicates."""

    def __init__(self, reviewer: Any) -> None:
        self.reviewer, self.said = reviewer, dict[str, Finding]()

    def decide(self, case):
        self.said[case.application_id] = case.findings["application_duplicate"]
        return self.reviewer.decide(case)


def reviewed(line: Any) -> dict[str, Finding]:
    desk = Keeping(line.reviewer)
    for offer in line.waiting("review"):
        review.work_tray(line.at("review"), offer, desk)
    return desk.said


def sent(line: Any) -> None:
    """Let the documents of all that is on file be under way to their holders."""
    take_all(line, "dispatched")


def take_all(line: Any, state: str) -> None:
    """Take all that is on file to a state."""
    ids = [row[0] for row in line.facts("SELECT application_id FROM application")]
    line.database.write(lambda tx: filing.take(tx, ids, filing.WAYS[state]))


def changed(line: Any, statement: str) -> None:
    """Let what is on file have been filed otherwise."""

    def change(tx):
        with filing.unguarded(tx):
            tx.execute(text(statement))

    line.database.write(change)


def of_the_same_people(line: Any) -> list[str]:
    """Make the newest applications those of the persons before, for the same products; their ids."""
    rows = line.facts("SELECT application_id, accepted_us FROM application ORDER BY accepted_us, application_id")
    half = len(rows) // 2
    pairs = [(old[0], new[0]) for old, new in zip(rows[:half], rows[half:], strict=True)]

    def take_over(tx):
        with filing.unguarded(tx):
            for old, new in pairs:
                tx.execute(
                    text(
                        "UPDATE application SET"
                        " person_key = (SELECT person_key FROM application WHERE application_id = :old),"
                        " product = (SELECT product FROM application WHERE application_id = :old)"
                        " WHERE application_id = :new"
                    ),
                    {"old": old, "new": new},
                )

    line.database.write(take_over)
    return [new for _, new in pairs]


@pytest.mark.parametrize(("year", "expected"), [(2024, Suggestion.SUSPECT), (2000, Suggestion.PASS)])
def test_an_earlier_document_is_found_by_its_person_and_type(line, year, expected):
    """A valid one is suspected, one that ran out is not."""
    line.file(6, day=date(year, 9, 1), seed=1)
    sent(line)
    line.file(6, seed=2)
    ids = of_the_same_people(line)
    said = reviewed(line)
    assert {said[each].suggestion for each in ids} == {expected}
    if expected is Suggestion.SUSPECT:
        assert {said[each].reason for each in ids} == {"application_duplicate_document"}


def test_the_day_of_issue_is_that_of_acceptance_in_china(line):
    """As it is printed."""
    line.file(2, day=date(2024, 9, 1), seed=1)
    sent(line)
    line.file(2, seed=2)
    ids = of_the_same_people(line)
    with line.database.read() as conn:
        found = others_of(conn, ids)
    assert {each: others.documents for each, others in found.items()} == dict.fromkeys(
        ids, (EarlierDocument(date(2024, 9, 1)),)
    )


def test_documents_of_other_people_and_returned_applications_don_t_count(line):
    line.file(6, day=date(2024, 9, 1), seed=1)
    take_all(line, "returned")
    line.file(6, seed=2)
    of_the_same_people(line)
    assert {found.suggestion for found in reviewed(line).values()} == {Suggestion.PASS}


def test_documents_of_another_type_don_t_count(line):
    """A person may have one of each of the three."""
    line.file(6, day=date(2024, 9, 1), seed=1)
    sent(line)
    line.file(6, seed=2)
    ids = of_the_same_people(line)
    changed(
        line,
        "UPDATE application SET product = CASE product WHEN 'passport' THEN 'taiwan_permit' ELSE 'passport' END"
        " WHERE state = 'dispatched'",
    )
    said = reviewed(line)
    assert {said[each].suggestion for each in ids} == {Suggestion.PASS}


def test_a_second_live_application_is_seen_even_where_the_database_lost_its_guard(line):
    """Rule 1: whoever dropped the index still meets a reviewer."""
    line.file(4)
    line.database.write(lambda tx: tx.execute(text("DROP INDEX uq_application_person_live")))
    changed(line, "UPDATE application SET person_key = (SELECT min(person_key) FROM application), product = 'passport'")
    said = reviewed(line)
    assert {found.reason for found in said.values()} == {"application_duplicate_application"}


def test_many_applications_are_asked_for_at_once(line):
    """One statement a portion, never one an application."""
    line.file(40, day=date(2024, 9, 1), seed=1)
    sent(line)
    line.file(40, seed=2)
    ids = of_the_same_people(line)
    with line.database.read() as conn:
        assert len(others_of(conn, ids)) == 40
        assert others_of(conn, []) == {}
        assert others_of(conn, ["0" * 32]).get("0" * 32, NOTHING_ELSE) == NOTHING_ELSE
