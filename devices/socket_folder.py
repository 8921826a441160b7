"""Reach a Unix socket by a short name: socket addresses are limited to about 100 bytes, run folders are not."""

from __future__ import annotations

import os
from pathlib import Path


class SocketFolder:
    """An open folder; `address(name)` is good for binding and connecting as long as it is open. Raises OSError."""

    def __init__(self, folder: Path) -> None:
        self._fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)

    def address(self, name: str) -> str:
        """The address of the socket called `name` in the folder."""
        return f"/proc/self/fd/{self._fd}/{name}"

    def close(self) -> None:
        """Close the folder; sockets bound or connected by their address stay so."""
        os.close(self._fd)

    def __enter__(self) -> SocketFolder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
