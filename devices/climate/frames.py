"""Modbus RTU as this driver needs it: one question, and the replies of such a transmitter found in a byte stream."""

from typing import Final

from pymodbus.pdu.other_message import ReportDeviceIdRequest, ReportDeviceIdResponse
from pymodbus.pdu.register_message import ReadInputRegistersRequest, ReadInputRegistersResponse

from devices.climate.registers import FIRST_REGISTER, REGISTERS
from devices.modbus import replies

REPLIES: Final = replies.with_refusals(
    {
        ReadInputRegistersRequest.function_code: ReadInputRegistersResponse,
        ReportDeviceIdRequest.function_code: ReportDeviceIdResponse,
    }
)
"""Kinds of reply by their function code."""


def climate_request(unit: int) -> ReadInputRegistersRequest:
    """All registers at once: a reply doesn't say which ones it holds.

    >>> replies.encode_request(climate_request(1)).hex(" ")
    '01 04 00 01 00 02 20 0b'
    """
    return ReadInputRegistersRequest(dev_id=unit, address=FIRST_REGISTER, count=REGISTERS)


class ReplyDecoder(replies.ReplyDecoder):
    """Turns a byte stream into a transmitter's replies."""

    def __init__(self, unit: int) -> None:
        super().__init__(unit, REPLIES, REGISTERS)
