"""What an air shower's controller keeps in its registers: pure, for the driver and the emulator.

Such controllers commonly speak Modbus RTU; which registers they have differs from maker to maker, and a PLC's can be
set. So this map is a choice, to be set or mapped on a real one, and a machine without its mark is refused. Input
registers (function 04) from 0100 hex on, all read in one request, so that they belong together:

| register | holds |
| --- | --- |
| 0100 | the mark 4153 hex ("AS") |
| 0101 | bits: outer door open (0), inner open (1), outer released (2), inner released (3), occupied (4) |
| 0102 | phase: 0 soiled, 1 blowing, 2 clean |
| 0103 | whole seconds left of the cycle, 0 if it doesn't blow |
| 0104 | fault: 0 none, 1 a door held open, 2 cycle aborted, 3 fan, 4 power lost in a cycle |
| 0105-0106 | memory: another number, never 0, whenever the controller lost its count (high word first) |
| 0107-0108 | cycles completed in this memory (high word first); written before it is told |

Coils 0100 and 0101 (function 05, on) release the outer and the inner door. What the interlock forbids is answered by
exception 6 ("busy"). A fault of a cycle is told until the outer door is released or opened again.
"""

from collections.abc import Sequence

from devices.roles import Door, Position, ShowerFault, ShowerPhase, ShowerState

MARK = 0x4153
FIRST_REGISTER, REGISTERS = 0x0100, 9
COILS = {Door.OUTER: 0x0100, Door.INNER: 0x0101}
INTERLOCKED = 6
PHASES = tuple(ShowerPhase)
FAULTS = tuple(ShowerFault)

_OPEN = {Door.OUTER: 1 << 0, Door.INNER: 1 << 1}
_RELEASED = {Door.OUTER: 1 << 2, Door.INNER: 1 << 3}
_OCCUPIED = 1 << 4
_ALL_BITS = 0x1F
_WORD = 0x10000


def registers_of(state: ShowerState) -> tuple[int, ...]:
    """The registers that say so.

    >>> registers_of(ShowerState(ShowerPhase.CLEAN, frozenset(), frozenset({Door.INNER}), True, 0, ShowerFault.NONE,
    ...     Position(7, 65_537)))
    (16723, 24, 2, 0, 0, 0, 7, 1, 1)
    """
    bits = sum(_OPEN[door] for door in state.open_doors) | sum(_RELEASED[door] for door in state.released_doors)
    bits |= _OCCUPIED if state.occupied else 0
    counts = (*divmod(state.completed.memory, _WORD), *divmod(state.completed.number, _WORD))
    return (MARK, bits, PHASES.index(state.phase), state.seconds_left, FAULTS.index(state.fault), *counts)


def state_of(registers: Sequence[int]) -> ShowerState | str:
    """What the registers say, or which of them can't be.

    >>> state_of((0x4153, 0, 3, 0, 0, 0, 7, 0, 1))
    'phase 3'
    """
    mark, bits, phase, seconds_left, fault, *counts = registers
    memory, number = counts[0] * _WORD + counts[1], counts[2] * _WORD + counts[3]
    wrong = (
        (mark != MARK, f"mark {mark:04x}"),
        (bits & ~_ALL_BITS, f"doors {bits:04x}"),
        (phase >= len(PHASES), f"phase {phase}"),
        (fault >= len(FAULTS), f"fault {fault}"),
        (memory == 0, "memory 0"),
    )
    for is_wrong, what in wrong:
        if is_wrong:
            return what
    return ShowerState(
        phase=PHASES[phase],
        open_doors=frozenset(door for door, bit in _OPEN.items() if bits & bit),
        released_doors=frozenset(door for door, bit in _RELEASED.items() if bits & bit),
        occupied=bool(bits & _OCCUPIED),
        seconds_left=seconds_left,
        fault=FAULTS[fault],
        completed=Position(memory, number),
    )
