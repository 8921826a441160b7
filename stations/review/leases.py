"""Applications in reviewers' hands: the next are assigned by urgency, each to one reviewer, for a limited time.

Nobody picks. What somebody lets lapse, gives up or decided in an earlier round goes to another and never comes back to
them; the tables hold that too. While an application is leased its order stays where custody has it: in its tray, at the
station.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from handoff_logs.dialects import clock_us, listed
from handoff_logs.records import new_id
from handoff_logs.statements import Statement
from stations.by import By
from stations.review.errors import HeldElsewhereError
from stations.review.tables import LeaseEnd
from stations.trays import INPUT
from stations.workplace import Workplace

T = TypeVar("T")

AHEAD: Final = 8
"""Applications that a desk holds besides the current one, so that the next is there at once."""
LEASE_S: Final = 20 * 60.0
"""For the current one and those ahead: some eighty times what one takes, and less than an hour of an emergency."""

# On PostgreSQL desks and the booking of a tray wait for each other, each for a few milliseconds.
_ONE_AT_A_TIME: Final = Statement("SELECT pg_advisory_xact_lock(hashtextextended('passline review', 0))")
_LAPSE = Statement(
    f"UPDATE review_lease SET ended_us = :now_us, ended_how = '{LeaseEnd.LAPSED}'"  # noqa: S608 (our own word)
    " WHERE ended_us IS NULL AND until_us <= :now_us"
)
_HELD = Statement(
    "SELECT lease_id, application_id, revision, round, place, until_us FROM review_lease"
    " WHERE reviewer = :reviewer AND ended_us IS NULL ORDER BY place"
)
_LAST_PLACE = Statement("SELECT coalesce(max(place), 0) FROM review_lease WHERE reviewer = :reviewer")
_NEXT = Statement(
    """
    SELECT a.application_id, a.revision, 1 + coalesce((
        SELECT max(v.round) FROM review_verdict AS v WHERE v.application_id = a.application_id), 0)
    FROM whereabouts AS w JOIN application AS a ON a.order_unit = w.unit_id
    WHERE w.station = :station AND w.state = 'held' AND w.kind = 'order' AND w.place = :place AND a.state = 'waiting'
    AND NOT EXISTS (SELECT 1 FROM review_lease AS l WHERE l.application_id = a.application_id
        AND (l.ended_us IS NULL OR (l.reviewer = :reviewer AND l.ended_how IN ('lapsed', 'given_up'))))
    AND NOT EXISTS (SELECT 1 FROM review_verdict AS v
        WHERE v.application_id = a.application_id AND v.reviewer = :reviewer)
    AND NOT EXISTS (SELECT 1 FROM review_decision AS d WHERE d.application_id = a.application_id AND d.undone_us IS NULL
        AND ((d.reviewer = :reviewer AND d.outcome = 'hold') OR NOT EXISTS (SELECT 1 FROM review_verdict AS v
            WHERE v.application_id = d.application_id AND v.revision = d.revision AND v.round = d.round)))
    ORDER BY a.priority, w.due_us, a.deadline_us, a.application_id LIMIT :most
    """
)
_LEASE = Statement(
    "INSERT INTO review_lease (lease_id, application_id, revision, round, reviewer, sign_in, place, leased_us,"
    " until_us, emulated) VALUES (:lease_id, :application_id, :revision, :round, :reviewer, :sign_in, :place,"
    " :leased_us, :until_us, :emulated)"
)
_GIVE_UP = Statement(
    f"UPDATE review_lease SET ended_us = :now_us, ended_how = '{LeaseEnd.GIVEN_UP}'"  # noqa: S608 (our own word)
    " WHERE reviewer = :reviewer AND ended_us IS NULL"
)
_WITHDRAW = Statement(
    f"UPDATE review_lease SET ended_us = :now_us, ended_how = '{LeaseEnd.WITHDRAWN}'"  # noqa: S608 (our own word)
    " WHERE ended_us IS NULL AND application_id IN {ids}"
)
_WITHDRAW_STOPPED = Statement(
    f"UPDATE review_lease SET ended_us = :now_us, ended_how = '{LeaseEnd.WITHDRAWN}'"  # noqa: S608 (our own word)
    " WHERE reviewer = :reviewer AND ended_us IS NULL AND EXISTS (SELECT 1 FROM application AS a"
    " WHERE a.application_id = review_lease.application_id AND a.state <> 'waiting')"
)


@dataclass(frozen=True, slots=True)
class Lease:
    """One application in a reviewer's hands; the one of the lowest `place` is the current one. Microseconds UTC."""

    lease_id: str
    application_id: str
    revision: int
    round: int
    place: int
    until_us: int


