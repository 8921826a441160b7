"""Quality control: printed zone and chip are read back and compared with the order, and an inspector looks."""

from collections import Counter
from dataclasses import replace

from prefect import flow

from flows.composition import line_of
from flows.desk_trays import TraysAtDesks
from flows.line_state import Line
from flows.settings import Desk
from flows.station_run import Served, run_station
from flows.work import StationWork, TrayWork
from stations.personalization.signer import trust_anchor
from stations.qc import at_desks, station
from stations.qc.own_hands import OwnHands
from stations.qc.reading_back import Means
from stations.trays import TrayOutcome

STATION = "qc"


@flow(name="qc", flow_run_name="qc · {shift}", retries=0, persist_result=False)
async def qc(folder: str, shift: str, tray: str | None = None) -> Served:
    """Serve the QC station of the line in `folder` until it is done; with `tray`, work that one tray."""
    async with line_of(folder, shift, STATION) as line:
        means = await line.blocking(lambda: means_of(line))
        people = line.settings.desks.qc is Desk.PEOPLE
        return await run_station(line, work_at_desks(line, means) if people else _emulated(line, means), only=tray)


def means_of(line: Line) -> Means:
    """What QC of a line reads with; nobody is there to swipe where people carry pieces themselves."""
    parts = line.parts
    if not parts.has_emulated_staff:
        return Means(OwnHands(), parts.readers(), trust_anchor(line.folder.keys))
    return Means(parts.inspector(), parts.readers(), trust_anchor(line.folder.keys), parts.swipes())


def work_at_desks(line: Line, means: Means) -> StationWork:
    """QC whose inspectors are at their desks: what is counted is read back here, and booked as they decide."""
    here = line.workplace(STATION)
    hands = means.desk if line.parts.has_emulated_staff else None
    voided: Counter[str] = Counter()

    def book(tray: str) -> TrayOutcome | None:
        if hands is None:
            at_desks.read_what_lies(here, means)
        else:
            at_desks.read_tray(here, tray, means)
        voided[tray] += at_desks.book_signed(here, tray, means.desk, line.nodes())
        booked = at_desks.book_decided(here, tray, means.desk, line.nodes())
        if booked is None:
            return None
        gone = voided.pop(tray)
        return replace(booked, units=booked.units + gone, voided=gone)

    return TraysAtDesks(
        line=line,
        station=STATION,
        accept=lambda offer: at_desks.accept_tray(here, offer, hands),
        book=book,
    )


def _emulated(line: Line, means: Means) -> StationWork:
    here = line.workplace(STATION)
    read_with = means.desk, means.readers, means.trust_anchor
    return TrayWork(
        line=line,
        station=STATION,
        begin=lambda offer: station.work_tray(here, offer, *read_with, nodes=line.nodes(), swipes=means.swipes),
        resume=lambda begun: station.resume_tray(here, begun, *read_with, nodes=line.nodes(), swipes=means.swipes),
        abreast=2,
    )
