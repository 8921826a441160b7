"""Inspectors who carry pieces themselves: what a desk asks of hands, they did before they signed for it."""

from collections.abc import Sequence

from stations.qc.desk import InspectionCase, QcDesk


class OwnHands(QcDesk):
    """People at real readers. They lay in any piece of a tray; the run looks what lies there, so nobody waits here."""

    def scan(self, place: str) -> Sequence[str]:  # noqa: ARG002 - they scan at the desk
        """See TrayScanner."""
        return ()

    def put(self, numbers: Sequence[str], place: str) -> None:
        """See TrayScanner: the desk told them where to."""

    def insert(self, number: str, reader: str) -> None:
        """See QcDesk: they lay in what they have."""

    def take_back(self, number: str, reader: str, place: str) -> None:
        """See QcDesk: who laid it there takes it out."""

    def swipe(self, number: str, reader: str) -> None:
        """See QcDesk."""

    def inspect(self, case: InspectionCase) -> tuple[str, ...]:  # noqa: ARG002 - they decide at the desk
        """See QcDesk."""
        return ()

    def deface(self, numbers: Sequence[str], first: str, second: str) -> None:
        """See QcDesk: both signed that they did."""
