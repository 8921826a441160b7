"""Machines with protocols of their own: each fault at each burst of an exchange, on the real byte stream.

Only typed errors come out, and after each the machine works again over a fresh session. docs/devices.md says what must
come of which fault where.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from struck_machine import NAME, Exchange

from devices.air_shower import emulator as shower_emulator
from devices.air_shower.driver import ModbusAirShower
from devices.climate import emulator as climate_emulator
from devices.climate.driver import ModbusClimate
from devices.crt591 import emulator as crt591_emulator
from devices.crt591.driver import Crt591, Crt591Counting
from devices.emulation.emulator import EmulatorSetup
from devices.emulation.faults import BURSTS, SENSOR, FaultName, Faults, striking
from devices.emulation.world import Stack, Tally, What, World
from devices.errors import DeviceError, NoSwipeError
from devices.face_reader import emulator as face_emulator
from devices.face_reader.driver import OsdpFaceReader
from devices.jobs import JobIntent, JobState, MachineJobState
from devices.label_printer import driver as printers
from devices.label_printer import sato_emulator, zebra_emulator
from devices.mrz_reader import emulator as mrz_emulator
from devices.mrz_reader.driver import RteMrzReader
from devices.particle_counter import emulator as counter_emulator
from devices.particle_counter.driver import ModbusParticleCounter
from devices.piece import PieceData
from devices.recovery import recover
from devices.roles import Climate, Door, JobResult, LabelState, ParcelLabel, Position, ShowerPhase
from devices.scale import emulator as scale_emulator
from devices.scale.driver import MtSicsScale
from devices.scale.frames import Weight, encode_answer

SERIAL = "S-1"
WAIT_S = 10.0
MOTIONS = 5
"""Occasions at which the mechanics are struck: more than two cards have of any kind."""
MANY = 100
DAMAGES = frozenset({FaultName.DROPPED_BYTE, FaultName.CORRUPTED_BYTE, FaultName.TRUNCATED_FRAME})
"""They strike at a place in a burst; where bursts are few, several are tried."""


class Weighing(Exchange):
    """Two parcels. A scale's lines have a width but no checksum: a byte that became another one can deceive, once."""

    driver_name = "mt-sics-scale"

    def make_emulator(self, faults: Faults) -> Any:
        return scale_emulator.emulate(EmulatorSetup(NAME, SERIAL, self.folder, self.folder, speed=20.0, faults=faults))

    def make_driver(self) -> Any:
        return MtSicsScale(NAME, SERIAL, True, self.cable)

    def work(self) -> None:
        for grams in (Decimal("37.25"), Decimal("812.40")):
            found = self.until_done(lambda grams=grams: self._weigh(grams))
            if found != grams:
                said, meant = (encode_answer(Weight(True, weight, "g")) for weight in (found, grams))
                assert sum(one != other for one, other in zip(said, meant, strict=True)) == 1
                assert FaultName.CORRUPTED_BYTE in self.struck_by
                assert self.until_done(lambda grams=grams: self._weigh(grams)) == grams

    def _weigh(self, grams: Decimal) -> Any:
        scale = self.opened()
        self.do("load", grams=str(grams))
        return scale.weigh(WAIT_S)


