"""Review: every application is passed, returned for recapture or held, and passed ones go on to personalization."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from prefect import flow

from flows.composition import line_of
from flows.desk_trays import TraysAtDesks
from flows.line_state import Line
from flows.settings import Desk
from flows.station_run import Served, run_station
from flows.work import StationWork, TrayToWork, TrayWork
from stations.review import station
from stations.review.answers import answered_trays

STATION = "review"


@flow(name="review", flow_run_name="review · {shift}", retries=0, persist_result=False)
async def review(folder: str, shift: str, tray: str | None = None) -> Served:
    """Serve the review station of the line in `folder` until it is done; with `tray`, work that one tray."""
    async with line_of(folder, shift, STATION) as line:
        at_desks = line.settings.desks.review is Desk.PEOPLE
        work = trays_at_desks(line) if at_desks else _emulated(line)
        return await run_station(line, WithAnswered(line, work), only=tray)


def trays_at_desks(line: Line) -> StationWork:
    """Review by people at their desks."""
    here = line.workplace(STATION)
    return TraysAtDesks(
        line=line,
        station=STATION,
        accept=lambda offer: station.accept_tray(here, offer),
        book=lambda tray: station.book_decided(here, tray, line.nodes(), line.second_looks()),
        # Orders are data: there is nothing to count.
        counted=False,
    )


def _emulated(line: Line) -> StationWork:
    here, desk = line.workplace(STATION), line.parts.reviewer()
    return TrayWork(
        line=line,
        station=STATION,
        begin=lambda offer: station.work_tray(here, offer, desk, line.thresholds(), line.nodes(), line.second_looks()),
        resume=lambda begun: station.resume_tray(
            here, begun, desk, line.thresholds(), line.nodes(), line.second_looks()
        ),
    )


@dataclass
class WithAnswered:
    """Review's work, and the trays that come off its hold shelf meanwhile, which nobody offers: they are here."""

    line: Line
    work_: StationWork
    station: str = STATION
    begun: set[str] = field(default_factory=set)

    @property
    def abreast(self) -> int:
        """See StationWork."""
        return self.work_.abreast

    def unfinished(self) -> Sequence[TrayToWork]:
        """See StationWork."""
        return [self._begin(tray) for tray in self.work_.unfinished()]

    def claim(self, *, green_only: bool, only: str | None) -> TrayToWork | None:
        """Claim the most urgent tray that waits, or else one whose questions were answered.

        With nothing else to do, send back what was filed anew instead of being answered.
        """
        claimed = self.work_.claim(green_only=green_only, only=only)
        if claimed is not None:
            return self._begin(claimed)
        if green_only or only is not None:
            return None
        here = self.line.workplace(STATION)
        station.dispatch_superseded(here)
        return next((self._begin(TrayToWork(each)) for each in answered_trays(here) if each not in self.begun), None)

    async def work(self, tray: TrayToWork) -> dict[str, int]:
        """See StationWork."""
        return await self.work_.work(tray)

    def _begin(self, tray: TrayToWork) -> TrayToWork:
        self.begun.add(tray.tray)
        return tray
