"""Which machine is on a port, of all that a built-in driver works: one harmless question after the other.

Nobody knows yet who hears a question, so its bytes must do nothing to all the others. HELLO and its RESET come first,
with a quiet nonce (`probe`): in them a printer finds no command, a scale no line and a CRT-591 no frame, only the one
byte 04 (EOT) in front, which begins nothing there and at most calls off what a host that died had asked for. Then come
questions of text, which printers pass over outside of a label: a scale's line, begun by a line end that ends whatever
it has heard so far, SATO's one byte, and Zebra's `~HI`, which leaves a line unfinished and so comes behind the scale's.
Then come the frames that are no text: a CRT-591's question, OSDP's to a face reader, which begins anew with who it is,
and last Modbus, whose function 17 is DC1, by which a SATO that somebody stopped goes on: it has answered long before.
Personalizers, OSDP and Modbus act on nothing without a sound checksum. The swipe reader takes no commands.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.other_message import ReportDeviceIdRequest, ReportDeviceIdResponse

from devices.air_shower import driver as air_shower
from devices.air_shower.registers import state_of
from devices.climate import frames as climate_frames
from devices.conversation import Conversation, Decoder
from devices.crt591 import frames as crt591
from devices.errors import LinkDownError, NoAnswerError, PortLostError, PortUnavailableError
from devices.face_reader import frames as osdp
from devices.label_printer import sbpl, zpl
from devices.label_printer.exchange import AnswerDecoder
from devices.modbus.exchange import ModbusTimes
from devices.modbus.replies import answers, encode_request
from devices.modbus.units import EMULATED, FACTORY_UNIT
from devices.particle_counter import frames as counter_frames
from devices.particle_counter.registers import sample_of, setup_of
from devices.probe import Said, identify
from devices.scale import frames as sics
from devices.session import Patience
from devices.transport import SerialTransport

LINK_BAUD = 115_200
FACTORY_BAUD = 9600
REOPENINGS = 3
REOPEN_S = 0.2
"""A terminal server that was just left may hang up on who comes at once."""

Line: TypeAlias = Conversation[Any]


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds that each answer is waited for. A SATO may answer only when its label is out; Modbus is asked twice."""

    hello_s: float = 3.0
    scale_s: float = 1.5
    sato_s: float = 3.0
    zebra_s: float = 1.5
    crt591_s: float = 1.0
    face_reader_s: float = 1.0
    climate_s: float = 1.0
    particle_counter_s: float = 1.0
    air_shower_s: float = 1.0


TIMES = Times()


@dataclass(frozen=True, slots=True)
class _Protocol:
    """How a machine without the link is asked; `bauds` are the rates at which such machines are found."""

    decoder: Callable[[int], Decoder[Any]]
    ask: Callable[[Line, Times, int], Said | None]
    bauds: tuple[int, ...] = (FACTORY_BAUD,)


def find(
    port: str, machines: Path | None, *, baud: int | None = None, unit: int = FACTORY_UNIT, times: Times | None = None
) -> Said | None:
    """What the machine on `port` says of itself, by name; None if nobody answers. Nothing moves.

    `baud` is the one rate to ask at, else the usual ones; `unit` is a Modbus machine's number. The port is opened
    exclusively, and is free when this returns. Raises PortUnavailableError, and PortLostError when it hangs up.
    """
    times = times or TIMES
    try:
        patience = Patience(session_s=times.hello_s, reply_s=times.hello_s)
        return identify(port, machines, baud=baud or LINK_BAUD, patience=patience)
    except (NoAnswerError, LinkDownError):
        pass
    for protocol in _PROTOCOLS:
        bauds = protocol.bauds if _has_rate(port) else protocol.bauds[:1]
        for rate in (baud,) if baud else bauds:
            found = _ask(SerialTransport(port, machines=machines, baud=rate), protocol, times, unit)
            if found is not None:
                return {"port": port} | found
    return None


def _has_rate(port: str) -> bool:
    """Whether the rate means anything there: ptys and plain sockets have none."""
    return port.startswith(("/dev/", "rfc2217://")) and not port.startswith("/dev/pts/")


def _ask(transport: SerialTransport, protocol: _Protocol, times: Times, unit: int) -> Said | None:
    for left in reversed(range(REOPENINGS)):
        line: Line = Conversation(transport.port, transport, protocol.decoder(unit))
        try:
            line.open()
            return protocol.ask(line, times, unit)
        except (PortLostError, PortUnavailableError):
            if not left:
                raise
        finally:
            line.close()
        time.sleep(REOPEN_S)
    return None


def _answer(line: Line, request: bytes, is_it: Callable[[Any], bool], within_s: float) -> Any:
    """Send, and wait for the frame that is the answer, or None; whatever else comes is passed over."""
    line.send(request)
    until_s = line.now_s + within_s
    while (left_s := until_s - line.now_s) > 0:
        frame = line.next_frame(left_s)
        if frame is not None and is_it(frame):
            return frame
    return None


def _kind(wanted: type) -> Callable[[Any], bool]:
    return lambda frame: isinstance(frame, wanted)


def _said(driver: str, emulated: bool, *, model: str = "", serial: str = "", firmware: str = "") -> Said:
    mode = EMULATED if emulated else "production"
    return {"driver": driver, "model": model, "serial": serial, "firmware": firmware, "mode": mode}


def _ask_scale(line: Line, times: Times, _unit: int) -> Said | None:
    request = sics.LINE_END + sics.encode_command(sics.Command.ASK_SERIAL)
    number: sics.SerialNumber | None = _answer(line, request, _kind(sics.SerialNumber), times.scale_s)
    if number is None:
        return None
    emulated = number.text.startswith(EMULATED)
    return _said("mt-sics-scale", emulated, serial=number.text.removeprefix(f"{EMULATED} "))


