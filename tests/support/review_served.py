"""The desks' application with the review desk alone."""

from pathlib import Path

from fastapi import FastAPI

from flows.app import Served
from flows.desk_app import create_desk
from flows.review_pages import RatesPage, ReviewDesk
from handoff_logs.asking import Asking
from stations.review.rules import Thresholds
from stations.workplace import Workplace


def review_desk(folder: Path, database_url: str, here: Workplace, thresholds: Thresholds | None = None) -> FastAPI:
    """The application of the review desk and the lead's page."""
    served = Served(folder, "test", True, bytes(32), Asking(database_url, str))
    return create_desk(
        served,
        here.database,
        lambda renderer: [ReviewDesk(renderer, here, thresholds or Thresholds()), RatesPage(renderer, served.asking)],
    )
