"""What the vault refuses."""

from datetime import UTC, datetime

from stations.errors import StationError


class SerialRangeError(StationError):
    """Two serials that do not bound a range of blanks."""

    def __init__(self, first: str, last: str) -> None:
        super().__init__(first, last)
        self.first, self.last = first, last

    def __str__(self) -> str:
        return f"{self.first} to {self.last} is no range of 1 to 10,000 serials with one prefix; nothing was received"


class DeliveryCountError(StationError):
    """What lies on the table is not what the delivery note says; nothing was received."""

    def __init__(self, missing: tuple[str, ...], surplus: tuple[str, ...]) -> None:
        super().__init__(missing, surplus)
        self.missing, self.surplus = missing, surplus

    def __str__(self) -> str:
        return (
            f"the delivery lacks {len(self.missing)} serials (first: {next(iter(self.missing), 'none')}) and has "
            f"{len(self.surplus)} too many (first: {next(iter(self.surplus), 'none')}); count again with the supplier"
        )


class ShelfShortError(StationError):
    """Fewer blanks lie on the shelf than are asked for; nothing was issued."""

    def __init__(self, kind: str, asked: int, there: int) -> None:
        super().__init__(kind, asked, there)
        self.kind, self.asked, self.there = kind, asked, there

    def __str__(self) -> str:
        return f"{self.asked} {self.kind} blanks are asked for and {self.there} are on the shelf; nothing was issued"


def _some(serials: tuple[str, ...], most: int = 5) -> str:
    more = f" and {len(serials) - most} more" if len(serials) > most else ""
    return ", ".join(serials[:most]) + more


class RangeCountError(StationError):
    """A range of serials and a count that do not agree; nothing was received."""

    def __init__(self, first: str, last: str, in_range: int, counted: int) -> None:
        super().__init__(first, last, in_range, counted)
        self.first, self.last, self.in_range, self.counted = first, last, in_range, counted

    def __str__(self) -> str:
        return (
            f"{self.first} to {self.last} are {self.in_range} blanks and {self.counted} were counted; nothing was "
            "received, count again and look at the first and the last serial"
        )


class SerialKindError(StationError):
    """A serial that no blank of this kind bears; nothing was received."""

    def __init__(self, serial: str, kind: str) -> None:
        super().__init__(serial, kind)
        self.serial, self.kind = serial, kind

    def __str__(self) -> str:
        return (
            f"{self.serial} is no serial of a {self.kind}; nothing was received, look at the pieces and the note again"
        )


class NoteRefusedError(StationError):
    """A delivery note's number goes into custody records for good, and is no sentence."""

    def __str__(self) -> str:
        return "a delivery note's number is letters, digits and / . - between them, 40 at most; nothing was received"


class SerialsKnownError(StationError):
    """Serials of a delivery that the log has already; nothing of it was received."""

    def __init__(self, serials: tuple[str, ...], delivered: int) -> None:
        super().__init__(serials, delivered)
        self.serials, self.delivered = serials, delivered

    def __str__(self) -> str:
        return (
            f"{len(self.serials)} of the {self.delivered} blanks are in the log already, under another delivery: "
            f"{_some(self.serials)}; nothing was received. Set the delivery aside, and ask the supplier; one that was "
            "lost and turned up is received by `passline blanks found`"
        )


class NotNeededError(StationError):
    """More blanks are asked for than the shift needs; nothing was issued."""

    def __init__(self, kind: str, asked: int, orders: int, reserve: int, there: int) -> None:
        super().__init__(kind, asked, orders, reserve, there)
        self.kind, self.asked, self.orders, self.reserve, self.there = kind, asked, orders, reserve, there

    def __str__(self) -> str:
        short = max(0, self.orders + self.reserve - self.there)
        return (
            f"{self.asked} {self.kind} blanks are asked for and {short} are needed: {self.orders} for orders and "
            f"{self.reserve} in reserve, of which {self.there} lie there or are on their way; nothing was issued"
        )


class UnknownPiecesError(StationError):
    """Serials that the log knows of no blank; nothing was recorded."""

    def __init__(self, serials: tuple[str, ...]) -> None:
        super().__init__(serials)
        self.serials = serials

    def __str__(self) -> str:
        return (
            f"the log knows no blank {_some(self.serials)}; nothing was recorded. Scan again, and set a piece aside "
            "that nobody received: two people must find out where it comes from"
        )


