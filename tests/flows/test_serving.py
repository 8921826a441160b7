"""Served pages stay there for everybody, whoever else is connected."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request

from flows.prompt_requests import PromptRequests

REQUEST_S = 0.5
ROOM = 4


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """An application with room for three connections, and little patience."""
    monkeypatch.setattr(PromptRequests, "request_s", REQUEST_S)
    app = FastAPI()

    @app.post("/")
    async def longer_than_the_patience(request: Request) -> int:
        said = await request.body()
        time.sleep(REQUEST_S * 1.5)
        return len(said)

    config = uvicorn.Config(app, http=PromptRequests, limit_concurrency=ROOM, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    serving = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    serving.start()
    yield listening.getsockname()[1]
    server.should_exit = True
    serving.join()
    listening.close()


@pytest.mark.parametrize("begun", [b"", b"POST / HT", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\na"])
def test_who_does_not_say_what_they_want_in_time_makes_room(port: int, begun: bytes) -> None:
    with closing(socket.create_connection(("127.0.0.1", port), timeout=REQUEST_S * 20)) as slow:
        slow.sendall(begun)
        assert hung_up(slow, more=b"a" if begun and not begun.endswith(b"\na") else b"")


def test_who_asked_in_time_is_answered_however_long_that_takes_and_may_ask_again(port: int) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        assert [client.post("/", content=b"a" * 70_000).json() for _ in range(2)] == [70_000, 70_000]


def hung_up(slow: socket.socket, more: bytes) -> bool:
    """Whether the server hangs up on a client that sends more of the same now and then."""
    slow.settimeout(REQUEST_S / 5)
    for _ in range(100):
        try:
            slow.sendall(more)
            if slow.recv(1) == b"":
                return True
        except TimeoutError:
            continue
        except OSError:
            return True
    return False
