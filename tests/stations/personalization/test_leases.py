"""One worker a machine: leases by the database's clock, fences that only rise, and writes that carry them."""

import pytest
from sqlalchemy import select

from devices.messages import Counters
from devices.roles import MachineIdentity
from stations.personalization import draws, jobs, leases
from stations.personalization.errors import FenceLostError, LeaseHeldError

S = 1_000_000


def take(database, worker, now_s, above=0):
    """Take the machine at a time of the database's clock."""
    return database.write(lambda tx: leases.take(tx, now_s * S, "book-01", worker, 30, above))


def test_a_lease_is_one_workers_until_it_lapses(line):
    """Another worker is refused while it lasts; the same one may take it again; every taking raises the fence."""
    first = take(line.database, "a", 100)
    with pytest.raises(LeaseHeldError) as held:
        take(line.database, "b", 129)
    assert (held.value.worker, held.value.until_us) == ("a", 130 * S)
    again = take(line.database, "a", 129)
    other = take(line.database, "b", 160)
    assert first.fence < again.fence < other.fence


def test_a_fence_is_above_the_machines_own(line):
    """A machine that knows a higher fence than the database (restored, say) gets one above it."""
    assert take(line.database, "a", 1, above=10**15).fence > 10**15


def test_a_given_back_lease_is_free_at_once_and_its_fence_spent(line):
    """Nobody waits for a worker that has ended."""
    lease = take(line.database, "a", 100)
    line.database.write(lambda tx: leases.give_back(tx, lease))
    assert take(line.database, "b", 101).fence > lease.fence


def test_taking_and_renewing_are_signs_of_life(line):
    """The last one is told of a worker that is gone: an earlier process of one's own, or another whose lease lapsed."""

    def heard(worker, now_s):
        return line.database.write(lambda tx: leases.last_heard(tx, now_s * S, "book-01", worker))

    assert heard("a", 90) is None
    take(line.database, "a", 100)
    assert (heard("a", 101), heard("b", 101), heard("b", 131)) == (100 * S, None, 100 * S)
    lease = take(line.database, "a", 110)
    assert heard("a", 111) == 110 * S
    line.database.write(lambda tx: leases.renew(tx, 120 * S, lease, 30))
    assert (heard("a", 121), heard("b", 149), heard("b", 151)) == (120 * S, None, 120 * S)


def test_an_overtaken_worker_writes_nothing(shop):
    """Its renewal, its draw and its job writes are refused in the statement itself."""
    shop.accept_orders(6)
    line = shop.line
    machine = MachineIdentity("book-01", "B1", "1", "0", True, "j", 1, 1, 0, Counters(0, 0, 0, 0, 0), ())

    def draw(lease):
        return line.database.write(lambda tx: draws.draw(tx, lease, machine, "jinan", ("passport",), 1))

    old = take(line.database, "a", 100)
    drawn = draw(old)
    new = take(line.database, "b", 200)
    for act in (
        lambda: draw(old),
        lambda: line.database.write(lambda tx: jobs.fed(tx, old, drawn.job_id, "E1", "u1", 1)),
        lambda: line.database.write(lambda tx: leases.renew(tx, 201 * S, old, 30)),
    ):
        with pytest.raises(FenceLostError):
            act()
    line.database.write(lambda tx: jobs.fed(tx, new, drawn.job_id, "E1", "u1", 1))
    with line.database.read() as conn:
        [row] = conn.execute(select(jobs.JOB.c.state, jobs.JOB.c.fence))
    assert tuple(row) == ("FED", new.fence)
