"""A web application served for tests by the real server, on a real socket."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn

PATIENCE_S = 20.0


@contextmanager
def serving(app: Any, port: int = 0) -> Iterator[str]:
    """Serve an application; its address. Port 0: any that is free."""
    config = uvicorn.Config(
        app, lifespan="off", log_config=None, access_log=False, proxy_headers=False, timeout_graceful_shutdown=5
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", port)) as listening:
        thread = threading.Thread(target=lambda: server.run(sockets=[listening]))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def browser(address: str) -> httpx.Client:
    """A client with cookies of its own, which follows nothing by itself."""
    return httpx.Client(base_url=address, timeout=PATIENCE_S, trust_env=False)
