"""The desks' application with the review desk and what goes with it."""

from pathlib import Path

from fastapi import FastAPI

from flows.app import Served
from flows.casebook_pages import CasebookPages, TrainingPage
from flows.desk_app import create_desk
from flows.review_pages import RatesPage, ReviewDesk
from flows.sessions import Sessions
from handoff_logs.asking import Asking
from stations.review.rules import Thresholds
from stations.workplace import Workplace


def review_desk(
    folder: Path,
    database_url: str,
    here: Workplace,
    thresholds: Thresholds | None = None,
    sessions: Sessions | None = None,
    cookie_key: bytes = bytes(32),
) -> FastAPI:
    """The application of the review desk, the lead's pages and the casebook."""
    served = Served(folder, "test", True, cookie_key, Asking(database_url, str))
    limits = thresholds or Thresholds()
    return create_desk(
        served,
        here.database,
        lambda renderer: [
            ReviewDesk(renderer, here, limits),
            RatesPage(renderer, served.asking),
            CasebookPages(renderer, served.asking, here, limits),
            TrainingPage(renderer, here),
        ],
        sessions,
    )
