"""The names that leave the centre: URIs for places, parties and events, keyed pseudonyms for everything numbered."""

import hashlib
import hmac
import re
from urllib.parse import quote, unquote
from uuid import UUID

from handoff_logs.pseudonyms import PSEUDONYM_DIGITS
from handoff_logs.records import Kind

BORN_DIGITS = 7
"""Leading digits of a unit's id that stand before its pseudonym: its birth to 17 minutes, which the events tell too.
A pseudonym can't be turned back; with them it is looked for among the units of 17 minutes, not of a year."""

_PSEUDONYM = re.compile(rf"([0-9a-f]{{{BORN_DIGITS}}})-([0-9a-f]{{{PSEUDONYM_DIGITS}}})")
_EVENT_ID = re.compile(
    r"urn:uuid:([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:#([1-9][0-9]{0,8}))?"
)
_KINDS = frozenset(kind.value for kind in Kind)
_SAFE = ":-._~"


class Identifiers:
    """Makes the URIs of one centre, `urn:passline:<centre>:…`, and finds back what they name.

    A number shows only as HMAC-SHA-256 under `key` (32 bytes): the same number gives the same URI in every export, and
    without the key nobody can try numbers out.
    """

    def __init__(self, centre: str, key: bytes) -> None:
        self._base = f"urn:passline:{quote(centre, safe='-._~')}:"
        self._mac = hmac.new(key, digestmod=hashlib.sha256)

    def unit(self, kind: str, unit_id: str, number: str | None) -> str:
        """Return a unit's EPC URI, by its number; by its random id where it has none or its person was erased.

        >>> Identifiers("demo", bytes(32)).unit("document", "01a2144aae2e72e4a9fe6a33bdf04c32", "E1")
        'urn:passline:demo:document:01a2144-66cea4c9cf35c3ad20575ea9a42374e7'
        """
        hidden = self._hidden(f"number:{kind}:{number}" if number is not None else f"unit:{unit_id}")
        return f"{self._base}{kind}:{unit_id[:BORN_DIGITS]}-{hidden}"

    def tray(self, tray: str) -> str:
        """Return the URI of a tray by its barcode, which says nothing of a person."""
        return f"{self._base}tray:{quote(tray, safe=_SAFE)}"

    def station(self, station: str) -> str:
        """Return the URI of a station as a party.

        >>> Identifiers("demo", bytes(32)).station("office:jinan")
        'urn:passline:demo:party:office:jinan'
        """
        return f"{self._base}party:{quote(station, safe=_SAFE)}"

    def place(self, station: str, place: str | None) -> str:
        """Return the URI of a place in a station, or of the station's floor where no place is told."""
        return f"{self._base}place:{quote(station, safe='-._~')}{f':{quote(place, safe=_SAFE)}' if place else ''}"

    def sign(self, content: bytes) -> bytes:
        """Return 16 bytes that only the holder of the key can make for `content`."""
        mac = self._mac.copy()
        mac.update(b"signed:" + content)
        return mac.digest()[:16]

    def known_as(self, uri: str) -> "Pseudonym | None":
        """Take a unit's URI apart, or return None when it isn't one of this centre."""
        kind, _, rest = uri.removeprefix(self._base).partition(":")
        found = _PSEUDONYM.fullmatch(rest)
        if not uri.startswith(self._base) or kind not in _KINDS or found is None:
            return None
        return Pseudonym(kind, found[1])

    def named_tray(self, uri: str) -> str | None:
        """Return the tray that a URI names, or None."""
        start = f"{self._base}tray:"
        return unquote(uri.removeprefix(start)) if uri.startswith(start) else None

    def named_station(self, uri: str) -> str | None:
        """Return the station that a party's or a place's URI names, or None.

        >>> Identifiers("demo", bytes(32)).named_station("urn:passline:demo:place:office%3Ajinan:desk")
        'office:jinan'
        """
        sort, _, rest = uri.removeprefix(self._base).partition(":")
        if not uri.startswith(self._base) or sort not in ("party", "place"):
            return None
        return unquote(rest if sort == "party" else rest.partition(":")[0])

    def _hidden(self, text: str) -> str:
        mac = self._mac.copy()
        mac.update(text.encode())
        return mac.hexdigest()[:PSEUDONYM_DIGITS]


class Pseudonym:
    """What a unit's URI tells of it: its kind, and the first digits of its id (`born`)."""

    __slots__ = ("born", "kind")

    def __init__(self, kind: str, born: str) -> None:
        self.kind, self.born = kind, born


def event_uri(event_id: str, part: int = 0) -> str:
    """Return the URI of a custody event (32 hex characters); of its further parts, numbered from 1, with `#part`.

    >>> event_uri("01a2144aae2e72e4a9fe6a33bdf04c32", 2)
    'urn:uuid:01a2144a-ae2e-72e4-a9fe-6a33bdf04c32#2'
    """
    return f"urn:uuid:{UUID(event_id)}{f'#{part}' if part else ''}"


def named_event(uri: str) -> str | None:
    """Return the custody event's id that an event's URI names, or None.

    >>> named_event("urn:uuid:01a2144a-ae2e-72e4-a9fe-6a33bdf04c32#2")
    '01a2144aae2e72e4a9fe6a33bdf04c32'
    """
    found = _EVENT_ID.fullmatch(uri)
    return found[1].replace("-", "") if found else None
