"""The machine's end of the link: bytes in, messages handled, replies out, in one turn."""

from __future__ import annotations

from collections.abc import Callable

from devices.errors import LinkDownError, LinkFullError, MalformedError
from devices.jobs import MachineJobState
from devices.link import WANTED_PAYLOAD, WANTED_WINDOW, Link
from devices.messages import NO_ID, PROTOCOL_VERSION, UNASKED, Hello, Message, RefusalCode, Refused, decode, encode


class Endpoint:
    """Turns one link; `on_message` gets every sound message, `on_session` is told when a host begins a new session."""

    def __init__(self, on_message: Callable[[Message], None], on_session: Callable[[], None]) -> None:
        self._on_message, self._on_session = on_message, on_session
        self._link = Link()
        self._sessions = 0

    def receive(self, data: bytes, now_s: float) -> None:
        """Take bytes from the line and handle every message that they complete."""
        self._link.tick(now_s)
        payloads = self._link.receive(data)
        if self._sessions != self._link.sessions:
            self._sessions = self._link.sessions
            self._on_session()
        for payload in payloads:
            try:
                message = decode(payload)
            except MalformedError:
                self.refuse(Message(UNASKED), RefusalCode.MALFORMED)
                continue
            self._on_message(message)

    def send(self, message: Message) -> None:
        """Queue a message; without a session, or for a host that takes nothing, it is dropped."""
        try:
            self._link.send(encode(message))
        except (LinkDownError, LinkFullError):
            return

    def refuse(
        self,
        request: Message,
        code: RefusalCode,
        job_id: str = NO_ID,
        state: MachineJobState = MachineJobState.ABSENT,
        detail: int = 0,
    ) -> None:
        """Queue a refusal of `request`."""
        self.send(Refused(request.request, code, job_id, state, detail))

    def agree(self, hello: Hello) -> tuple[int, int, int]:
        """Version, payload (bytes) and window (frames) that suit both; `take_up` follows when the reply is queued."""
        return PROTOCOL_VERSION, min(hello.max_payload, WANTED_PAYLOAD), min(hello.window, WANTED_WINDOW)

    def take_up(self, max_payload: int, window: int) -> None:
        """Use the agreed sizes from here on."""
        self._link.agree(max_payload, window)

    @property
    def max_payload(self) -> int:
        """The largest payload in bytes that the host takes now."""
        return self._link.max_payload

    def outgoing(self) -> bytes:
        """The bytes to write now."""
        return self._link.outgoing()

    @property
    def next_deadline_s(self) -> float | None:
        """When the link has something to do again."""
        return self._link.next_deadline_s
