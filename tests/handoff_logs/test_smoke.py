from handoff_logs import log
from handoff_logs.records import *


def test_smoke(database):
    A = Party("review", "p1", "s")
    B = Party("qc", "p2", "s")
    b = [Birth(new_id(), Kind.ORDER, str(i)) for i in range(10)]
    st = log.Stamp(1, True)
    u = [x.unit_id for x in b]
    database.write(lambda tx: log.receive(tx, A, None, b, "in", st))
    o = database.write(lambda tx: log.offer(tx, A, "in", "qc", u, priority=2, stamp=st))
    a = database.write(lambda tx: log.accept(tx, B, o.handoff_id, u[:7], "in", st))
    assert len(a.missing) == 3 and a.accepted == tuple(u[:7]) and len(a.cases) == 3
    database.write(lambda tx: log.settle(tx, A, "p2", [u[8]], "found-at-sender", "in", st))


def test_two(database):
    pass


def test_3(database):
    pass
