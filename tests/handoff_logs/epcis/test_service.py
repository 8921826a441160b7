"""The query interface answers readers with a token, records every look-up, and nothing else."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import structlog
from sqlalchemy import text
from structlog.testing import LogCapture

from handoff_logs.epcis import service
from handoff_logs.epcis.identifiers import Identifiers
from handoff_logs.epcis.parameters import FILTERS
from handoff_logs.epcis.readers import Readers
from handoff_logs.epcis.rules import misshapen, misshapen_document
from handoff_logs.epcis.search import Question
from handoff_logs.records import new_id

PATH = "/epcis/v2/events"


class Client:
    """A reader with its token."""

    def __init__(self, http: httpx.Client, readers: Readers) -> None:
        self.name = f"reader-{new_id()}"
        self.http, self.token = http, readers.create(self.name)

    def get(self, query: str = "", **parameters: Any) -> Any:
        target = f"{PATH}?{query or urlencode(parameters)}"
        return self.http.get(target, headers={"Authorization": f"Bearer {self.token}"})


@contextmanager
def serving(url: str, readers: Readers) -> Iterator[httpx.Client]:
    """A client of the real server on a real socket."""
    served = service.Served(url, Identifiers("demo", bytes(range(32))), readers)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = service.server(served, "127.0.0.1", 0)
        thread = threading.Thread(target=lambda: server.run(sockets=[listening]))
        thread.start()
        try:
            port = listening.getsockname()[1]
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False) as opened:
                yield opened
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="session")
def readers(tmp_path_factory: pytest.TempPathFactory) -> Readers:
    return Readers(tmp_path_factory.mktemp("readers") / "keys")


@pytest.fixture(scope="session")
def http(history: Any, readers: Readers) -> Iterator[httpx.Client]:
    with serving(history.url, readers) as opened:
        yield opened


@pytest.fixture
def client(http: httpx.Client, readers: Readers) -> Client:
    return Client(http, readers)


def events_of(response: Any) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    return found


def problem_of(response: Any, status: int, kind: str) -> str:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert (body["type"], body["status"], bool(body["title"])) == (f"epcisException:{kind}", status, True)
    return str(body["detail"])


def test_an_answer_is_a_query_document_with_the_versions_it_speaks(client: Client) -> None:
    response = client.get()
    assert response.headers["content-type"] == "application/ld+json"
    assert response.headers["gs1-epcis-version"] == response.headers["gs1-cbv-version"] == "2.0.0"
    assert misshapen_document(response.json()) == []
    events = events_of(response)
    assert len(events) == 30
    assert [misshapen(event) for event in events if misshapen(event)] == []


def test_the_pages_linked_one_to_the_next_make_the_whole(client: Client, told: Any) -> None:
    for parameters in ({"perPage": "9"}, {"perPage": "9", "EQ_action": "OBSERVE|ADD", "orderBy": "recordTime"}):
        response, found = client.get(**parameters), []
        while True:
            found += events_of(response)
            if "next" not in response.links:
                break
            response = client.get(response.links["next"]["url"].partition("?")[2])
        wanted = [event for event in told if event.get("action") != "DELETE" or "EQ_action" not in parameters]
        wanted = [event for event in wanted if "action" in event or "EQ_action" not in parameters]
        assert sorted(event["eventID"] for event in found) == sorted(event["eventID"] for event in wanted)


def test_every_parameter_narrows_the_answer_as_its_name_says(client: Client, told: Any) -> None:
    accepted = next(event for event in told if event["bizStep"] == "consigning" and "sourceList" in event)
    source, destination = accepted["sourceList"][0]["source"], accepted["destinationList"][0]["destination"]
    for name, value, fits in (
        ("EQ_bizStep", "consigning|departing", lambda e: e["bizStep"] in ("consigning", "departing")),
        ("EQ_bizStep", "https://ref.gs1.org/cbv/BizStep-consigning", lambda e: e["bizStep"] == "consigning"),
        ("EQ_disposition", "urn:epcglobal:cbv:disp:in_transit", lambda e: e["disposition"] == "in_transit"),
        ("EQ_readPoint", accepted["readPoint"]["id"], lambda e: e["readPoint"] == accepted["readPoint"]),
        ("EQ_bizLocation", accepted["bizLocation"]["id"], lambda e: e.get("bizLocation") == accepted["bizLocation"]),
        ("EQ_source_possessing_party", source, lambda e: source in str(e.get("sourceList"))),
        ("EQ_destination_possessing_party", destination, lambda e: destination in str(e.get("destinationList"))),
        ("EQ_action", "DELETE", lambda e: e.get("action") == "DELETE"),
        ("eventType", "TransformationEvent", lambda e: e["type"] == "TransformationEvent"),
        ("EQ_eventID", accepted["eventID"], lambda e: e["eventID"] == accepted["eventID"]),
        ("MATCH_epc", accepted["epcList"][0], lambda e: accepted["epcList"][0] in e.get("epcList", ())),
        ("MATCH_anyEPC", accepted["epcList"][0], lambda e: accepted["epcList"][0] in str(e)),
        ("GE_eventTime", accepted["eventTime"], lambda e: e["eventTime"] >= accepted["eventTime"]),
        ("LT_recordTime", accepted["recordTime"], lambda e: e["recordTime"] < accepted["recordTime"]),
    ):
        found = events_of(client.get(perPage="1000", **{name: value}))
        assert [event["eventID"] for event in found] == [event["eventID"] for event in told if fits(event)], name
    assert set(FILTERS) | {"perPage", "nextPageToken"} >= {"GE_recordTime", "LT_eventTime", "orderDirection"}


def test_the_latest_come_first_where_an_order_is_asked_for_without_a_direction(client: Client) -> None:
    for order in ("eventTime", "recordTime"):
        for direction, reverse in ((None, True), ("DESC", True), ("ASC", False)):
            asked = {"orderBy": order, "perPage": "1000"} | ({"orderDirection": direction} if direction else {})
            times = [event[order] for event in events_of(client.get(**asked))]
            assert times == sorted(times, reverse=reverse)


def test_what_can_not_be_asked_is_refused_by_name(client: Client) -> None:
    assert "EQ_bizStp" in problem_of(client.get("EQ_bizStp=accepting"), 400, "QueryParameterException")
    for token in ("WzEsIDEsIDFd", "%00", "%E6%99%93", "A", ""):
        assert "nextPageToken" in problem_of(client.get(f"nextPageToken={token}"), 400, "QueryParameterException")


def test_a_page_token_is_for_its_reader_and_its_question_alone(client: Client, readers: Readers) -> None:
    response = client.get(perPage="3", EQ_action="OBSERVE")
    query = response.links["next"]["url"].partition("?")[2]
    assert events_of(client.get(query))
    assert events_of(client.get(query.replace("perPage=3", "perPage=5")))
    other = Client(client.http, readers)
    problem_of(other.get(query), 400, "QueryParameterException")
    problem_of(client.get(query.replace("OBSERVE", "ADD")), 400, "QueryParameterException")
    problem_of(client.get(query[:-1] + ("A" if query[-1] != "A" else "Q")), 400, "QueryParameterException")


@pytest.fixture
def log_output() -> LogCapture:
    """What the service says of itself; the settings are put back after every test."""
    capture = LogCapture()
    structlog.configure(processors=[capture])
    return capture


def test_nobody_is_answered_without_a_token_and_a_refused_one_is_never_logged(
    client: Client, readers: Readers, log_output: LogCapture
) -> None:
    near = client.token[:-1] + "~"
    for headers in (
        {},
        {"Authorization": client.token},
        {"Authorization": f"Bearer {near}"},
        {"Authorization": "Basic x"},
    ):
        response = client.http.get(PATH, headers=headers)
        problem_of(response, 401, "SecurityException")
        assert response.headers["www-authenticate"] == "Bearer"
    told = log_output.entries
    assert [(each["event"], each["log_level"]) for each in told] == [("reader_refused", "warning")] * 4
    assert told[2]["reason"] == "unknown token"
    assert client.token[:8] not in str(told)
    assert events_of(client.get())
    readers.revoke(client.name)
    problem_of(client.get(), 401, "SecurityException")


def test_only_get_is_answered(client: Client) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        response = client.http.request(method, PATH, headers={"Authorization": f"Bearer {client.token}"})
        assert response.headers["allow"] == "GET"
        problem_of(response, 405, "UnsupportedOperationException")
    assert client.http.head(PATH).status_code == 405
    problem_of(client.http.get("/epcis/v2/capture"), 404, "NoSuchResourceException")


def test_only_json_is_answered_and_no_endless_url(client: Client) -> None:
    headers = {"Authorization": f"Bearer {client.token}"}
    xml = client.http.get(PATH, headers=headers | {"Accept": "application/xml"})
    problem_of(xml, 406, "NotAcceptableException")
    for accept in ("application/json", "text/html, application/ld+json;q=0.5", "*/*"):
        assert client.http.get(PATH, headers=headers | {"Accept": accept}).status_code == 200
    problem_of(client.get(MATCH_epc="urn:a:" + "b" * 8000), 414, "QueryTooLargeException")


def test_every_look_up_is_recorded_before_it_is_answered(client: Client, history: Any) -> None:
    client.get(EQ_bizStep="accepting", perPage="2")
    client.get(EQ_bizStep="acceptin")
    asked = [(row[1], json.loads(row[2])) for row in looked_up(history.centre) if row[0] == client.name]
    assert asked == [("epcis events", {"EQ_bizStep": "accepting", "perPage": "2"})]


def test_without_the_record_there_is_no_answer(centre: Any, database_url: str, readers: Readers) -> None:
    centre.orders(1)
    unguard = "ALTER TABLE audit_lookup DISABLE TRIGGER audit_lookup_append_only"
    if database_url.startswith("sqlite"):
        unguard = "DROP TRIGGER audit_lookup_no_update"
    with serving(database_url, readers) as http:
        client = Client(http, readers)
        assert len(events_of(client.get())) == 1
        centre.sql(unguard)
        response = client.get()
    problem_of(response, 500, "ImplementationException")
    assert "epcList" not in response.text
    assert "audit_lookup" not in response.text
    assert len(looked_up(centre)) == 1


def test_a_log_that_can_not_be_read_is_a_problem_without_its_particulars(
    centre: Any, database_url: str, readers: Readers
) -> None:
    centre.orders(1)
    with serving(database_url, readers) as http:
        client = Client(http, readers)
        centre.sql("DROP TABLE unit_number")
        response = client.get()
    assert "unit_number" not in response.text
    problem_of(response, 500, "ImplementationException")


def test_a_reader_has_one_query_answered_at_a_time(
    client: Client, readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, leave = threading.Event(), threading.Event()
    real = service.record_lookup

    def slowly(url: str, reader: str, question: str, parameters: Any) -> None:
        if reader == client.name:
            entered.set()
            assert leave.wait(20)
        real(url, reader, question, parameters)

    monkeypatch.setattr(service, "record_lookup", slowly)
    first: list[Any] = []
    thread = threading.Thread(target=lambda: first.append(client.get()))
    thread.start()
    try:
        assert entered.wait(20)
        second = client.get()
        problem_of(second, 429, "QueryTooComplexException")
        assert second.headers["retry-after"] == "1"
        assert Client(client.http, readers).get().status_code == 200
    finally:
        leave.set()
        thread.join()
    assert first[0].status_code == 200
    assert client.get().status_code == 200


def looked_up(centre: Any) -> list[Any]:
    query = text("SELECT reader, question, parameters FROM audit_lookup ORDER BY seq")
    return [tuple(row) for row in centre.do(lambda tx: tx.execute(query).all())]


def test_the_whole_answer_is_what_the_log_tells(client: Client, answers: Any) -> None:
    assert events_of(client.get(perPage="1000")) == list(answers.stream(Question()))
