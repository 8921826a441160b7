"""Review of whole trays, on both databases."""

import pytest
from sqlalchemy import text

from handoff_logs.errors import AlreadyAnsweredError
from stations import trays
from stations.emulated_staff import EmulatedReviewer, seen_on
from stations.errors import ApplicationStateError
from stations.intake.generator.defects import Shares
from stations.intake.states import advance
from stations.intake.tables import ApplicationState as State
from stations.review import station as review
from stations.review.desk import Decision, Outcome
from stations.review.items import ITEMS


class Holder(EmulatedReviewer):
    """Holds everything."""

    def decide(self, case):
        """Ask the applicant about the name."""
        return Decision(Outcome.HOLD, ("person_name",))


class Interrupted(EmulatedReviewer):
    """Is killed at the third application."""

    def __init__(self):
        self.seen = 0

    def decide(self, case):
        """Two decisions, then the end."""
        self.seen += 1
        if self.seen == 3:
            raise KeyboardInterrupt
        return super().decide(case)


def work(line, desk=None):
    """Review all that waits."""
    return [review.work_tray(line.at("review"), offer, desk or line.reviewer) for offer in line.waiting("review")]


def test_every_seeded_defect_is_found_and_nothing_else(line):
    """What the generator seeded is found by a rule or seen on the picture; sound applications pass."""
    line.shares = Shares(intake_defects=0.0, review_defects=0.4)
    line.file(120)
    stated = line.batches[-1].review_defects
    outcomes = work(line)
    assert sum(each.returned + each.held for each in outcomes) == sum(stated.values())
    reasons = " ".join(row[0] for row in line.facts("SELECT reasons FROM review_verdict")).split()
    assert set(stated) <= set(reasons) <= set(ITEMS)


def test_a_returned_order_goes_back_to_its_office(line):
    """Its application is returned, its person free to apply again, its order outside the line."""
    line.shares = Shares(intake_defects=0.0, review_defects=0.5)
    line.file(30)
    returned = sum(each.returned for each in work(line))
    rows = line.facts(
        "SELECT w.station, w.state, a.office, a.live FROM application a JOIN whereabouts w ON w.unit_id = a.order_unit"
        " WHERE a.state = 'returned'"
    )
    assert returned == len(rows) > 0
    assert all((row[0], row[1], bool(row[3])) == (f"office:{row[2]}", "outside", False) for row in rows)


def test_a_held_order_waits_at_the_hold_place_until_the_next_revision(line):
    """Held applications stay live; when intake has replaced one, its order goes back to the office."""
    line.file(4)
    assert sum(each.held for each in work(line, Holder())) == 4
    assert line.facts("SELECT DISTINCT place, state FROM whereabouts") == [("hold", "held")]
    assert review.dispatch_superseded(line.at("review")) == 0
    line.database.write(lambda tx: tx.execute(text("UPDATE application SET state = 'returned', live = false")))
    assert review.dispatch_superseded(line.at("review")) == 4
    assert review.dispatch_superseded(line.at("review")) == 0


def test_an_interrupted_tray_is_found_again_and_decided_once(line):
    """Nothing is stored before the whole tray is decided; the tray stays accepted."""
    line.file(12)
    offer, workplace = max(line.waiting("review"), key=lambda each: each.unit_count), line.at("review")
    with pytest.raises(KeyboardInterrupt):
        review.work_tray(workplace, offer, Interrupted())
    assert line.facts("SELECT count(*) FROM review_verdict") == [(0,)]
    assert trays.unfinished_trays(workplace) == [offer.tray]
    assert review.resume_tray(workplace, offer.tray, line.reviewer).passed == offer.unit_count
    assert trays.unfinished_trays(workplace) == []
    assert review.resume_tray(workplace, offer.tray, line.reviewer).units == 0
    assert line.facts("SELECT count(*), max(round) FROM review_verdict") == [(offer.unit_count, 1)]


