"""Drivers of label printers. What they share is the rule that a job's label leaves the host once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from devices.endpoint import Transport
from devices.errors import PrinterNotReadyError, PrinterSilentError, WrongMachineError
from devices.label_printer import sbpl, zpl
from devices.label_printer.exchange import Exchange
from devices.link import LinkTimes
from devices.roles import LabelState, ParcelLabel, PrinterCondition, PrinterIdentity

# A SATO that prints answers only when the label is out.
REPLY_S = 3.0
# Between two looks at a label that is not out yet: soon at first, then less and less often.
FIRST_POLL_S, POLL_S = 0.01, 0.1
# Jobs remembered as sent: days of parcels, in half a megabyte.
KEPT_JOBS = 4096
_WORKING = frozenset({PrinterCondition.READY, PrinterCondition.BUSY})


@dataclass(frozen=True, slots=True)
class Look:
    """What a printer says at one moment, as seen from one job. `finished`: it has the job, with nothing left of it."""

    condition: PrinterCondition
    has_job: bool
    finished: bool = False


class _OneLabelAtATime(ABC):
    """The part of a `roles.LabelPrinter` that no protocol changes."""

    model: ClassVar[str]

    def __init__(
        self,
        machine: str,
        serial: str,
        emulated: bool,
        transport: Transport,
        *,
        reply_s: float = REPLY_S,
        link_times: LinkTimes | None = None,  # noqa: ARG002 - every driver is made alike; this one has no link
    ) -> None:
        """`emulated` is what the printer must say of itself; `serial` it can't say, so that is only kept."""
        self._machine, self.serial, self._emulated = machine, serial, emulated
        self._exchange = Exchange(machine, transport, self._split, reply_s)
        self._sent: dict[str, LabelState] = {}
        """Jobs whose label was sent, and the most that the printer ever said of it."""

    @property
    def machine(self) -> str:
        """The line's name for the printer."""
        return self._machine

    def open(self) -> PrinterIdentity:
        """Open the port and check who answers."""
        self._exchange.open()
        try:
            identity = self.identify()
            if identity.emulated != self._emulated:
                modes = [("production", "emulated")[emulated] for emulated in (self._emulated, identity.emulated)]
                raise WrongMachineError(self._machine, "mode", *modes)
        except BaseException:
            self._exchange.close()
            raise
        return identity

    def close(self) -> None:
        """Close the port."""
        self._exchange.close()

    @staticmethod
    @abstractmethod
    def _split(received: bytes) -> tuple[Sequence[object], bytes]:
        """Find the answers in received bytes, and the rest that may become one."""

    @abstractmethod
    def identify(self) -> PrinterIdentity:
        """Who the printer is now."""

    @abstractmethod
    def _render(self, job_id: str, label: ParcelLabel) -> bytes:
        """The label's bytes."""

    @abstractmethod
    def _look(self, job_id: str, state: LabelState) -> Look:
        """Ask the printer; `state` is what to say of the job if it stays silent."""

    @abstractmethod
    def _hand_over(self, job_id: str, data: bytes) -> Look:
        """Send the label, once, and learn what came of it."""

    def condition(self) -> PrinterCondition:
        """Whether the printer can take a label now."""
        return self._look("", LabelState.UNKNOWN).condition

    def print_label(self, job_id: str, label: ParcelLabel, timeout_s: float) -> LabelState:
        """Print the job's one label and wait for it."""
        data = self._render(job_id, label)
        if job_id in self._sent:
            return self.status(job_id)
        look = self._look(job_id, LabelState.NOT_SENT)
        if look.has_job:
            self._remember(job_id)
            return self._judge(job_id, look)
        if look.condition is not PrinterCondition.READY:
            raise PrinterNotReadyError(self._machine, look.condition, job_id, LabelState.NOT_SENT)
        self._remember(job_id)
        look = self._hand_over(job_id, data)
        give_up_s = self._exchange.now_s + timeout_s
        pause_s = FIRST_POLL_S
        while (state := self._judge(job_id, look)) is not LabelState.PRINTED:
            if look.condition not in _WORKING:
                raise PrinterNotReadyError(self._machine, look.condition, job_id, state)
            if state is LabelState.UNKNOWN or self._exchange.now_s >= give_up_s:
                break
            self._exchange.pause(pause_s)
            pause_s = min(2 * pause_s, POLL_S)
            look = self._look(job_id, LabelState.UNKNOWN)
        return state

    def status(self, job_id: str) -> LabelState:
        """What is known of the job's label now."""
        if self._sent.get(job_id) is LabelState.PRINTED:
            return LabelState.PRINTED
        return self._judge(job_id, self._look(job_id, LabelState.UNKNOWN))

    def _remember(self, job_id: str) -> None:
        self._sent[job_id] = LabelState.UNKNOWN
        if len(self._sent) > KEPT_JOBS:
            del self._sent[next(iter(self._sent))]

    def _judge(self, job_id: str, look: Look) -> LabelState:
        known = self._sent.get(job_id)
        if look.has_job:
            state = LabelState.PRINTED if look.finished else LabelState.WAITING
        elif known is LabelState.WAITING and look.condition in _WORKING:
            state = LabelState.PRINTED
        else:
            return LabelState.UNKNOWN
        if known is not None:
            self._sent[job_id] = state
        return state

    def _silent(self, request: str, job_id: str, state: LabelState) -> PrinterSilentError:
        return PrinterSilentError(self._machine, request, job_id, state, self._exchange.reply_s)


