"""Emulated staff: the desks of the stations on the hands and eyes of the emulated world.

What an emulated person sees on a picture, the generator wrote into the picture (`SIGHT`); nobody else reads it.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from devices.emulation.control import ControlRefusedError
from devices.emulation.hands import Hands, PieceInsideError
from devices.errors import DeviceError
from devices.roles import Door, ShowerState
from handoff_logs.database import Database
from stations.gate import passages
from stations.gate.desk import GateDesk
from stations.gate.errors import NotPassedError
from stations.gate.passing import Gate
from stations.gate.rules import Direction, Found, credential_of
from stations.mailing.desk import CarrierDesk, MailingDesk
from stations.packing.desk import Filling, PackingDesk, Scans, Slip
from stations.packing.rules import PACKAGING_G, PIECE_G, Grouping, Part, part_of
from stations.qc.desk import InspectionCase, QcDesk
from stations.review.desk import Decision, Outcome, ReviewCase, ReviewDesk
from stations.review.items import ITEM_OF, ITEMS
from stations.review.rules import Suggestion
from stations.shift.counting import Signers
from stations.shift.rules import EMULATED_LEADS

SIGHT = b"passline-emulated-sight"
QC_TABLE = "qc:table"


class EmulatedReviewer(ReviewDesk):
    """Sees what is on the pictures, heeds every suspicion of the rules, and passes the rest."""

    def decide(self, case: ReviewCase) -> Decision:
        """Return for what a new picture puts right; otherwise hold for what the applicant must be asked."""
        codes = [code for code, finding in case.findings.items() if finding.suggestion is Suggestion.SUSPECT]
        codes += [*seen_on(case.photo), *seen_on(case.signature or b"")]
        answered = {ITEM_OF[code].code for each in case.history for code in each.answers}
        codes = [code for code in codes if code not in answered]
        if not codes:
            return Decision(Outcome.PASS)
        asks = all(ITEMS[code].asks for code in codes)
        return Decision(Outcome.HOLD if asks else Outcome.RETURN, tuple(dict.fromkeys(codes)))


class _Handler:
    """What every emulated person at a table can do."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    def scan(self, place: str) -> Sequence[str]:
        """Numbers of everything that lies at `place`."""
        return self._hands.scan(place)

    def put(self, numbers: Sequence[str], place: str) -> None:
        """Carry pieces or parcels to `place`, out of a reader too, where a crash may have left one."""
        if not numbers:
            return
        try:
            self._hands.put(numbers, place)
        except PieceInsideError as error:
            self._hands.remove(error.place.partition(":")[0], QC_TABLE)
            self.put(numbers, place)

    def lay_on_scale(self, label: str, scale: str) -> None:
        """Lay on the scale what is really in the parcel, with its packaging."""
        self._hands.lay_on(scale, weight_g(self._hands, label))


class EmulatedInspector(_Handler, QcDesk):
    """Feeds the readers, looks at every piece, and defaces what failed."""

    def insert(self, number: str, reader: str) -> None:
        """Lay the piece into the reader, after taking out what a crash left there."""
        try:
            self._hands.insert(reader, number)
        except ControlRefusedError:
            self._hands.remove(reader, QC_TABLE)
            self._hands.insert(reader, number)

    def take_back(self, number: str, reader: str, place: str) -> None:
        """Take the piece out of the reader to `place`."""
        if self._hands.remove(reader, place) != number:
            self.put([number], place)

    def swipe(self, number: str, reader: str) -> None:
        """Draw what is printed on the piece through the swipe reader."""
        piece = self._hands.glance(number)
        if piece is not None:
            self._hands.swipe(reader, piece.mrz)

    def inspect(self, case: InspectionCase) -> tuple[str, ...]:
        """Trust the reader; look at what it refused, which may be defaced already."""
        if not case.codes:
            return ()
        seen = self._hands.find(case.number)
        return ("defaced",) if seen is None or seen.defaced else case.codes

    def portrait(self, number: str) -> bytes | None:
        """See the portrait that is printed on the piece; None where nothing is to be seen."""
        seen = self._hands.examine(number)
        return seen.data.portrait if seen is not None and seen.printed else None

    def deface(self, numbers: Sequence[str], first: str, second: str) -> None:
        """See QcDesk. Raises ValueError for one person as both hands."""
        if first == second:
            raise ValueError(f"{first} can't be both hands of a void")
        for number in numbers:
            self._hands.deface(number)


class EmulatedPacker(_Handler, PackingDesk):
    """Finds each slip's piece in the tray, scans it with slip and envelope, fills the parcels and weighs them."""

    def match(self, slips: Sequence[Slip], place: str) -> Iterator[Scans]:
        """Three scans for every slip whose piece lies in the tray."""
        lying = set(self._hands.scan(place))
        for slip in slips:
            if slip.number in lying:
                yield Scans(document=slip.number, order=slip.order, envelope=slip.envelope)

    def next_code(self, held: Sequence[str], waiting: Sequence[Slip], take_out: Sequence[str]) -> str | None:
        """What an EMULATED scanner reads next, after the codes that it `held`; None where nothing lies there.

        First what is to be taken out; then, of the first piece that waits, its document, its order and its envelope.
        """
        if not held and take_out:
            return take_out[0]
        numbers = {part_of(code): code for code in held}
        wanted = numbers.get(Part.DOCUMENT)
        lies = (slip for slip in waiting if (seen := self._hands.find(slip.number)) and not seen.defaced)
        own = next((slip for slip in lies if wanted in (None, slip.number)), None)
        if own is None:
            return None
        codes = {Part.DOCUMENT: own.number, Part.ORDER: own.order, Part.ENVELOPE: own.envelope}
        return next((code for part, code in codes.items() if part not in numbers), None)

    def fill(self, fillings: Sequence[Filling], place: str) -> None:
        """Put the pieces inside and the closed parcels to `place`."""
        labels = [filling.label for filling in fillings]
        self._hands.wrap(labels, place)
        for filling in fillings:
            self._hands.put(filling.numbers, _inside(filling.label, box=filling.box))
        self._hands.put(labels, place)

    def clear_scale(self, scale: str) -> None:
        """Take off what lies on the scale."""
        self._hands.lay_on(scale, 0)

    def came_out(self, label: str, printer: str) -> bool:
        """Look for the parcel's label."""
        return self._hands.labels(printer, label) > 0


