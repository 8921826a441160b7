"""What the desks are served from: the database, which records no custody here, and the keys of personal data."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from devices.emulation.hands import Hands
from flows.app import Served
from flows.casebook_pages import CasebookPages, TrainingPage
from flows.cookie_key import cookie_key
from flows.desk_places import Place
from flows.errors import NoDeskError
from flows.machine_pages import MachinesDesk
from flows.mailing_pages import MailingDesk
from flows.packing_pages import PackingDeskPages
from flows.parts import LABEL_PRINTERS
from flows.qc_pages import QcDesk
from flows.review_pages import RatesPage, ReviewDesk
from flows.rolled_back import refuse_rolled_back
from flows.run_folder import RunFolder
from flows.settings import Desk, LineSettings
from handoff_logs.asking import Asking
from handoff_logs.database import Database
from handoff_logs.pages.rendering import Renderer
from handoff_logs.pseudonyms import hidden, pseudonym_key
from stations.emulated_staff import EmulatedInspector, EmulatedMailer, EmulatedPacker
from stations.personal import PersonalData
from stations.personalization.emulated_desk import EmulatedOperator
from stations.workplace import Workplace


@dataclass(frozen=True, slots=True)
class DeskParts:
    """What every place at the desks is made of.

    `hands`: the hands of EMULATED staff on an emulated line, for what nobody could take into theirs; None elsewhere.
    """

    served: Served
    folder: RunFolder
    settings: LineSettings
    database: Database
    personal: PersonalData
    hands: Hands | None

    def at(self, station: str) -> Workplace:
        """A station's workplace, where custody is not recorded and nobody stands before they sign in: what is stored
        at a desk bears who stored it.
        """
        return Workplace(self.database, station, self.settings.staff.shift, (), self.settings.emulated, self.personal)

    def places(self, renderer: Renderer) -> Sequence[Place]:
        """The places of the stations whose people work at desks."""
        desks, asking = self.settings.desks, self.served.asking
        made: list[Place] = []
        if desks.review is Desk.PEOPLE:
            thresholds = self.settings.review.thresholds(self.folder.hold_lists)
            made += [ReviewDesk(renderer, self.at("review"), thresholds), RatesPage(renderer, asking)]
            made += [CasebookPages(renderer, asking, self.at("review"), thresholds)]
            if self.settings.emulated:
                made += [TrainingPage(renderer, self.at("review"))]
        if desks.personalization is Desk.PEOPLE:
            operator = None if self.hands is None else EmulatedOperator(self.hands)
            kinds = self.settings.blank_kinds
            made.append(MachinesDesk(renderer, asking, self.at("personalization"), kinds, operator))
        if desks.packing is Desk.PEOPLE:
            packer = None if self.hands is None else EmulatedPacker(self.hands)
            prints_here = not any(device.driver in LABEL_PRINTERS for device in self.settings.devices)
            centre = self.settings.centre
            here, tolerance = self.at("packing"), self.settings.weighing.tolerance
            pages = PackingDeskPages(renderer, here, centre, packer, prints_here=prints_here, tolerance=tolerance)
            made.append(pages)
        if desks.mailing is Desk.PEOPLE:
            mailer = None if self.hands is None else EmulatedMailer(self.hands)
            here, tolerance = self.at("mailing"), self.settings.weighing.tolerance
            scale = self.settings.mailing.scale
            made.append(MailingDesk(renderer, asking, here, self.settings.centre, mailer, tolerance, scale))
        if desks.qc is Desk.PEOPLE:
            made.append(QcDesk(renderer, self.at("qc"), None if self.hands is None else EmulatedInspector(self.hands)))
        return made


@contextmanager
def open_desks(folder: RunFolder, settings: LineSettings, *, https: bool) -> Iterator[DeskParts]:
    """Open what the desks of a prepared folder need.

    Raises NoDeskError, RolledBackError, CookieKeyRefusedError, PseudonymKeyError, KeyFileError.
    """
    if not settings.desks.open:
        raise NoDeskError(folder.configuration)
    refuse_rolled_back(folder, settings)
    url = folder.resolve_database(settings.database.url)
    key = pseudonym_key(folder.keys)
    served = Served(
        folder=folder.path,
        centre=settings.centre,
        emulated=settings.emulated,
        cookie_key=cookie_key(folder.keys),
        asking=Asking(url, lambda word: hidden(key, word)),
        https=https,
        display_key=key,
    )
    hands = Hands(folder.world, folder.machines) if settings.emulated else None
    try:
        # Without signing keys: what is done here passes no custody; the run books it by tray.
        with Database(url, bound=not folder.line().emulated) as database:
            yield DeskParts(served, folder, settings, database, PersonalData(folder.keys), hands)
    finally:
        if hands is not None:
            hands.close()
