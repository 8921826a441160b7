"""Driver of a swipe reader in the manner of the 3M RTE6701.

The reader takes no commands and never says who it is: neither its serial number nor its mode can be checked at the
port. What can be is checked: an emulator's port is refused to an entry that isn't emulated.
"""

from threading import Lock

from devices.conversation import Conversation
from devices.endpoint import Transport
from devices.errors import NoSwipeError, WrongMachineError
from devices.mrz_reader.frames import Swipe, SwipeDecoder
from devices.transport import EMULATOR_SCHEME

# Longer than the gaps within a frame, so that one under way at the call is discarded whole; shorter than any hand.
QUIET_S = 0.1
LONGEST_NOISE_S = 1.0


class RteMrzReader:
    """A `roles.SwipeReader`; `serial` is what the configuration calls the reader, which can't be asked."""

    model = "rte-mrz-reader"
    uses_link = False

    def __init__(self, machine: str, serial: str, emulated: bool, transport: Transport) -> None:
        self._machine, self.serial, self._emulated = machine, serial, emulated
        self._port = transport.port
        self._decoder = SwipeDecoder()
        self._line: Conversation[Swipe] = Conversation(machine, transport, self._decoder)
        self._turns = Lock()

    @property
    def machine(self) -> str:
        """The line's name for the reader."""
        return self._machine

    @property
    def damaged(self) -> int:
        """Frames dropped because they were damaged."""
        return self._decoder.damaged

    def open(self) -> None:
        """Open the port; raises WrongMachineError for an emulator on a production line."""
        if self._port.startswith(EMULATOR_SCHEME) and not self._emulated:
            raise WrongMachineError(self._machine, "mode", "production", "emulated")
        self._line.open()

    def close(self) -> None:
        """Close the port."""
        self._line.close()

    def swipe(self, timeout_s: float, *, take_earlier: bool = False) -> tuple[str, ...]:
        """The lines of the next document; see `roles.SwipeReader`."""
        with self._turns:
            damaged = self._decoder.damaged
            give_up_s = self._line.now_s + timeout_s
            if not take_earlier:
                self._line.discard_until_quiet(QUIET_S, LONGEST_NOISE_S)
            swipe = self._latest() or self._line.next_frame(give_up_s - self._line.now_s)
            if swipe is None:
                raise NoSwipeError(self._machine, timeout_s, self._decoder.damaged - damaged)
            return swipe.lines

    def _latest(self) -> Swipe | None:
        """The last of the swipes that have come: the document that somebody has in hand."""
        latest = None
        while (swipe := self._line.next_frame(0.0)) is not None:
            latest = swipe
        return latest
