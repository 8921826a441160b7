"""What personalization and the vault need of people at the machines and stocks: hands and eyes, never a journal."""

from collections.abc import Sequence
from typing import Protocol


class MachineDesk(Protocol):
    """Operators at work. Every call may be repeated after a crash and then changes nothing more.

    Pieces go by the serial printed on the blank, also after they have become documents; places are those of
    `stations.personalization.rules`.
    """

    def scan(self, place: str) -> Sequence[str]:
        """Serials of everything that lies at `place`, a stack inside a machine included, by eye or scanner."""
        ...

    def put(self, serials: Sequence[str], place: str) -> None:
        """Carry pieces that lie outside machines to `place`."""
        ...

    def load(self, machine: str, serials: Sequence[str]) -> Sequence[str]:
        """Lay unmarked blanks on the machine's input stack; those that lie there now."""
        ...

    def empty(self, machine: str, stack: str, place: str) -> Sequence[str]:
        """Take everything out of a machine's stack ("good", "reject", "hold", "input") to `place`."""
        ...

    def clear(self, machine: str) -> None:
        """Open a machine that is jammed or held, put what is in its path into its reject bin, and end its hold.

        One that works is left alone.
        """
        ...

    def deface(self, serials: Sequence[str], first: str, second: str) -> None:
        """Two people punch zone and chip of pieces that lie outside machines."""
        ...

    def judge(self, serial: str) -> str | None:
        """What a piece is by eye and reader: "made-good", "made-bad", "unmarked"; None if it is nowhere."""
        ...
