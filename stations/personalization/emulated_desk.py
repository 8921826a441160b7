"""Emulated operators: the machine desk on the emulated world's hands and eyes."""

from collections.abc import Sequence

from devices.emulation.hands import Hands


class EmulatedOperator:
    """A `MachineDesk` whose people are emulated; one object serves all machines and threads."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    def scan(self, place: str) -> Sequence[str]:
        """See MachineDesk."""
        return self._hands.scan(place)

    def put(self, serials: Sequence[str], place: str) -> None:
        """See MachineDesk."""
        self._hands.put(serials, place)

    def load(self, machine: str, serials: Sequence[str]) -> Sequence[str]:
        """Lay blanks on the machine's input stack."""
        return self._hands.load(machine, serials)

    def empty(self, machine: str, stack: str, place: str) -> Sequence[str]:
        """Take a machine's whole stack to `place`."""
        return self._hands.empty(machine, stack, place)

    def clear(self, machine: str) -> None:
        """Put what is in a jammed machine's path into its reject bin, and end its hold."""
        self._hands.put_right(machine)

    def deface(self, serials: Sequence[str], first: str, second: str) -> None:
        """See MachineDesk. Raises ValueError for one person as both hands."""
        if first == second:
            raise ValueError(f"{first} cannot be both hands of a void")
        for serial in serials:
            self._hands.deface(serial)

    def judge(self, serial: str) -> str | None:
        """What a piece is: whole, spoiled, unmarked, or nowhere."""
        seen = self._hands.find(serial)
        if seen is None:
            return None
        if not seen.made and not seen.defaced:
            return "unmarked"
        piece = self._hands.examine(serial)
        whole = piece is not None and piece.chip_written and piece.printed and piece.locked
        return "made-good" if whole else "made-bad"
