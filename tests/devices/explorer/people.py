"""Two people at a machine's bins: settling a job in doubt, and defacing a bad piece.

They hold a piece in their hands, and they can count all of a machine's pieces; they can't look into its path.
"""

from collections.abc import Iterator

from tests.devices.explorer.design import Bounds, Design
from tests.devices.explorer.world import (
    BINS,
    BLANK,
    DEFACED,
    GOOD,
    HOLD,
    NOBODY,
    REJECT,
    STOCK,
    Label,
    Row,
    Step,
    World,
    put,
)


def people_steps(design: Design, bounds: Bounds, world: World) -> Iterator[Step]:
    """Every settlement or defacing that the books call for now."""
    for job, row in enumerate(world.rows):
        if row.state == "UNCERTAIN":
            if not design.settle_after_booking or _others_booked(world, row.machine):
                yield from _settle(bounds, world, job, row)
            if not design.people_right:
                yield _booked(world, job, row, NOBODY, "not fed", "wrongly")
        elif row.outcome == "failed" and world.pieces[row.piece].place == REJECT:
            yield _booked(_put_down(world, row.piece, REJECT, DEFACED), job, row, row.piece, "defaced", "")


def _settle(bounds: Bounds, world: World, job: int, row: Row) -> Iterator[Step]:
    """The right answers: by the piece that is nobody else's, or by a count that shows that none is missing."""
    mine = range(row.machine * bounds.blanks, (row.machine + 1) * bounds.blanks)
    booked = {other.piece for k, other in enumerate(world.rows) if k != job}
    astray = [p for p in mine if p not in booked and world.pieces[p].place != STOCK]
    if not astray:
        yield _booked(world, job, row, NOBODY, "not fed", "rightly, by count")
    for p in astray:
        piece = world.pieces[p]
        if piece.place not in BINS or row.piece not in (NOBODY, p):
            continue
        if piece.mark == BLANK:
            yield _booked(_put_down(world, p, HOLD, BLANK), job, row, p, "unmarked", "rightly")
        elif piece.job // bounds.attempts == job // bounds.attempts:  # whose it is can be read on it
            yield _booked(_put_down(world, p, REJECT, DEFACED), job, row, p, "defaced", "rightly")
            if piece.place == GOOD:
                yield _booked(world, job, row, p, "made", "rightly")


def _others_booked(world: World, m: int) -> bool:
    """Whether every other job of the machine is booked or in doubt too, so that what lies about can't be theirs."""
    listed = all(k != m for k, _ in world.unlisted)
    return listed and all(row.state in ("RESULT", "RELEASED", "UNCERTAIN") for row in world.rows if row.machine == m)


def with_counted(world: World, m: int, rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """The rows with one in doubt for every piece that left the machine's stock and that no row names."""
    share = len(world.pieces) // len(world.machines)
    named = {row.piece for row in rows}
    for p in range(m * share, (m + 1) * share):
        piece = world.pieces[p]
        if piece.place in BINS and p not in named and not rows[piece.job].state:
            rows = put(rows, piece.job, Row(m, 0, "UNCERTAIN", p))
    return rows


def _put_down(world: World, p: int, place: str, mark: str) -> World:
    return world._replace(pieces=put(world.pieces, p, world.pieces[p]._replace(place=place, mark=mark)))


def _booked(world: World, job: int, row: Row, piece: int, outcome: str, how: str) -> Step:
    # A released row stays released: defacing comes after the machine's part is over.
    state = "RESULT" if row.state == "UNCERTAIN" else row.state
    held = "" if piece == NOBODY else f" holding piece {piece}"
    label = Label("two people{} settle job={} as {} {}", (held, job, outcome, how))
    return label, world._replace(rows=put(world.rows, job, row._replace(state=state, piece=piece, outcome=outcome)))
