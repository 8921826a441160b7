"""What a reading shows of a document: each kind of fault by its own code."""

from dataclasses import replace

import pytest

from devices.roles import Reading
from stations.personalization.chip import COM_FILE, Finding, data_group_1
from stations.qc.rules import DEFECTS, Expected, compare

ZONE = ("CSCA32732010<2901178<8108038<2",)
OTHER = ("CSCA32732028<2901178<8108038<8",)
GROUPS = {"EF.COM": COM_FILE, "EF.DG1": data_group_1(ZONE), "EF.DG2": b"portrait", "EF.SOD": b"signature"}
EXPECTED = Expected("CA3273201", ZONE, data_group_1(ZONE), b"portrait")
GOOD = Reading(ZONE, GROUPS, True, "CA3273201")


def test_a_sound_document_has_no_defect():
    """Everything as the order says."""
    assert compare(EXPECTED, GOOD, []) == ()


@pytest.mark.parametrize(
    ("reading", "findings", "code"),
    [
        (replace(GOOD, mrz=(), chip={}), [], "unreadable"),
        (replace(GOOD, surface_serial="CA3273202"), [], "serial"),
        (replace(GOOD, mrz=OTHER), [], "zone"),
        (replace(GOOD, mrz=("CSCA32732010<2901178<8108038<3",)), [], "zone_check"),
        (replace(GOOD, chip={}), [Finding("EF.DG1", "missing")], "chip"),
        (replace(GOOD, chip=GROUPS | {"EF.DG1": data_group_1(OTHER)}), [], "chip_zone"),
        (replace(GOOD, chip=GROUPS | {"EF.DG2": b"someone else"}), [], "chip_portrait"),
        (GOOD, [Finding("EF.SOD", "wrong-signature")], "chip_signature"),
        (replace(GOOD, locked=False), [], "chip_lock"),
    ],
)
def test_each_fault_is_named(reading, findings, code):
    """And every code has its words in both languages."""
    assert code in compare(EXPECTED, reading, findings)
    assert len(DEFECTS[code]) == 2