def test_of_two_workers_one_is_told_that_the_tray_is_taken(line):
    """The second acceptance is refused, typed."""
    line.file(3)
    offer = line.waiting("review")[0]
    review.work_tray(line.at("review"), offer, line.reviewer)
    with pytest.raises(AlreadyAnsweredError):
        review.work_tray(line.at("review"), offer, line.reviewer)


def test_a_stopped_application_goes_to_quarantine_without_a_verdict(line):
    """Rule 8, also when it is stopped while the reviewer looks at the tray."""
    line.file(6, tray_size=50)
    ids = [row[0] for row in line.facts("SELECT application_id FROM application ORDER BY application_id")]
    line.stop(ids[0])

    class Stopping(EmulatedReviewer):
        def decide(self, case):
            if case.application_id == ids[1]:
                line.stop(ids[1])
            return super().decide(case)

    outcomes = work(line, Stopping())
    assert sum(each.stopped for each in outcomes) == 2
    assert sum(each.passed for each in outcomes) == 4
    assert line.facts("SELECT count(*) FROM whereabouts WHERE place = 'quarantine' AND state = 'doubt'") == [(2,)]
    assert line.facts("SELECT count(*) FROM review_verdict") == [(4,)]


def test_what_was_decided_elsewhere_meanwhile_is_not_decided_again(line):
    """Refused whole and by name; the tray stays accepted."""
    line.shares = Shares(
        hk_macau_permit=0, taiwan_permit=0, emergencies=0, expedited=0, intake_defects=0, review_defects=0
    )
    line.file(3, tray_size=50)
    ids = [row[0] for row in line.facts("SELECT application_id FROM application ORDER BY application_id")]

    class Overtaken(EmulatedReviewer):
        def decide(self, case):
            if case.application_id == ids[1]:
                line.database.write(lambda tx: advance(tx, [ids[1]], State.WAITING, State.HELD))
            return super().decide(case)

    with pytest.raises(ApplicationStateError) as refused:
        work(line, Overtaken())
    assert (refused.value.application_id, refused.value.state) == (ids[1], "held")
    assert line.facts("SELECT count(*) FROM review_verdict") == [(0,)]
    assert line.states() == {"waiting": 2, "held": 1}


def test_work_is_assigned_in_turn(line):
    """Rule 7: nobody chooses."""
    line.file(10)
    work(line)
    assert len(line.facts("SELECT DISTINCT reviewer FROM review_verdict")) == 2


def test_passed_trays_hold_one_product_and_priority_each(line):
    """So green work overtakes and a machine finds one kind of blank."""
    line.file(40)
    work(line)
    rows = line.facts(
        "SELECT w.tray, count(DISTINCT a.product), count(DISTINCT a.priority) FROM whereabouts w"
        " JOIN application a ON a.order_unit = w.unit_id WHERE w.state = 'offered' GROUP BY w.tray"
    )
    assert rows
    assert all(row[1:] == (1, 1) for row in rows)


@pytest.mark.parametrize(("outcome", "reasons"), [("pass", "photo_ears"), ("return", ""), ("maybe", "photo_ears")])
def test_the_database_refuses_a_verdict_that_contradicts_itself(line, outcome, reasons):
    """Only a pass has no reasons."""
    line.file(1)
    with pytest.raises(Exception, match=r"review_verdict"):
        line.database.write(
            lambda tx: tx.execute(
                text(
                    "INSERT INTO review_verdict SELECT application_id, revision, 1, 'e-rev-1', :outcome, :reasons, 1,"
                    " emulated FROM application"
                ),
                {"outcome": outcome, "reasons": reasons},
            )
        )


def test_a_picture_without_sight_shows_nothing():
    """Real pictures carry no list."""
    assert seen_on(b"\xff\xd8\xff\xd9") == []
    assert seen_on(b"\xff\xd8 passline-emulated-sight []") == []
