"""What the vault refuses."""

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
