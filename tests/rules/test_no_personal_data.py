"""Rule 6: no personal data in handoff records, flow parameters, run names, artifacts, program logs, traces, captures.

| face | tried here | tried elsewhere |
| --- | --- | --- |
| direct function | a name where a code belongs, in each word of a record | `test_program_log` (what may be logged), `test_personal`, `test_erasing` |
| plain SQL | what documents left in the log from intake to the offer to packing | `test_a_shift_from_opening_to_closing` (each table, file and Prefect's database of a whole shift), `test_database_roles` (auditors' rights) |
| command | a sentence for a reason; what a refusal repeats | `test_applications_commands`, `test_sign_in_commands`, `test_line_commands` (a production machine's bytes) |
| page | no page of a line names whoever applied | `test_app` (a refused sign-in), `test_patrol_pages` (photographs) |
| two processes | - : nothing is checked against another process | - |
"""  # noqa: E501

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.errors import Exit
from handoff_logs import log
from handoff_logs.errors import FreeTextError
from handoff_logs.records import Birth, Kind, Party, new_id
from stations.review import station as review

NAME = "李晓明"
SENTENCE = "withdrawn by Li Xiaoming"
PAGES = ("/", "/shifts", "/queues", "/integrity", "/questions", "/climate", "/board", "/alarms")


@pytest.mark.parametrize("words", [NAME, SENTENCE])
@pytest.mark.parametrize("field", ["reason", "place", "person", "second_person", "corrects_value"])
def test_a_name_or_sentence_is_no_word_of_a_record_called_directly(centre: Any, field: str, words: str) -> None:
    """Nothing is written, and the refusal does not repeat it."""
    by = Party("review", words if field == "person" else "review-1", "day")
    place = words if field == "place" else "in"
    stamp = centre.stamp(reason=words if field == "reason" else None)
    first = centre.offer(centre.orders(1)).event_id
    second = words if field == "second_person" else "review-2"

    def write(tx: Any) -> object:
        if field == "corrects_value":
            return log.correct(tx, by, first, "reason", words, stamp)
        return log.receive(tx, by, second, [Birth(new_id(), Kind.BLANK)], place, stamp)

    with pytest.raises(FreeTextError) as refused:
        centre.do(write)
    assert words not in str(refused.value)
    assert words not in repr(refused.value.args)


def named(batch: Path) -> set[str]:
    """Every word of a batch's applicants that is longer than a code of one letter, and their application numbers."""
    records = [json.loads(line) for line in (batch / "applications.jsonl").read_text("utf-8").splitlines()]
    words = {word for record in records for word in _words(record["applicant"])}
    return {word for word in words | {record["number"] for record in records} if len(word) > 3}


def _words(facts: dict[str, Any]) -> Iterator[str]:
    for value in facts.values():
        if isinstance(value, dict):
            yield from _words(value)
        elif isinstance(value, str):
            yield value


def test_documents_leave_nobodys_name_in_the_log_in_plain_sql(line: Any) -> None:
    """Every column of every record of their way so far."""
    line.file(4)
    for offer in line.waiting("review"):
        review.work_tray(line.at("review"), offer, line.reviewer)
    line.make_documents()
    words = named(line.folder / "batch-1")
    assert len(words) > 20
    for table in ("custody_event", "custody_unit", "custody_case", "custody_register", "whereabouts", "open_offer"):
        rows = [[str(value) for value in row] for row in line.facts(f"SELECT * FROM {table}")]
        found = {word for row in rows for value in row for word in words if word in value}
        assert found == set(), table


def test_a_sentence_is_no_reason_of_a_command(house: Any, people: Any) -> None:
    """It would be kept for good; the refusal does not repeat it."""
    (number,) = {row["number"] for row in house.rows(NUMBERS)[:1]}
    stops = "SELECT count(*) AS stops FROM application_stop"
    before = house.records(), house.rows(stops)
    done = house.do("applications", "stop", number, "--reason", SENTENCE, signed=(people["lead"],))
    assert done.returncode == Exit.REFUSED
    assert (house.records(), house.rows(stops)) == before


NUMBERS = "SELECT n.number FROM application a JOIN unit_number n ON n.unit_id = a.order_unit ORDER BY a.application_id"


def test_no_page_names_whoever_applied(house: Any) -> None:
    words = named(house.folder.path.with_name("batch"))
    with house.pages("lead") as client:
        for address in PAGES:
            page = client.get(address)
            assert page.status_code in (200, 404), address
            assert [word for word in words if word in page.text] == [], address
