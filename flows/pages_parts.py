"""What the pages are served from, opened in a run's folder: the database that signs people in, the log, the keys."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from flows.alarm_findings import SILENT_HEARTBEATS
from flows.app import Served
from flows.composition import open_database
from flows.cookie_key import cookie_key
from flows.errors import FlowError
from flows.issuer import open_issuer
from flows.issuer_pages import BACK
from flows.patrol_forms import Rounds
from flows.rolled_back import state
from flows.run_folder import RunFolder
from flows.sealer import seal_now
from flows.settings import LineSettings
from handoff_logs.asking import Asking
from handoff_logs.database import Database
from handoff_logs.errors import HandoffLogError
from handoff_logs.pseudonyms import hidden, pseudonym_key
from stations.personal import PersonalData

_log = structlog.get_logger()


@contextmanager
def open_served(folder: RunFolder, settings: LineSettings, *, https: bool) -> Iterator[tuple[Served, Database]]:
    """Open what the pages of a prepared folder need.

    Raises CookieKeyRefusedError, IssuerSettingError, PseudonymKeyError, KeyFileError.
    """
    url = folder.resolve_database(settings.database.url)
    # The same pseudonyms as in exports and their records: who looked a number up is found by hiding it again.
    key = pseudonym_key(folder.keys)
    oidc = settings.pages.oidc
    issuer = None if oidc is None else open_issuer(folder, oidc, BACK)
    # Auditors read also a log that was rolled back; nothing is recorded on one.
    current = state(folder, settings).current
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
        rounds=_rounds(folder, settings) if current else None,
        issuer=issuer,
    )
    # With the line's signing keys, where rounds are walked: they and their findings are entries of the log.
    with open_database(folder, url) if current else Database(url) as database:
        yield served, database


def _rounds(folder: RunFolder, settings: LineSettings) -> Rounds:
    def seal() -> None:
        try:
            seal_now(folder)
        except (HandoffLogError, FlowError) as error:
            # What was recorded stands, and whoever seals next seals it.
            _log.warning("round_not_sealed", error=type(error).__name__)

    return Rounds(settings.patrols, settings.personalizers, PersonalData(folder.keys), settings.staff.shift, seal)
