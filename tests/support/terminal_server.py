"""A terminal server for tests: a serial port behind TCP, plain or by RFC 2217, whose network can be cut."""

import select
import socket
import threading
from pathlib import Path

import serial
from serial.rfc2217 import PortManager

READ_BYTES = 65_536


class _PtySerial(serial.Serial):
    """A pty has no modem lines: they are off and setting them does nothing, where pyserial would raise."""

    cts = dsr = ri = cd = False

    def _update_dtr_state(self) -> None:
        pass

    def _update_rts_state(self) -> None:
        pass


class TerminalServer:
    """Serves the pty `port` to one host at a time from a thread of its own."""

    def __init__(self, port: Path | str, *, rfc2217: bool = False) -> None:
        self._serial = _PtySerial(str(port), timeout=0)
        self._rfc2217 = rfc2217
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(True)
        self.url = f"{'rfc2217' if rfc2217 else 'socket'}://127.0.0.1:{self._listener.getsockname()[1]}"
        self._host: socket.socket | None = None
        self._gone: list[socket.socket] = []
        # Closed by the serving thread: another would pull them from under its select.
        self._ended: list[socket.socket] = []
        self._manager: PortManager | None = None
        self._lock = threading.Lock()
        self._told, self._tell = socket.socketpair()
        self._ending = False
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @property
    def baud(self) -> int:
        """The line's speed, as the host has set it by RFC 2217."""
        return int(self._serial.baudrate)

    def cut(self) -> None:
        """The network fails: the host's connection stays open, and nothing goes over it any more, not even its end."""
        self._part(self._gone)

    def hang_up(self) -> None:
        """End the host's connection."""
        self._part(self._ended)

    def _part(self, where: list[socket.socket]) -> None:
        with self._lock:
            assert self._host is not None
            where.append(self._host)
            self._host = self._manager = None
        self._tell.send(b"!")

    def close(self) -> None:
        """Stop serving."""
        self._ending = True
        self._tell.send(b"!")
        self._thread.join()
        for one in (self._host, *self._gone, *self._ended, self._listener, self._serial, self._told, self._tell):
            if one is not None:
                one.close()

    def _serve(self) -> None:
        while not self._ending:
            host = self._host
            # Without a host nobody takes what the line brings: it waits there.
            wanted = [self._told, self._listener] if host is None else [self._told, self._serial, host]
            ready, _, _ = select.select(wanted, [], [])
            if self._told in ready:
                self._told.recv(READ_BYTES)
                while self._ended:
                    self._ended.pop().close()
                continue
            if self._listener in ready:
                self._answer()
            with self._lock:
                if host is not None and host is self._host:
                    self._forward(host, ready)

    def _answer(self) -> None:
        host, _ = self._listener.accept()
        host.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._host = host
        if self._rfc2217:
            self._manager = PortManager(self._serial, _Writing(host))

    def _forward(self, host: socket.socket, ready: list[object]) -> None:
        try:
            if host in ready:
                data = host.recv(READ_BYTES)
                if not data:
                    raise ConnectionResetError
                self._serial.write(b"".join(self._manager.filter(data)) if self._manager else data)
            if self._serial in ready:
                data = self._serial.read(READ_BYTES)
                host.sendall(b"".join(self._manager.escape(data)) if self._manager else data)
        except OSError:
            host.close()
            self._host = self._manager = None


class _Writing:
    """A connection as PortManager wants it."""

    def __init__(self, host: socket.socket) -> None:
        self.write = host.sendall
