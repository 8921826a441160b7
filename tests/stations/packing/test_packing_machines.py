"""Packing with its scale and label printer, each an emulator of its own on a real pty, on both databases."""

import json
import os
import signal
import time
from collections import Counter

import pytest
from sqlalchemy import text

from devices.emulation.supervisor import EmulatorSpec, Supervisor
from devices.label_printer.driver import SatoLabelPrinter
from devices.registry import DeviceEntry, make_driver, make_transport
from stations import trays
from stations.emulated_staff import EmulatedPacker
from stations.kept_machine import KeptMachine, MachineStandsError
from stations.packing import station as packing
from stations.packing.machines import PackingMachines

SCALE = DeviceEntry("scale-01", "mt-sics-scale", "emulator://scale-01", "SC-1", "emulated")
PRINTER = DeviceEntry("label-01", "sato-label-printer", "emulator://label-01", "LP-1", "emulated")
REPLY_S = 0.2
COMES_BACK_S = 0.4
LABELS_OF_PARCELS = "SELECT label FROM parcel"


class Killed(BaseException):
    """The process ends here."""


class Equipped:
    """The emulated scale and printer of a line; `machines` are drivers as a process that has just started has them."""

    def __init__(self, folder):
        self.folder = folder
        self.supervisor = Supervisor(folder, speed=0.0, seed=1)
        self.supervisor.start([EmulatorSpec(each.id, each.driver, each.serial) for each in (SCALE, PRINTER)])
        self._made = []

    def machines(self, printer=SatoLabelPrinter):
        self.hang_up()
        scale = make_driver(SCALE, self._transport(SCALE))
        made = printer(PRINTER.id, PRINTER.serial, True, self._transport(PRINTER), reply_s=REPLY_S)
        kept = [KeptMachine(each, comes_back_s=COMES_BACK_S) for each in (scale, made)]
        self._made += kept
        return PackingMachines(*kept)

    def _transport(self, entry):
        return make_transport(entry, self.folder / "machines")

    def labels(self):
        """How many labels of each parcel ever came out: the printer's own count."""
        lines = (self.folder / "world" / "printed").read_text().splitlines()
        return Counter(json.loads(line)["texts"][0] for line in lines)

    def kill(self, machine):
        os.kill(self.supervisor.pid(machine), signal.SIGKILL)
        while self.supervisor.alive(machine):
            time.sleep(0.01)

    def hang_up(self):
        """End what a process before this had open."""
        while self._made:
            self._made.pop().close()

    def close(self):
        self.hang_up()
        self.supervisor.stop()


@pytest.fixture
def equipped(line):
    """Scale and printer at packing."""
    made = Equipped(line.folder)
    yield made
    made.close()


def work(line, machines, desk=None):
    """Pack all that waits."""
    here = line.at("packing")
    return [packing.work_tray(here, offer, desk or line.packer, machines=machines) for offer in line.waiting("packing")]


def go_on(line, machines, desk=None):
    """Finish what was begun."""
    for tray in trays.unfinished_trays(line.at("packing")):
        packing.resume_tray(line.at("packing"), tray, desk or line.packer, machines=machines)


def assert_each_has_one_label(line, equipped):
    """By the printer's own count, and in the books."""
    parcels = [row[0] for row in line.facts(LABELS_OF_PARCELS)]
    assert parcels
    assert equipped.labels() == dict.fromkeys(parcels, 1)
    printed = line.facts("SELECT count(DISTINCT parcel_unit), count(*) FROM label_job WHERE state = 'printed'")
    assert printed == [(len(parcels), len(parcels))]
    assert line.facts("SELECT count(*) FROM label_job WHERE state = 'intent'") == [(0,)]


def test_every_parcel_is_weighed_and_labelled_once(inspected, equipped):
    """With its number and where it goes, and nobody's name."""
    line = inspected(8)
    assert sum(each.passed for each in work(line, equipped.machines())) == 8
    assert_each_has_one_label(line, equipped)
    assert line.facts("SELECT count(*) FROM parcel WHERE weighed_g IS NULL OR weighed_g <> expected_g") == [(0,)]
    assert line.facts("SELECT DISTINCT scale FROM parcel") == [("scale-01",)]
    assert line.facts("SELECT DISTINCT attempt, settled_by FROM label_job") == [(1, None)]
    offices = {row[0].upper() for row in line.facts("SELECT DISTINCT office FROM application")}
    for printed in (line.folder / "world" / "printed").read_text().splitlines():
        number, destination, tracking, emulated = json.loads(printed)["texts"]
        assert destination in {"POST", *offices}
        assert (number, emulated) == (f"P-{tracking.lower()}", "EMULATED")


def test_without_machines_nothing_is_weighed_and_no_label_recorded(inspected):
    """People stick labels that they have; the books say that it was not weighed."""
    line = inspected(3)
    assert sum(len(each.offered) for each in work(line, packing.BY_HAND)) > 0
    assert line.facts("SELECT count(*) FROM parcel WHERE weighed_g IS NOT NULL") == [(0,)]
    assert line.facts("SELECT count(*) FROM label_job") == [(0,)]


