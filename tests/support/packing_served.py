"""The desks' application with the packing desk alone."""

from pathlib import Path

from fastapi import FastAPI
from small_packing_desk import PackingDeskLine

from flows.app import Served
from flows.desk_app import create_desk
from flows.packing_pages import PackingDeskPages
from handoff_logs.asking import Asking


def packing_desk(folder: Path, database_url: str, desk: PackingDeskLine, *, prints_here: bool = True) -> FastAPI:
    """The application of the packing desk of an EMULATED line, whose labels are printed at the desk or not."""
    served = Served(folder, "test", True, bytes(32), Asking(database_url, str))
    eyes = desk.line.packer
    return create_desk(
        served,
        desk.database,
        lambda renderer: [PackingDeskPages(renderer, desk.here, "jinan-1", eyes, prints_here=prints_here)],
    )
