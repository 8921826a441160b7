"""A witness as it runs: killed, raced, flooded and kept waiting, it never cosigns two histories."""

import contextlib
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from small_log import SmallLog

from handoff_logs.notes import Signature
from handoff_logs.witness.client import add_checkpoint
from handoff_logs.witness.errors import OldSizeError, TwoHistoriesError, UnreachableError
from handoff_logs.witness.folder import open_witness
from handoff_logs.witness.protocol import MAX_REQUEST_BYTES, PATH, SIZE_TYPE
from handoff_logs.witness.server import MAX_CONNECTIONS_OF_HOST

KILLED_BEFORE_COMMIT = """
import os, signal
from handoff_logs.witness import store
real = store._judge
def dying(known, request):
    if request.checkpoint.size == 5: os.kill(os.getpid(), signal.SIGKILL)
    return real(known, request)
store._judge = dying
"""
KILLED_AFTER_COMMIT = """
import os, signal
from handoff_logs.witness import store
real = store.Store.advance
def dying(self, request, *facts):
    answer = real(self, request, *facts)
    if request.checkpoint.size == 5: os.kill(os.getpid(), signal.SIGKILL)
    return answer
store.Store.advance = dying
"""


def post(witness: Any, body: bytes) -> httpx.Response:
    return httpx.post(f"{witness.url}{PATH}", content=body, trust_env=False)


def connect(witness: Any) -> socket.socket:
    return socket.create_connection(("127.0.0.1", witness.port), timeout=10)


def said_back(connection: socket.socket) -> bytes:
    """Everything until the other side hangs up."""
    said = b""
    try:
        while more := connection.recv(4096):
            said += more
    except ConnectionResetError:
        pass
    return said


def test_a_witness_cosigns_over_http_and_keeps_the_connection(running: Any) -> None:
    log = SmallLog(1)
    with httpx.Client(trust_env=False) as client:
        for old_size, size in ((0, 3), (3, 7), (7, 7)):
            answer = client.post(f"{running.url}{PATH}", content=log.request(old_size, size).encode())
            assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
            assert Signature.parse(answer.text.removesuffix("\n")).is_of(running.key)
            assert answer.headers.get("Connection") != "close"
        answer = client.post(f"{running.url}{PATH}", content=log.request(3, 7).encode())
    assert (answer.status_code, answer.text, answer.headers["Content-Type"]) == (409, "7\n", SIZE_TYPE)


def test_every_refusal_has_its_status_over_http(running: Any) -> None:
    ours, theirs = SmallLog(2), SmallLog(2, history="b", fork=2)
    assert post(running, ours.request(0, 5).encode()).status_code == 200
    assert post(running, b"hello").status_code == 400
    assert post(running, SmallLog(99).request(0, 5).encode()).status_code == 404
    assert post(running, ours.request(5, 6).encode().replace(b"\n6\n", b"\n7\n")).status_code == 403
    assert post(running, theirs.request(5, 5).encode()).status_code == 409
    assert post(running, theirs.request(5, 9).encode()).status_code == 422
    evidence = [row for row in open_witness(running.folder).store.evidence() if row["origin"] == ours.key.name]
    assert [(row["reason"], row["size"]) for row in evidence] == [("other_root", 5), ("unproven", 9)]
    events = [event for event in running.events if event.get("origin") == ours.key.name]
    assert [event["event"] for event in events] == [
        "checkpoint_cosigned",
        "checkpoint_refused",
        "two_histories",
        "two_histories",
    ]


def test_only_a_post_to_the_one_address_is_answered(running: Any) -> None:
    for method in ("GET", "PUT", "DELETE", "HEAD"):
        assert httpx.request(method, f"{running.url}{PATH}", trust_env=False).status_code == 405
    for path in ("/", "/add-checkpoint/", "/sign-subtree"):
        assert httpx.post(f"{running.url}{path}", trust_env=False).status_code in (307, 404)


def test_too_large_a_request_is_refused_before_it_is_read(running: Any) -> None:
    with connect(running) as connection:
        head = f"POST {PATH} HTTP/1.1\r\nHost: w\r\nContent-Length: {MAX_REQUEST_BYTES + 1}\r\n\r\n"
        connection.sendall(head.encode())
        assert b" 413 " in said_back(connection).splitlines()[0]


