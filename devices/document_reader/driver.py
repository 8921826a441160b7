"""Driver of the document reader."""

from devices.endpoint import Transport
from devices.identity import Expected
from devices.link import LinkTimes
from devices.messages import ReadPiece
from devices.piece import decode_chip
from devices.roles import MachineIdentity, Reading
from devices.session import Patience, Session


class LinkDocumentReader:
    """A `roles.DocumentReader` that speaks the personalizers' link."""

    model = "document-reader"

    def __init__(
        self,
        machine: str,
        serial: str,
        emulated: bool,
        transport: Transport,
        *,
        patience: Patience | None = None,
        link_times: LinkTimes | None = None,
    ) -> None:
        """`serial` and `emulated` are what the reader must say of itself."""
        self._machine = machine
        expected = Expected(machine, self.model, serial, emulated)
        self._session = Session(transport, expected, patience=patience, link_times=link_times)

    @property
    def machine(self) -> str:
        """The line's name for the reader."""
        return self._machine

    def open(self) -> MachineIdentity:
        """Begin a session and check who answers."""
        return self._session.open()

    def close(self) -> None:
        """End the session."""
        self._session.close()

    def identify(self) -> MachineIdentity:
        """Who the reader is now."""
        return self._session.hello()

    def read(self, timeout_s: float) -> Reading:
        """Read the piece on the reader. Raises MachineRefusedError NO_PIECE, MalformedError for a damaged answer."""
        answer, chip = self._session.ask_data(
            lambda number: ReadPiece(number, int(timeout_s * 1000)), timeout_s + self._session.patience.reply_s
        )
        return Reading(answer.mrz, decode_chip(chip), answer.locked, answer.surface_serial)
