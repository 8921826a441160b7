"""The client believes a witness's cosignature and nothing else, and says why there is none."""

import contextlib
import pickle
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from small_log import SmallLog

from handoff_logs.cosignatures import cosign, verified
from handoff_logs.notes import COSIGNATURE_V1, Note, VerifierKey
from handoff_logs.witness import errors
from handoff_logs.witness.client import MAX_ANSWER_BYTES, add_checkpoint
from handoff_logs.witness.protocol import PATH, AddCheckpoint

LOG = SmallLog()
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32)
KEY = VerifierKey("witness.example/w1", COSIGNATURE_V1, PRIVATE.public_key().public_bytes_raw())

Serve = Callable[..., "Odd"]


class Odd:
    """A server that answers one request with prepared bytes, each after a pause, and keeps what it was asked."""

    def __init__(self, *pieces: bytes, pause_s: float = 0.0) -> None:
        self._pieces, self._pause_s = pieces, pause_s
        self.asked = b""
        self._done = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._answer)
        self._thread.start()

    def _answer(self) -> None:
        self._listener.settimeout(5)
        with contextlib.suppress(OSError):
            connection, _ = self._listener.accept()
            connection.settimeout(5)
            with connection:
                while b"\n\n\xe2\x80\x94" not in self.asked:
                    # Nothing more: the client gave up before it had asked.
                    if not (more := connection.recv(65536)):
                        return
                    self.asked += more
                for piece in self._pieces:
                    connection.sendall(piece)
                    if self._done.wait(self._pause_s):
                        return

    def close(self) -> None:
        self._done.set()
        self._thread.join()
        self._listener.close()


@pytest.fixture
def odd() -> Iterator[Serve]:
    """Starts odd servers, and ends them."""
    started: list[Odd] = []

    def start(*pieces: bytes, pause_s: float = 0.0) -> Odd:
        started.append(Odd(*pieces, pause_s=pause_s))
        return started[-1]

    yield start
    for one in started:
        one.close()


def http(status: int, body: bytes, media_type: str = "text/plain", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status} X\r\nContent-Type: {media_type}\r\nContent-Length: {size}\r\n\r\n".encode() + body


def line(key: VerifierKey = KEY, private: Ed25519PrivateKey = PRIVATE, size: int = 5, time_s: int = 7) -> bytes:
    return f"{cosign(LOG.note(size).text, key, private.sign, time_s).line}\n".encode()


def ask(url: str, size: int = 5, old_size: int = 3, timeout_s: float = 5.0) -> object:
    return add_checkpoint(url, KEY, old_size, LOG.proof(old_size, size), LOG.note(size), timeout_s)


def test_a_real_witness_cosigns_and_each_outcome_has_its_type(running: Any) -> None:
    log, fork = SmallLog(11), SmallLog(11, history="b", fork=4)
    key, url = running.key, running.url
    before_s = int(time.time())
    cosignature = add_checkpoint(url, key, 0, (), log.note(8))
    assert before_s <= cosignature.time_s <= time.time()
    assert verified(log.note(8).text, cosignature.signature, key) == cosignature
    assert add_checkpoint(f"{url}/", key, 8, (), log.note(8)).time_s >= cosignature.time_s
    with pytest.raises(errors.OldSizeError) as behind:
        add_checkpoint(url, key, 4, log.proof(4, 9), log.note(9))
    assert (behind.value.asked, behind.value.known) == (4, 8)
    with pytest.raises(errors.RolledBackError) as rolled_back:
        add_checkpoint(url, key, 4, log.proof(4, 6), log.note(6))
    assert (rolled_back.value.size, rolled_back.value.known) == (6, 8)
    with pytest.raises(errors.TwoHistoriesError):
        add_checkpoint(url, key, 8, (), fork.note(8))
    with pytest.raises(errors.TwoHistoriesError):
        add_checkpoint(url, key, 8, fork.proof(8, 9), fork.note(9))
    stranger = SmallLog(99)
    with pytest.raises(errors.RefusedError, match="404"):
        add_checkpoint(url, key, 0, (), stranger.note(8))
    with pytest.raises(errors.RefusedError, match="403"):
        add_checkpoint(url, key, 8, log.proof(8, 9), Note(log.note(9).text, stranger.note(9).signatures))
    with pytest.raises(errors.RefusedError, match="400"):
        add_checkpoint(url, key, 9, (), log.note(8))