class EmulatedMailer(_Handler, MailingDesk):
    """Weighs what is really in a parcel."""

    def weigh(self, parcel: str) -> int:
        """The packaging and every piece inside, in grams."""
        return weight_g(self._hands, parcel)


class EmulatedCarrier(CarrierDesk):
    """The carrier's driver: loads, and counts what was loaded."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    def collect(self, place: str) -> Sequence[str]:
        """Load the parcels at `place` and count them in the vehicle; pieces stay inside their parcels."""
        self.load(self._hands.scan(place), place)
        return self._hands.scan(_aboard(place))

    def load(self, labels: Sequence[str], place: str) -> None:
        """Carry parcels into the vehicle."""
        self._hands.put(labels, _aboard(place))

    def give_back(self, labels: Sequence[str], place: str) -> None:
        """Unload parcels from the carrier's vehicle to `place`."""
        self._hands.put(labels, place)


def _aboard(place: str) -> str:
    return f"outside:carrier:{place}"


def weight_g(hands: Hands, parcel: str) -> int:
    """What a parcel really weighs: its packaging and every piece inside, in grams."""
    boxed = hands.scan(_inside(parcel, box=True))
    pieces = boxed or hands.scan(_inside(parcel, box=False))
    found = [hands.glance(number) for number in pieces]
    packaging = PACKAGING_G[Grouping.OFFICE if boxed else Grouping.SINGLE]
    return packaging + sum(PIECE_G[piece.kind] for piece in found if piece is not None)


def seen_on(picture: bytes) -> list[str]:
    """The defect codes that the generator wrote into a JPEG comment or PNG text of `picture`, if any.

    >>> seen_on(b'... passline-emulated-sight ["photo_ears"] ...')
    ['photo_ears']
    """
    at = picture.find(SIGHT)
    if at < 0:
        return []
    start = picture.index(b"[", at)
    codes: list[str] = json.loads(picture[start : picture.index(b"]", start) + 1])
    return codes


def _inside(label: str, *, box: bool) -> str:
    return f"{'box' if box else 'envelope'}:{label}"


class EmulatedVisitor(GateDesk):
    """EMULATED staff at an emulated gate: they stand before a reader and go through the doors that are released."""

    tries = 5

    def __init__(self, hands: Hands, switch_on: Callable[[], object]) -> None:
        """`switch_on` starts emulators again that have died."""
        self._hands, self._switch_on = hands, switch_on
        self._found: Found | None = None

    def act(self, shower: str, direction: Direction | None, state: ShowerState) -> None:
        """Close a door that stands open, or go through the one that is released."""
        try:
            for door in state.open_doors:
                self._hands.close_door(shower, door)
            if state.open_doors:
                return
            for door in state.released_doors:
                goes_in = not state.occupied and direction is not None
                if goes_in or state.occupied:
                    self._hands.pass_door(shower, door, enter=goes_in)
                    self._found = None if goes_in else Found.INSIDE if door is Door.INNER else Found.OUTSIDE
        except ControlRefusedError:
            pass  # the door was locked again meanwhile
        except DeviceError:
            self._switch_on()

    def machine_stands(self, machine: str) -> None:  # noqa: ARG002 - whichever it is
        """Start the emulators again that have died, whichever they are."""
        self._switch_on()

    def walk(self, gate: Gate, database: Database, reader: str, code: str, direction: Direction) -> None:
        """Bring one of the emulated staff through the gate. Raises NotPassedError."""
        wanted = Found.INSIDE if direction is Direction.IN else Found.OUTSIDE
        credential, why = credential_of(code), "no number"
        for _ in range(self.tries if credential is not None else 0):
            self.settle_left(gate, database)
            if self._is(database, code) is wanted:
                return
            self._found = None
            with suppress(DeviceError):
                self._hands.look_into(reader, credential or 0)
            came = self._looked(gate)
            why = came if isinstance(came, str) else "turned back"
        if self._is(database, code) is not wanted:
            raise NotPassedError(code, direction.value, why)

    def settle_left(self, gate: Gate, database: Database) -> None:
        """Bring a passage that is under way to its end; EMULATED leads settle what nobody can tell."""
        while True:
            with database.read() as conn:
                passage = passages.under_way(conn)
            if passage is None:
                return
            if passage.unknown is None:
                gate.look()
                continue
            came_from = Found.OUTSIDE if passage.direction is Direction.IN else Found.INSIDE
            first, second = [lead for lead in EMULATED_LEADS if lead != passage.person][:2]
            found, by = self._found or came_from, Signers(first, second)
            passages.settle(database, passage.person or "", found, by, emulated=True)

    def _looked(self, gate: Gate) -> object:
        for _ in range(self.tries):
            came = gate.look()
            if came is not None:
                return came
        return "not recognised"

    def _is(self, database: Database, code: str) -> Found:
        with database.read() as conn:
            return Found.INSIDE if code in passages.inside_now(conn) else Found.OUTSIDE
