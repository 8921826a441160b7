"""A session with one machine: open exclusively, RESET the link, HELLO, check who answers, then requests and replies.

The RESET drains the line: whatever an earlier session left on it is ignored. A request that stays unanswered has an
unknown outcome; late replies to it are dropped by their number. Callers may be several threads.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from devices.endpoint import Transport
from devices.errors import (
    LinkDownError,
    MachineRefusedError,
    MalformedError,
    NoAnswerError,
    PortLostError,
    SessionClosedError,
    UnexpectedAnswerError,
)
from devices.identity import Expected
from devices.link import NONCE_BYTES, WANTED_PAYLOAD, WANTED_WINDOW, Link, LinkTimes
from devices.messages import (
    NO_ID,
    PROTOCOL_VERSION,
    UNASKED,
    Data,
    DataCollector,
    Hello,
    HelloReply,
    Message,
    Outcome,
    PieceRead,
    RefusalCode,
    Refused,
    Result,
    data_messages,
    decode,
    encode,
)
from devices.roles import MachineIdentity

MOST_REQUESTS = 65_535
MOST_POSTED = 32
POSTED_WAIT_S = 1.0
PROBE_S = 5.0
"""Who waits and has heard nothing for so long asks HELLO: a half-open line is given up by the link, not waited out."""

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a host waits, in seconds: for a session, for a reply that needs no motion, for one that does.

    `motion_s` passed means asking STATUS; a machine that is then still moving gets `longest_s` in all.
    """

    session_s: float = 10.0
    reply_s: float = 10.0
    motion_s: float = 60.0
    longest_s: float = 300.0
    poll_s: float = 0.25


@dataclass(slots=True)
class _Pending:
    """A request on its way: its answer, and the data that follow it."""

    answer: Message | None = None
    collector: DataCollector | None = None
    damage: MalformedError | None = None

    @property
    def done(self) -> bool:
        return self.damage is not None or (
            self.answer is not None and (self.collector is None or self.collector.complete)
        )


