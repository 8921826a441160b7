"""What is refused of a raise to the green channel."""

from datetime import UTC, datetime

from stations.errors import StationError


class NotRaisableError(StationError):
    """The application is stopped, or has left the line."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state

    def __str__(self) -> str:
        if self.state == "stopped":
            return (
                "The application is stopped, and overtakes nothing: two people release it first (passline applications"
                " release); nothing was changed."
            )
        return f"The application is {self.state}: it is no more on the line; nothing was changed."


class AlreadyGreenError(StationError):
    """The application overtakes everything already: `approver` and `since_us` are None where it was filed so."""

    def __init__(self, approver: str | None, reason: str | None, since_us: int | None) -> None:
        super().__init__(approver, reason, since_us)
        self.approver, self.reason, self.since_us = approver, reason, since_us

    def __str__(self) -> str:
        if self.since_us is None:
            how = "it was filed as an approved emergency"
        else:
            since = datetime.fromtimestamp(self.since_us / 1e6, UTC).astimezone().isoformat(" ", "seconds")
            how = f"{self.approver} raised it ({self.reason}) at {since}"
        return (
            f"The application is in the green channel already: {how}; nothing was changed. passline applications green"
            " says where it is."
        )
