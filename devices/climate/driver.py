"""Driver of a climate transmitter on Modbus RTU, one a port, in the manner of the XY-MD02.

A reply bears no number, and not even says which registers it holds. So both are asked for in one request, and after a
request without a reply the next one waits until none can come any more: a late reply is never the next one's.

The transmitter tells no serial number. It is asked who it is all the same, by the standard's function 17, because an
emulator answers that; a real one refuses it or stays silent.
"""

from dataclasses import dataclass
from decimal import Decimal
from threading import Lock

from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.other_message import ReportDeviceIdResponse

from devices.climate.frames import Question, ReplyDecoder, answers, encode_question
from devices.climate.registers import EMULATED, climate_of, emulated_name, unit_of
from devices.conversation import Conversation
from devices.endpoint import Transport
from devices.errors import ImpossibleReadingError, MachineRefusedError, SensorSilentError, WrongMachineError
from devices.roles import Climate

# Where it works, by the manual: outside of this its figures mean nothing.
TEMPERATURES_C = (Decimal(-40), Decimal(85))
HUMIDITIES_PERCENT = (Decimal(0), Decimal(100))


@dataclass(frozen=True, slots=True)
class ModbusTimes:
    """Seconds: how long a reply is waited for, after which none comes any more, and the silence between frames."""

    answer_s: float = 1.0
    worst_s: float = 3.0
    quiet_s: float = 0.02


class ModbusClimate:
    """A `roles.ClimateSensor`; its threads take turns."""

    model = "modbus-climate"
    uses_link = False

    def __init__(
        self, machine: str, serial: str, emulated: bool, transport: Transport, *, times: ModbusTimes | None = None
    ) -> None:
        """`serial` may end in `/` and the unit's number on the bus, else it is unit 1; raises UnitNumberError."""
        self._machine, self._emulated = machine, emulated
        self._unit = unit_of(serial)
        self._name = emulated_name(serial)
        self._times = times or ModbusTimes()
        self._decoder = ReplyDecoder(self._unit)
        self._line: Conversation[ModbusPDU] = Conversation(machine, transport, self._decoder)
        self._turns = Lock()
        self._free_s = transport.now_s

    @property
    def machine(self) -> str:
        """The line's name for the transmitter."""
        return self._machine

    @property
    def damaged(self) -> int:
        """Bytes dropped because they were part of no reply."""
        return self._decoder.damaged

    def open(self) -> None:
        """Open the port, check the mode and that a climate is told; see `roles.ClimateSensor`."""
        with self._turns:
            self._line.open()
            try:
                self._check(self._who())
                self._ask(Question.CLIMATE)
            except BaseException:
                self._line.close()
                raise

    def close(self) -> None:
        """Close the port."""
        self._line.close()

    def read(self) -> Climate:
        """The climate now; see `roles.ClimateSensor`. Asks once, and first waits for what may still come."""
        with self._turns:
            climate = climate_of(self._ask(Question.CLIMATE).registers)
        self._check_range("temperature", climate.temperature_c, TEMPERATURES_C, "°C")
        self._check_range("humidity", climate.humidity_percent, HUMIDITIES_PERCENT, "%")
        return climate

    def _ask(self, question: Question) -> ModbusPDU:
        """The reply to a question, sent once nothing is owed any more."""
        self._line.pause(self._free_s - self._line.now_s)
        self._line.discard_until_quiet(self._times.quiet_s, self._times.worst_s)
        dropped = self._decoder.damaged
        self._line.send(encode_question(question, self._unit))
        sent_s = self._line.now_s
        self._free_s = sent_s + self._times.worst_s
        give_up_s = sent_s + self._times.answer_s
        while (reply := self._line.next_frame(give_up_s - self._line.now_s)) is not None:
            if answers(reply, question):
                self._free_s = self._line.now_s
                if reply.isError():
                    code = f"EXCEPTION_{reply.exception_code}"
                    raise MachineRefusedError(self._machine, question.name, code, "", "", reply.exception_code)
                return reply
        unread = self._decoder.damaged - dropped + self._decoder.held_bytes
        raise SensorSilentError(self._machine, question.name, self._times.answer_s, unread)

    def _who(self) -> bytes:
        """What it says of itself; empty if it doesn't know the question, as most don't."""
        try:
            reply = self._ask(Question.WHO)
        except MachineRefusedError:
            return b""
        except SensorSilentError:
            if self._emulated:
                raise
            return b""
        return reply.identifier if isinstance(reply, ReportDeviceIdResponse) else b""

    def _check(self, found: bytes) -> None:
        says_emulated = found.startswith(EMULATED.encode())
        if says_emulated != self._emulated:
            modes = ("production", "emulated")
            raise WrongMachineError(self._machine, "mode", modes[self._emulated], modes[says_emulated])
        if says_emulated and found != self._name:
            raise WrongMachineError(self._machine, "serial", self._name.decode(), found.decode("ascii", "replace"))

    def _check_range(self, figure: str, value: Decimal, allowed: tuple[Decimal, Decimal], unit: str) -> None:
        lowest, highest = allowed
        if not lowest <= value <= highest:
            raise ImpossibleReadingError(self._machine, figure, f"{value} {unit}", f"{lowest} to {highest} {unit}")
