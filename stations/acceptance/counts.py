"""Trays that are counted at a desk before they are accepted: blind, each by one person, the most urgent first.

Nobody picks, and nobody sees what is expected. The desk stores what was scanned; the line, which has the keys, accepts
the tray by it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from handoff_logs import offers
from handoff_logs.dialects import clock_us, listed
from handoff_logs.offers import OpenOffer
from handoff_logs.records import new_id
from handoff_logs.statements import Statement
from stations.acceptance.errors import CountOverError, CountTakenError, EmptyCountError, ScanRefusedError
from stations.acceptance.tables import LONGEST_NUMBER, CountEnd
from stations.by import By
from stations.trays import TrayScanner, tray_of, tray_place
from stations.workplace import Workplace

T = TypeVar("T")

COUNT_S: Final = 30 * 60.0
"""How long a tray is one person's to count: a hundred pieces at five seconds are eight minutes."""

# On PostgreSQL those who begin, scan and end wait for each other, each for a few milliseconds.
_ONE_AT_A_TIME: Final = Statement("SELECT pg_advisory_xact_lock(hashtextextended('passline tray count', 0))")
_LAPSE = Statement(
    f"UPDATE tray_count SET ended_us = :now_us, ended_how = '{CountEnd.LAPSED}'"  # noqa: S608 (our own word)
    " WHERE ended_us IS NULL AND until_us <= :now_us"
)
_OPEN = Statement(
    "SELECT count_id, station, handoff_id, tray, until_us FROM tray_count WHERE person = :person AND ended_us IS NULL"
)
_STANDING = Statement(
    "SELECT handoff_id FROM tray_count WHERE handoff_id IN {ids} AND (ended_how IS NULL OR ended_how = 'counted')"
)
_BEGIN = Statement(
    "INSERT INTO tray_count (count_id, station, handoff_id, tray, person, sign_in, begun_us, until_us, emulated)"
    " VALUES (:count_id, :station, :handoff_id, :tray, :person, :sign_in, :begun_us, :until_us, :emulated)"
)
_SCANNED = Statement("SELECT number FROM tray_scan WHERE count_id = :count_id ORDER BY scanned_us, number")
_SCAN = Statement("INSERT INTO tray_scan (count_id, number, scanned_us) VALUES (:count_id, :number, :now_us)")
_END = Statement(
    "UPDATE tray_count SET ended_us = :now_us, ended_how = :how WHERE count_id = :count_id AND ended_us IS NULL"
)
_ENDED = Statement("SELECT ended_how FROM tray_count WHERE count_id = :count_id AND person = :person")
_COUNTED = Statement(
    f"SELECT count_id, handoff_id, person, sign_in FROM tray_count WHERE handoff_id IN {{ids}}"  # noqa: S608
    f" AND ended_how = '{CountEnd.COUNTED}'"
)


@dataclass(frozen=True, slots=True)
class Count:
    """A tray in somebody's hands to be counted, and the numbers that they scanned, in order; until microseconds UTC."""

    count_id: str
    station: str
    handoff_id: str
    tray: str
    until_us: int
    scanned: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CountedTray(TrayScanner):
    """What somebody counted of a tray, which its station accepts by.

    `hands` put what does not belong there aside on an EMULATED line, where nobody could; None where people do.
    """

    by: By
    numbers: tuple[str, ...]
    tray: str
    hands: TrayScanner | None

    def scan(self, place: str) -> Sequence[str]:  # noqa: ARG002 - where the tray stands
        """See TrayScanner."""
        return self.numbers

    def put(self, numbers: Sequence[str], place: str) -> None:
        """See TrayScanner; a number that was typed and lies nowhere is no piece."""
        if self.hands is not None:
            lying = set(self.hands.scan(tray_place(self.tray)))
            self.hands.put([number for number in numbers if number in lying], place)


def begin(workplace: Workplace, by: By, *, count_s: float = COUNT_S) -> Count | None:
    """Give a person the most urgent tray that is offered to the station and that nobody counts; None where none is.

    What they handed on themselves is another's to count. Who has one already keeps it, wherever it was
    begun. Raises CountTakenError.
    """

    def work(tx: Connection) -> Count | None:
        now_us = clock_us(tx)
        _LAPSE.run(tx, {"now_us": now_us})
        mine = _open(tx, by)
        if mine is not None:
            return mine
        waiting = offers.waiting(tx, workplace.station)
        taken = _standing(tx, [offer.handoff_id for offer in waiting])
        # The log takes nobody on both sides of a handoff.
        free = next((each for each in waiting if each.handoff_id not in taken and each.person != by.code), None)
        if free is None:
            return None
        count = Count(new_id(), workplace.station, free.handoff_id, tray_of(free), now_us + int(count_s * 1_000_000))
        facts = {
            "count_id": count.count_id,
            "station": count.station,
            "handoff_id": count.handoff_id,
            "tray": count.tray,
            "person": by.code,
            "sign_in": by.sign_in,
            "begun_us": now_us,
            "until_us": count.until_us,
            "emulated": workplace.emulated,
        }
        _BEGIN.run(tx, facts)
        return count

    return _written(workplace, work)


