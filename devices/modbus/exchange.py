"""One request after the other to one Modbus unit, so that a late reply is never the next request's.

A reply bears no number, and not even says which registers it holds. So after a request without a reply the next one
waits until none can come any more.
"""

from dataclasses import dataclass

from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.other_message import ReportDeviceIdRequest, ReportDeviceIdResponse

from devices.conversation import Conversation
from devices.endpoint import Transport
from devices.errors import MachineRefusedError, SensorSilentError, WrongMachineError
from devices.modbus.replies import ReplyDecoder, answers, encode_request
from devices.modbus.units import EMULATED, emulated_name


@dataclass(frozen=True, slots=True)
class ModbusTimes:
    """Seconds: how long a reply is waited for, after which none comes any more, and the silence between frames."""

    answer_s: float = 1.0
    worst_s: float = 3.0
    quiet_s: float = 0.02


class Exchange:
    """One unit's requests and replies, for one thread at a time.

    Every call but `close` may raise MachineRefusedError (an exception reply), SensorSilentError, PortLostError and
    SessionClosedError.
    """

    def __init__(
        self, machine: str, unit: int, transport: Transport, decoder: ReplyDecoder, times: ModbusTimes | None
    ) -> None:
        self._machine, self._unit = machine, unit
        self._decoder, self._times = decoder, times or ModbusTimes()
        self._line: Conversation[ModbusPDU] = Conversation(machine, transport, decoder)
        self._free_s = transport.now_s

    @property
    def now_s(self) -> float:
        """The time on the transport's clock."""
        return self._line.now_s

    def open(self) -> None:
        """Open the port; raises PortUnavailableError."""
        self._line.open()

    def close(self) -> None:
        """Close the port."""
        self._line.close()

    def pause(self, seconds: float) -> None:
        """Let time pass on the transport's clock."""
        self._line.pause(seconds)

    def ask(self, request: ModbusPDU, name: str) -> ModbusPDU:
        """The reply to a request, sent once, as soon as nothing is owed any more.

        `name` is what errors call the request. Raises SensorSilentError, MachineRefusedError for an exception reply,
        PortLostError, SessionClosedError.
        """
        self._line.pause(self._free_s - self._line.now_s)
        self._line.discard_until_quiet(self._times.quiet_s, self._times.worst_s)
        dropped = self._decoder.damaged
        self._line.send(encode_request(request))
        sent_s = self._line.now_s
        self._free_s = sent_s + self._times.worst_s
        give_up_s = sent_s + self._times.answer_s
        while (reply := self._line.next_frame(give_up_s - self._line.now_s)) is not None:
            if answers(reply, request.function_code):
                self._free_s = self._line.now_s
                if reply.isError():
                    code = f"EXCEPTION_{reply.exception_code}"
                    raise MachineRefusedError(self._machine, name, code, "", "", reply.exception_code)
                return reply
        unread = self._decoder.damaged - dropped + self._decoder.held_bytes
        raise SensorSilentError(self._machine, name, self._times.answer_s, unread)

    def check_mode(self, serial: str, emulated: bool) -> None:
        """Ask the unit who it is, which an emulator tells; raises WrongMachineError for another mode or emulator.

        By the standard's function 17. A real unit may refuse it or stay silent.
        """
        found = self._who(emulated)
        says_emulated = found.startswith(EMULATED.encode())
        if says_emulated != emulated:
            modes = ("production", "emulated")
            raise WrongMachineError(self._machine, "mode", modes[emulated], modes[says_emulated])
        if says_emulated and found != emulated_name(serial):
            raise WrongMachineError(self._machine, "serial", emulated_name(serial).decode(), found.decode("latin-1"))

    def _who(self, emulated: bool) -> bytes:
        """What it says of itself; empty if it doesn't know the question, as most don't."""
        try:
            reply = self.ask(ReportDeviceIdRequest(dev_id=self._unit), "WHO")
        except MachineRefusedError:
            return b""
        except SensorSilentError:
            if emulated:
                raise
            return b""
        return reply.identifier if isinstance(reply, ReportDeviceIdResponse) else b""