class PiecesElsewhereError(StationError):
    """Pieces that are not where an act takes them from, or not in the state that it needs; nothing was recorded."""

    def __init__(self, act: str, wanted: str, pieces: tuple[tuple[str, str], ...]) -> None:
        super().__init__(act, wanted, pieces)
        self.act, self.wanted, self.pieces = act, wanted, pieces

    def __str__(self) -> str:
        named = _some(tuple(f"{serial} is {standing}" for serial, standing in self.pieces))
        return f"{self.act} takes {self.wanted}, and {named}; nothing was recorded, take these out and scan again"


class ScannedTwiceError(StationError):
    """Serials that stand twice in what was scanned; nothing was recorded."""

    def __init__(self, serials: tuple[str, ...]) -> None:
        super().__init__(serials)
        self.serials = serials

    def __str__(self) -> str:
        return f"{_some(self.serials)} were scanned twice; nothing was recorded, scan each piece once"


class NothingScannedError(StationError):
    """An act on pieces without any."""

    def __str__(self) -> str:
        return "nothing was scanned; nothing was recorded"


class MethodRefusedError(StationError):
    """How pieces were destroyed, or what happened to them, goes into custody records for good, and is no sentence."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return f"{self.what} is a code of small letters, digits and hyphens, 40 at most; nothing was recorded"


class DestructionUnknownError(StationError):
    """No destruction is recorded under this name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"no destruction is recorded as {self.name}; `passline blanks certificate` lists them"


class NotSealedYetError(StationError):
    """A certificate names the log's signed checkpoint over the destruction, and there is none yet."""

    exit_code = 1

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return (
            f"destruction {self.name} is recorded and not sealed yet; run `passline logs seal --once`, then print its "
            f"certificate: passline blanks certificate {self.name}"
        )


class NumbersErasedError(StationError):
    """A certificate names serials that were erased with their persons; it can't be printed again."""

    def __init__(self, name: str, erased: int) -> None:
        super().__init__(name, erased)
        self.name, self.erased = name, erased

    def __str__(self) -> str:
        return (
            f"{self.erased} numbers of destruction {self.name} were erased since; its certificate can't be printed "
            "again, keep to the paper that was"
        )


class CertificateDiffersError(StationError):
    """What would be printed is not what the log has the SHA-256 of."""

    exit_code = 1

    def __init__(self, name: str, kept: str, made: str) -> None:
        super().__init__(name, kept, made)
        self.name, self.kept, self.made = name, kept, made

    def __str__(self) -> str:
        return (
            f"the certificate of destruction {self.name} that can be printed now has another SHA-256 ({self.made}) "
            f"than the one that was printed ({self.kept}); run `passline logs verify`, and keep to the paper"
        )


class LossRefusedError(StationError):
    """A piece that can't be reported lost as it stands; nothing was recorded. `why` says what to do first."""

    def __init__(self, serial: str, standing: str, why: str) -> None:
        super().__init__(serial, standing, why)
        self.serial, self.standing, self.why = serial, standing, why

    def __str__(self) -> str:
        return f"{self.serial} is {self.standing} and can't be reported lost: {self.why}; nothing was recorded"


class NotLostError(StationError):
    """A piece that was found and that nobody reported lost."""

    def __init__(self, serial: str, standing: str) -> None:
        super().__init__(serial, standing)
        self.serial, self.standing = serial, standing

    def __str__(self) -> str:
        return (
            f"{self.serial} was never reported lost: the log has it {self.standing}; nothing was recorded, hand it to "
            "whom the log says answers for it"
        )


class LossTimeError(StationError):
    """A loss that was noticed before the piece was where the log last has it, or after now."""

    def __init__(self, serial: str, noticed_us: int, since_us: int) -> None:
        super().__init__(serial, noticed_us, since_us)
        self.serial, self.noticed_us, self.since_us = serial, noticed_us, since_us

    def __str__(self) -> str:
        since = datetime.fromtimestamp(self.since_us / 1_000_000, UTC).astimezone()
        return (
            f"the loss of {self.serial} can't have been noticed then: the log has it where it is since "
            f"{since:%Y-%m-%d %H:%M:%S}, and now is the latest; nothing was recorded"
        )


class NotVoidableError(StationError):
    """A piece that two people can't void at this station; nothing was recorded."""

    def __init__(self, serial: str, standing: str, why: str) -> None:
        super().__init__(serial, standing, why)
        self.serial, self.standing, self.why = serial, standing, why

    def __str__(self) -> str:
        return f"{self.serial} is {self.standing} and is not voided here: {self.why}; nothing was recorded"
