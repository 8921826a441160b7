"""One unit's Modbus RTU replies, found in a byte stream.

Frames, checksums and messages are pymodbus's. Its framer drops all that lies behind a wrong checksum, so it is shown
one candidate at a time here.
"""

from collections.abc import Mapping
from typing import Final

from pymodbus.exceptions import ModbusException
from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu.register_message import ReadInputRegistersResponse

LONGEST_FRAME = 256
FAILED = 0x80

Kinds = Mapping[int, type[ModbusPDU]]
"""Kinds of reply by their function code."""


def with_refusals(kinds: Kinds) -> Kinds:
    """These kinds, and the exception reply of each."""
    return {**kinds, **{function | FAILED: ExceptionResponse for function in kinds}}


def encode_request(request: ModbusPDU) -> bytes:
    """The request as an RTU frame, its check included."""
    return _FRAMER.buildFrame(request)


def answers(reply: ModbusPDU, function: int) -> bool:
    """Whether the reply, or refusal, is one to a request of this function."""
    return reply.function_code & ~FAILED == function


class ReplyDecoder:
    """Turns a byte stream into the replies of one unit. Never raises, and holds LONGEST_FRAME bytes at most.

    A frame of another unit, function, length or checksum is none; the search goes on right behind where it began.
    """

    def __init__(self, unit: int, kinds: Kinds, *registers: int) -> None:
        """`kinds` are the replies that may come; one with input registers has one of these numbers of them."""
        self._unit, self._kinds, self._registers = unit, kinds, registers
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
            size = self._frame_size(begun)
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
        if isinstance(reply, ReadInputRegistersResponse) and len(reply.registers) not in self._registers:
            return None
        return reply

    def _frame_size(self, begun: bytes) -> int:
        """How many bytes the reply needs that begins so; 0 if it is none or that can't be told yet."""
        kind = self._kinds.get(begun[1]) if len(begun) > 1 else None
        return kind.calculateRtuFrameSize(begun) if kind else 0


_FRAMER: Final = FramerRTU(DecodePDU(is_server=False))