class Labels(Exchange):
    """Three intents, each sent once and, where that failed, asked for; then people look at what came out."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.said: list[LabelState] = []
        """Of each label, by its number, PRINTED if the printer said so without having been lost meanwhile."""

    def work(self) -> None:
        for _ in range(3):
            self.until_done(self.opened)
            number = len(self.said)
            self.said.append(LabelState.UNKNOWN)
            self.said[number] = self._print(f"{number:032x}", self._text(number))

    def _print(self, job: str, text: str) -> LabelState:
        try:
            state: LabelState = self.driver.print_label(job, ParcelLabel(text, "EA123456785CN", "POST"), WAIT_S)
        except DeviceError:
            self.close()
            self.until_done(lambda: self.opened().status(job))
            return LabelState.UNKNOWN
        return state

    @staticmethod
    def _text(number: int) -> str:
        return f"P-{number:06}"

    def assert_whole(self) -> None:
        lines = (self.folder / "world" / "printed").read_text().splitlines()
        came_out = Counter(text for line in lines for text in json.loads(line)["texts"][:1])
        assert len(lines) <= len(self.said)
        assert not came_out or max(came_out.values()) == 1
        assert self.said.count(LabelState.PRINTED) >= len(self.said) - self.struck
        # The languages of label printers have no checksum: a damaged label is a label.
        if not self.struck_by & DAMAGES:
            printed = [number for number, state in enumerate(self.said) if state is LabelState.PRINTED]
            assert all(came_out[self._text(number)] for number in printed)


class SatoLabels(Labels):
    driver_name = "sato-label-printer"

    def make_emulator(self, faults: Faults) -> Any:
        return sato_emulator.emulate(
            EmulatorSetup(NAME, SERIAL, self.folder, self.folder / "world", speed=20.0, faults=faults)
        )

    def make_driver(self) -> Any:
        return printers.SatoLabelPrinter(NAME, SERIAL, True, self.cable)


class ZebraLabels(Labels):
    driver_name = "zebra-label-printer"

    def make_emulator(self, faults: Faults) -> Any:
        return zebra_emulator.emulate(
            EmulatorSetup(NAME, SERIAL, self.folder, self.folder / "world", speed=20.0, faults=faults)
        )

    def make_driver(self) -> Any:
        return printers.ZebraLabelPrinter(NAME, SERIAL, True, self.cable)


class Swipes(Exchange):
    """Four documents drawn through a swipe reader, and again where nothing was read: no zone but the right one."""

    driver_name = "rte-mrz-reader"
    zones = (
        ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"),
        ("CSCA32732010<2901178<8108038<2",),
    )

    def make_emulator(self, faults: Faults) -> Any:
        return mrz_emulator.emulate(EmulatorSetup(NAME, SERIAL, self.folder, self.folder, faults=faults))

    def make_driver(self) -> Any:
        return RteMrzReader(NAME, SERIAL, True, self.cable)

    def work(self) -> None:
        for zone in self.zones * 2:
            assert self.until_done(lambda zone=zone: self._swipe(zone)) == zone

    def _swipe(self, zone: Sequence[str]) -> Any:
        reader = self.opened()
        while not self.cabinet.emulator.control({"do": "swipe", "lines": list(zone)})["ok"]:
            # It still reads what was drawn through it before the line was lost: whoever swipes waits for that.
            with suppress(NoSwipeError):
                reader.swipe(1.0)
        return reader.swipe(WAIT_S, take_earlier=True)


class Air(Exchange):
    """The air changes with every try: a reading of an earlier one's is as wrong as a damaged one."""

    driver_name = "modbus-climate"
    tries = 0

    def make_emulator(self, faults: Faults) -> Any:
        return climate_emulator.emulate(EmulatorSetup(NAME, SERIAL, self.folder, self.folder, faults=faults))

    def make_driver(self) -> Any:
        return ModbusClimate(NAME, SERIAL, True, self.cable)

    def work(self) -> None:
        for _ in range(3):
            self.until_done(self._read)

    def _read(self) -> None:
        sensor = self.opened()
        self.tries += 1
        air = Climate(Decimal(200 + self.tries) / 10, Decimal(500 + self.tries) / 10)
        self.do("set", temperature_c=str(air.temperature_c), humidity_percent=str(air.humidity_percent))
        assert sensor.read() == air


class Dust(Exchange):
    """As the air: every try has another number of particles."""

    driver_name = "modbus-particle-counter"
    tries = 0

    def make_emulator(self, faults: Faults) -> Any:
        return counter_emulator.emulate(EmulatorSetup(NAME, SERIAL, self.folder, self.folder, faults=faults))

    def make_driver(self) -> Any:
        return ModbusParticleCounter(NAME, SERIAL, True, self.cable)

    def work(self) -> None:
        for _ in range(3):
            self.until_done(self._read)

    def _read(self) -> None:
        sensor = self.opened()
        self.tries += 1
        self.do("set", particles_m3=1000 * self.tries)
        assert sensor.read() == Climate(particles_m3=1000 * self.tries)


class Faces(Exchange):
    """Each try is another person: whoever is told is who was recognised under that number, in order, and once."""

    driver_name = "osdp-face-reader"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.recognised: dict[int, int] = {}
        self.told = 0
        self.kept: Position | None = None

    def make_emulator(self, faults: Faults) -> Any:
        return face_emulator.emulate(EmulatorSetup(NAME, SERIAL, self.folder, self.folder, faults=faults))

    def make_driver(self) -> Any:
        return OsdpFaceReader(NAME, SERIAL, True, self.cable)

    def work(self) -> None:
        for _ in range(3):
            self.until_done(self._come)

    def _come(self) -> None:
        reader = self.opened()
        credential = 1000 + len(self.recognised)
        number = self.do("recognise", credential=credential, quality=90)["number"]
        self.recognised[number] = credential
        found = None
        while found is None or found.credential != credential:
            found = reader.recognition(WAIT_S)
            assert found.credential == self.recognised[found.position.number]
            before = 0 if self.kept is None else self.kept.number
            assert found.position.number > before
            assert self.kept is None or found.missed == found.position.number - before - 1
            self.kept = found.position
            self.told += 1

    def assert_whole(self) -> None:
        assert self.told <= len(self.recognised)


