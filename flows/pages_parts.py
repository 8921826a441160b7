"""What the pages are served from, opened in a run's folder: the database that signs people in, the log, the keys."""

from collections.abc import Iterator
from contextlib import contextmanager

from flows.alarm_findings import SILENT_HEARTBEATS
from flows.app import Served
from flows.cookie_key import cookie_key
from flows.run_folder import RunFolder
from flows.settings import LineSettings
from handoff_logs.asking import Asking
from handoff_logs.database import Database
from handoff_logs.pseudonyms import hidden, pseudonym_key


@contextmanager
def open_served(folder: RunFolder, settings: LineSettings, *, https: bool) -> Iterator[tuple[Served, Database]]:
    """Open what the pages of a prepared folder need. Raises CookieKeyRefusedError, PseudonymKeyError."""
    url = folder.resolve_database(settings.database.url)
    # The same pseudonyms as in exports and their records: who looked a number up is found by hiding it again.
    key = pseudonym_key(folder.keys)
    served = Served(
        folder=folder.path,
        centre=settings.centre,
        emulated=settings.emulated,
        cookie_key=cookie_key(folder.keys),
        asking=Asking(url, lambda word: hidden(key, word)),
        https=https,
        display_key=key,
        offer_age_min=settings.thresholds.offer_age_min,
        witness_silent_s=settings.log.heartbeat_s * SILENT_HEARTBEATS if settings.log.witness else None,
    )
    # Without signing keys: nothing is recorded in the log through it.
    with Database(url) as database:
        yield served, database
