"""Who is on a port: a session that expects nobody in particular, says HELLO and hangs up. Nothing moves."""

from dataclasses import dataclass
from pathlib import Path

from devices.identity import Expected
from devices.messages import HelloReply
from devices.session import Patience, Session
from devices.transport import SerialTransport

PATIENCE = Patience(session_s=3.0, reply_s=3.0)


@dataclass(frozen=True, slots=True)
class _Whoever(Expected):
    """Expects any model, serial number and mode of this protocol."""

    def check(self, reply: HelloReply) -> None:
        """Take it as it is."""


def anybody(port: str) -> Expected:
    """An expectation that whoever answers on `port` meets."""
    return _Whoever(port, "", "", False)


def identify(port: str, machines: Path | None, *, baud: int = 115_200) -> dict[str, str | int | bool]:
    """What the machine on `port` says of itself, by name.

    The port is opened exclusively: one that a line uses is refused. Raises PortUnavailableError, and NoAnswerError or
    LinkDownError where nobody answers in the personalizers' protocol.
    """
    session = Session(SerialTransport(port, machines=machines, baud=baud), anybody(port), patience=PATIENCE)
    session.open()
    try:
        said = session.say_hello()
    finally:
        session.close()
    return {
        "port": port,
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
