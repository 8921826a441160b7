"""Emulator of the CRT-591-M: stack, transport, gate and bin, the counter that lasts, and the frames about them.

Whether it is worked as a machine of level B or C is the driver's choice; the machine is the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from typing import TypeAlias

from devices.crt591 import frames
from devices.crt591.emulated_chip import EmulatedChip
from devices.crt591.frames import Answer, Bin, Card, Command, Failure, FrameDecoder, Reply, Signal, Supply
from devices.emulation.control import Answer as Told
from devices.emulation.control import Request
from devices.emulation.emulator import EmulatorSetup
from devices.emulation.faults import FaultName
from devices.emulation.machine import Chance, End, Machine, Pace
from devices.emulation.stable_file import StableFile
from devices.emulation.world import Stack, World

FIRMWARE = b"EMULATED CRT-591-M001"
PACE = Pace(feed_s=1.2, chip_s=0.02, print_s=0.0, eject_s=0.8)
ANSWER_TO_RESET = b"1\x3b\x80\x80\x01\x01"  # T=1, and the shortest ATR of such a chip
FEW_CARDS, BIN_CARDS = 10, 200
MOST_COUNTED = 999
MOST_WAITING = 16
OPEN_STACKS = frozenset({Stack.INPUT, Stack.GOOD, Stack.REJECT, Stack.HOLD})
_TARGETS = {frames.TO_BIN: Stack.REJECT, frames.TO_GATE: Stack.HOLD, frames.OUT_OF_GATE: Stack.GOOD}

Doing: TypeAlias = Generator[float, None, Answer]
"""A command under way: yields seconds at speed 1, returns the answer."""


class BinCounter:
    """The bin's counter, three digits, on stable storage before a card falls: it never lags behind the cards."""

    _DIGITS = 3

    def __init__(self, setup: EmulatorSetup) -> None:
        self._file = StableFile(setup.folder / "counter")
        written = self._file.read(0, self._file.room).partition(b"\0")[0]
        sound = len(written) - len(written) % self._DIGITS
        self._file.end_at(sound)
        self.count = int(written[:sound][-self._DIGITS :] or b"0")

    def set(self, count: int) -> None:
        """Count from `count` on, 0 to MOST_COUNTED."""
        self._file.append(b"%03d" % count)
        self._file.sync()
        self.count = count

    def lose_power(self) -> None:
        """Drop what was never synced."""
        self._file.lose_power()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Crt591Emulator:
    """Does one command after the other; a card that leaves by the gate lies in `good`, one held in it in `hold`."""

    def __init__(self, setup: EmulatorSetup) -> None:
        self._serial, self._speed = setup.serial, setup.speed
        self._world = World(setup.world)
        self._chance = Chance(setup.seed, setup.id, spoil_rate=setup.spoil_rate, misread_rate=setup.misread_rate)
        self._faults = setup.faults
        self._machine = Machine(setup.id, self._world, PACE, Chance(setup.seed, setup.id), self._faults, reads=False)
        self._machine.drawn = next(iter(self._path), None)
        self._counter = BinCounter(setup)
        self._chip: EmulatedChip | None = None
        self._initialized = self._counts = self._jammed = False
        self._bin_cards = BIN_CARDS
        self._decoder = FrameDecoder()
        self._heard: deque[frames.Frame | Signal] = deque(maxlen=MOST_WAITING)
        self._doing: Doing | None = None
        self._answer: bytes | None = None
        self._said = b""
        self._now_s = self._due_s = self._late_s = 0.0

    @property
    def _path(self) -> dict[str, None]:
        return self._machine.stacks[Stack.PATH]

    # The line.

    @property
    def next_deadline_s(self) -> float | None:
        """When the command under way goes on."""
        return None if self._doing is None and self._answer is None else self._due_s

    def turn(self, data: bytes, now_s: float) -> bytes:
        """Hear what came in, go on with what is due, and return what is said. While it moves it hears nothing else."""
        self._now_s = now_s
        self._heard.extend(self._decoder.feed(data))
        said = b""
        while True:
            if self.next_deadline_s is not None:
                if self._due_s > now_s:
                    return said
                said += self._go_on()
            elif self._heard:
                said += self._hear(self._heard.popleft())
            else:
                return said

    def _hear(self, frame: frames.Frame | Signal) -> bytes:
        match frame:
            case Signal.DAMAGED:
                return Signal.NAK.encode()
            case Signal.NAK:
                return self._said
            case Signal.EOT:
                return Signal.EOT.encode()
            case Command():
                self._doing, self._due_s, self._said = self._do(frame), self._now_s, b""
                return Signal.ACK.encode()
        return b""

    def _go_on(self) -> bytes:
        if self._doing is None:
            self._said, self._answer = self._answer or b"", None
            return self._said
        try:
            self._due_s += self._scaled(next(self._doing))
        except StopIteration as ended:
            self._doing, self._answer = None, frames.encode(ended.value)
            self._due_s, self._late_s = self._now_s + self._late_s, 0.0
        return b""

    def _scaled(self, seconds: float) -> float:
        return seconds / self._speed if self._speed else 0.0

    # Commands.

    def _do(self, command: Command) -> Doing:
        """Do it. That it is emulated it says where a real one says nothing, also to who must not initialize it."""
        yield 0.0
        if not self._initialized and command.code != frames.INITIALIZE:
            return Failure(command.code, command.parameter, frames.NOT_RESET, FIRMWARE)
        match command:
            case Command(frames.INITIALIZE, frames.KEEP_CARD | frames.KEEP_CARD_AND_COUNT):
                self._initialized, self._counts = True, command.parameter == frames.KEEP_CARD_AND_COUNT
                return self._reply(command, FIRMWARE)
            case Command(frames.STATUS, frames.READ):
                return self._reply(command)
            case Command(frames.SERIAL_NUMBER, frames.READ):
                serial = self._serial.encode()
                return self._reply(command, bytes((len(serial),)) + serial + FIRMWARE)
            case Command(frames.BIN_COUNTER, frames.READ):
                return self._reply(command, b"%03d" % self._counter.count)
            case Command(frames.BIN_COUNTER, frames.SET) if command.data.isdigit() and len(command.data) == 3:
                self._counter.set(int(command.data))
                return self._reply(command)
            case Command(frames.CHIP):
                return (yield from self._do_chip(command))
            case Command(frames.MOVE, frames.TO_CHIP | frames.TO_BIN | frames.TO_GATE | frames.OUT_OF_GATE):
                return (yield from self._move(command))
        return _failure(command, "03")

    def _reply(self, command: Command, data: bytes = b"") -> Reply:
        stacks = self._machine.stacks
        card = Card.AT_CHIP if self._path else Card.IN_GATE if stacks[Stack.HOLD] else Card.NONE
        cards = len(stacks[Stack.INPUT])
        supply = Supply.EMPTY if not cards else Supply.FEW if cards < FEW_CARDS else Supply.ENOUGH
        return Reply(command.code, command.parameter, card, supply, Bin.FULL if self._bin_full else Bin.HAS_ROOM, data)

    @property
    def _bin_full(self) -> bool:
        return len(self._machine.stacks[Stack.REJECT]) >= self._bin_cards

    def _do_chip(self, command: Command) -> Doing:
        match command.parameter:
            case frames.COLD_RESET:
                yield PACE.chip_s
                serial = self._machine.drawn
                if serial is None:
                    return _failure(command, "61")
                spoiled = self._strikes(FaultName.CHIP_FAILURE) or self._chance.spoil(serial) is not None
                unreadable = self._strikes(FaultName.UNREADABLE_BLANK) or self._chance.misread(serial, 0)
                self._chip = EmulatedChip(
                    self._world, serial, self._machine.mark, spoiled=spoiled, unreadable=unreadable
                )
                return self._reply(command, ANSWER_TO_RESET)
            case frames.POWER_OFF:
                self._chip = None
                return self._reply(command)
            case frames.EXCHANGE_APDU if self._chip is not None:
                yield PACE.chip_s
                return self._reply(command, self._chip.answer(command.data))
        return _failure(command, "65")

    def _move(self, command: Command) -> Doing:
        target = _TARGETS.get(command.parameter)
        if self._jammed:
            return _failure(command, frames.JAM)
        if self._machine.stacks[Stack.HOLD]:
            return _failure(command, "02")
        if target is Stack.REJECT and self._bin_full:
            return _failure(command, frames.BIN_FULL)
        if target is Stack.REJECT and self._counts and self._counter.count + len(self._path) > MOST_COUNTED:
            return _failure(command, frames.COUNTER_OVERFLOW)
        end = End.DONE
        if not self._path:
            # As the real one does: any move with nothing in the transport draws a card.
            if self._strikes(FaultName.REJECT_BIN_FULL):
                return _failure(command, frames.BIN_FULL)
            end = End.EMPTY if self._strikes(FaultName.OUT_OF_BLANKS) else (yield from self._machine.feed())
        if end is End.DONE and target is not None:
            end = yield from self._eject(target)
        if end is End.DONE:
            return self._reply(command)
        self._jammed |= end is End.JAMMED
        return _failure(command, frames.STACK_EMPTY if end is End.EMPTY else frames.JAM)

    def _eject(self, target: Stack) -> Generator[float, None, End]:
        self._chip = None
        for serial in list(self._path):
            self._machine.drawn = serial
            if self._strikes(FaultName.JAM):
                yield PACE.eject_s
                return End.JAMMED
            if target is Stack.REJECT and self._counts:
                self._counter.set(self._counter.count + 1)
            yield from self._machine.eject(target)
        return End.DONE

    def _strikes(self, name: FaultName) -> bool:
        return self._faults.strike(name) is not None

    # People and power.

    def set_speed(self, speed: float) -> None:
        """Divide machine time by `speed` from the next motion on; 0: no machine time."""
        self._speed = speed

    def control(self, request: Request) -> Told:
        """`state`, `look`, `load`, `take`, `clear`, `bin`, `late`.

        `clear` puts what is in the transport into the bin by hand, where it is not counted; `bin` says how many `cards`
        the bin holds; `late` keeps the next answer back for `seconds` of real time.
        """
        machine = self._machine
        match request:
            case {"do": "state"}:
                return {"ok": True, "counter": self._counter.count, "jammed": self._jammed, "in_path": len(self._path)}
            case {"do": "look"}:
                return {"ok": True} | {stack.value: list(pieces) for stack, pieces in machine.stacks.items()}
            case {"do": "load", "blanks": list(blanks)}:
                return {"ok": True, "loaded": machine.load((serial, origin) for serial, origin in blanks)}
            case {"do": "take", "stack": stack, "serials": list(serials), "place": str(place)} if stack in OPEN_STACKS:
                return {"ok": True, "taken": machine.take(Stack(stack), serials, place)}
            case {"do": "clear"}:
                self._jammed = False
                self._chip = None
                return {"ok": True, "cleared": machine.purge()}
            case {"do": "bin", "cards": int(cards)}:
                self._bin_cards = cards
                return {"ok": True}
            case {"do": "late", "seconds": int(seconds) | float(seconds)}:
                self._late_s = float(seconds)
                return {"ok": True}
        return {"ok": False, "error": "a card encoder knows state, look, load, take, clear, bin and late"}

    def lose_power(self) -> None:
        """Drop what the counter has not on stable storage."""
        self._counter.lose_power()

    def close(self) -> None:
        """Close counter and tally."""
        self._counter.close()
        self._machine.close()


def _failure(command: Command, error: str) -> Failure:
    return Failure(command.code, command.parameter, error)


def emulate(setup: EmulatorSetup) -> Crt591Emulator:
    """Make an emulated CRT-591-M, named by either of its drivers."""
    return Crt591Emulator(setup)
