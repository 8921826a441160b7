"""What is said to a CRT-591-M and to the chip in it, act by act. It knows no jobs: `job_id` is only named in errors."""

import re
from collections.abc import Mapping

from devices.crt591 import chip, frames
from devices.crt591.exchange import REPEATS, Exchange, Times
from devices.crt591.frames import Answer, Command, Failure, Reply
from devices.endpoint import Transport
from devices.errors import MachineFaultError, MalformedError, NoAnswerError

_ISO_5_V = b"3"
_NUMBER = re.compile(rb"[!-~]{1,32}")


class _ChipError(Exception):
    """The chip itself says that it did not do what it was told."""


class Encoder:
    """One machine at a port. Every call but `close` may raise PortLostError, NoAnswerError and MachineFaultError."""

    def __init__(self, machine: str, transport: Transport, times: Times) -> None:
        self._machine, self._times = machine, times
        self._exchange = Exchange(machine, transport, times)

    def open(self, parameter: int) -> tuple[str, str]:
        """Open the port and initialize with `parameter`; firmware and serial number as the machine says them.

        A machine that is still at an earlier host's move hears this when that has ended. Raises PortUnavailableError.
        """
        self._exchange.open()
        command = Command(frames.INITIALIZE, parameter)
        give_up_s = self._exchange.now_s + self._times.motion_s
        while (answer := self._exchange.ask(command, self._times.motion_s)) is None:
            if self._exchange.now_s >= give_up_s:
                raise NoAnswerError(self._machine, str(command), "", self._times.motion_s)
        firmware = self._sound(command, answer).data
        serial = self._ask(frames.SERIAL_NUMBER).data
        return _text(firmware), _text(serial[1 : 1 + serial[0]] if serial else b"")

    def close(self) -> None:
        """Close the port."""
        self._exchange.close()

    def look(self) -> Reply:
        """The sensors: where a card is, how many there are, room in the bin."""
        return self._ask(frames.STATUS)

    def bin_count(self) -> int:
        """How many cards went into the bin, as the machine's counter says.

        Raises MachineFaultError for what is no count.
        """
        told = self._ask(frames.BIN_COUNTER).data
        if not re.fullmatch(rb"\d{3}", told):
            raise MachineFaultError(self._machine, "the bin counter", "", f"{len(told)} bytes are no count")
        return int(told)

    def move(self, target: int, job_id: str) -> Answer:
        """Move the card once.

        A move that was not acknowledged may have been heard: it is said again only when the sensors show the card where
        it was, and if they show it elsewhere, that is the answer.
        """
        before = self.look().card
        for _ in range(1 + REPEATS):
            answer = self._exchange.ask(Command(frames.MOVE, target), self._times.motion_s, job_id)
            if answer is not None:
                return answer
            look = self.look()
            if look.card is not before:
                return look
        raise self._unheard(Command(frames.MOVE, target), job_id)

    def read_number(self, job_id: str) -> str | None:
        """Switch the chip on; the card's number in it, None if chip or number can't be read."""
        try:
            self._chip(Command(frames.CHIP, frames.COLD_RESET, _ISO_5_V), job_id)
            self.tell(chip.select_number_file(), job_id)
            number = self.tell(chip.read(0, 256), job_id, chip.END_OF_FILE)
        except _ChipError:
            return None
        return number.decode("ascii") if _NUMBER.fullmatch(number) else None

    def write(self, files: Mapping[int, bytes], job_id: str) -> bool:
        """Write every file, read it back, lock; whether the chip took and holds all of it."""
        try:
            self.tell(chip.select_application(), job_id)
            for file, content in files.items():
                self.tell(chip.create_file(file, len(content)), job_id)
                for offset in range(0, len(content), chip.CHUNK_BYTES):
                    self.tell(chip.update(offset, content[offset : offset + chip.CHUNK_BYTES]), job_id)
            if any(self._read_back(file, len(content), job_id) != content for file, content in files.items()):
                return False
            self.tell(chip.select_application(), job_id)
            self.tell(chip.activate(), job_id)
        except _ChipError:
            return False
        return True

    def switch_off(self, job_id: str) -> None:
        """Switch the chip off, so that its contacts let go of the card; a chip that is off already is no fault."""
        self._say(Command(frames.CHIP, frames.POWER_OFF), job_id)

    def tell(self, command: chip.ChipCommand, job_id: str, also: int = chip.DONE) -> bytes:
        """The chip's data. Raises _ChipError for any other status word than 9000 or `also`."""
        said = self._chip(Command(frames.CHIP, frames.EXCHANGE_APDU, command.encode()), job_id)
        try:
            answer = chip.ChipAnswer.decode(said)
        except MalformedError as error:
            raise _ChipError from error
        if answer.status not in (chip.DONE, also):
            raise _ChipError
        return answer.data

    def _read_back(self, file: int, size: int, job_id: str) -> bytes:
        self.tell(chip.select_file(file), job_id)
        offsets = range(0, size, chip.CHUNK_BYTES)
        return b"".join([self.tell(chip.read(at, min(chip.CHUNK_BYTES, size - at)), job_id) for at in offsets])

    def _chip(self, command: Command, job_id: str) -> bytes:
        answer = self._say(command, job_id)
        if isinstance(answer, Failure) and answer.error in frames.CHIP_FAILED:
            raise _ChipError
        return self._sound(command, answer, job_id).data

    def _ask(self, code: int) -> Reply:
        """The answer to a question, which a machine in order does not refuse."""
        command = Command(code, frames.READ)
        return self._sound(command, self._say(command, ""))

    def _sound(self, command: Command, answer: Answer, job_id: str = "") -> Reply:
        if isinstance(answer, Failure):
            raise MachineFaultError(self._machine, str(command), job_id, answer.meaning)
        return answer

    def _say(self, command: Command, job_id: str) -> Answer:
        answer = self._exchange.ask(command, self._times.answer_s, job_id)
        if answer is None:
            raise self._unheard(command, job_id)
        return answer

    def _unheard(self, command: Command, job_id: str) -> NoAnswerError:
        return NoAnswerError(self._machine, str(command), job_id, self._times.ack_s * (1 + REPEATS))


def _text(data: bytes) -> str:
    """What a machine says of itself; unprintable bytes show as such."""
    return data.decode("ascii", "backslashreplace").strip("\0 ")
