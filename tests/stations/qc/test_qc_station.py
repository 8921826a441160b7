"""QC of whole trays with a real reader process, on both databases."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from devices.emulation.world import Tally
from devices.errors import DeviceError
from stations import trays
from stations.emulated_staff import EmulatedInspector
from stations.packing import station as packing
from stations.qc import station as qc
from stations.qc.readers import NoReaderLeftError, ReaderPool
from stations.review import station as review


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def made(line):
    """A line with five reviewed documents in one tray on their way to QC."""
    return lambda spoil=lambda piece: piece: make(line, spoil)


def make(line, spoil):
    """Review all and make the documents."""
    line.shares = replace(line.shares, hk_macau_permit=1.0, taiwan_permit=0.0, emergencies=0.0)
    line.file(5)
    for offer in line.waiting("review"):
        review.work_tray(line.at("review"), offer, line.reviewer)
    line.make_documents(spoil=spoil)


def work(line, readers, desk=None):
    """QC of all that waits."""
    return [
        qc.work_tray(line.at("qc"), offer, desk or line.inspector, readers, line.trust_anchor)
        for offer in line.waiting("qc")
    ]


def first_only(line, change):
    """A spoiler of the first piece made."""
    return lambda piece: change(piece) if line.machines_made == 1 else piece


def without_signature(piece):
    """A chip whose security object was cut short."""
    return replace(piece, chip={**piece.chip, "EF.SOD": piece.chip["EF.SOD"][:-1]})


def with_other_portrait(piece):
    """A chip with somebody else's picture, its hashes not fitting."""
    return replace(piece, chip={**piece.chip, "EF.DG2": piece.chip["EF.DG2"][:-1] + b"x"})


def with_other_zone(piece):
    """A printed zone with one character changed."""
    return replace(piece, mrz=tuple(line.replace("<", "K", 1) for line in piece.mrz))


@pytest.mark.parametrize(
    ("change", "code"),
    [(without_signature, "chip_signature"), (with_other_portrait, "chip_portrait"), (with_other_zone, "zone")],
)
def test_a_bad_document_is_voided_and_its_application_remade(line, readers, made, change, code):
    """Defaced before it is booked, by two; the new order overtakes ordinary work; the second document passes."""
    made(first_only(line, change))
    (outcome,) = work(line, readers)
    assert (outcome.passed, outcome.voided) == (4, 1)
    ((codes, unit, application),) = line.facts(
        "SELECT codes, document_unit, application_id FROM inspection WHERE outcome = 'fail'"
    )
    assert code in codes.split()
    assert line.facts("SELECT state, place FROM whereabouts WHERE unit_id = :unit", unit=unit) == [("void", "voided")]
    ((person, second),) = line.facts("SELECT person, second_person FROM custody_event WHERE act = 'void'")
    assert person != second
    (remake,) = line.waiting("personalization")
    assert (remake.priority, remake.unit_count) == (1, 1)
    line.make_documents()
    assert work(line, readers)[0].passed == 1
    jobs = line.facts("SELECT attempt, live FROM job WHERE application_id = :id ORDER BY attempt", id=application)
    assert [(attempt, bool(live)) for attempt, live in jobs] == [(1, False), (2, True)]
    numbers = line.facts("SELECT number FROM unit_number WHERE kind = 'order' AND number LIKE '%/2'")
    assert len(numbers) == 1


def test_a_tray_cut_short_after_defacing_is_read_again_and_voided_once(line, readers, made):
    """The piece is seen to be defaced; nothing is remade twice."""
    made(first_only(line, with_other_zone))
    offer, workplace = line.waiting("qc")[0], line.at("qc")

    class Dying(EmulatedInspector):
        def deface(self, numbers, first, second):
            super().deface(numbers, first, second)
            raise Killed

    with pytest.raises(Killed):
        qc.work_tray(workplace, offer, Dying(line.hands), readers, line.trust_anchor)
    assert line.facts("SELECT count(*) FROM inspection") == [(0,)]
    assert trays.unfinished_trays(workplace) == [offer.tray]
    outcome = qc.resume_tray(workplace, offer.tray, line.inspector, readers, line.trust_anchor)
    assert (outcome.passed, outcome.voided) == (4, 1)
    assert trays.unfinished_trays(workplace) == []
    assert qc.resume_tray(workplace, offer.tray, line.inspector, readers, line.trust_anchor).units == 0
    assert line.facts("SELECT count(*) FROM custody_event WHERE act = 'void'") == [(1,)]
    assert sum(seen.defaced for seen in Tally.read(line.folder / "world").pieces.values()) == 1


def test_a_piece_left_in_a_reader_is_read_when_its_tray_goes_on(line, readers, made):
    """A crash between reader and tray loses nothing."""
    made()
    offer, workplace = line.waiting("qc")[0], line.at("qc")

    class Dying(EmulatedInspector):
        def take_back(self, number, reader, place):
            raise Killed

    with pytest.raises(Killed):
        qc.work_tray(workplace, offer, Dying(line.hands), readers, line.trust_anchor)
    pool = ReaderPool(readers._readers)
    outcome = qc.resume_tray(workplace, offer.tray, line.inspector, pool, line.trust_anchor)
    assert outcome.passed == 5
    assert len(line.hands.scan(trays.tray_place(offer.tray))) == 5


