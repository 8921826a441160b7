"""The personalizer link without input or output: numbering, acknowledgement, windowed sending, retransmission.

Host and machine use the same `Link`. The owner of a port turns it like this: `tick(now)`, `receive(bytes)`, handle the
payloads, `outgoing()`, then sleep until `next_deadline_s` or until bytes arrive. Frames are taken in order only
(go-back-N); a gap is answered by one NAK, everything else by a cumulative acknowledgement, which rides on data where it
can. A session begins with RESET and a nonce: whatever was on the line before is ignored. Numbers only clean up within a
session; safety rests on job ids.
"""

from collections import deque
from dataclasses import dataclass

from devices.errors import LinkDownError, LinkFullError, PayloadTooLargeError
from devices.frames import Frame, FrameDecoder, FrameKind, encode_frame

SEQUENCE = 256
LEAST_PAYLOAD = 512
LEAST_WINDOW = 1
WANTED_PAYLOAD = 4096
WANTED_WINDOW = 8
NONCE_BYTES = 8
NO_SESSION = bytes(NONCE_BYTES)


@dataclass(frozen=True, slots=True)
class LinkTimes:
    """How patient a link is. A slow line needs `retransmit_s` above the time a whole window takes on it.

    `ack_delay_s` is how long an acknowledgement waits for data to ride on; `attempts` sendings without any progress,
    each waiting twice as long up to `longest_s`, and the link is down.
    """

    retransmit_s: float = 0.4
    longest_s: float = 3.2
    ack_delay_s: float = 0.02
    attempts: int = 8


