"""What a carrier can't say, and two people settle: parcels that it did not take."""

from sent_parcels import Sent

from stations.mailing import explaining
from stations.mailing.explaining import Found
from stations.trays import tray_place


def test_what_the_carrier_never_took_is_not_delivered_by_it(packed, tmp_path):
    """Numbered, offered and unanswered, or not found by its count: still mailing's to answer for."""
    line = Sent(packed(12), tmp_path, taken=False)
    numbers = [row[0] for row in line.line.facts("SELECT tracking FROM consigned_parcel WHERE tracking IS NOT NULL")]
    _, aside = line.load(*(line.event(number) for number in numbers))
    assert {each["reason"] for each in aside} == {"never_handed"}
    offer = next(each for each in line.line.waiting("carrier"))
    gone = line.line.hands.scan(tray_place(offer.tray))[0]
    line.line.hands.put([gone], "behind the shelf")
    line.dispatch()
    (unit,) = [row[0] for row in line.line.facts("SELECT parcel_unit FROM parcel WHERE label = :label", label=gone)]
    assert line.open_cases() == [("missing", unit)]
    taken = line.line.facts("SELECT taken_us FROM consigned_parcel WHERE parcel_unit = :unit", unit=unit)
    assert [row[0] for row in taken] == [None]
    number = line.line.facts("SELECT tracking FROM consigned_parcel WHERE parcel_unit = :unit", unit=unit)[0][0]
    if number is not None:
        _, aside = line.load(line.event(number))
        assert [each["reason"] for each in aside] == ["never_handed"]


def test_what_a_count_at_the_door_lacked_is_found_and_sent_or_lost(packed, tmp_path):
    """Two people settle the case; what was found is offered anew, under the number that it had."""
    line = Sent(packed(12), tmp_path, taken=False)
    offer = next(each for each in line.line.waiting("carrier"))
    gone, lost = line.line.hands.scan(tray_place(offer.tray))[:2]
    line.line.hands.put([gone, lost], "behind the shelf")
    line.dispatch()
    assert [kind for kind, _ in line.open_cases()] == ["missing", "missing"]
    explaining.settle(line.here, lost, Found.LOST)
    settled = explaining.settle(line.here, gone, Found.HERE)
    line.line.hands.put(
        [settled.label],
        tray_place(
            line.line.facts(
                "SELECT whereabouts.tray FROM whereabouts JOIN parcel ON parcel_unit = unit_id WHERE label = :label",
                label=gone,
            )[0][0]
        ),
    )
    line.dispatch()
    (found, ended) = (
        line.line.facts("SELECT parcel_unit FROM parcel WHERE label = :label", label=label)[0][0]
        for label in (gone, lost)
    )
    assert line.states(found, ended) == [("outside", "carrier"), ("ended", "mailing")]
    assert line.open_cases() == []