class SatoLabelPrinter(_OneLabelAtATime):
    """A printer that tells which job it has, so that a lost receipt is settled while the label waits."""

    model = "sato-label-printer"

    @staticmethod
    def _split(received: bytes) -> tuple[Sequence[object], bytes]:
        return sbpl.split(received)

    def identify(self) -> PrinterIdentity:
        """Who the printer is: the name in its status."""
        status = self._ask_status("", LabelState.UNKNOWN)
        return PrinterIdentity(self._machine, status.name.strip(), status.emulated)

    def _ask_status(self, job_id: str, state: LabelState) -> sbpl.Status:
        status = self._exchange.ask(sbpl.STATUS_REQUEST, sbpl.Status)
        if status is None:
            raise self._silent("ENQ", job_id, state)
        return status

    def _look(self, job_id: str, state: LabelState) -> Look:
        status = self._ask_status(job_id, state)
        finished = not status.remaining and status.condition is PrinterCondition.READY
        return Look(status.condition, status.tells_of(sbpl.JobName.of(job_id)), finished)

    def _render(self, job_id: str, label: ParcelLabel) -> bytes:
        return sbpl.render(label, sbpl.JobName.of(job_id), emulated=self._emulated)

    def _hand_over(self, job_id: str, data: bytes) -> Look:
        receipt = self._exchange.ask(data, sbpl.Receipt)
        if receipt is None:
            raise self._silent("a label", job_id, LabelState.UNKNOWN)
        # Whether a refused label is kept differs between models: the status tells.
        if receipt is sbpl.Receipt.TAKEN:
            self._sent[job_id] = LabelState.WAITING
        return self._look(job_id, LabelState.UNKNOWN)


class ZebraLabelPrinter(_OneLabelAtATime):
    """A printer that tells only how much it has yet to print, and nothing at all when it is out of media."""

    model = "zebra-label-printer"

    @staticmethod
    def _split(received: bytes) -> tuple[Sequence[object], bytes]:
        return zpl.split(received)

    def identify(self) -> PrinterIdentity:
        """Who the printer is: the model in its identification."""
        identity = self._exchange.ask(zpl.IDENTITY_REQUEST, zpl.Identity)
        if identity is None:
            raise self._silent("~HI", "", LabelState.UNKNOWN)
        return PrinterIdentity(self._machine, identity.model, identity.emulated)

    def _look(self, job_id: str, state: LabelState) -> Look:
        return self._ask_status(b"", job_id, state)

    def _hand_over(self, job_id: str, data: bytes) -> Look:
        # The status asked in the same breath is the only receipt there is: it counts the label just read.
        return self._ask_status(data, job_id, LabelState.UNKNOWN)

    def _ask_status(self, data: bytes, job_id: str, state: LabelState) -> Look:
        status = self._exchange.ask(data + zpl.STATUS_REQUEST, zpl.Status)
        if status is None:
            raise self._silent("~HS", job_id, state)
        # A label is only sent to a printer that has none, so what it has can only be the one sent last.
        last = next(reversed(self._sent), None)
        return Look(status.condition, status.holds_labels and job_id == last)

    def _render(self, job_id: str, label: ParcelLabel) -> bytes:
        return zpl.render(label, job_id, emulated=self._emulated)
