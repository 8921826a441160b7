"""A batch's whole way through review, QC, packing and mailing, in every station's own records."""

from stations.mailing import carrier
from stations.mailing import station as mailing
from stations.packing import station as packing
from stations.qc import station as qc
from stations.review import station as review


def test_every_sound_application_is_dispatched(line, readers):
    """What passes review reaches the carrier, and the log holds every step."""
    line.file(24, tray_size=8)
    for offer in line.waiting("review"):
        review.work_tray(line.at("review"), offer, line.reviewer)
    assert line.states() == {"passed": 24}
    line.make_documents()
    for offer in line.waiting("qc"):
        outcome = qc.work_tray(line.at("qc"), offer, line.inspector, readers, line.trust_anchor)
        assert outcome.passed == outcome.units
    for offer in line.waiting("packing"):
        assert packing.work_tray(line.at("packing"), offer, line.packer).held == 0
    for offer in line.waiting("mailing"):
        assert mailing.work_tray(line.at("mailing"), offer, line.mailer).held == 0
    for offer in line.waiting("carrier"):
        carrier.work_tray(line.at("carrier"), offer, line.carrier)
    assert line.states() == {"dispatched": 24}
    assert line.facts("SELECT count(*) FROM open_offer") == [(0,)]
    assert line.facts("SELECT count(*) FROM consigned_parcel WHERE tracking IS NULL AND weight_g < 0") == [(0,)]
