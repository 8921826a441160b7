"""QC with a swipe reader, an emulator of its own on a real pty: the second eye on the printed zone."""

import os
import signal
import time
from dataclasses import replace

import pytest

from devices.emulation.supervisor import EmulatorSpec, Supervisor
from devices.registry import DeviceEntry, make_driver, make_transport
from stations import trays
from stations.emulated_staff import EmulatedInspector
from stations.kept_machine import KeptMachine, MachineStandsError
from stations.qc import station as qc
from stations.qc.swipes import Swipes
from stations.review import station as review

SWIPER = DeviceEntry("swipe-01", "rte-mrz-reader", "emulator://swipe-01", "SW-1", "emulated")
COMES_BACK_S = 0.4


@pytest.fixture
def supervisor(line):
    """The swipe reader's emulator."""
    running = Supervisor(line.folder, speed=0.0, seed=1)
    running.start([EmulatorSpec(SWIPER.id, SWIPER.driver, SWIPER.serial)])
    yield running
    running.stop()


@pytest.fixture
def swipes(line, supervisor):
    """The reader as QC has it; with `share` it sees so many of the documents."""
    made = []

    def make(share=1.0):
        driver = make_driver(SWIPER, make_transport(SWIPER, line.folder / "machines"))
        made.append(Swipes(KeptMachine(driver, comes_back_s=COMES_BACK_S), share))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def inspect(line, readers):
    """Five documents in one tray at QC, to be inspected by a desk; the outcome."""
    line.shares = replace(line.shares, hk_macau_permit=1.0, taiwan_permit=0.0, emergencies=0.0)
    line.file(5)
    for offer in line.waiting("review"):
        review.work_tray(line.at("review"), offer, line.reviewer)
    line.make_documents()

    def work(swipes, desk=None):
        (offer,) = line.waiting("qc")
        means = (desk or line.inspector, readers, line.trust_anchor)
        return qc.work_tray(line.at("qc"), offer, *means, swipes=swipes)

    return work


def swiped(supervisor):
    """How many documents were drawn through the reader."""
    return supervisor.control(SWIPER.id).ask("state")["swipes"]


class Other(EmulatedInspector):
    """Draws other zones through the reader than the document reader saw, as often as it is told to."""

    def __init__(self, hands, number, times):
        super().__init__(hands)
        self.number, self.times = number, times

    def swipe(self, number, reader):
        if self.number not in (None, number) or not self.times:
            super().swipe(number, reader)
            return
        self.times -= 1
        lines = self._hands.glance(number).mrz
        self._hands.swipe(reader, [line[:-1] + "<" for line in lines[:-1]] + [lines[-1][:-1] + "?"])


def test_every_document_is_swiped_and_the_sound_ones_pass(inspect, swipes, supervisor):
    """The zone of each is what its order says."""
    assert inspect(swipes()).passed == 5
    assert swiped(supervisor) == 5


def test_a_zone_that_is_swiped_otherwise_twice_fails_the_document_by_its_own_code(line, inspect, swipes, supervisor):
    """The document reader had found nothing wrong with it."""
    number = line.hands.scan(trays.tray_place(line.waiting("qc")[0].tray))[2]
    outcome = inspect(swipes(), Other(line.hands, number, times=2))
    assert (outcome.passed, outcome.voided) == (4, 1)
    assert line.facts("SELECT codes FROM inspection WHERE outcome = 'fail'") == [("swipe",)]
    assert line.hands.scan("qc:voided") == [number]
    assert swiped(supervisor) == 6


def test_a_zone_misread_once_is_swiped_again(line, inspect, swipes, supervisor):
    """A dirty lens voids no document."""
    assert inspect(swipes(), Other(line.hands, None, times=1)).passed == 5
    assert swiped(supervisor) == 6


def test_a_share_of_the_documents_is_swiped(inspect, swipes, supervisor):
    """Which ones, their serials say: a tray that goes on swipes the same."""
    chosen = [f"EA{number:07d}" for number in range(1, 1001)]
    assert 400 < sum(swipes(0.5)._chosen(number) for number in chosen) < 600
    assert inspect(swipes(0.0)).passed == 5
    assert swiped(supervisor) == 0


def test_a_swipe_reader_that_is_gone_stops_the_tray_typed_and_it_goes_on_later(
    line, inspect, readers, swipes, supervisor
):
    """Nothing of the tray was decided."""

    class Clumsy(EmulatedInspector):
        def swipe(self, number, reader):
            os.kill(supervisor.pid(SWIPER.id), signal.SIGKILL)
            while supervisor.alive(SWIPER.id):
                time.sleep(0.01)

    with pytest.raises(MachineStandsError, match=SWIPER.id):
        inspect(swipes(), Clumsy(line.hands))
    (tray,) = trays.unfinished_trays(line.at("qc"))
    assert line.facts("SELECT count(*) FROM inspection") == [(0,)]
    supervisor.ensure()
    means = (line.inspector, readers, line.trust_anchor)
    assert qc.resume_tray(line.at("qc"), tray, *means, swipes=swipes()).passed == 5
