"""One command at a time: acknowledged, answered, and repeated only where that can't move a card twice.

A command that was refused as damaged (NAK), or that nothing acknowledged, is sent again up to REPEATS times; a question
also when its answer stays out. A move is never sent again from here: what was not acknowledged may have been heard all
the same, so its sender looks first where the card is.
"""

from dataclasses import dataclass

from devices.conversation import Conversation
from devices.crt591.frames import Answer, Command, Failure, Frame, FrameDecoder, Reply, Signal, encode
from devices.endpoint import Transport
from devices.errors import NoAnswerError

REPEATS = 3


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds. `ack_s` is the manual's.

    `answer_s` and `motion_s`: the longest that an answer takes, of a chip, and of a move or anything said during one.
    `silence_s`: an answer that stops for so long was cut off. `quiet_s`: what is a quiet line at opening.
    """

    ack_s: float = 0.3
    answer_s: float = 8.0
    motion_s: float = 30.0
    silence_s: float = 0.5
    quiet_s: float = 0.2


class Exchange:
    """A conversation of commands and answers on one port. Every call but `close` may raise PortLostError."""

    def __init__(self, machine: str, transport: Transport, times: Times) -> None:
        self._machine, self._times = machine, times
        self._decoder = FrameDecoder()
        self._line: Conversation[Frame | Signal] = Conversation(machine, transport, self._decoder)

    @property
    def now_s(self) -> float:
        """The time on the port's clock."""
        return self._line.now_s

    def open(self) -> None:
        """Open the port and let what an earlier host asked be answered; raises PortUnavailableError."""
        self._line.open()
        self._line.discard_until_quiet(self._times.quiet_s, self._times.answer_s)

    def close(self) -> None:
        """Close the port."""
        self._line.close()

    def ask(self, command: Command, longest_s: float, job_id: str = "") -> Answer | None:
        """The answer to a command for a job, if any; None if the machine never acknowledged it.

        Raises NoAnswerError when it was acknowledged but not answered within `longest_s`, and may have been done.
        """
        for repeats in range(1 if command.moves else 1 + REPEATS):
            heard, answer = self._say(command)
            if heard and answer is None:
                answer = self._await(command, longest_s)
                if answer is None and not command.asks:
                    raise NoAnswerError(self._machine, str(command), job_id, longest_s)
            if answer is not None:
                if repeats:
                    # What was said twice may be answered twice, and a chip's answers don't tell what they answer.
                    self._line.discard_until_quiet(self._times.ack_s, longest_s)
                return answer
        return None

    def _say(self, command: Command) -> tuple[bool, Answer | None]:
        """Send; whether it was acknowledged, and the answer, if that came although the acknowledgement was lost."""
        self._line.discard(unfinished=True)
        self._line.send(encode(command))
        until_s = self.now_s + self._times.ack_s
        while (frame := self._line.next_frame(until_s - self.now_s)) is not None:
            if frame is Signal.ACK:
                return True, None
            if frame is Signal.NAK:
                break
            if (answer := self._take(command, frame)) is not None:
                return True, answer
        return False, None

    def _await(self, command: Command, longest_s: float) -> Answer | None:
        until_s = self.now_s + longest_s
        repeats = 0
        while (left_s := until_s - self.now_s) > 0:
            held = self._decoder.held_bytes
            frame = self._line.next_frame(min(left_s, self._times.silence_s))
            cut_off = frame is None and 0 < held == self._decoder.held_bytes
            if (cut_off or frame is Signal.DAMAGED) and repeats < REPEATS:
                repeats += 1
                self._line.discard(unfinished=True)
                self._line.acknowledge(Signal.NAK.encode())
            if frame is not None and (answer := self._take(command, frame)) is not None:
                return answer
        return None

    def _take(self, command: Command, frame: Frame | Signal) -> Answer | None:
        """Acknowledge an answer; it is returned if it is this command's and no late one."""
        if not isinstance(frame, Reply | Failure):
            return None
        self._line.acknowledge(Signal.ACK.encode())
        return frame if (frame.code, frame.parameter) == (command.code, command.parameter) else None
