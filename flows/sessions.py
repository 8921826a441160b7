"""Who is signed in on the pages, and how often somebody tried: kept in memory, a restart signs everybody out."""

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

IDLE_S: Final = 15 * 60
"""After so long without a page a session ends."""
LONGEST_S: Final = 8 * 3600
"""A session's whole length, however busy: a shift."""
MOST_SESSIONS: Final = 1_000
ATTEMPTS: Final = 20
WINDOW_S: Final = 15 * 60
"""So many sign-ins may be tried from one address within this time; the register itself locks each code."""
MOST_ADDRESSES: Final = 10_000


@dataclass(slots=True)
class Session:
    """One sign-in by code: the accepted attempt `sign_in`, None for one that signs nothing: through the issuer.

    `token` goes with its forms. Monotonic times in seconds.
    """

    code: str
    sign_in: str | None
    token: str
    begun_s: float
    seen_s: float


class Sessions:
    """The sessions of one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._sessions: dict[str, Session] = {}

    def begin(self, code: str, sign_in: str | None) -> str:
        """Sign somebody in; the session's new secret id."""
        now_s, secret = self._clock(), secrets.token_urlsafe(32)
        with self._lock:
            self._forget(now_s)
            while len(self._sessions) >= MOST_SESSIONS:
                del self._sessions[min(self._sessions, key=lambda each: self._sessions[each].seen_s)]
            self._sessions[secret] = Session(code, sign_in, secrets.token_urlsafe(32), now_s, now_s)
        return secret

    def find(self, secret: str, *, seen: bool = True) -> Session | None:
        """The session with an id, now seen again; None if it ended.

        Not `seen`: a page that refreshes itself asks, which keeps nobody signed in.
        """
        now_s = self._clock()
        with self._lock:
            self._forget(now_s)
            session = self._sessions.get(secret)
            if session is not None and seen:
                session.seen_s = now_s
            return session

    def end(self, secret: str) -> None:
        """Sign somebody out: the id opens nothing any more."""
        with self._lock:
            self._sessions.pop(secret, None)

    def _forget(self, now_s: float) -> None:
        for secret, each in list(self._sessions.items()):
            if now_s - each.seen_s > IDLE_S or now_s - each.begun_s > LONGEST_S:
                del self._sessions[secret]


class Attempts:
    """How many sign-ins were tried from each address lately, but for those that proved who somebody is."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._times: dict[str, deque[float]] = {}

    def may(self, address: str) -> bool:
        """Count one more from an address; False if there were too many."""
        now_s = self._clock()
        with self._lock:
            times = self._times.pop(address, deque())
            while times and now_s - times[0] > WINDOW_S:
                times.popleft()
            allowed = len(times) < ATTEMPTS
            if allowed:
                times.append(now_s)
            self._times[address] = times
            while len(self._times) > MOST_ADDRESSES:
                del self._times[next(iter(self._times))]
            return allowed

    def proven(self, address: str) -> None:
        """Forget the latest one from an address, for it was right: a whole shift may sign in and sign from one."""
        with self._lock:
            times = self._times.get(address)
            if times:
                times.pop()
