"""Driver of a scale that speaks MT-SICS.

Stability is watched with SI, which is answered at once, rather than with S, which a scale answers when it pleases.
Answers carry no number, but a scale answers in order. So after an unanswered request the driver is out of step, and
weighs only when it is in step again: it asks I4, whose answer can't be taken for a weight, and drops everything up to
it. Owed I4 answers of attempts that failed are waited for too, until none has come for as long as any may take.

A weight that a person has the scale print can't be told from an answer: switch the scale's print key off.
"""

from dataclasses import dataclass
from decimal import Decimal
from threading import Lock

from devices.conversation import Conversation
from devices.endpoint import Transport
from devices.errors import (
    MachineRefusedError,
    NotStableError,
    OverloadError,
    ScaleSilentError,
    UnderloadError,
    WrongMachineError,
)
from devices.scale.frames import (
    EMULATED,
    AnswerDecoder,
    Command,
    Said,
    ScaleAnswer,
    SerialNumber,
    Weight,
    encode_command,
    said_serial,
)

GRAMS = {"mg": Decimal("0.001"), "g": Decimal(1), "kg": Decimal(1000)}
OUT_OF_RANGE = {Said.OVERLOAD: OverloadError, Said.UNDERLOAD: UnderloadError}
REFUSED = frozenset({Said.SYNTAX_ERROR, Said.LOGICAL_ERROR})
WEIGHINGS = frozenset({Said.BUSY, Said.TRANSMISSION_ERROR, *OUT_OF_RANGE, *REFUSED})


@dataclass(frozen=True, slots=True)
class ScaleTimes:
    """Seconds: the longest that an answer takes, what is a quiet line at opening, the pause before asking again.

    That pause begins at `first_poll_s` and doubles up to `poll_s`.
    """

    answer_s: float = 2.0
    quiet_s: float = 0.3
    first_poll_s: float = 0.01
    poll_s: float = 0.1


class MtSicsScale:
    """A `roles.Scale`; it has one owner at the port, and its threads take turns."""

    model = "mt-sics-scale"
    uses_link = False

    def __init__(
        self, machine: str, serial: str, emulated: bool, transport: Transport, *, times: ScaleTimes | None = None
    ) -> None:
        """`serial` and `emulated` are what the scale must say of itself."""
        self._machine, self._emulated = machine, emulated
        self._must_say = said_serial(serial, emulated)
        self._times = times or ScaleTimes()
        self._decoder = AnswerDecoder()
        self._line: Conversation[ScaleAnswer] = Conversation(machine, transport, self._decoder)
        self._turns = Lock()
        self._in_step = False
        self._owed = 0

    @property
    def machine(self) -> str:
        """The line's name for the scale."""
        return self._machine

    @property
    def damaged(self) -> int:
        """Lines dropped because they were damaged or unknown."""
        return self._decoder.damaged

    def open(self) -> str:
        """Open the port and check the serial number, which it returns as the scale says it."""
        with self._turns:
            self._in_step = False
            self._line.open()
            try:
                self._line.discard_until_quiet(self._times.quiet_s, self._times.answer_s)
                self._get_in_step(self._line.now_s + self._times.answer_s)
            except BaseException:
                self._line.close()
                raise
        return self._must_say

    def close(self) -> None:
        """Close the port."""
        self._line.close()

    def weigh(self, timeout_s: float) -> Decimal:
        """The stable weight in grams; see `roles.Scale`."""
        with self._turns:
            give_up_s = self._line.now_s + timeout_s
            pause_s = min(self._times.first_poll_s, self._times.poll_s)
            while True:
                answer = self._ask_weight(give_up_s, timeout_s)
                if isinstance(answer, Weight) and answer.stable:
                    return self._grams(answer)
                if answer in OUT_OF_RANGE:
                    raise OUT_OF_RANGE[answer](self._machine)
                if answer in REFUSED:
                    raise MachineRefusedError(self._machine, Command.WEIGH_NOW, answer, "", "", 0)
                if self._line.now_s + pause_s >= give_up_s:
                    raise NotStableError(self._machine, timeout_s)
                self._line.pause(pause_s)
                pause_s = min(2 * pause_s, self._times.poll_s)

    def _ask_weight(self, give_up_s: float, timeout_s: float) -> Weight | Said:
        """The answer to an SI of this call, asked again where one stays unanswered."""
        while True:
            if not self._in_step:
                self._get_in_step(give_up_s)
            # What a person has the scale print is no answer, and nothing else is owed.
            self._line.discard()
            self._in_step = False
            self._line.send(encode_command(Command.WEIGH_NOW))
            until_s = min(give_up_s, self._line.now_s + self._times.answer_s)
            while (answer := self._line.next_frame(until_s - self._line.now_s)) is not None:
                if isinstance(answer, Weight) or answer in WEIGHINGS:
                    self._in_step = True
                    return answer
            if self._line.now_s >= give_up_s:
                raise ScaleSilentError(self._machine, Command.WEIGH_NOW, timeout_s)

    def _get_in_step(self, give_up_s: float) -> None:
        """Ask who is there and drop all that comes before the answer: it belongs to requests nobody waits for."""
        asked_s = self._line.now_s
        self._line.send(encode_command(Command.ASK_SERIAL))
        self._owed += 1
        found = ""
        until_s = min(give_up_s, asked_s + self._times.answer_s)
        while self._owed and (answer := self._line.next_frame(until_s - self._line.now_s)) is not None:
            if isinstance(answer, SerialNumber):
                found = answer.text
                self._owed -= 1
                until_s = self._line.now_s + self._times.answer_s
        if not found:
            raise ScaleSilentError(self._machine, Command.ASK_SERIAL, until_s - asked_s)
        self._owed = 0
        self._check(found)
        self._in_step = True

    def _check(self, found: str) -> None:
        says_emulated = found.startswith(EMULATED)
        if says_emulated != self._emulated:
            modes = ("production", "emulated")
            raise WrongMachineError(self._machine, "mode", modes[self._emulated], modes[says_emulated])
        if found != self._must_say:
            raise WrongMachineError(self._machine, "serial", self._must_say, found)

    def _grams(self, weight: Weight) -> Decimal:
        if weight.unit not in GRAMS:
            raise WrongMachineError(self._machine, "unit", "g", weight.unit)
        return weight.value * GRAMS[weight.unit]