def take(workplace: Workplace, by: By, *, ahead: int = AHEAD, lease_s: float = LEASE_S) -> tuple[Lease, ...]:
    """What the reviewer holds, the current one first: what they held before, filled up to one and `ahead` others.

    Called again it changes nothing until something was decided. Raises HeldElsewhereError.
    """

    def work(tx: Connection) -> tuple[Lease, ...]:
        one_at_a_time(tx)
        now_us = clock_us(tx)
        lapse(tx, now_us)
        withdraw_stopped(tx, by.code, now_us)
        free = 1 + ahead - len(held(tx, by.code))
        if free > 0:
            _assign(tx, workplace, by, free, now_us, now_us + int(lease_s * 1_000_000))
        return held(tx, by.code)

    return written(workplace, work)


def give_up(workplace: Workplace, by: By) -> int:
    """End what the reviewer holds, for they go; others are given it. How many there were."""

    def work(tx: Connection) -> int:
        one_at_a_time(tx)
        now_us = clock_us(tx)
        lapse(tx, now_us)
        return _GIVE_UP.run(tx, {"now_us": now_us, "reviewer": by.code}).rowcount

    return written(workplace, work)


def held(conn: Connection, reviewer: str) -> tuple[Lease, ...]:
    """What a reviewer holds, the current one first; what lapsed and was not ended yet among it."""
    return tuple(Lease(*row) for row in _HELD.run(conn, {"reviewer": reviewer}).fetchall())


def lapse(tx: Connection, now_us: int) -> int:
    """End what nobody decided in time; how many."""
    return _LAPSE.run(tx, {"now_us": now_us}).rowcount


def lease(
    tx: Connection, workplace: Workplace, by: By, named: tuple[str, int, int], place: int, span_us: tuple[int, int]
) -> None:
    """Give an application (id, revision, round) to a reviewer at their `place`, from and until (microseconds)."""
    application_id, revision, round_ = named
    leased_us, until_us = span_us
    facts = {
        "lease_id": new_id(),
        "application_id": application_id,
        "revision": revision,
        "round": round_,
        "reviewer": by.code,
        "sign_in": by.sign_in,
        "place": place,
        "leased_us": leased_us,
        "until_us": until_us,
        "emulated": workplace.emulated,
    }
    _LEASE.run(tx, facts)


def withdraw(tx: Connection, application_ids: Sequence[str]) -> int:
    """End the leases of these applications, whoever holds them: the line decides itself. How many."""
    return _WITHDRAW.run(tx, {"now_us": clock_us(tx), "ids": listed(application_ids)}).rowcount


def withdraw_stopped(tx: Connection, reviewer: str, now_us: int) -> int:
    """End what a reviewer holds of applications that were stopped meanwhile; how many."""
    return _WITHDRAW_STOPPED.run(tx, {"now_us": now_us, "reviewer": reviewer}).rowcount


def one_at_a_time(tx: Connection) -> None:
    """Wait until nobody else takes, decides or books; on SQLite there is one writer anyway."""
    if tx.dialect.name != "sqlite":
        _ONE_AT_A_TIME.run(tx)


def written(workplace: Workplace, work: Callable[[Connection], T]) -> T:
    """What `work` returns; the guards look again at what others may have changed. Raises HeldElsewhereError."""
    try:
        return workplace.database.write(work)
    except IntegrityError as error:
        raise HeldElsewhereError from error


def _assign(tx: Connection, workplace: Workplace, by: By, most: int, now_us: int, until_us: int) -> None:
    asked = {"station": workplace.station, "place": INPUT, "reviewer": by.code, "most": most}
    found = _NEXT.run(tx, asked).fetchall()
    (last,) = _LAST_PLACE.run(tx, {"reviewer": by.code}).fetchone() or (0,)
    for place, (application_id, revision, round_) in enumerate(found, start=last + 1):
        lease(tx, workplace, by, (application_id, revision, round_), place, (now_us, until_us))
