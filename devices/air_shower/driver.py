"""Driver of an air shower whose controller speaks Modbus RTU, one a port.

The interlock is the controller's; the driver asks it before it asks for anything that the interlock forbids, and never
sends that. A release is sent once: what stays unanswered is looked for in the state.
"""

from threading import Lock

from pymodbus.pdu.bit_message import WriteSingleCoilRequest, WriteSingleCoilResponse
from pymodbus.pdu.other_message import ReportDeviceIdRequest, ReportDeviceIdResponse
from pymodbus.pdu.register_message import ReadInputRegistersRequest, ReadInputRegistersResponse

from devices.air_shower.registers import COILS, FIRST_REGISTER, INTERLOCKED, REGISTERS, state_of
from devices.endpoint import Transport
from devices.errors import (
    CountWentBackError,
    CycleAbortedError,
    CycleNotEndedError,
    ImpossibleReadingError,
    InterlockError,
    MachineRefusedError,
    UnexpectedAnswerError,
    WrongMachineError,
)
from devices.modbus.exchange import Exchange, ModbusTimes
from devices.modbus.replies import ReplyDecoder, with_refusals
from devices.modbus.units import unit_of
from devices.roles import Door, Position, ShowerFault, ShowerPhase, ShowerState

KINDS = with_refusals(
    {
        ReadInputRegistersRequest.function_code: ReadInputRegistersResponse,
        WriteSingleCoilRequest.function_code: WriteSingleCoilResponse,
        ReportDeviceIdRequest.function_code: ReportDeviceIdResponse,
    }
)
POLL_S = 0.25
ILLEGAL_ADDRESS = 2
OF_A_CYCLE = frozenset({ShowerFault.CYCLE_ABORTED, ShowerFault.FAN_FAILED, ShowerFault.POWER_LOST})


def state_request(unit: int) -> ReadInputRegistersRequest:
    """All registers at once: they belong together, and a reply doesn't say which ones it holds."""
    return ReadInputRegistersRequest(dev_id=unit, address=FIRST_REGISTER, count=REGISTERS)


def make_decoder(unit: int) -> ReplyDecoder:
    """A decoder of the controller's replies."""
    return ReplyDecoder(unit, KINDS, REGISTERS)


class ModbusAirShower:
    """A `roles.AirShower`; its threads take turns."""

    model = "modbus-air-shower"
    uses_link = False

    def __init__(
        self, machine: str, serial: str, emulated: bool, transport: Transport, *, times: ModbusTimes | None = None
    ) -> None:
        """`serial` may end in `/` and the unit's number on the bus, else it is unit 1; raises UnitNumberError."""
        self._machine, self._serial, self._emulated = machine, serial, emulated
        self._unit = unit_of(serial)
        self._decoder = make_decoder(self._unit)
        self._line = Exchange(machine, self._unit, transport, self._decoder, times)
        self._turns = Lock()
        self._known: Position | None = None

    @property
    def machine(self) -> str:
        """The line's name for the air shower."""
        return self._machine

    @property
    def damaged(self) -> int:
        """Bytes dropped because they were part of no reply."""
        return self._decoder.damaged

    def open(self, after: Position | None = None) -> ShowerState:
        """Open the port, check mode and registers; see `roles.AirShower`. Without `after` what was known holds."""
        with self._turns:
            self._known = after or self._known
            self._line.open()
            try:
                self._line.check_mode(self._serial, self._emulated)
                return self._look()
            except BaseException:
                self._line.close()
                raise

    def close(self) -> None:
        """Close the port."""
        self._line.close()

    def state(self) -> ShowerState:
        """How it is now; see `roles.AirShower`."""
        with self._turns:
            return self._look()

    def release(self, door: Door) -> None:
        """Let one person through a door; see `roles.AirShower`. Raises UnexpectedAnswerError too."""
        with self._turns:
            if reason := self._look().refuses(door):
                raise InterlockError(self._machine, door, reason)
            request = WriteSingleCoilRequest(dev_id=self._unit, address=COILS[door], bits=[True])
            name = f"RELEASE_{door.name}"
            try:
                reply = self._line.ask(request, name)
            except MachineRefusedError as refusal:
                if refusal.detail == INTERLOCKED:
                    raise InterlockError(self._machine, door, "the controller's interlock forbids it") from refusal
                raise
            if (reply.address, reply.bits[:1]) != (COILS[door], [True]):
                raise UnexpectedAnswerError(self._machine, name, f"coil {reply.address:04x}")

    def wait_for_cycle(self, after: Position, timeout_s: float) -> ShowerState:
        """Wait for a whole cycle; see `roles.AirShower`. Other threads have their turns meanwhile."""
        give_up_s = self._line.now_s + timeout_s
        while True:
            state = self.state()
            self._compare(state.completed, after)
            if state.completed.number > after.number:
                return state
            if state.fault in OF_A_CYCLE and state.phase is not ShowerPhase.BLOWING:
                raise CycleAbortedError(self._machine, state.fault)
            left_s = give_up_s - self._line.now_s
            if left_s <= 0:
                raise CycleNotEndedError(self._machine, state.phase, timeout_s)
            self._line.pause(min(POLL_S, left_s))

    def _look(self) -> ShowerState:
        try:
            reply = self._line.ask(state_request(self._unit), "STATE")
        except MachineRefusedError as refusal:
            if refusal.detail == ILLEGAL_ADDRESS:
                raise WrongMachineError(self._machine, "model", self.model, "another Modbus machine") from refusal
            raise
        state = state_of(reply.registers)
        if isinstance(state, str):
            raise ImpossibleReadingError(self._machine, "state", state, "what devices/air_shower/registers.py says")
        if self._known is not None:
            self._compare(state.completed, self._known)
        self._known = state.completed
        return state

    def _compare(self, found: Position, known: Position) -> None:
        if found.memory != known.memory or found.number < known.number:
            raise CountWentBackError(self._machine, found.memory, found.number, known.memory, known.number)
