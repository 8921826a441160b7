"""Modbus RTU as this driver needs it: two questions, and the replies to them found in a byte stream.

Frames, checksums and messages are pymodbus's. Its framer drops all that lies behind a wrong checksum, so it is shown
one candidate at a time here.
"""

from enum import IntEnum
from typing import Final

from pymodbus.exceptions import ModbusException
from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu.other_message import ReportDeviceIdRequest, ReportDeviceIdResponse
from pymodbus.pdu.register_message import ReadInputRegistersRequest, ReadInputRegistersResponse

from devices.climate.registers import FIRST_REGISTER, REGISTERS

LONGEST_FRAME = 256
_FAILED = 0x80


class Question(IntEnum):
    """What is asked, by its function code."""

    CLIMATE = ReadInputRegistersRequest.function_code
    WHO = ReportDeviceIdRequest.function_code


REPLIES: Final[dict[int, type[ModbusPDU]]] = {
    Question.CLIMATE: ReadInputRegistersResponse,
    Question.WHO: ReportDeviceIdResponse,
    Question.CLIMATE | _FAILED: ExceptionResponse,
    Question.WHO | _FAILED: ExceptionResponse,
}
"""Kinds of reply by their function code."""


def encode_question(question: Question, unit: int) -> bytes:
    """The request's frame. All registers are asked for at once: a reply doesn't say which ones it holds.

    >>> encode_question(Question.CLIMATE, 1).hex(" ")
    '01 04 00 01 00 02 20 0b'
    """
    if question is Question.WHO:
        return _FRAMER.buildFrame(ReportDeviceIdRequest(dev_id=unit))
    return _FRAMER.buildFrame(ReadInputRegistersRequest(dev_id=unit, address=FIRST_REGISTER, count=REGISTERS))


def answers(reply: ModbusPDU, question: Question) -> bool:
    """Whether the reply, or refusal, is one to this question."""
    return reply.function_code & ~_FAILED == question


class ReplyDecoder:
    """Turns a byte stream into the replies of one unit. Never raises, and holds LONGEST_FRAME bytes at most.

    A frame of another unit, function, length or checksum is none; the search goes on right behind where it began.
    """

    def __init__(self, unit: int) -> None:
        self._unit = unit
        self._rest = b""
        self.damaged = 0
        """Bytes dropped that were part of no reply."""

    @property
    def held_bytes(self) -> int:
        """Bytes held back that may yet become a reply."""
        return len(self._rest)

    def feed(self, data: bytes) -> list[ModbusPDU]:
        """The replies that `data` completes, in order."""
        replies: list[ModbusPDU] = []
        rest = self._rest + data
        done = 0
        at = rest.find(self._unit)
        while at >= 0:
            begun = rest[at : at + LONGEST_FRAME]
            size = _frame_size(begun)
            reply = self._reply(begun[:size]) if 0 < size <= len(begun) else None
            if reply is not None:
                replies.append(reply)
                self.damaged += at - done
                done = at + size
            at = rest.find(self._unit, done if reply else at + 1)
        self._rest = rest[done:][-LONGEST_FRAME:]
        self.damaged += len(rest) - done - len(self._rest)
        return replies

    def drop(self) -> None:
        """Forget the unfinished frame."""
        self.damaged += len(self._rest)
        self._rest = b""

    def _reply(self, frame: bytes) -> ModbusPDU | None:
        try:
            _, reply = _FRAMER.handleFrame(frame, self._unit, 0)
        except ModbusException:  # a sound frame around nonsense, such as half a register
            return None
        if isinstance(reply, ReadInputRegistersResponse) and len(reply.registers) != REGISTERS:
            return None
        return reply


def _frame_size(begun: bytes) -> int:
    """How many bytes the reply needs that begins so; 0 if it is none or that can't be told yet."""
    kind = REPLIES.get(begun[1]) if len(begun) > 1 else None
    return kind.calculateRtuFrameSize(begun) if kind else 0


_FRAMER = FramerRTU(DecodePDU(is_server=False))
