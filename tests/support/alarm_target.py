"""A web hook that alarms are told to: it keeps what it is told, or refuses."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Hook:
    """What was told; `status` is what it answers."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.status = 200
        self.address, self.port = "", 0

    @property
    def titles(self) -> list[str]:
        """The titles of what was told."""
        return [each["title"] for each in self.told]

    def wait_for(self, count: int, patience_s: float = 20.0) -> list[dict[str, Any]]:
        """What was told, once it is so much."""
        give_up_s = time.monotonic() + patience_s
        while len(self.told) < count:
            assert time.monotonic() < give_up_s, f"{len(self.told)} of {count} were told"
            time.sleep(0.02)
        return self.told


@contextmanager
def hook() -> Iterator[Hook]:
    """A hook on a free port for as long as the block runs; its `address` is apprise's, with a secret in it."""
    kept = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if kept.status == 200:
                kept.told.append(body)
            self.send_response(kept.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    kept.port = server.server_address[1]
    kept.address = f"json://user:s3cret-token@127.0.0.1:{server.server_address[1]}/hook"
    try:
        yield kept
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