def current(conn: Connection, by: By) -> Count | None:
    """What a person counts now; what lapsed and was not ended yet too."""
    return _open(conn, by)


def scan(workplace: Workplace, by: By, count_id: str, number: str) -> Count:
    """Store a number that was scanned, once. Raises CountOverError, ScanRefusedError."""
    number = number.strip()
    if not 0 < len(number) <= LONGEST_NUMBER or not number.isprintable():
        raise ScanRefusedError(len(number))

    def work(tx: Connection) -> Count:
        now_us = clock_us(tx)
        mine = _open(tx, by)
        if mine is None or mine.count_id != count_id or mine.until_us <= now_us:
            raise CountOverError(count_id)
        if number not in mine.scanned:
            _SCAN.run(tx, {"count_id": count_id, "number": number, "now_us": now_us})
        return _open(tx, by) or mine

    return _written(workplace, work)


def close(workplace: Workplace, by: By, count_id: str, *, empty: bool = False) -> None:
    """End a count: what was scanned is all there is. Done twice, it changes nothing more.

    `empty`: it was said that nothing lies there. Raises CountOverError, EmptyCountError.
    """

    def work(tx: Connection) -> None:
        now_us = clock_us(tx)
        _LAPSE.run(tx, {"now_us": now_us})
        mine = _open(tx, by)
        if mine is not None and mine.count_id == count_id:
            if not mine.scanned and not empty:
                raise EmptyCountError(count_id)
            _END.run(tx, {"count_id": count_id, "now_us": now_us, "how": CountEnd.COUNTED.value})
            return
        ended = _ENDED.run(tx, {"count_id": count_id, "person": by.code}).fetchone()
        if ended is None or ended[0] != CountEnd.COUNTED:
            raise CountOverError(count_id)

    _written(workplace, work)


def give_up(workplace: Workplace, by: By) -> int:
    """End what a person counts without a result, for they begin anew or go; 1, or 0 where they counted nothing."""

    def work(tx: Connection) -> int:
        now_us = clock_us(tx)
        _LAPSE.run(tx, {"now_us": now_us})
        mine = _open(tx, by)
        if mine is None:
            return 0
        facts = {"count_id": mine.count_id, "now_us": now_us, "how": CountEnd.GIVEN_UP.value}
        return _END.run(tx, facts).rowcount

    return _written(workplace, work)


def counted(conn: Connection, waiting: Collection[OpenOffer]) -> Mapping[str, By]:
    """Who counted which of these offers to its end, by handoff id."""
    rows = _COUNTED.run(conn, {"ids": listed([offer.handoff_id for offer in waiting])}).fetchall() if waiting else []
    return {row[1]: By(row[2], row[3]) for row in rows}


def on_its_way(conn: Connection, station: str) -> list[str]:
    """The trays that somebody at a station counted to the end and that the line has not answered for yet."""
    waiting = offers.waiting(conn, station)
    by = counted(conn, waiting)
    return [tray_of(offer) for offer in waiting if offer.handoff_id in by]


def counted_tray(conn: Connection, offer: OpenOffer, hands: TrayScanner | None) -> CountedTray:
    """What was counted of an offered tray. Raises LookupError where nobody did."""
    row = _COUNTED.run(conn, {"ids": listed([offer.handoff_id])}).fetchone()
    if row is None:
        raise LookupError(offer.handoff_id)
    return CountedTray(By(row[2], row[3]), _numbers(conn, row[0]), tray_of(offer), hands)


def _standing(conn: Connection, handoffs: Sequence[str]) -> frozenset[str]:
    if not handoffs:
        return frozenset()
    return frozenset(row[0] for row in _STANDING.run(conn, {"ids": listed(handoffs)}).fetchall())


def _open(conn: Connection, by: By) -> Count | None:
    row = _OPEN.run(conn, {"person": by.code}).fetchone()
    if row is None:
        return None
    count_id, station, handoff_id, tray, until_us = row
    return Count(count_id, station, handoff_id, tray, until_us, _numbers(conn, count_id))


def _numbers(conn: Connection, count_id: str) -> tuple[str, ...]:
    return tuple(row[0] for row in _SCANNED.run(conn, {"count_id": count_id}).fetchall())


def _written(workplace: Workplace, work: Callable[[Connection], T]) -> T:
    def one_at_a_time(tx: Connection) -> T:
        if tx.dialect.name != "sqlite":
            _ONE_AT_A_TIME.run(tx)
        return work(tx)

    try:
        return workplace.database.write(one_at_a_time)
    except IntegrityError as error:
        raise CountTakenError from error
