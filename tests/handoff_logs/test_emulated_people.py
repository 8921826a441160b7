"""A record in which nothing is emulated bears no emulated person, whoever writes it."""

from collections.abc import Iterator
from typing import Any

import pytest
from forger import Forger
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from handoff_logs import log
from handoff_logs.errors import EmulatedPersonError
from handoff_logs.log import Stamp
from handoff_logs.records import Birth, Kind, Party, new_id


@pytest.fixture
def forger(database_url: str, centre: Any) -> Iterator[Forger]:
    engine = create_engine(database_url)
    yield Forger(engine, centre)
    engine.dispose()


@pytest.mark.parametrize("who", [{"person": "e-rev-1"}, {"person": "p-1", "second_person": "e-rev-2"}])
def test_the_database_refuses_an_emulated_person_on_a_real_record(forger: Forger, who: dict[str, str]) -> None:
    (order,) = forger.centre.orders(1)
    with pytest.raises(DBAPIError, match="emulated-person"):
        forger.write("move", [forger.row(order, "held", person=who["person"])], emulated=False, **who)


def test_an_emulated_record_may_bear_emulated_people_and_real_ones(forger: Forger) -> None:
    first, second = forger.centre.orders(2)
    forger.write("move", [forger.row(first, "held", person="e-rev-1")], emulated=True, person="e-rev-1")
    forger.write("move", [forger.row(second, "held", person="p-1")], emulated=True, person="p-1")


def test_the_log_says_whom_it_refuses_and_what_to_do(centre: Any) -> None:
    births, by = [Birth(new_id(), Kind.ORDER)], Party("review", "e-rev-1", "day")

    def receive(emulated: bool) -> None:
        centre.do(lambda tx: log.receive(tx, by, None, births, "in", Stamp(centre.database.clock_us(tx), emulated)))

    with pytest.raises(EmulatedPersonError, match="passline shift open"):
        receive(False)
    receive(True)
    assert centre.do(lambda tx: tx.execute(text("SELECT count(*) FROM custody_event WHERE person LIKE 'e-%'")).scalar())
