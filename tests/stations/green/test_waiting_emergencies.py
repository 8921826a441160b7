"""Emergencies that wait are counted: while no shift is open, somebody must be told of them."""

from stations.green import station as green
from stations.intake.generator.defects import Shares
from stations.review import station as review


def test_an_emergency_waits_until_a_machine_draws_it(line):
    """In review and on its way to a machine; what was filed as ordinary is none."""
    line.shares = Shares(emergencies=0.5, expedited=0, intake_defects=0, review_defects=0)
    line.file(12, tray_size=4)
    (emergencies,) = line.facts("SELECT count(*) FROM application WHERE priority = 0")[0]
    assert 0 < emergencies < 12
    with line.database.read() as conn:
        assert green.waiting(conn).emergencies == emergencies
    for offer in line.waiting("review"):
        review.work_tray(line.at("review"), offer, line.reviewer)
    with line.database.read() as conn:
        assert green.waiting(conn).emergencies == emergencies
    line.make_documents()
    with line.database.read() as conn:
        assert green.waiting(conn) == (0, None)
