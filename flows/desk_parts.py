"""What the desks are served from: the database, which records no custody here, and the keys of personal data."""

from collections.abc import Iterator
from contextlib import contextmanager

from flows.app import Served
from flows.cookie_key import cookie_key
from flows.errors import ReviewerIsEmulatedError
from flows.rolled_back import refuse_rolled_back
from flows.run_folder import RunFolder
from flows.settings import Desk, LineSettings
from handoff_logs.asking import Asking
from handoff_logs.database import Database
from handoff_logs.pseudonyms import hidden, pseudonym_key
from stations.people import emulated_duty
from stations.personal import PersonalData
from stations.review.thresholds import Thresholds
from stations.workplace import Workplace

STATION = "review"


@contextmanager
def open_desk(
    folder: RunFolder, settings: LineSettings, *, https: bool
) -> Iterator[tuple[Served, Workplace, Thresholds]]:
    """Open what the review desk of a prepared folder needs.

    Raises ReviewerIsEmulatedError, RolledBackError, CookieKeyRefusedError, PseudonymKeyError, KeyFileError.
    """
    if settings.desks.review is not Desk.PEOPLE:
        raise ReviewerIsEmulatedError(folder.configuration)
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
    # Without signing keys: what is decided here passes no custody; the run books it by tray.
    with Database(url, bound=not folder.line().emulated) as database:
        shift = settings.staff.shift
        people = emulated_duty(STATION, shift).codes
        personal = PersonalData(folder.keys)
        here = Workplace(database, STATION, shift, people, settings.emulated, personal)
        yield served, here, settings.review.thresholds(folder.hold_lists)