def test_a_missing_document_opens_a_case_and_the_rest_goes_on(line, readers, made):
    """A blind count: QC never learns what was expected."""
    made()
    offer = line.waiting("qc")[0]
    lying = line.hands.scan(trays.tray_place(offer.tray))
    line.hands.put(lying[:1], "under the cupboard")
    (outcome,) = work(line, readers)
    assert (outcome.missing, outcome.units, outcome.passed) == (1, 4, 4)
    assert line.facts("SELECT kind, count(*) FROM custody_case GROUP BY kind") == [("missing", 1)]


def test_a_strange_piece_in_a_tray_goes_to_quarantine(line, readers, made):
    """A document of another tray is a case; a piece that the line never made is only put away."""
    made()
    work(line, readers)
    (stray,) = line.hands.scan(trays.tray_place(line.waiting("packing")[0].tray))[:1]
    line.hands.deliver(["X0000001"], "floor")
    line.file(5, seed=2)
    for offer in line.waiting("review"):
        review.work_tray(line.at("review"), offer, line.reviewer)
    line.make_documents()
    line.hands.put([stray, "X0000001"], trays.tray_place(line.waiting("qc")[0].tray))
    (outcome,) = work(line, readers)
    assert (outcome.surplus, outcome.passed) == (2, 5)
    assert set(line.hands.scan("qc:quarantine")) == {stray, "X0000001"}
    assert line.facts("SELECT kind, count(*) FROM custody_case GROUP BY kind") == [("surplus", 1)]


def test_a_stopped_document_goes_to_quarantine_and_is_not_offered(line, readers, made):
    """Rule 8, before the tray is read and after it was inspected."""
    made()
    ids = [row[0] for row in line.facts("SELECT application_id FROM application ORDER BY application_id")]
    line.stop(ids[0])

    class Stopping(EmulatedInspector):
        def inspect(self, case):
            if line.states().get("stopped") == 1:
                line.stop(ids[1])
            return super().inspect(case)

    (outcome,) = work(line, readers, Stopping(line.hands))
    assert (outcome.stopped, outcome.passed) == (2, 3)
    assert len(line.hands.scan("qc:quarantine")) == 2
    assert line.waiting("packing")[0].unit_count == 3
    assert packing.work_tray(line.at("packing"), line.waiting("packing")[0], line.packer).passed == 3


def test_a_reader_that_fails_is_set_aside_and_the_others_go_on(line, readers, made):
    """With none left the tray stays accepted, and goes on when a reader works again."""

    class Broken:
        machine = "reader-02"

        def open(self):
            raise DeviceError(self.machine)

        def close(self):
            pass

        def identify(self):
            raise DeviceError(self.machine)

        def read(self, timeout_s):
            raise DeviceError(self.machine)

    class Careless(EmulatedInspector):
        def insert(self, number, reader):
            if reader != "reader-02":
                super().insert(number, reader)

        def take_back(self, number, reader, place):
            if reader != "reader-02":
                super().take_back(number, reader, place)

    made()
    desk, broken = Careless(line.hands), ReaderPool({"reader-02": Broken()}, comes_back_s=0.1)
    offer = line.waiting("qc")[0]
    with pytest.raises(NoReaderLeftError, match="reader-02"):
        qc.work_tray(line.at("qc"), offer, desk, broken, line.trust_anchor)
    both = ReaderPool({"reader-02": Broken(), **readers._readers}, comes_back_s=0.1)
    outcome = qc.resume_tray(line.at("qc"), offer.tray, desk, both, line.trust_anchor)
    assert outcome.passed == 5
    assert set(both.failed) == {"reader-02"}


def test_the_database_refuses_an_inspection_by_the_reviewer(line, readers, made):
    """Rule 4, in plain SQL; and an inspection of an application that nobody passed."""
    made()
    work(line, readers)
    taken_over = "application_id, revision, round, reviewer, review_outcome"
    rest = "outcome, codes, reader, written_us, emulated"
    copied = f"INSERT INTO inspection (document_unit, {taken_over}, inspector, {rest}) SELECT 'n' || document_unit"
    by_the_reviewer = f"{copied}, {taken_over}, reviewer, {rest} FROM inspection"
    unreviewed = f"{copied}, {taken_over.replace('reviewer', repr('x'), 1)}, inspector, {rest} FROM inspection"
    for statement in (by_the_reviewer, unreviewed):
        with pytest.raises(Exception, match=r"inspection|FOREIGN KEY"):
            line.database.write(lambda tx, statement=statement: tx.execute(text(statement)))


def test_whoever_reviewed_is_passed_over_as_inspector():
    """A person who has changed stations does not inspect what they reviewed."""
    assert qc.assigned(("a", "b"), 0, "a") == "b"
    assert qc.assigned(("a", "b"), 1, "a") == "b"
    assert qc.assigned(("a", "b"), 1, "c") == "b"