class Showering(Exchange):
    """Two people go in: each after a whole cycle of their own, whatever happened to the ones before."""

    driver_name = "modbus-air-shower"

    def make_emulator(self, faults: Faults) -> Any:
        return shower_emulator.emulate(EmulatorSetup(NAME, SERIAL, self.folder, self.folder, faults=faults))

    def make_driver(self) -> Any:
        return ModbusAirShower(NAME, SERIAL, True, self.cable)

    def work(self) -> None:
        for _ in range(2):
            self.until_done(self._go_in)

    def _go_in(self) -> None:
        shower = self.opened()
        self._empty(shower)
        before = shower.state().completed
        shower.release(Door.OUTER)
        self.do("enter", door="outer")
        after = shower.wait_for_cycle(before, 30.0).completed
        assert after == Position(before.memory, before.number + 1)
        shower.release(Door.INNER)
        self.do("leave", door="inner")

    def _empty(self, shower: ModbusAirShower) -> None:
        """Whoever is still in it goes where they may, and all doors are closed and locked."""
        state = shower.state()
        for door in state.open_doors:
            self.do("close", door=door.value)
        while state.phase is ShowerPhase.BLOWING or state.released_doors or state.open_doors:
            self.cable.now_s += 1.0
            state = shower.state()
        if state.occupied:
            door = Door.INNER if state.phase is ShowerPhase.CLEAN else Door.OUTER
            shower.release(door)
            self.do("leave", door=door.value)
            if shower.state().open_doors:
                self.do("close", door=door.value)

    def put_right(self) -> None:
        self.until_done(lambda: self._empty(self.opened()))

    def assert_whole(self) -> None:
        told = self.until_done(lambda: self.opened().state()).completed
        assert told.number == self.do("state")["completed"] >= 2


class Books:
    """A host's database in memory."""

    def __init__(self) -> None:
        self.fence, self.open = 0, list[JobIntent]()

    def next_fence(self, machine: str, above: int) -> int:
        self.fence = max(self.fence, above) + 1
        return self.fence

    def open_intents(self, machine: str) -> Sequence[JobIntent]:
        return self.open

    def booked_result(self, job_id: str) -> str | None:
        return None


