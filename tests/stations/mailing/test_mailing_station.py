"""Mailing of whole trays and the carrier's count, on both databases."""

import pytest

from stations import s10, trays
from stations.emulated_staff import EmulatedCarrier, EmulatedMailer
from stations.mailing import carrier
from stations.mailing import station as mailing
from stations.packing import station as packing


class Killed(BaseException):
    """The process ends here."""


def mail(line, desk=None):
    """Mail all that waits."""
    return [mailing.work_tray(line.at("mailing"), offer, desk or line.mailer) for offer in line.waiting("mailing")]


def hand_over(line, desk=None):
    """Have the carrier take all that waits."""
    return [carrier.work_tray(line.at("carrier"), offer, desk or line.carrier) for offer in line.waiting("carrier")]


def go_on(line):
    """What a fresh line does with mailing's and packing's unfinished trays and open offers."""
    for tray in mailing.unfinished_trays(line.at("mailing")):
        mailing.resume_tray(line.at("mailing"), tray, line.mailer)
    for offer in line.waiting("packing"):
        packing.work_tray(line.at("packing"), offer, line.packer)
    mail(line)
    return hand_over(line)


def test_the_post_is_numbered_and_offices_get_a_manifest(packed):
    """Each posted parcel has a number of its own; each office's parcels of a tray are on one manifest."""
    line = packed(16)
    mail(line)
    hand_over(line)
    rows = line.facts(
        "SELECT p.grouping, l.tracking FROM parcel p JOIN consigned_parcel l ON l.parcel_unit = p.parcel_unit"
    )
    assert all((grouping == "single") == (number is not None) for grouping, number in rows)
    assert all(s10.valid(number) for _, number in rows if number)
    assert line.facts("SELECT count(*) FROM consignment WHERE state <> 'dispatched' OR accepted_us IS NULL") == [(0,)]
    assert line.facts("SELECT sum(documents) FROM consignment") == [(16,)]
    assert line.states() == {"dispatched": 16}
    assert line.facts("SELECT DISTINCT station, state FROM whereabouts WHERE kind = 'parcel'") == [
        ("carrier", "outside")
    ]


def test_a_parcel_of_the_wrong_weight_is_held(packed):
    """A document that fell out of its envelope never leaves."""
    line = packed(6)
    label = line.facts("SELECT label FROM parcel WHERE grouping = 'single'")[0][0]
    line.hands.put(line.hands.scan(f"envelope:{label}"), "floor")
    assert sum(each.held for each in mail(line)) == 1
    assert line.hands.scan("mailing:hold") == [label]
    hand_over(line)
    assert line.states() == {"dispatched": 5, "in_production": 1}


def test_a_tray_cut_short_at_the_scale_goes_on(packed):
    """Weighing again changes nothing."""
    line = packed(4)

    class Dying(EmulatedMailer):
        def weigh(self, parcel):
            raise Killed

    for offer in line.waiting("mailing"):
        with pytest.raises(Killed):
            mailing.work_tray(line.at("mailing"), offer, Dying(line.hands))
    go_on(line)
    assert line.states() == {"dispatched": 4}
    assert mailing.unfinished_trays(line.at("mailing")) == []


def test_a_parcel_stopped_at_mailing_goes_back_to_packing(packed):
    """Rule 8 before the offer to the carrier: quarantined at packing, everything else is dispatched."""
    line = packed(8)
    line.stop(line.facts("SELECT application_id FROM application ORDER BY 1 LIMIT 1")[0][0])
    mail(line)
    go_on(line)
    assert line.states() == {"dispatched": 7, "stopped": 1}
    assert len(line.hands.scan("packing:quarantine")) == 1


def test_the_carrier_refuses_a_tray_with_a_stopped_application(packed):
    """Rule 8 at dispatch: mailing takes the tray back, and the rest leaves with the numbers it had."""
    line = packed(8)
    mail(line)
    numbers = set(line.facts("SELECT tracking FROM consigned_parcel WHERE tracking IS NOT NULL"))
    line.stop(line.facts("SELECT application_id FROM application WHERE delivery = 'post' ORDER BY 1 LIMIT 1")[0][0])
    assert sum(each.stopped for each in hand_over(line)) == 1
    assert len(mailing.unfinished_trays(line.at("mailing"))) == 1
    go_on(line)
    assert line.states() == {"dispatched": 7, "stopped": 1}
    left = set(line.facts("SELECT tracking FROM consigned_parcel WHERE tracking IS NOT NULL"))
    assert len(left) == len(numbers) - 1
    assert left < numbers


def test_what_the_carrier_does_not_find_stays_mailings_to_answer_for(packed):
    """A count difference is a case; only what was counted is dispatched."""
    line = packed(6)
    mail(line)
    offer = line.waiting("carrier")[0]
    lost = line.hands.scan(trays.tray_place(offer.tray))[0]
    line.hands.put([lost], "behind the shelf")
    assert sum(each.missing for each in hand_over(line)) == 1
    documents = line.facts("SELECT documents FROM parcel WHERE label = :label", label=lost)[0][0]
    assert line.states() == {"dispatched": 6 - documents, "in_production": documents}


def test_the_carriers_count_can_be_taken_again_after_a_crash(packed):
    """Loaded and not yet signed: the driver counts what stands in the vehicle."""
    line = packed(5)
    mail(line)

    class Dying(EmulatedCarrier):
        def collect(self, place):
            super().collect(place)
            raise Killed

    for offer in line.waiting("carrier"):
        with pytest.raises(Killed):
            carrier.work_tray(line.at("carrier"), offer, Dying(line.hands))
    assert sum(each.missing for each in hand_over(line)) == 0
    assert line.states() == {"dispatched": 5}
