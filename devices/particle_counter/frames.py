"""Modbus RTU as this driver needs it: two questions, and such a counter's replies found in a byte stream."""

from typing import Final

from pymodbus.pdu.other_message import ReportDeviceIdRequest, ReportDeviceIdResponse
from pymodbus.pdu.register_message import ReadInputRegistersRequest, ReadInputRegistersResponse

from devices.modbus import replies
from devices.particle_counter.registers import FIRST_OF_SAMPLE, FIRST_OF_SETUP, SAMPLE_REGISTERS, SETUP_REGISTERS

REPLIES: Final = replies.with_refusals(
    {
        ReadInputRegistersRequest.function_code: ReadInputRegistersResponse,
        ReportDeviceIdRequest.function_code: ReportDeviceIdResponse,
    }
)
"""Kinds of reply by their function code."""


def setup_request(unit: int) -> ReadInputRegistersRequest:
    """How it counts."""
    return ReadInputRegistersRequest(dev_id=unit, address=FIRST_OF_SETUP, count=SETUP_REGISTERS)


def sample_request(unit: int) -> ReadInputRegistersRequest:
    """The sample and who took it, in one request: a reply doesn't say which registers it holds.

    >>> replies.encode_request(sample_request(1)).hex(" ")
    '01 04 00 cb 00 1d 41 fd'
    """
    return ReadInputRegistersRequest(dev_id=unit, address=FIRST_OF_SAMPLE, count=SAMPLE_REGISTERS)


class ReplyDecoder(replies.ReplyDecoder):
    """Turns a byte stream into a counter's replies."""

    def __init__(self, unit: int) -> None:
        super().__init__(unit, REPLIES, SETUP_REGISTERS, SAMPLE_REGISTERS)
