"""Who is on a port: a session that expects nobody in particular, says HELLO and hangs up. Nothing moves.

Its RESET may be heard by a machine of another protocol. So its nonce and checksums are bytes that none obeys: no
control characters, no `~` or `^` of a Zebra (so nothing escaped by 7D either), no begin of a CRT-591's frame.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from devices.frames import FLAG, HEADER_BYTES, Frame, FrameKind, encode_frame
from devices.identity import Expected
from devices.messages import HelloReply
from devices.session import Patience, Session
from devices.transport import SerialTransport

PATIENCE = Patience(session_s=3.0, reply_s=3.0)
LAST_CONTROL = 0x1F
OBEYED = frozenset(b"^}~\x7f\xf2")

Said: TypeAlias = dict[str, str | int | bool]
"""What a machine says of itself: `port`, `driver`, `model`, `serial`, `firmware`, `mode`, and what more it tells."""


@dataclass(frozen=True, slots=True)
class _Whoever(Expected):
    """Expects any model, serial number and mode of this protocol."""

    def check(self, reply: HelloReply) -> None:
        """Take it as it is."""


def anybody(port: str) -> Expected:
    """An expectation that whoever answers on `port` meets."""
    return _Whoever(port, "", "", False)


def quiet_nonce(size: int) -> bytes:
    """A nonce of `size` random bytes with which RESET, sent once or again, says nothing in another protocol."""
    while True:
        # One in ten is such a one.
        nonce = os.urandom(size)
        resets = [encode_frame(Frame(FrameKind.RESET, 0, 0, nonce, again)) for again in (False, True)]
        said = b"".join(reset[len(FLAG) + HEADER_BYTES : -len(FLAG)] for reset in resets)
        if min(said) > LAST_CONTROL and not OBEYED.intersection(said):
            return nonce


def identify(port: str, machines: Path | None, *, baud: int = 115_200, patience: Patience = PATIENCE) -> Said:
    """What the machine on `port` says of itself, by name.

    The port is opened exclusively: one that a line uses is refused. Raises PortUnavailableError, and NoAnswerError or
    LinkDownError where nobody answers in the personalizers' protocol.
    """
    transport = SerialTransport(port, machines=machines, baud=baud)
    session = Session(transport, anybody(port), patience=patience, draw_nonce=quiet_nonce)
    session.open()
    try:
        said = session.say_hello()
    finally:
        session.close()
    return {
        "port": port,
        # A driver is called as the model that it works.
        "driver": said.model,
        "model": said.model,
        "serial": said.serial,
        "firmware": said.firmware,
        "mode": "EMULATED" if said.emulated else "production",
        "protocol": said.version,
        "journal": said.journal_id,
        "journal_next": said.journal_next,
        "fence": said.fence,
        "fed": said.counters.fed,
        "good": said.counters.good,
        "rejected": said.counters.rejected,
        "returned": said.counters.returned,
        "in_path": said.counters.in_path,
        "open_jobs": len(said.open_jobs),
    }