class Session:
    """One machine's session over a transport; also the endpoint that turns on it."""

    def __init__(
        self,
        transport: Transport,
        expected: Expected,
        *,
        patience: Patience | None = None,
        link_times: LinkTimes | None = None,
        draw_nonce: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """`draw_nonce` makes that many bytes, never the same again."""
        self.expected = expected
        self.patience = patience or Patience()
        self.ignored = 0
        self._transport, self._link_times, self._draw_nonce = transport, link_times, draw_nonce
        self._last_request = 0
        self._now_s = 0.0
        self._begin()

    def _begin(self) -> None:
        self._link = Link(times=self._link_times)
        self._open = False
        self._lost = ""
        self._pending: dict[int, _Pending] = {}
        self._posted: dict[int, tuple[str, str]] = {}
        self._refused_posts: list[MachineRefusedError] = []
        self._awaited: dict[str, Outcome | None] = {}
        self._heard_s = self._now_s

    def open(self) -> MachineIdentity:
        """Begin a session. Raises PortUnavailableError, NoAnswerError, WrongMachineError, PortLostError."""
        self._transport.close()
        with self._transport.lock:
            self._begin()
            # Without the time, RESET would be overdue, and sent twice, at the first turn.
            self._link.tick(self._transport.now_s)
            self._link.connect(self._draw_nonce(NONCE_BYTES))
        self._transport.open(self)
        try:
            with self._transport.lock:
                self._open = True
                waited_s = self.patience.session_s
                up = self._transport.wait_for(lambda: self._link.connected or bool(self._failure), waited_s)
                self._check_up()
                if not up:
                    raise NoAnswerError(self.expected.machine, "RESET", "", waited_s)
            return self.hello()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let posted requests go out, then close the port."""
        with self._transport.lock:
            if self._open and not self._failure:
                self._transport.wait_for(lambda: not self._posted or bool(self._failure), POSTED_WAIT_S)
            self._open = False
        self._transport.close()

    def hello(self) -> MachineIdentity:
        """Exchange HELLO and check the answer against what is expected; raises WrongMachineError."""
        reply = self.say_hello()
        identity = self.expected.identify(reply)
        with self._transport.lock:
            self._link.agree(reply.max_payload, reply.window)
        return identity

    def say_hello(self) -> HelloReply:
        """The machine's whole answer to HELLO, unchecked."""
        return self.ask(
            lambda number: Hello(number, PROTOCOL_VERSION, WANTED_PAYLOAD, WANTED_WINDOW),
            HelloReply,
            self.patience.reply_s,
        )

    def ask(
        self,
        build: Callable[[int], Message],
        answer: type[M],
        timeout_s: float,
        *,
        job_id: str = "",
        data: bytes = b"",
    ) -> M:
        """Send the message that `build` makes of a request number, then `data`; its answer of type `answer`.

        Raises NoAnswerError, MachineRefusedError, UnexpectedAnswerError, PortLostError, LinkDownError.
        """
        return self._exchange(build, answer, timeout_s, job_id, data)[0]

    def ask_data(self, build: Callable[[int], Message], timeout_s: float) -> tuple[PieceRead, bytes]:
        """A request's answer and the data that follow it. Raises as `ask`, and MalformedError for damaged data."""
        answer, pending = self._exchange(build, PieceRead, timeout_s, "", b"")
        if pending.damage is not None:
            raise pending.damage
        return answer, pending.collector.take() if pending.collector is not None else b""

    def _exchange(
        self, build: Callable[[int], Message], answer: type[M], timeout_s: float, job_id: str, data: bytes
    ) -> tuple[M, _Pending]:
        with self._transport.lock:
            self._check_up()
            if self._refused_posts:
                raise self._refused_posts.pop(0)
            message = build(self._number())
            name = type(message).__name__
            pending = self._pending[message.request] = _Pending()
            try:
                self._send(message, data)
                self._transport.wait_for(lambda: pending.done or bool(self._failure), timeout_s)
            finally:
                del self._pending[message.request]
            if not pending.done:
                self._check_up()
                raise NoAnswerError(self.expected.machine, name, job_id, timeout_s)
        got = pending.answer
        if isinstance(got, Refused):
            raise self._refusal(got, name, job_id)
        if not isinstance(got, answer) or getattr(got, "job_id", job_id) != job_id:
            raise UnexpectedAnswerError(self.expected.machine, name, type(got).__name__)
        return got, pending

    def post(self, build: Callable[[int], Message], job_id: str, data: bytes = b"") -> None:
        """Send a request, then `data`, without waiting for the answer; the next request or wait raises a refusal.

        Waits only while MOST_POSTED requests are unanswered. Raises NoAnswerError if that does not end in time,
        PortLostError, LinkDownError.
        """
        with self._transport.lock:
            self._check_up()
            if len(self._posted) >= MOST_POSTED:
                self._transport.wait_for(lambda: len(self._posted) < MOST_POSTED, self.patience.reply_s)
                self._check_up()
                if len(self._posted) >= MOST_POSTED:
                    raise NoAnswerError(self.expected.machine, "posted requests", job_id, self.patience.reply_s)
            message = build(self._number())
            self._posted[message.request] = (type(message).__name__, job_id)
            self._send(message, data)

    def _send(self, message: Message, data: bytes) -> None:
        self._link.send(encode(message))
        for part in data_messages(message.request, data, self._link.max_payload):
            self._link.send(encode(part))
        self._transport.wake()

    def expect_result(self, job_id: str) -> None:
        """From now on keep the result that the machine sends for this job, unasked or not."""
        with self._transport.lock:
            self._awaited.setdefault(job_id, None)

    def expects_result(self, job_id: str) -> bool:
        """Whether this session would have noticed the job's result."""
        with self._transport.lock:
            return job_id in self._awaited

    def forget_result(self, job_id: str) -> None:
        """The job is released: its result is of no more interest."""
        with self._transport.lock:
            self._awaited.pop(job_id, None)

    def wait_for_result(self, job_id: str, timeout_s: float) -> Outcome | None:
        """The job's result as soon as the machine sends it, or None.

        Raises PortLostError, LinkDownError, and MachineRefusedError of a request that was posted.
        """
        with self._transport.lock:
            self._check_up()
            self._awaited.setdefault(job_id, None)
            self._transport.wait_for(
                lambda: bool(self._awaited[job_id] or self._refused_posts or self._failure), timeout_s
            )
            outcome = self._awaited[job_id]
            if outcome is None:
                self._check_up()
                if self._refused_posts:
                    raise self._refused_posts.pop(0)
            return outcome

    def pause(self, seconds: float) -> None:
        """Let time pass on the transport's clock."""
        with self._transport.lock:
            self._transport.wait_for(lambda: bool(self._failure), seconds)

    def tick(self, now_s: float) -> bool:
        """Endpoint: learn the time; True when the link gave up just now."""
        was_down = self._link.down
        self._now_s = now_s
        self._link.tick(now_s)
        if now_s - self._heard_s >= PROBE_S and self._waits and self._link.idle and self._link.connected:
            self._heard_s = now_s
            self._link.send(encode(Hello(UNASKED, PROTOCOL_VERSION, WANTED_PAYLOAD, WANTED_WINDOW)))
        return self._link.down != was_down

    @property
    def _waits(self) -> bool:
        """Whether somebody waits, or will, for what the machine says."""
        return bool(self._pending) or None in self._awaited.values()

    def receive(self, data: bytes) -> bool:
        """Endpoint: take bytes; True when a waiting caller should look. Never raises on any bytes."""
        was_up = self._link.connected
        notify = False
        self._heard_s = self._now_s
        for payload in self._link.receive(data):
            try:
                notify |= self._dispatch(decode(payload))
            except MalformedError as damage:
                # Its frame was sound, so the link will not send it again: what it was about is asked in a new session.
                self.ignored += 1
                self._link.give_up(f"what came is no message: {damage}")
        return notify or self._link.connected != was_up

    def outgoing(self) -> bytes:
        """Endpoint: hand out the bytes that the link has to write now."""
        return self._link.outgoing()

    @property
    def next_deadline_s(self) -> float | None:
        """Endpoint: when to turn again."""
        link_s = self._link.next_deadline_s
        if link_s is not None:
            return link_s
        return self._heard_s + PROBE_S if self._waits else None

    def lost(self, reason: str) -> None:
        """Endpoint: the port is gone."""
        self._lost = reason

    @property
    def _failure(self) -> str:
        return self._lost or self._link.down

    def _check_up(self) -> None:
        if self._lost and self._open:
            raise PortLostError(self._transport.port, self._lost)
        if self._link.down:
            raise LinkDownError(self._link.down)
        if not self._open:
            raise SessionClosedError(self.expected.machine)

    def _number(self) -> int:
        self._last_request = self._last_request % MOST_REQUESTS + 1
        return self._last_request

    def _dispatch(self, message: Message) -> bool:
        if isinstance(message, Refused) and message.request == UNASKED and message.code is RefusalCode.MALFORMED:
            self._link.give_up("a message of this host arrived damaged")
            return True
        if isinstance(message, Result) and message.outcome.job_id in self._awaited:
            self._awaited[message.outcome.job_id] = message.outcome
            if message.request == UNASKED:
                return True
        pending = self._pending.get(message.request)
        if pending is not None:
            return _answer(pending, message)
        posted = self._posted.pop(message.request, None)
        if posted is None:
            self.ignored += not isinstance(message, HelloReply)
            return False
        if isinstance(message, Refused):
            self._refused_posts.append(self._refusal(message, *posted))
        return True

    def _refusal(self, refused: Refused, request: str, job_id: str) -> MachineRefusedError:
        job = "" if refused.job_id == NO_ID else refused.job_id
        return MachineRefusedError(
            self.expected.machine, request, refused.code.name, job or job_id, refused.state.name, refused.detail
        )


def _answer(pending: _Pending, message: Message) -> bool:
    try:
        if isinstance(message, Data):
            if pending.collector is not None:
                pending.collector.add(message)
        elif pending.answer is None:
            pending.answer = message
            if isinstance(message, PieceRead):
                pending.collector = DataCollector(message.request, message.size, message.data_sha256)
    except MalformedError as damage:
        pending.damage = damage
    return pending.done
