"""A short history of the small centre in which every act happens at least once, and the standard's own schema."""

import copy
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from signing_keys import open_signed

from handoff_logs import log
from handoff_logs.epcis.identifiers import Identifiers
from handoff_logs.epcis.query import Answers
from handoff_logs.epcis.search import Question
from handoff_logs.reading import Reading, open_reading
from handoff_logs.records import Birth, Kind, new_id

IDENTIFIERS = Identifiers("demo", bytes(range(32)))
NUMBERS = ("A1", "A2", "A3", "E1")


@dataclass
class Story:
    """What happened, by names that tests use."""

    units: dict[str, str]
    events: dict[str, str]


def tell(centre: Any) -> Story:
    """Let every act happen once, on trays of few units."""
    by, stamp, do = centre.by, centre.stamp, centre.do
    a, b, c = centre.orders(3, numbers=NUMBERS[:3])
    blanks = centre.blanks(4, "vault")
    drawn = centre.offer(blanks, "vault", "review", tray="B1")
    centre.accept(drawn, blanks, "review")
    offer = centre.offer([a, b, c], tray="T1")
    back = centre.refuse(offer)
    do(lambda tx: log.take_back(tx, by("review"), offer.handoff_id, [a, b, c], "in", stamp()))
    withdrawn = centre.offer([c])
    do(lambda tx: log.withdraw(tx, by("review"), withdrawn.handoff_id, stamp()))
    document, second = Birth(new_id(), Kind.DOCUMENT, "E1"), Birth(new_id(), Kind.DOCUMENT)
    made = centre.transform("review", a, blanks[0], document)
    centre.transform("review", b, blanks[1], second)
    both = [document.unit_id, second.unit_id]
    do(lambda tx: log.split(tx, by("review"), both[:1], "T2", stamp()))
    do(lambda tx: log.merge(tx, by("review"), both, "T3", stamp()))
    do(lambda tx: log.move(tx, by("review"), both, "rack", stamp(machine="card-01")))
    to_qc = centre.offer(both, tray="T3")
    accepted = centre.accept(to_qc, [*both, blanks[2]])
    counted = centre.offer(both, "qc", "packing")
    missing = centre.accept(counted, [document.unit_id], "packing")
    centre.settle([second.unit_id], "found-at-sender", "qc", case_id=centre.case_of(second.unit_id))
    surplus = centre.case_of(blanks[2])
    centre.settle([], "found-elsewhere", "qc", case_id=surplus)
    remade = Birth(new_id(), Kind.ORDER, "A2/2")
    void = centre.void([second.unit_id], "qc", [remade])
    parcel = centre.pack([document.unit_id], "packing", "P1")
    do(lambda tx: log.unpack(tx, by("packing"), parcel, "shelf", stamp()))
    again = centre.pack([document.unit_id], "packing", "P2")
    gone = centre.offer([again], "packing", "carrier")
    centre.accept(gone, [again], "carrier")
    voids = centre.offer([second.unit_id], "qc", "vault")
    centre.accept(voids, [second.unit_id], "vault")
    centre.destroy([second.unit_id], "vault")
    centre.doubt([blanks[2]])
    centre.settle([blanks[2]], "made-bad")
    centre.doubt([blanks[3]])
    centre.settle([blanks[3]], "lost")
    do(lambda tx: log.dispatch(tx, by("review"), [c], "office:jinan", stamp(reason="recapture")))
    home = Birth(c, Kind.ORDER)
    do(lambda tx: log.receive(tx, by("review"), by("review", 2).person, [home], "in", stamp()))
    reason = do(lambda tx: log.correct(tx, by("qc"), back, "reason", "torn", stamp(reason="mistyped")))
    time = do(lambda tx: log.correct(tx, by("qc"), made, "happened_us", "1700000000000000", stamp()))
    do(lambda tx: log.correct(tx, by("qc", 2), time, "reason", "clock", stamp()))
    units = {"order": a, "document": document.unit_id, "second": second.unit_id, "stray": blanks[2], "parcel": parcel}
    events = {"refuse": back, "transform": made, "accept": accepted.event_id, "missing": missing.event_id}
    return Story(units, events | {"void": void, "reason": reason, "time": time, "offer": to_qc.event_id})


@dataclass
class History:
    """A database in which the story happened, and how EPCIS tells it; only to be read."""

    url: str
    centre: Any
    story: Story
    told: list[dict[str, Any]]


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def history(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, signing_keys: Path, centre_type: Any
) -> Iterator[History]:
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("history") / "passline.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        url = f"sqlite:///{path}"
    else:
        url = request.getfixturevalue("postgresql_databases")()
    with open_signed(url, signing_keys, tmp_path_factory.mktemp("signing") / "keys") as database:
        centre = centre_type(database)
        story = tell(centre)
        with open_reading(url) as reading:
            told = list(Answers(reading, IDENTIFIERS).stream(Question()))
        yield History(url, centre, story, told)


@pytest.fixture
def story(history: History) -> Story:
    return history.story


@pytest.fixture
def told(history: History) -> list[dict[str, Any]]:
    """The whole story as EPCIS events."""
    return copy.deepcopy(history.told)


@pytest.fixture
def reading(history: History) -> Iterator[Reading]:
    with open_reading(history.url) as opened:
        yield opened


@pytest.fixture
def answers(reading: Reading) -> Answers:
    return Answers(reading, IDENTIFIERS)


@pytest.fixture
def teller() -> Callable[[Any], Story]:
    """Lets the story happen at a centre that the test may change."""
    return tell


@pytest.fixture(scope="session")
def standard(request: pytest.FixtureRequest) -> Callable[[object], list[str]]:
    """GS1's own schema with its formats checked: what is wrong with a document or an event."""
    return validator(request, formats=True)


@pytest.fixture(scope="session")
def standard_without_formats(request: pytest.FixtureRequest) -> Callable[[object], list[str]]:
    """The trap: formats are not checked unless asked for."""
    return validator(request, formats=False)


def validator(request: pytest.FixtureRequest, *, formats: bool) -> Callable[[object], list[str]]:
    schema = json.loads(schema_path(request).read_text("utf-8"))
    made = jsonschema_rs.validator_for(schema, validate_formats=formats)
    return lambda value: [error.message[:200] for error in made.iter_errors(value)]


def schema_path(request: pytest.FixtureRequest) -> Path:
    path = request.config.getoption("--epcis-schema")
    if not path:
        pytest.skip("GS1's EPCIS 2.0 JSON Schema is not ours to ship: name it with --epcis-schema")
    return Path(path)
