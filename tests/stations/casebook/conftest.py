"""A review desk whose reviewers write cases."""

from collections.abc import Callable
from typing import Any

import pytest
from small_desk import Desk
from sqlalchemy import text

from handoff_logs.reading import open_reading
from stations.casebook import listing, station
from stations.casebook.cut_outs import Region
from stations.casebook.station import Told
from stations.intake.filed import by_ids
from stations.review import viewing
from stations.review.tables import Viewed


class Book:
    """The book of a desk, with what its reviewers are given and decide."""

    def __init__(self, desk: Desk, url: str) -> None:
        self.desk, self.url = desk, url

    def caught(self, *reasons: str, who: str = "ann", outcome: str = "return", seen: bool = True) -> Any:
        """Look at the next application and return it for these reasons; the verdict, with the name of its person."""
        lease = self.desk.take(who, ahead=0)[0]
        viewing.facts(self.desk.here, self.desk.by[who], lease.lease_id)
        if seen:
            for role in (Viewed.PHOTO, Viewed.SIGNATURE):
                viewing.image(self.desk.here, self.desk.by[who], lease.lease_id, role)
        return self.desk.decide(who, lease, outcome, *reasons)

    def record(self, sent: Any) -> Any:
        """The record of a verdict's application."""
        ((application,),) = self.desk.rows(
            "SELECT application_id FROM review_lease WHERE lease_id = :lease", lease=sent.lease_id
        )
        with self.desk.database.read() as conn:
            return by_ids(conn, self.desk.here.personal, [application])[application].record

    def write(self, sent: Any, reason: str, region: Region | None = None, who: str = "ann", **told: Any) -> str:
        """Write the case of a verdict; its id."""
        case_id = station.fresh_id()
        said = Told(reason, region, **told)
        assert station.write_of_verdict(self.desk.here, self.desk.by[who], case_id, sent.decision_id, said)
        return case_id

    def ask(self, question: Callable[..., Any], *args: Any) -> Any:
        """What a question of the listing answers."""
        with open_reading(self.url) as reading:
            return question(reading, *args)

    def one(self, case_id: str) -> Any:
        return self.ask(listing.one, case_id)

    def sql(self, statement: str, **facts: Any) -> None:
        self.desk.database.write(lambda tx: tx.execute(text(statement), facts))


@pytest.fixture
def book(line, database_url) -> Book:
    """A book with nothing in it, three applications waiting."""
    desk = Desk.of(line)
    desk.accept_one(3)
    return Book(desk, database_url)
