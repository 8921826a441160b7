"""Packing of whole trays, on both databases."""

from dataclasses import replace

import pytest

from stations import trays
from stations.emulated_staff import EmulatedPacker
from stations.packing import station as packing


class Killed(BaseException):
    """The process ends here."""


def work(line, desk=None):
    """Pack all that waits."""
    return [packing.work_tray(line.at("packing"), offer, desk or line.packer) for offer in line.waiting("packing")]


def test_an_office_gets_one_parcel_of_a_tray_and_the_post_one_each(inspected):
    """Grouped for collection, single for the post; custody follows the parcel."""
    line = inspected(30)
    assert sum(each.passed for each in work(line)) == 30
    boxes = line.facts("SELECT p.tray, p.office, count(*) FROM parcel p WHERE grouping = 'office' GROUP BY 1, 2")
    assert boxes
    assert all(row[2] == 1 for row in boxes)
    posted = line.facts("SELECT count(*) FROM application WHERE delivery = 'post'")[0][0]
    assert line.facts("SELECT count(*), sum(documents) FROM parcel WHERE grouping = 'single'") == [(posted, posted)]
    wrong = line.facts(
        "SELECT count(*) FROM whereabouts d JOIN parcel p ON p.parcel_unit = d.container"
        " JOIN job j ON j.document_unit = d.unit_id JOIN application a ON a.application_id = j.application_id"
        " WHERE p.office <> a.office"
    )
    assert wrong == [(0,)]
    assert line.facts("SELECT count(*) FROM whereabouts WHERE kind = 'document' AND state <> 'packed'") == [(0,)]


def test_a_mismatch_stops_that_piece_alone_and_is_recorded(inspected):
    """The two whose envelopes were swapped wait on the hold shelf in doubt; the others go on."""
    line = inspected(8)

    class Confused(EmulatedPacker):
        def match(self, slips, place):
            first, second, *rest = super().match(slips, place)
            yield replace(first, order=second.order)
            yield replace(second, order=first.order)
            yield from rest

    offer = max(line.waiting("packing"), key=lambda each: each.unit_count)
    outcome = packing.work_tray(line.at("packing"), offer, Confused(line.hands))
    assert (outcome.held, outcome.passed) == (2, outcome.units - 2)
    assert line.facts("SELECT part, count(*) FROM packing_mismatch GROUP BY part") == [("order", 2)]
    assert line.facts("SELECT count(*) FROM whereabouts WHERE state = 'doubt' AND place = 'hold'") == [(2,)]
    assert len(line.hands.scan("packing:hold")) == 2


@pytest.mark.parametrize("act", ["match", "fill", "filled"])
def test_a_tray_cut_short_at_any_step_goes_on_and_is_packed_once(inspected, act):
    """Before matching, between the record and the parcels, and after the parcels are filled."""
    line = inspected(8)
    workplace, before = line.at("packing"), len(line.waiting("packing"))

    class Dying(EmulatedPacker):
        def match(self, slips, place):
            if act == "match":
                raise Killed
            return super().match(slips, place)

        def fill(self, fillings, place):
            if act == "filled":
                super().fill(fillings, place)
            raise Killed

    for offer in line.waiting("packing"):
        with pytest.raises(Killed):
            packing.work_tray(workplace, offer, Dying(line.hands))
    left = trays.unfinished_trays(workplace)
    assert len(left) == before
    for tray in left:
        packing.resume_tray(workplace, tray, line.packer)
    assert trays.unfinished_trays(workplace) == []
    assert line.facts("SELECT sum(documents) FROM parcel") == [(8,)]
    parcels = sum(len(line.hands.scan(trays.tray_place(offer.tray))) for offer in line.waiting("mailing"))
    assert parcels == sum(offer.unit_count for offer in line.waiting("mailing"))


def test_a_parcel_with_a_stopped_application_is_opened_again(inspected):
    """Stopped between packing and offering: its document goes to quarantine, the others are packed anew."""
    line = inspected(12)
    (box,) = line.facts(
        "SELECT office FROM application WHERE delivery = 'collection' GROUP BY office, product, priority"
        " ORDER BY count(*) DESC LIMIT 1"
    )
    stopped = line.facts(
        "SELECT application_id FROM application WHERE office = :office AND delivery = 'collection'", office=box[0]
    )[0][0]

    class Late(EmulatedPacker):
        def fill(self, fillings, place):
            super().fill(fillings, place)
            if line.states().get("stopped") is None:
                line.stop(stopped)

    work(line, Late(line.hands))
    for tray in trays.unfinished_trays(line.at("packing")):
        packing.resume_tray(line.at("packing"), tray, line.packer)
    assert trays.unfinished_trays(line.at("packing")) == []
    assert line.facts("SELECT count(*) FROM whereabouts WHERE state = 'doubt' AND place = 'quarantine'") == [(1,)]
    assert line.facts("SELECT count(*) FROM whereabouts WHERE kind = 'document' AND state = 'packed'") == [(11,)]
    assert len(line.hands.scan("packing:quarantine")) == 1
