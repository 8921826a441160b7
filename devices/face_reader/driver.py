"""Driver of a face-recognition reader that speaks OSDP, one a port: the control panel's part.

The reader is asked again and again, as often as somebody waits for a recognition. An answer that stays out is asked for
again under the same number, and so is the same answer; after some of these the link is lost, and the next call begins
anew with who is there. Answers bear two bits of a number: after one that was late, whatever else is late is waited out.
What makes a recognition one and the same is the reader's own count in it, over every link and every host.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from devices.conversation import Conversation
from devices.endpoint import Transport
from devices.errors import (
    DeviceError,
    MachineRefusedError,
    NoRecognitionError,
    ReaderSilentError,
    RecognitionFormatError,
    UnexpectedAnswerError,
    UnitNumberError,
    WrongMachineError,
)
from devices.face_reader.frames import (
    BEGIN,
    EMULATED_VENDOR,
    FIRST_ADDRESS,
    LAST_ADDRESS,
    OFFLINE_S,
    RECOGNISED_BITS,
    SEQUENCES,
    Code,
    Colour,
    Identity,
    Nak,
    Packet,
    PacketDecoder,
    Recognised,
    address_of,
    decode_raw,
    encode_beeps,
    encode_light,
    encode_packet,
    sends_bits,
    serial_of,
)
from devices.roles import Position, Recognition, Sign

MODES = ("production", "emulated")
SIGN_TENTHS = 30
SIGNS = {Sign.GRANTED: (Colour.GREEN, 1), Sign.REFUSED: (Colour.RED, 3)}
EXPECTED = f"a recognition of {RECOGNISED_BITS} bits in format 0"
_TENTH_US = 100_000


@dataclass(frozen=True, slots=True)
class OsdpTimes:
    """Seconds: of waiting for an answer (the standard: 0.2), after which none comes any more, and between two polls."""

    answer_s: float = 0.5
    worst_s: float = 3.0
    poll_s: float = 0.1
    quiet_s: float = 0.02
    tries: int = 3


def _utc_us() -> int:
    return time.time_ns() // 1000


class OsdpFaceReader:
    """A `roles.FaceReader`; its threads take turns."""

    model = "osdp-face-reader"
    uses_link = False

    def __init__(
        self,
        machine: str,
        serial: str,
        emulated: bool,
        transport: Transport,
        *,
        times: OsdpTimes | None = None,
        utc_us: Callable[[], int] = _utc_us,
    ) -> None:
        """`serial` is a decimal number; it may end in `/` and the reader's address, else 0. Raises UnitNumberError."""
        address = address_of(serial)
        if address is None:
            raise UnitNumberError(serial, LAST_ADDRESS, FIRST_ADDRESS)
        self._machine, self._serial, self._emulated, self._address = machine, serial, emulated, address
        self._times, self._utc_us = times or OsdpTimes(), utc_us
        self._decoder = PacketDecoder(address, replies=True)
        self._line: Conversation[Packet] = Conversation(machine, transport, self._decoder)
        self._turns = Lock()
        self._online = False
        self._sequence = BEGIN
        self._heard_s = self._free_s = transport.now_s
        self._asked_us = 0
        self._last: Position | None = None

    @property
    def machine(self) -> str:
        """The line's name for the reader."""
        return self._machine

    @property
    def online(self) -> bool:
        """Whether the reader answered when it was asked last."""
        return self._online

    @property
    def damaged(self) -> int:
        """Bytes dropped because they were part of no packet."""
        return self._decoder.damaged

    @property
    def position(self) -> Position | None:
        """The last recognition told, or the position that `open` was given."""
        return self._last

    def open(self, after: Position | None = None) -> None:
        """Open the port and check who answers; see `roles.FaceReader`. Without `after` it goes on where it was."""
        with self._turns:
            self._last = after or self._last
            self._online = False
            self._line.open()
            try:
                self._begin()
            except BaseException:
                self._line.close()
                raise

    def close(self) -> None:
        """Close the port."""
        self._line.close()

    def recognition(self, timeout_s: float) -> Recognition:
        """The next recognition; see `roles.FaceReader`. Other threads have their turns meanwhile."""
        give_up_s = self._line.now_s + timeout_s
        while True:
            with self._turns:
                answer = self._request(Code.POLL)
                found = self._take(answer.data) if answer.code == Code.RAW else None
            if found is not None:
                return found
            left_s = give_up_s - self._line.now_s
            if left_s <= 0:
                raise NoRecognitionError(self._machine, timeout_s)
            if answer.code != Code.RAW:
                self._line.pause(min(self._times.poll_s, left_s))

    def _take(self, data: bytes) -> Recognition | None:
        """The recognition in a read; None if it was told before."""
        found = decode_raw(data)
        if not isinstance(found, Recognised):
            raise RecognitionFormatError(self._machine, found, EXPECTED)
        before, position = self._last, Position(found.memory, found.number)
        known = before.number if before is not None and before.memory == found.memory else 0
        if found.number <= known:
            return None
        self._last = position
        missed = 0 if before is None else found.number - known - 1
        at_us = self._asked_us - found.age_tenths * _TENTH_US
        return Recognition(found.credential, found.quality_percent, at_us, position, missed)

    def show(self, sign: Sign) -> None:
        """Show a sign; see `roles.FaceReader`."""
        colour, beeps = SIGNS[sign]
        with self._turns:
            self._request(Code.LED, encode_light(colour, SIGN_TENTHS))
            self._request(Code.BUZ, encode_beeps(beeps))

    def _request(self, command: Code, data: bytes = b"") -> Packet:
        """The answer to a command, over a link that is begun anew if it was lost or if the reader was switched off."""
        if not self._online or self._line.now_s - self._heard_s >= OFFLINE_S:
            self._begin()
        try:
            return self._ask(command, data)
        except MachineRefusedError as refusal:
            if refusal.detail != Nak.BAD_SEQUENCE:
                raise
            self._begin()
            return self._ask(command, data)

    def _begin(self) -> None:
        """Begin with number 0, and check who answers: another reader may have been put in its place."""
        self._online, self._sequence = False, BEGIN
        found = Identity.decode(self._ask(Code.ID, b"\0", Code.PDID).data)
        if found is None:
            raise UnexpectedAnswerError(self._machine, Code.ID.name, "no identity")
        self._check(found)
        if not sends_bits(self._ask(Code.CAP, b"\0", Code.PDCAP).data):
            raise RecognitionFormatError(self._machine, "word that it sends no bits", EXPECTED)
        self._online = True

    def _check(self, found: Identity) -> None:
        says_emulated = found.vendor == EMULATED_VENDOR
        if says_emulated != self._emulated:
            raise WrongMachineError(self._machine, "mode", MODES[self._emulated], MODES[says_emulated])
        if found.serial != serial_of(self._serial):
            raise WrongMachineError(self._machine, "serial", self._serial, str(found.serial))

    def _ask(self, command: Code, data: bytes = b"", wanted: Code | None = None) -> Packet:
        """The answer under the command's own number, asked for `tries` times."""
        try:
            answer = self._answer(command, encode_packet(Packet(self._address, self._sequence, command, data)))
        except DeviceError:
            self._online = False
            raise
        self._heard_s = self._line.now_s
        self._sequence = self._sequence % (SEQUENCES - 1) + 1
        if answer.code == Code.NAK:
            reason = answer.data[0] if answer.data else 0
            raise MachineRefusedError(self._machine, command.name, f"NAK_{reason}", "", "", reason)
        if wanted is not None and answer.code != wanted:
            raise UnexpectedAnswerError(self._machine, command.name, f"{answer.code:#04x}")
        return answer

    def _answer(self, command: Code, request: bytes) -> Packet:
        self._line.pause(self._free_s - self._line.now_s)
        self._line.discard_until_quiet(self._times.quiet_s, self._times.worst_s)
        begun_s = self._line.now_s
        # The first time that it is asked: a recognition in the answer never seems younger than it is.
        self._asked_us = self._utc_us()
        for attempt in range(self._times.tries):
            self._line.send(request)
            sent_s = self._line.now_s
            # After an answer that was late or lost, none of the same two bits may come for another question.
            self._free_s = sent_s + self._times.worst_s
            while (answer := self._line.next_frame(sent_s + self._times.answer_s - self._line.now_s)) is not None:
                if answer.code == Code.BUSY:
                    self._line.pause(self._times.poll_s)
                    break
                if answer.sequence == self._sequence:
                    if not attempt:
                        self._free_s = self._line.now_s
                    return answer
        raise ReaderSilentError(self._machine, command.name, self._line.now_s - begun_s)
