"""The control socket of an emulator: the machine's covers, stacks and faults, never its device port.

JSON, one request and one answer a line. Requests are objects with `do`; answers have `ok`, and `error` where it is
false.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from devices.errors import DeviceError
from devices.socket_folder import SocketFolder

Request: TypeAlias = dict[str, Any]
Answer: TypeAlias = dict[str, Any]

SOCKET_NAME = "control"
_LONGEST_LINE = 1 << 22
_RETRY_S = 0.02


class ControlRefusedError(DeviceError):
    """The emulator understood the request and refused it."""

    def __init__(self, machine: str, request: str, why: str) -> None:
        super().__init__(machine, request, why)
        self.machine, self.request, self.why = machine, request, why

    def __str__(self) -> str:
        return f"emulator {self.machine} refused to {self.request}: {self.why}; nothing was moved"


class EmulatorGoneError(DeviceError):
    """Nobody answers at the control socket."""

    def __init__(self, machine: str, waited_s: float) -> None:
        super().__init__(machine, waited_s)
        self.machine, self.waited_s = machine, waited_s

    def __str__(self) -> str:
        return f"emulator {self.machine} did not answer within {self.waited_s:g} s; start it again; no piece moved"


class ControlServer:
    """The emulator's side: non-blocking, driven by the process's one poll loop."""

    def __init__(self, folder: Path, answer: Callable[[Request], Answer]) -> None:
        self._answer = answer
        self._clients: dict[int, tuple[socket.socket, bytearray]] = {}
        (folder / SOCKET_NAME).unlink(missing_ok=True)
        self._folder = SocketFolder(folder)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(self._folder.address(SOCKET_NAME))
        self._listener.listen()
        self._listener.setblocking(False)

    def filenos(self) -> list[int]:
        """File descriptors to be watched for input."""
        return [self._listener.fileno(), *self._clients]

    def handle(self, fileno: int) -> None:
        """Take what is ready at `fileno`: a new client, or requests, which are answered at once."""
        if fileno == self._listener.fileno():
            client, _ = self._listener.accept()
            # Answers are small; a client that doesn't read for this long is cut off rather than stop the machine.
            client.settimeout(1.0)
            self._clients[client.fileno()] = (client, bytearray())
            return
        client, pending = self._clients[fileno]
        try:
            data = client.recv(1 << 16)
            pending += data
            while (end := pending.find(b"\n")) >= 0:
                line = bytes(pending[:end])
                del pending[: end + 1]
                client.sendall(self._answer_line(line))
        except OSError:
            data = b""
        if not data or len(pending) > _LONGEST_LINE:
            del self._clients[fileno]
            client.close()

    def _answer_line(self, line: bytes) -> bytes:
        try:
            request = json.loads(line)
        except ValueError:
            request = None
        if isinstance(request, dict):
            answer = self._answer(request)
        else:
            answer = {"ok": False, "error": "a request is one JSON object a line"}
        return json.dumps(answer, separators=(",", ":")).encode() + b"\n"

    def close(self) -> None:
        """Cut off all clients and close the socket."""
        for client, _ in self._clients.values():
            client.close()
        self._listener.close()
        self._folder.close()


class ControlClient:
    """The hands' side: one connection, made again when the emulator was restarted; threads take turns."""

    def __init__(self, folder: Path, *, patience_s: float = 20.0) -> None:
        self.machine = folder.name
        self._folder = folder
        self._patience_s = patience_s
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    def ask(self, do: str, **what: object) -> Answer:
        """Send a request and return its answer; asks again if the connection breaks, so requests must bear repeating.

        Raises ControlRefusedError when the emulator refuses, EmulatorGoneError when nobody answers in time.
        """
        line = json.dumps({"do": do, **what}, separators=(",", ":")).encode() + b"\n"
        give_up_s = time.monotonic() + self._patience_s
        with self._lock:
            while True:
                try:
                    answer = self._exchange(line)
                    break
                except OSError as error:
                    self._hang_up()
                    if time.monotonic() > give_up_s:
                        raise EmulatorGoneError(self.machine, self._patience_s) from error
                    time.sleep(_RETRY_S)
        if not answer["ok"]:
            raise ControlRefusedError(self.machine, do, str(answer["error"]))
        return answer

    def end(self, do: str) -> None:
        """Ask once for what ends the process ("shutdown", "power-loss"), and wait until it hangs up or answers.

        Raises EmulatorGoneError if nobody was there.
        """
        line = json.dumps({"do": do}).encode() + b"\n"
        with self._lock:
            try:
                self._exchange(line)
            except ConnectionResetError:
                return
            except OSError as error:
                raise EmulatorGoneError(self.machine, self._patience_s) from error
            finally:
                self._hang_up()

    def _exchange(self, line: bytes) -> Answer:
        if self._socket is None:
            with SocketFolder(self._folder) as folder:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                self._socket.settimeout(self._patience_s)
                self._socket.connect(folder.address(SOCKET_NAME))
        self._socket.sendall(line)
        answer = bytearray()
        while not answer.endswith(b"\n"):
            data = self._socket.recv(1 << 16)
            if not data:
                raise ConnectionResetError(self.machine)
            answer += data
        decoded: Answer = json.loads(answer)
        return decoded

    def _hang_up(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._hang_up()