def test_a_parcel_that_weighs_wrong_stops_and_the_others_go_on(inspected, equipped):
    """One short of a piece is put aside in doubt with its weight, unlabelled."""
    line = inspected(8)
    taken = []

    class Careless(EmulatedPacker):
        def fill(self, fillings, place):
            super().fill(fillings, place)
            if not taken:
                taken.append(fillings[0].label)
                self._hands.put(fillings[0].numbers[:1], "floor")

    outcomes = work(line, equipped.machines(), Careless(line.hands))
    short, expected_g, weighed_g, documents = line.facts(
        "SELECT label, expected_g, weighed_g, documents FROM parcel WHERE weighed_g <> expected_g"
    )[0]
    assert ([short], weighed_g < expected_g) == (taken, True)
    assert sum(each.held for each in outcomes) == documents
    assert sum(each.passed for each in outcomes) == 8 - documents
    assert line.hands.scan("packing:hold") == taken
    assert line.facts("SELECT count(*) FROM whereabouts WHERE state = 'doubt' AND place = 'hold'") == [(1,)]
    assert line.facts("SELECT count(*) FROM custody_event WHERE reason = 'weight'") == [(1,)]
    assert short not in equipped.labels()
    parcels = {row[0] for row in line.facts(LABELS_OF_PARCELS)}
    assert set(equipped.labels()) == parcels - {short}
    assert trays.unfinished_trays(line.at("packing")) == []


def test_a_difference_seen_once_is_weighed_again(inspected, equipped):
    """Somebody leaned on the scale."""
    line = inspected(3)

    class Leaning(EmulatedPacker):
        leant = False

        def lay_on_scale(self, label, scale):
            super().lay_on_scale(label, scale)
            if not self.leant:
                self.leant = True
                self._hands.lay_on(scale, 900)

    assert sum(each.held for each in work(line, equipped.machines(), Leaning(line.hands))) == 0
    assert line.facts("SELECT count(*) FROM parcel WHERE weighed_g <> expected_g") == [(0,)]


@pytest.mark.parametrize("after", [False, True])
def test_a_label_of_a_killed_process_is_looked_for_and_never_sent_blindly(inspected, equipped, after):
    """Killed around the second label: the printer can't tell, people can, and each parcel has one label."""
    line = inspected(8)
    sent = []

    class Dying(SatoLabelPrinter):
        def print_label(self, job_id, label, timeout_s):
            sent.append(job_id)
            if len(sent) == 2:
                if after:
                    super().print_label(job_id, label, timeout_s)
                raise Killed
            return super().print_label(job_id, label, timeout_s)

    with pytest.raises(Killed):
        work(line, equipped.machines(Dying))
    came_out = sum(equipped.labels().values())
    assert came_out == (2 if after else 1)
    again = equipped.machines()
    go_on(line, again)
    work(line, again)
    assert_each_has_one_label(line, equipped)
    by_people = line.facts("SELECT count(*) FROM label_job WHERE state = 'printed' AND settled_by IS NOT NULL")
    assert by_people == [(came_out,)]


def test_a_lost_answer_is_settled_by_people_and_not_by_a_second_label(inspected, equipped):
    """The label came out, its answer did not."""
    line = inspected(3)
    machines = equipped.machines()
    machines.open()
    equipped.supervisor.control(PRINTER.id).ask("lose", answers=1, after=2)
    work(line, machines)
    assert_each_has_one_label(line, equipped)
    assert line.facts("SELECT count(*) FROM label_job WHERE settled_by IS NOT NULL") == [(1,)]


@pytest.mark.parametrize("machine", [SCALE.id, PRINTER.id])
def test_a_machine_lost_during_a_tray_stops_it_typed_and_it_goes_on_later(inspected, equipped, machine):
    """What was printed until then is booked; the rest is weighed and labelled when the machine is back."""
    line = inspected(8)

    class Unlucky(EmulatedPacker):
        laid = 0

        def lay_on_scale(self, label, scale):
            super().lay_on_scale(label, scale)
            self.laid += 1
            if self.laid == 2:
                equipped.kill(machine)

    with pytest.raises(MachineStandsError, match=machine):
        work(line, equipped.machines(), Unlucky(line.hands))
    assert len(trays.unfinished_trays(line.at("packing"))) == 1
    equipped.supervisor.ensure()
    again = equipped.machines()
    go_on(line, again)
    work(line, again)
    assert_each_has_one_label(line, equipped)


def test_a_printer_without_paper_stops_the_tray_and_prints_the_rest_later(inspected, equipped):
    """Nothing was sent to it, so nothing is doubted in the same process."""
    line = inspected(3)
    machines = equipped.machines()
    control = equipped.supervisor.control(PRINTER.id)
    control.ask("set", condition="paper-out")
    with pytest.raises(MachineStandsError, match="out of paper"):
        work(line, machines)
    control.ask("set", condition="ready")
    go_on(line, machines)
    work(line, machines)
    assert_each_has_one_label(line, equipped)


def test_the_database_refuses_a_second_label_that_people_have_not_asked_for(inspected, equipped):
    """In plain SQL: while one may be out no other begins, and that it isn't needs somebody who looked."""
    line = inspected(3)
    work(line, equipped.machines())
    again = (
        "INSERT INTO label_job (parcel_unit, attempt, printer, state, intent_us, emulated)"
        " SELECT parcel_unit, 2, printer, 'intent', 1, emulated FROM label_job"
    )
    for statement in (again, "UPDATE label_job SET state = 'absent'", "UPDATE label_job SET state = 'intent'"):
        with pytest.raises(Exception, match=r"(?i)label_job|unique"):
            line.database.write(lambda tx, statement=statement: tx.execute(text(statement)))
