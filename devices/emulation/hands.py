"""Emulated staff's hands and eyes: they move pieces about and look at them, never into a journal.

Every act may be done again: only pieces that lie where the act takes them from are moved, so hands killed between any
two acts begin by looking, and go on. State is rebuilt from the tallies.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from devices.emulation.control import Answer, ControlClient
from devices.emulation.world import HANDS, Piece, Seen, Stack, Tally, TallyWriter, What, World, inside
from devices.errors import DeviceError
from devices.piece import PieceData


class PieceInsideError(DeviceError):
    """A piece inside a machine can't be moved by hand before it is taken out."""

    def __init__(self, serial: str, place: str) -> None:
        super().__init__(serial, place)
        self.serial, self.place = serial, place

    def __str__(self) -> str:
        return f"piece {self.serial} is inside a machine, at {self.place}; empty that stack first"


class NoSuchPieceError(DeviceError):
    """Nobody ever brought this piece into the world."""

    def __init__(self, serial: str) -> None:
        super().__init__(serial)
        self.serial = serial

    def __str__(self) -> str:
        return f"there is no piece {self.serial}; deliver it first"


@dataclass(frozen=True, slots=True)
class Inside:
    """What an opened machine shows, serials in order of arrival."""

    input: tuple[str, ...]
    path: tuple[str, ...]
    good: tuple[str, ...]
    reject: tuple[str, ...]
    hold: tuple[str, ...]


