"""Quality control: printed zone and chip are read back and compared with the order, and an inspector looks."""

from prefect import flow

from flows.composition import line_of
from flows.station_run import Served, run_station
from flows.work import TrayWork
from stations.personalization.signer import trust_anchor
from stations.qc import station

STATION = "qc"


@flow(name="qc", flow_run_name="qc · {shift}", retries=0, persist_result=False)
async def qc(folder: str, shift: str, tray: str | None = None) -> Served:
    """Serve the QC station of the line in `folder` until it is done; with `tray`, work that one tray."""
    async with line_of(folder, shift, STATION) as line:
        here, desk = line.workplace(STATION), line.parts.inspector()
        readers = await line.blocking(line.parts.readers)
        swipes = await line.blocking(line.parts.swipes)
        anchor = trust_anchor(line.folder.keys)
        work = TrayWork(
            line=line,
            station=STATION,
            begin=lambda offer: station.work_tray(
                here, offer, desk, readers, anchor, nodes=line.nodes(), swipes=swipes
            ),
            resume=lambda begun: station.resume_tray(
                here, begun, desk, readers, anchor, nodes=line.nodes(), swipes=swipes
            ),
            abreast=2,
        )
        return await run_station(line, work, only=tray)