def test_a_request_that_grows_too_large_is_cut_off(running: Any) -> None:
    with connect(running) as connection:
        connection.sendall(f"POST {PATH} HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        chunk = b"1000\r\n" + bytes(0x1000) + b"\r\n"
        try:
            for _ in range(MAX_REQUEST_BYTES // 0x1000 + 1):
                connection.sendall(chunk)
        except ConnectionError:
            return
        assert b" 413 " in said_back(connection).splitlines()[0]


def test_a_head_without_end_is_refused(running: Any) -> None:
    with connect(running) as connection:
        connection.sendall(f"POST {PATH} HTTP/1.1\r\nX: ".encode() + b"x" * 20_000)
        assert b" 400 " in said_back(connection).splitlines()[0]


@pytest.mark.parametrize(
    "beginning",
    [b"", b"POST /add-checkp", b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: 500\r\n\r\nold 0\n"],
)
def test_a_client_that_keeps_it_waiting_is_cut_off(beginning: bytes, running: Any) -> None:
    with connect(running) as connection:
        connection.sendall(beginning)
        assert said_back(connection) in (b"", b"HTTP/1.1 400 ")
    assert running.events[-1]["event"] in ("slow_client_cut_off", "request_broken_off")
    assert post(running, b"hello").status_code == 400


def test_slow_drips_do_not_buy_time(running: Any) -> None:
    with connect(running) as connection:
        begun_s = time.monotonic()
        connection.sendall(f"POST {PATH} HTTP/1.1\r\nHost: w\r\nContent-Length: 500\r\n\r\n".encode())
        try:
            while time.monotonic() < begun_s + 30:
                connection.sendall(b"x")
                time.sleep(0.05)
        except ConnectionError:
            pass
        assert time.monotonic() < begun_s + 20


def test_a_host_that_asks_too_often_waits_and_others_do_not(running: Any) -> None:
    with httpx.Client(transport=httpx.HTTPTransport(local_address="127.0.0.2")) as flooding:
        answers = iter(lambda: flooding.post(f"{running.url}{PATH}", content=b"x").status_code, 429)
        # Forty at once, and twenty more each second: the machine that runs this asks faster.
        assert 40 <= len(list(answers)) < 400
    assert post(running, b"x").status_code == 400


def test_a_host_that_holds_many_connections_leaves_some_to_others(start: Any) -> None:
    witness = start()
    address = ("127.0.0.1", witness.port)
    with contextlib.ExitStack() as held:
        many = [
            held.enter_context(socket.create_connection(address, 10, source_address=("127.0.0.3", 0)))
            for _ in range(MAX_CONNECTIONS_OF_HOST + 1)
        ]
        assert said_back(many[-1]) == b""
        assert witness.events[-1]["event"] == "connection_refused"
        assert post(witness, b"x").status_code == 400
        many[0].sendall(f"GET {PATH} HTTP/1.1\r\nHost: w\r\n\r\n".encode())
        assert b" 405 " in many[0].recv(4096)


def test_killed_before_its_store_has_it_a_checkpoint_was_never_seen(start: Any) -> None:
    log, witness = SmallLog(), start(KILLED_BEFORE_COMMIT)
    add_checkpoint(witness.url, witness.key, 0, (), log.note(3))
    with pytest.raises(UnreachableError):
        add_checkpoint(witness.url, witness.key, 3, log.proof(3, 5), log.note(5))
    assert witness.wait() == -signal.SIGKILL
    again = start()
    fork = SmallLog(history="b", fork=3)
    add_checkpoint(again.url, again.key, 3, fork.proof(3, 5), fork.note(5))


def test_killed_between_store_and_answer_it_holds_to_what_it_stored(start: Any) -> None:
    log, fork, witness = SmallLog(), SmallLog(history="b", fork=3), start(KILLED_AFTER_COMMIT)
    add_checkpoint(witness.url, witness.key, 0, (), log.note(3))
    with pytest.raises(UnreachableError):
        add_checkpoint(witness.url, witness.key, 3, log.proof(3, 5), log.note(5))
    assert witness.wait() == -signal.SIGKILL
    again = start()
    with pytest.raises(OldSizeError) as raised:
        add_checkpoint(again.url, again.key, 3, fork.proof(3, 5), fork.note(5))
    assert raised.value.known == 5
    with pytest.raises(TwoHistoriesError):
        add_checkpoint(again.url, again.key, 5, (), fork.note(5))
    assert add_checkpoint(again.url, again.key, 5, (), log.note(5)).time_s > 0


def test_of_histories_racing_to_two_processes_one_is_cosigned(start: Any) -> None:
    first, second = start(), start()
    leaves: list[bytes] = []
    with ThreadPoolExecutor(2) as pool:
        for size in range(1, 16):
            # Two logs with one key that part at the last leaf; each round goes on from whichever won.
            forks = [SmallLog(history=name) for name in "ab"]
            for fork in forks:
                fork.leaves[: len(leaves)] = leaves
            bodies = [fork.request(len(leaves), size).encode() for fork in forks]
            answers = [answer.status_code for answer in pool.map(post, (first, second), bodies)]
            assert sorted(answers) == [200, 409]
            leaves = forks[answers.index(200)].leaves[:size]
    (row,) = open_witness(first.folder).store.cosigned()
    assert row["size"] == 15


def test_it_stops_when_asked_and_goes_on_where_it_was(start: Any) -> None:
    log, witness = SmallLog(), start()
    add_checkpoint(witness.url, witness.key, 0, (), log.note(3))
    assert witness.stop(signal.SIGTERM) == -signal.SIGTERM
    again = start()
    add_checkpoint(again.url, again.key, 3, log.proof(3, 9), log.note(9))
    assert again.stop(signal.SIGINT) == 130


def test_it_does_not_start_without_its_store(start: Any) -> None:
    witness = start()
    add_checkpoint(witness.url, witness.key, 0, (), SmallLog().note(3))
    witness.stop()
    (witness.folder / "witness.db").unlink()
    again = start()
    assert (again.wait(), again.url) == (2, "")
    assert "must not cosign again" in again.said
    assert not (witness.folder / "witness.db").exists()