def _ask_sato(line: Line, times: Times, _unit: int) -> Said | None:
    status: sbpl.Status | None = _answer(line, sbpl.STATUS_REQUEST, _kind(sbpl.Status), times.sato_s)
    return None if status is None else _said("sato-label-printer", status.emulated)


def _ask_zebra(line: Line, times: Times, _unit: int) -> Said | None:
    who: zpl.Identity | None = _answer(line, zpl.IDENTITY_REQUEST, _kind(zpl.Identity), times.zebra_s)
    if who is None:
        return None
    return _said("zebra-label-printer", who.emulated, model=who.model, firmware=who.version)


def _ask_crt591(line: Line, times: Times, _unit: int) -> Said | None:
    """Its serial number, without INITIALIZE, which would switch off its chip; before that it may refuse to tell."""
    command = crt591.Command(crt591.SERIAL_NUMBER, crt591.READ)

    def is_it(frame: crt591.Frame | crt591.Signal) -> bool:
        if not isinstance(frame, crt591.Reply | crt591.Failure):
            return False
        return (frame.code, frame.parameter) == (command.code, command.parameter)

    answer: crt591.Answer | None = _answer(line, crt591.encode(command), is_it, times.crt591_s)
    if answer is None:
        return None
    line.acknowledge(crt591.Signal.ACK.encode())
    size = answer.data[0] if isinstance(answer, crt591.Reply) and answer.data else 0
    serial = answer.data[1 : 1 + size].decode("ascii", "backslashreplace")
    emulated = EMULATED.encode() in answer.data
    return _said("crt-591-counting or crt-591", emulated, model="CRT-591", serial=serial)


def _ask_face_reader(line: Line, times: Times, _unit: int) -> Said | None:
    request = osdp.encode_packet(osdp.Packet(osdp.FIRST_ADDRESS, osdp.BEGIN, osdp.Code.ID, b"\0"))

    def is_it(packet: osdp.Packet) -> bool:
        return packet.code == osdp.Code.PDID

    packet: osdp.Packet | None = _answer(line, request, is_it, times.face_reader_s)
    who = None if packet is None else osdp.Identity.decode(packet.data)
    if who is None:
        return None
    firmware = ".".join(map(str, who.firmware))
    emulated = who.vendor == osdp.EMULATED_VENDOR
    return _said("osdp-face-reader", emulated, model=who.vendor.hex(), serial=str(who.serial), firmware=firmware)


def _ask_climate(line: Line, times: Times, unit: int) -> Said | None:
    """Who it is, which only emulators tell, and its two registers, which show that it is such a transmitter."""

    who = _ask_modbus(line, ReportDeviceIdRequest(dev_id=unit), times.climate_s)
    climate = _ask_modbus(line, climate_frames.climate_request(unit), times.climate_s)
    if climate is None or climate.isError():
        return None
    return _said_modbus("modbus-climate", who)


def _ask_particle_counter(line: Line, times: Times, unit: int) -> Said | None:
    """Its registers' map and channels; then its serial number, and who it is."""
    reply = _ask_modbus(line, counter_frames.setup_request(unit), times.particle_counter_s)
    setup = None if reply is None or reply.isError() else setup_of(reply.registers)
    if setup is None:
        return None
    sample = _ask_modbus(line, counter_frames.sample_request(unit), times.particle_counter_s)
    if sample is None or sample.isError():
        return None
    who = _ask_modbus(line, ReportDeviceIdRequest(dev_id=unit), times.particle_counter_s)
    said = _said_modbus("modbus-particle-counter", who)
    return said if said["serial"] else {**said, "serial": sample_of(sample.registers, setup).serial}


def _ask_air_shower(line: Line, times: Times, unit: int) -> Said | None:
    """Its registers, which bear a mark; then who it is."""
    state = _ask_modbus(line, air_shower.state_request(unit), times.air_shower_s)
    if state is None or state.isError() or isinstance(state_of(state.registers), str):
        return None
    return _said_modbus("modbus-air-shower", _ask_modbus(line, ReportDeviceIdRequest(dev_id=unit), times.air_shower_s))


def _ask_modbus(line: Line, request: ModbusPDU, within_s: float) -> ModbusPDU | None:
    line.discard_until_quiet(ModbusTimes().quiet_s, ModbusTimes().answer_s)
    function = request.function_code
    reply: ModbusPDU | None = _answer(line, encode_request(request), lambda reply: answers(reply, function), within_s)
    return reply


def _said_modbus(driver: str, who: ModbusPDU | None) -> Said:
    name = who.identifier.decode("ascii", "replace") if isinstance(who, ReportDeviceIdResponse) else ""
    emulated = name.startswith(EMULATED)
    return _said(driver, emulated, serial=name.removeprefix(f"{EMULATED} ") if emulated else "")


_PROTOCOLS = (
    _Protocol(lambda _unit: sics.AnswerDecoder(), _ask_scale),
    _Protocol(lambda _unit: AnswerDecoder(sbpl.split), _ask_sato),
    _Protocol(lambda _unit: AnswerDecoder(zpl.split), _ask_zebra),
    _Protocol(lambda _unit: crt591.FrameDecoder(), _ask_crt591, (9600, 19_200, 38_400, 57_600)),
    _Protocol(lambda _unit: osdp.PacketDecoder(osdp.FIRST_ADDRESS, replies=True), _ask_face_reader),
    # Before the climate transmitter: a counter has registers 1 and 2 too.
    _Protocol(counter_frames.ReplyDecoder, _ask_particle_counter),
    _Protocol(climate_frames.ReplyDecoder, _ask_climate),
    _Protocol(air_shower.make_decoder, _ask_air_shower),
)
"""In the order of asking; why is said above."""