class Cards(Exchange):
    """Two documents on a card encoder, an intent each; what can't be known is in doubt and people count."""

    driver_class: Any = Crt591Counting
    driver_name = "crt-591-counting"
    blanks = tuple(f"K{number:08d}" for number in range(16))

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.books, self.ends = Books(), dict[str, MachineJobState]()
        self.jobs = 0
        self.do("load", blanks=[[serial, "shelf:card"] for serial in self.blanks])

    def make_emulator(self, faults: Faults) -> Any:
        return crt591_emulator.emulate(EmulatorSetup(NAME, SERIAL, self.folder, self.folder / "world", faults=faults))

    def make_driver(self) -> Any:
        return self.driver_class(NAME, SERIAL, True, self.cable)

    def fed(self) -> int:
        """How many cards were ever drawn, physically."""
        tally = (self.folder / "world" / "tallies" / NAME).read_text().splitlines()
        return sum(line.split("\t")[1] == What.FED for line in tally)

    def work(self) -> None:
        for _ in range(2):
            self.jobs += 1
            job = f"{self.jobs:032x}"
            self.fed_before = self.fed()
            self.until_done(lambda job=job: self._intend(job))
            try:
                self._make(job)
            except DeviceError:
                self.put_right()

    def put_right(self) -> None:
        # In this order: what hands take out of the transport is not counted.
        self.close()
        self.until_done(self._recover)
        self.do("clear")
        self.close()

    def _intend(self, job: str) -> None:
        self._recover()
        identity = self.driver.hello()
        where = (identity.serial, identity.journal_id, self.driver.journal_position)
        self.books.open = [JobIntent(job, NAME, *where, JobState.INTENT)]

    def _make(self, job: str) -> None:
        serial = self.driver.feed(job)
        self.books.open = [replace(self.books.open[0], state=JobState.STARTING, blank_serial=serial)]
        document = PieceData("hk_macau_permit", serial, ("LINE",), chip={"EF.COM": b"\x60\x00", "EF.DG1": b"zone"})
        self.driver.make(job, document.encode())
        self._book(self.driver.result(job, WAIT_S))

    def _book(self, result: JobResult) -> None:
        self.books.open, self.ends[result.job_id] = [], result.state
        if result.state is MachineJobState.DONE:
            piece = World(self.folder / "world").piece(result.blank_serial)
            assert piece is not None and piece.locked and piece.data.chip["EF.DG1"] == b"zone"
        self.driver.release(result.job_id, result.result_hash)

    def _recover(self) -> None:
        if self.is_open and not self.books.open:
            return
        found = recover(self.driver, self.books)
        self.is_open = True
        assert not found.strangers and not found.waiting and not found.working
        for _, result in found.settled:
            self._book(result)
        for intent in found.unheard:
            assert self.fed() == self.fed_before, "a job is absent only if nothing was drawn for it"
            self._book(self.driver.void(intent.job_id))
        for doubt in found.in_doubt:
            self.books.open, self.ends[doubt.intent.job_id] = [], MachineJobState.UNKNOWN
            if doubt.result is not None:
                self._book(doubt.result)

    def assert_whole(self) -> None:
        ended = list(self.ends.values())
        assert ended.count(MachineJobState.DONE) >= self.jobs - self.struck
        assert self.fed() <= self.jobs + (FaultName.DOUBLE_FEED in self.struck_by)
        tally = Tally.read(self.folder / "world")
        inside = [serial for stack in Stack for serial in tally.at(f"{NAME}:{stack.value}")]
        assert sorted(inside) == sorted(self.blanks)
        made = [serial for serial, seen in tally.pieces.items() if seen.made]
        assert ended.count(MachineJobState.DONE) <= len(made) <= self.jobs


class CardsWithoutCounter(Cards):
    driver_class = Crt591
    driver_name = "crt-591"


EXCHANGES = (Weighing, SatoLabels, ZebraLabels, Swipes, Air, Dust, Faces, Showering, Cards, CardsWithoutCounter)
CASES = [(exchange, name) for exchange in EXCHANGES for name in sorted(striking(exchange.driver_name) - SENSOR)]


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory, where there is some: hundreds of machines would wait for the disk."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(prefix="passline-", dir=memory if memory.is_dir() else None) as made:
        yield Path(made)


@pytest.mark.parametrize(("exchange", "name"), CASES)
def test_whichever_burst_a_fault_strikes_the_machine_works_on_and_does_nothing_twice(
    exchange: type[Exchange], name: FaultName, folder: Path, pytestconfig: pytest.Config
) -> None:
    """Of a document's bursts each fault has one in five, another fifth than its neighbours, unless `--dense`."""
    on_the_line = name in BURSTS
    bursts = bursts_of(exchange(folder / "clean")) if on_the_line else MOTIONS
    step = 1 if bursts < MANY or pytestconfig.getoption("--dense") else 5
    places = 1 + MANY // bursts if name in DAMAGES else 1
    struck = 0
    occasions = range(1 + list(FaultName).index(name) % step, bursts + 1, step)
    for occasion, place in product(occasions, range(places)):
        here = exchange(folder / f"{occasion}-{place}")
        here.strike_at(name, occasion, place)
        try:
            here.work()
            here.assert_whole()
        except (AssertionError, DeviceError) as error:
            raise AssertionError(f"{name} at its occasion {occasion}, place {place}: {error!r}") from error
        assert here.struck or not on_the_line
        struck += here.struck
        here.finish()
    assert struck


def bursts_of(clean: Exchange) -> int:
    """How many bursts the exchange has when nothing strikes."""
    clean.work()
    clean.assert_whole()
    clean.finish()
    return clean.cabinet.bursts


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_whatever_strikes_again_and_again_only_typed_errors_come_out(exchange: type[Exchange], folder: Path) -> None:
    """All faults at once, without end; when they are taken off, the machine works."""
    for every in (5, 13, 29):
        here = exchange(folder / str(every))
        for name in BURSTS - {FaultName.CORRUPTED_BYTE}:
            here.strike(name, times=0, every=every)
        for _ in range(3):
            with suppress(DeviceError):
                here.work()
        assert here.struck
        here.take_faults_off()
        here.put_right()
        here.work()
        here.assert_whole()
        here.finish()