class Hands:
    """Hands of the people at the line; one object may be used from many threads, and from several processes at once."""

    def __init__(self, world: Path, machines: Path) -> None:
        self.world = World(world)
        self._machines = machines
        self._tally = Tally(self.world)
        self._own = TallyWriter(self.world, HANDS)
        self._clients: dict[str, ControlClient] = {}
        self._insides: dict[str, bool] = {}
        self._lock = threading.RLock()

    # Eyes.

    def scan(self, place: str) -> list[str]:
        """Scan every piece at `place`."""
        with self._lock:
            self._tally.refresh()
            return self._tally.at(place)

    def find(self, serial: str) -> Seen | None:
        """Look for one piece everywhere; None if it never existed."""
        with self._lock:
            self._tally.refresh()
            return self._tally.pieces.get(serial)

    def examine(self, serial: str) -> Piece | None:
        """Look at what is on a piece; None for an unmarked one. Of a defaced one nothing but its number can be read."""
        seen = self.find(serial)
        if seen is None or not seen.made:
            return None
        return (None if seen.defaced else self.world.piece(serial)) or Piece.ruined(serial)

    def glance(self, serial: str) -> PieceData | None:
        """See kind, number and printed zone of a piece; None where nothing is to be seen."""
        return self.world.front(serial)

    def look(self, machine: str) -> Inside:
        """Open a machine's covers and look."""
        answer = self._ask(machine, "look")
        return Inside(**{stack: tuple(answer[stack]) for stack in Inside.__slots__})

    # Hands on the tables and shelves.

    def deliver(self, serials: Iterable[str], place: str) -> list[str]:
        """Unpack a supplier's blanks at `place`; those that came before are not new."""
        return self._appear(What.ARRIVED, serials, place)

    def wrap(self, labels: Iterable[str], place: str) -> list[str]:
        """Make parcels or envelopes at `place`; those that were made before are not new."""
        return self._appear(What.WRAPPED, labels, place)

    def _appear(self, what: What, serials: Iterable[str], place: str) -> list[str]:
        with self._lock:
            self._tally.refresh()
            fresh = [serial for serial in serials if serial not in self._tally.pieces]
            self._own.write(what, ((serial, "") for serial in fresh), place)
            self._tally.refresh_from(HANDS)
        return fresh

    def put(self, serials: Iterable[str], place: str) -> list[str]:
        """Carry pieces to `place`; returns those that were not there yet. Moves all, or raises PieceInsideError."""
        with self._lock:
            self._tally.refresh()
            moves = [(s, seen.place) for s in serials if (seen := self._known(s)).place != place]
            for serial, origin in moves:
                if self._is_inside(origin):
                    raise PieceInsideError(serial, origin)
            self._own.write(What.MOVED, moves, place)
            self._tally.refresh_from(HANDS)
        return [serial for serial, _ in moves]

    def dispatch(self, serials: Iterable[str], party: str) -> list[str]:
        """Give pieces to an outside party."""
        return self.put(serials, f"outside:{party}")

    def deface(self, serial: str) -> None:
        """Deface zone and chip of a piece that lies outside machines; it stays where it is. Raises PieceInsideError."""
        with self._lock:
            self._tally.refresh()
            seen = self._known(serial)
            if self._is_inside(seen.place):
                raise PieceInsideError(serial, seen.place)
            self.world.ruin(serial)
            if not seen.defaced:
                self._own.write(What.DEFACED, ((serial, seen.place),), seen.place)
                self._tally.refresh_from(HANDS)

    # Hands at the machines.

    def load(self, machine: str, serials: Iterable[str]) -> list[str]:
        """Lay blanks on a machine's input stack; returns those that are on it now because of this or an earlier try.

        Only unmarked pieces outside machines are taken; the others stay where they are.
        """
        target = inside(machine, Stack.INPUT)
        with self._lock:
            self._tally.refresh()
            wanted = [(serial, self._known(serial)) for serial in serials]
            loaded = [serial for serial, seen in wanted if seen.place == target]
            fresh = [(s, seen.place) for s, seen in wanted if not seen.made and not self._is_inside(seen.place)]
        return loaded + list(self._ask(machine, "load", blanks=fresh)["loaded"])

    def empty(self, machine: str, stack: str, place: str) -> list[str]:
        """Take everything out of a stack ("input", "good", "reject" or "hold") to `place`; returns what was taken."""
        serials = self.scan(inside(machine, Stack(stack)))
        if not serials:
            return []
        self._ask(machine, "take", stack=stack, serials=serials, place=place)
        # What was taken by a request whose answer was lost is found at the place as well.
        taken = set(self.scan(place))
        return [serial for serial in serials if serial in taken]

    def clear(self, machine: str) -> list[str]:
        """Open a jammed machine and put what is in its path into its reject bin; returns those serials."""
        return list(self._ask(machine, "clear")["cleared"])

    def put_right(self, machine: str) -> None:
        """Look at a machine's panel: clear it if it is jammed, and end a hold that a damaged journal made."""
        panel = self._ask(machine, "state")
        if panel.get("jammed"):
            self.clear(machine)
        if panel.get("held"):
            self._ask(machine, "resume")

    def insert(self, reader: str, serial: str) -> None:
        """Lay a piece from outside machines into a reader; raises PieceInsideError if it is in another machine."""
        place = inside(reader, Stack.SLOT)
        with self._lock:
            self._tally.refresh()
            seen = self._known(serial)
            origin = seen.place
            if origin != place and self._is_inside(origin):
                raise PieceInsideError(serial, origin)
        if origin != place:
            self._ask(reader, "insert", serial=serial, origin=origin)

    def remove(self, reader: str, place: str) -> str | None:
        """Take the piece out of a reader to `place`; None if there is none."""
        removed: str | None = self._ask(reader, "remove", place=place)["removed"]
        return removed

    def lay_on(self, scale: str, grams: int) -> None:
        """Have so many grams lie on a scale, in all."""
        self._ask(scale, "load", grams=str(grams))

    def labels(self, printer: str, text: str) -> int:
        """Count the labels with this text that ever came out of a printer."""
        return int(self._ask(printer, "look", text=text)["labels"])

    def swipe(self, reader: str, lines: Iterable[str]) -> None:
        """Draw a document with these printed lines through a swipe reader."""
        self._ask(reader, "swipe", lines=list(lines))

    def look_into(self, reader: str, credential: int, quality: int = 99) -> None:
        """Stand before a face reader that knows this face under `credential`; `quality` in percent."""
        self._ask(reader, "recognise", credential=credential, quality=quality)

    def pass_door(self, shower: str, door: str, *, enter: bool) -> None:
        """Go through an air shower's door ("outer" or "inner") into it or out of it, and close it behind."""
        self._ask(shower, "enter" if enter else "leave", door=door)

    def close_door(self, shower: str, door: str) -> None:
        """Close an air shower's door that stands open."""
        self._ask(shower, "close", door=door)

    def close(self) -> None:
        """Close tallies and connections."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._own.close()

    def _known(self, serial: str) -> Seen:
        seen = self._tally.pieces.get(serial)
        if seen is None:
            raise NoSuchPieceError(serial)
        return seen

    def _is_inside(self, place: str) -> bool:
        where = place.partition(":")[0]
        known = self._insides.get(where)
        if known is None:
            # Asked once: nothing lies in a machine before its folder is there.
            known = self._insides[where] = (self._machines / where).is_dir()
        return known

    def _ask(self, machine: str, do: str, **what: object) -> Answer:
        with self._lock:
            client = self._clients.get(machine)
            if client is None:
                client = self._clients[machine] = ControlClient(self._machines / machine)
        return client.ask(do, **what)