def test_another_witness_at_the_address_is_not_believed(running: Any) -> None:
    with pytest.raises(errors.FalseAnswerError, match="no signature of"):
        add_checkpoint(running.url, KEY, 0, (), SmallLog(12).note(5))


def test_the_request_is_written_as_the_specification_says(odd: Serve) -> None:
    server = odd(http(200, line()))
    assert ask(server.url).time_s == 7  # type: ignore[attr-defined]
    head, _, body = server.asked.partition(b"\r\n\r\n")
    assert head.startswith(f"POST {PATH} HTTP/1.1\r\n".encode())
    assert AddCheckpoint.parse(body) == LOG.request(3, 5)


def test_signatures_of_others_are_passed_over(odd: Serve) -> None:
    other = VerifierKey("witness.example/w2", COSIGNATURE_V1, KEY.public)
    assert ask(odd(http(200, line(other) + line())).url).time_s == 7  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "answer",
    [
        http(200, b""),
        http(200, line()[:-1]),
        http(200, line() + b"\n"),
        http(200, b"hello\n"),
        http(200, line(size=6)),
        http(200, line(private=LOG.private)),
        http(200, line(VerifierKey("witness.example/w2", COSIGNATURE_V1, KEY.public))),
        http(200, line(time_s=0)),
        http(200, b"\xff\n"),
        http(200, b"x" * (MAX_ANSWER_BYTES + 1)),
        http(409, b"x" * (MAX_ANSWER_BYTES + 1)),
        http(409, b"five\n", "text/x.tlog.size"),
        http(409, b"-5\n", "text/x.tlog.size"),
        http(409, b"9" * 5_000, "text/x.tlog.size"),
        http(409, b"3\n", "text/x.tlog.size"),
    ],
)
def test_an_answer_that_is_not_this_witness_cosignature_is_not_believed(answer: bytes, odd: Serve) -> None:
    with pytest.raises(errors.FalseAnswerError):
        ask(odd(answer).url)


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 200", b"hello\r\n\r\n", http(200, line(), length=5_000), http(503, b"busy\n"), http(429, b"")],
)
def test_no_whole_answer_and_none_for_now_are_unreachable(answer: bytes, odd: Serve) -> None:
    with pytest.raises(errors.UnreachableError):
        ask(odd(answer).url)


@pytest.mark.parametrize("pieces", [[], [b"H"] * 100, [http(200, b"", length=100), *[b"x"] * 100]])
def test_a_slow_witness_is_given_up_in_time(pieces: list[bytes], odd: Serve) -> None:
    begun_s = time.monotonic()
    with pytest.raises(errors.UnreachableError, match="within"):
        ask(odd(*pieces, b"", pause_s=0.1 if pieces else 3.0).url, timeout_s=0.4)
    assert time.monotonic() < begun_s + 8


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "nowhere", "ftp://127.0.0.1", "http://", "http://[::"])
def test_where_no_witness_is_it_is_unreachable(url: str) -> None:
    with pytest.raises(errors.UnreachableError, match="did not cosign"):
        ask(url)


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 404, 405, 413])
def test_a_refusal_says_its_status_and_no_redirect_is_followed(status: int, odd: Serve) -> None:
    with pytest.raises(errors.RefusedError, match=str(status)) as raised:
        ask(odd(http(status, b"because\n" + b"x" * 1000)).url)
    assert len(str(raised.value)) < 400


def test_a_witness_that_names_the_size_of_the_contradiction_too_tells_of_two_histories(odd: Serve) -> None:
    """The specification leaves open what the answer says where the size is equal and the root is not."""
    with pytest.raises(errors.TwoHistoriesError):
        ask(odd(http(409, b"5\n", "text/x.tlog.size")).url, 5, 5)


def test_every_outcome_survives_pickling() -> None:
    for error in (
        errors.OldSizeError("u", 1, 2),
        errors.RolledBackError("u", "o", 1, 2),
        errors.TwoHistoriesError("u", "o", 1, 2),
        errors.RefusedError("u", 404, "d"),
        errors.UnreachableError("u", "d"),
        errors.FalseAnswerError("u", "d"),
        errors.AddressTakenError("h", 1, "d"),
        errors.ClockBehindError(1, 2),
    ):
        assert str(pickle.loads(pickle.dumps(error))) == str(error)