class Link:
    """One end of a link. Not thread-safe: one owner turns it."""

    def __init__(
        self,
        max_payload: int = WANTED_PAYLOAD,
        window: int = WANTED_WINDOW,
        *,
        times: LinkTimes | None = None,
        max_waiting_bytes: int = 4 << 20,
    ) -> None:
        """`max_payload` (bytes) and `window` (frames, below 128) are the most this end can take."""
        self.most_payload, self.most_window = max_payload, window
        self._times = times or LinkTimes()
        self._max_waiting_bytes = max_waiting_bytes
        self._decoder = FrameDecoder(max(max_payload, LEAST_PAYLOAD))
        self._now_s = 0.0
        self.sessions = 0
        self.retransmissions = 0
        self._down = ""
        self._is_host = self._connecting = False
        self._begin(b"")

    def _begin(self, nonce: bytes) -> None:
        self._nonce = nonce
        self.max_payload, self.window = LEAST_PAYLOAD, LEAST_WINDOW
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._in_flight: deque[tuple[int, bytes]] = deque()
        self._unsent = 0
        self._again = False
        self._next_seq = self._expected = 0
        self._owed = 0
        self._gap_reported = False
        self._attempts = 0
        self._replies: list[Frame] = []
        self._ack_due_s: float | None = None
        self._retry_due_s: float | None = None

    @property
    def connected(self) -> bool:
        """Whether a session is up: RESET sent and answered, or received."""
        return bool(self._nonce) and not self._connecting and not self._down

    @property
    def down(self) -> str:
        """Why the link gave up, or an empty string."""
        return self._down

    @property
    def discarded(self) -> int:
        """Damaged frames dropped so far."""
        return self._decoder.discarded

    @property
    def idle(self) -> bool:
        """Whether everything sent has been acknowledged."""
        return not self._waiting and not self._in_flight

    def connect(self, nonce: bytes) -> None:
        """Begin a session as the host; `nonce` is 8 bytes never used on this line before."""
        self._begin(nonce)
        self._is_host = self._connecting = True
        self._down = ""
        self._replies.append(Frame(FrameKind.RESET, 0, 0, nonce))
        self._arm()

    def agree(self, max_payload: int, window: int) -> None:
        """Take up what HELLO settled: payload in bytes, window in frames; never more than this end can take."""
        self.max_payload = min(max(max_payload, LEAST_PAYLOAD), max(self.most_payload, LEAST_PAYLOAD))
        self.window = min(max(window, LEAST_WINDOW), self.most_window)

    def send(self, payload: bytes) -> None:
        """Queue one payload. Raises LinkDownError, PayloadTooLargeError or LinkFullError, and then queues nothing."""
        if not self.connected:
            raise LinkDownError(self._down or "no session")
        if len(payload) > self.max_payload:
            raise PayloadTooLargeError(len(payload), self.max_payload)
        if self._waiting_bytes + len(payload) > self._max_waiting_bytes:
            raise LinkFullError(self._waiting_bytes, self._max_waiting_bytes)
        self._waiting.append(payload)
        self._waiting_bytes += len(payload)

    def receive(self, data: bytes) -> list[bytes]:
        """Take bytes from the line; the payloads they complete, in order, each once. Never raises on any bytes.

        Payloads of a session that a RESET in the same bytes ended are dropped.
        """
        delivered: list[bytes] = []
        for frame in self._decoder.feed(data):
            if frame.kind is FrameKind.RESET:
                if self._reset_by_peer(frame.payload):
                    delivered.clear()
            elif frame.kind is FrameKind.RESET_ACK:
                self._reset_answered(frame.payload)
            elif self.connected:
                self._acknowledged(frame.ack)
                if frame.kind is FrameKind.DATA:
                    self._take(frame, delivered)
                elif frame.kind is FrameKind.NAK and self._in_flight:
                    self._resend()
            elif frame.kind is FrameKind.DATA and not self._is_host:
                # A machine that restarted says so at once, instead of leaving its host to retransmit.
                self._replies = [Frame(FrameKind.RESET_ACK, 0, 0, NO_SESSION)]
        return delivered

    def tick(self, now_s: float) -> None:
        """Tell the time (seconds, any monotonic origin); overdue frames are sent again by the next `outgoing`."""
        self._now_s = now_s
        if self._retry_due_s is None or now_s < self._retry_due_s:
            return
        self._attempts += 1
        if self._attempts >= self._times.attempts:
            self.give_up(f"no acknowledgement after {self._attempts} sendings")
        elif self._connecting:
            self._replies.append(Frame(FrameKind.RESET, 0, 0, self._nonce, retransmission=True))
            self._arm()
        else:
            self._resend()

    @property
    def next_deadline_s(self) -> float | None:
        """When `tick` and `outgoing` have something to do again, on the clock given to `tick`; None: never."""
        due = [moment for moment in (self._retry_due_s, self._ack_due_s) if moment is not None]
        return min(due, default=None)

    def outgoing(self) -> bytes:
        """The bytes to write now, an empty string if none."""
        frames = [encode_frame(frame) for frame in self._replies]
        self._replies.clear()
        if not self.connected:
            return b"".join(frames)
        while self._waiting and len(self._in_flight) < self.window:
            payload = self._waiting.popleft()
            self._waiting_bytes -= len(payload)
            self._in_flight.append((self._next_seq, payload))
            self._next_seq = (self._next_seq + 1) % SEQUENCE
            self._unsent += 1
        if self._unsent:
            frames.extend(self._due_data())
        elif self._ack_is_due():
            frames.append(encode_frame(Frame(FrameKind.ACK, 0, self._expected)))
        if frames:
            self._owed, self._ack_due_s = 0, None
        return b"".join(frames)

    def _due_data(self) -> list[bytes]:
        due, again = list(self._in_flight)[-self._unsent :], self._again
        self.retransmissions += len(due) if again else 0
        self._unsent, self._again = 0, False
        if self._retry_due_s is None:
            self._arm()
        return [encode_frame(Frame(FrameKind.DATA, seq, self._expected, payload, again)) for seq, payload in due]

    def _ack_is_due(self) -> bool:
        if not self._owed:
            return False
        return self._owed >= max(1, self.window // 2) or (
            self._ack_due_s is not None and self._now_s >= self._ack_due_s
        )

    def _take(self, frame: Frame, delivered: list[bytes]) -> None:
        if frame.seq == self._expected:
            self._expected = (self._expected + 1) % SEQUENCE
            self._gap_reported = False
            delivered.append(frame.payload)
            self._owed += 1
            if self._ack_due_s is None:
                self._ack_due_s = self._now_s + self._times.ack_delay_s
            return
        ahead = (frame.seq - self._expected) % SEQUENCE
        if ahead < SEQUENCE // 2:
            if not self._gap_reported:
                self._gap_reported = True
                self._replies.append(Frame(FrameKind.NAK, 0, self._expected))
        else:
            # A frame we have already: its acknowledgement was lost, so say it again now.
            self._owed = max(self._owed, self.window)

    def _acknowledged(self, ack: int) -> None:
        if not self._in_flight:
            return
        count = (ack - self._in_flight[0][0]) % SEQUENCE
        if not 0 < count <= len(self._in_flight):
            return
        for _ in range(count):
            self._in_flight.popleft()
        self._unsent = min(self._unsent, len(self._in_flight))
        self._attempts, self._retry_due_s = 0, None
        if self._in_flight:
            self._arm()

    def _resend(self) -> None:
        self._unsent, self._again = len(self._in_flight), True
        self._retry_due_s = None

    def _arm(self) -> None:
        self._retry_due_s = self._now_s + min(self._times.retransmit_s * 2**self._attempts, self._times.longest_s)

    def give_up(self, reason: str) -> None:
        """End the session: `down` says why, and a new one must be begun."""
        self._begin(b"")
        self._connecting, self._down = False, reason

    def _reset_by_peer(self, nonce: bytes) -> bool:
        if len(nonce) != NONCE_BYTES or nonce == NO_SESSION or self._is_host:
            return False
        fresh = nonce != self._nonce
        if fresh:
            self._begin(nonce)
            self._down = ""
            self.sessions += 1
        self._replies = [Frame(FrameKind.RESET_ACK, 0, 0, nonce)]
        return fresh

    def _reset_answered(self, nonce: bytes) -> None:
        if not self._is_host or len(nonce) != NONCE_BYTES:
            return
        if self._connecting and nonce == self._nonce:
            self._connecting = False
            self._attempts, self._retry_due_s = 0, None
            self.sessions += 1
        elif self.connected and nonce != self._nonce:
            self.give_up("the peer knows no such session")
