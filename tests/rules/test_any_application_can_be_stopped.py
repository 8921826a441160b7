"""Rule 8: any application can be stopped at any time, which every draw, start, offer and dispatch asks in its own
transaction; stopped units are released or voided by two people; a document lost outside is never remade.

| face | tried here | tried elsewhere |
| --- | --- | --- |
| direct function | what was dispatched goes nowhere again | `test_stops`, `stopping/test_stopping`, `test_review_station`, `test_production` (draw, start, offer), `test_qc_station`, `test_packing_station`, `test_mailing_station` (offer, dispatch), `mailing/test_returns` (sent again), `mailing/test_deliveries` (lost) |
| plain SQL | a second stop; an end by one person | `test_stops` |
| command | one number stopped by two processes; one who releases alone | `test_applications_commands` |
| page | none stops or releases | `test_app` (which pages take a form), `test_qc_pages` (a stopped piece is not decided), `test_packing_in_browser` (taken out) |
| two processes | stops and draws of the same orders at the same instant; two stops of one | `test_stopping` (threads) |
"""  # noqa: E501

from collections.abc import Callable
from typing import Any

import pytest
from at_once import DONE, draw, plain, stop_one
from sqlalchemy import text

from flows.errors import Exit
from stations.errors import ApplicationStateError
from stations.intake.generator.defects import Shares
from stations.intake.states import advance
from stations.intake.station import stop
from stations.intake.tables import ApplicationState
from stations.personalization import station as personalization
from stations.review import station as review

Together = Callable[..., list[str]]
PASSPORTS = Shares(hk_macau_permit=0, taiwan_permit=0, emergencies=0, expedited=0, intake_defects=0, review_defects=0)
END = (
    "UPDATE application_stop SET outcome = 'released', ended_by = :first, ended_second = :second, ended_us = 2"
    " WHERE outcome IS NULL"
)


@pytest.fixture
def ordered(line: Any) -> Any:
    """A line with three passports whose orders wait for a machine."""
    line.shares = PASSPORTS
    line.file(3)
    for offer in line.waiting("review"):
        review.work_tray(line.at("review"), offer, line.reviewer)
    for offer in line.waiting("personalization"):
        personalization.accept_tray(line.at("personalization"), offer)
    return line


def test_what_was_dispatched_is_neither_made_again_nor_stopped_called_directly(ordered: Any) -> None:
    """Also when it is lost outside: there is no way back from there."""
    [(application,), *_] = ordered.facts("SELECT application_id FROM application ORDER BY 1")
    write = ordered.database.write
    for before, after in (("passed", "in_production"), ("in_production", "dispatched")):
        write(lambda tx, b=before, a=after: advance(tx, [application], ApplicationState(b), ApplicationState(a)))
    for state in ApplicationState:
        with pytest.raises((ValueError, ApplicationStateError)):
            write(lambda tx, state=state: advance(tx, [application], ApplicationState.DISPATCHED, state))
    with pytest.raises(ApplicationStateError):
        write(lambda tx: stop(tx, application, "e-lead-1", "lost", 1))


def test_a_stop_is_neither_doubled_nor_ended_by_one_in_plain_sql(ordered: Any) -> None:
    [(application,), *_] = ordered.facts("SELECT application_id FROM application ORDER BY 1")
    ordered.stop(application)
    again = (
        "INSERT INTO application_stop (stop_id, application_id, reason, state_before, stopped_by, stopped_us)"
        " VALUES ('x', :id, 'alert', 'passed', 'p-0301', 1)"
    )
    for statement, facts in (
        (again, {"id": application}),
        (END, {"first": "p-0301", "second": "p-0301"}),
        (END, {"first": "p-0301", "second": None}),
    ):
        with pytest.raises(Exception, match=r"(?i)constraint|begins open"):
            plain(ordered.database, statement, facts)
    assert ordered.facts("SELECT count(*) FROM application_stop WHERE outcome IS NULL") == [(1,)]


def test_of_stops_and_draws_at_the_same_instant_nothing_stopped_is_drawn(ordered: Any, together: Together) -> None:
    """Two machines draw while two leads stop what they would draw: what was stopped first is in no machine."""
    stopped = [row[0] for row in ordered.facts("SELECT application_id FROM application ORDER BY 1 LIMIT 2")]
    told = together(
        *[(draw, (machine, ("passport",))) for machine in ("book-01", "book-02")],
        *[(stop_one, (application, "e-lead-1")) for application in stopped],
    )
    assert told[2:] == [DONE, DONE]
    found = ordered.facts(
        "SELECT s.state_before, count(j.job_id) FROM application_stop s LEFT JOIN job j"
        " ON j.application_id = s.application_id GROUP BY s.stop_id, s.state_before"
    )
    assert {(before, jobs) for before, jobs in found} <= {("passed", 0), ("in_production", 1)}
    assert ordered.states()["stopped"] == 2
    assert told[:2].count(DONE) == ordered.facts("SELECT count(*) FROM job")[0][0]


def test_of_two_leads_who_stop_one_at_the_same_instant_one_is_told(ordered: Any, together: Together) -> None:
    [(application,), *_] = ordered.facts("SELECT application_id FROM application ORDER BY 1")
    told = together(*[(stop_one, (application, lead)) for lead in ("e-lead-1", "e-lead-2")])
    assert sorted(told) == ["ApplicationStateError", DONE]
    assert ordered.facts("SELECT count(*) FROM application_stop") == [(1,)]
    ordered.database.write(lambda tx: tx.execute(text(END), {"first": "e-lead-1", "second": "e-lead-2"}))


def test_of_two_commands_that_stop_one_at_once_one_does_and_nobody_releases_it_alone(house: Any, people: Any) -> None:
    """Then two leads release it, each by their own password."""
    number = house.rows(
        "SELECT n.number FROM application a JOIN unit_number n ON n.unit_id = a.order_unit ORDER BY a.application_id"
    )[0]["number"]
    stopping = ("applications", "stop", number, "--reason", "withdrawn")
    leads = people["lead"], people["other lead"]
    ended = house.at_once(*[(stopping, (lead,)) for lead in leads])
    assert sorted(ended) == [Exit.FINE, Exit.REFUSED]
    releasing = ("applications", "release", number)
    assert house.do(*releasing, signed=(leads[0], leads[0])).returncode == Exit.REFUSED
    assert len(house.rows("SELECT * FROM application_stop WHERE outcome IS NULL")) == 1
    assert house.do(*releasing, signed=leads).returncode == Exit.FINE
    [stop_] = house.rows("SELECT outcome, ended_by, ended_second FROM application_stop")
    assert (stop_["outcome"], {stop_["ended_by"], stop_["ended_second"]}) == ("released", {"p-0301", "p-0302"})


def test_no_page_stops_or_releases(house: Any) -> None:
    before = house.rows("SELECT * FROM application_stop")
    with house.pages("lead") as client:
        for address in ("/applications/stop", "/applications/release", "/applications/end"):
            assert client.post(address, data={"number": "JN1"}).status_code in (404, 405)
    assert house.rows("SELECT * FROM application_stop") == before
