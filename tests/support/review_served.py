"""The desks' application with the review desk and what goes with it."""

from pathlib import Path

from fastapi import FastAPI

from devices.emulation.hands import Hands
from flows.app import Served
from flows.casebook_pages import CasebookPages, TrainingPage
from flows.desk_app import create_desk
from flows.desk_places import Place
from flows.machine_pages import MachinesDesk
from flows.mailing_pages import MailingDesk
from flows.packing_pages import PackingDeskPages
from flows.qc_pages import QcDesk
from flows.review_pages import RatesPage, ReviewDesk
from flows.sessions import Sessions
from handoff_logs.asking import Asking
from handoff_logs.pages.rendering import Renderer
from stations.emulated_staff import EmulatedInspector, EmulatedMailer, EmulatedPacker
from stations.people import emulated_duty
from stations.personalization.emulated_desk import EmulatedOperator
from stations.review.rules import Thresholds
from stations.workplace import Workplace


def review_desk(
    folder: Path,
    database_url: str,
    here: Workplace,
    thresholds: Thresholds | None = None,
    sessions: Sessions | None = None,
    cookie_key: bytes = bytes(32),
    hands: Hands | None = None,
) -> FastAPI:
    """The application of the review desk, the lead's pages and the casebook; with `hands`, of the other desks too."""
    served = Served(folder, "test", True, cookie_key, Asking(database_url, str))
    limits = thresholds or Thresholds()

    def places(renderer: Renderer) -> list[Place]:
        made: list[Place] = [
            ReviewDesk(renderer, here, limits),
            RatesPage(renderer, served.asking),
            CasebookPages(renderer, served.asking, here, limits),
            TrainingPage(renderer, here),
        ]
        if hands is not None:
            qc = here.at("qc", emulated_duty("qc", "day").codes)
            made.append(QcDesk(renderer, qc, EmulatedInspector(hands)))
            packing = here.at("packing", emulated_duty("packing", "day").codes)
            made.append(PackingDeskPages(renderer, packing, "test", EmulatedPacker(hands), prints_here=True))
            mailing = here.at("mailing", emulated_duty("mailing", "day").codes)
            made.append(MailingDesk(renderer, served.asking, mailing, "test", EmulatedMailer(hands)))
            operators = here.at("personalization", emulated_duty("personalization", "day").codes)
            kinds = {"book-01": "book", "card-01": "card"}
            made.append(MachinesDesk(renderer, served.asking, operators, kinds, EmulatedOperator(hands)))
        return made

    return create_desk(served, here.database, places, sessions)
