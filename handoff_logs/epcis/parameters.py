"""The parameters of `/epcis/v2/events`, under the standard's names: what each may hold, and the page tokens."""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from handoff_logs.epcis.identifiers import Identifiers
from handoff_logs.epcis.rules import is_uri
from handoff_logs.epcis.search import Place, Question
from handoff_logs.epcis.vocabulary import ACTIONS, BIZ_STEPS, DISPOSITIONS, EVENT_TYPES
from handoff_logs.errors import HandoffLogError
from handoff_logs.records import canonical

USUAL_PAGE, LONGEST_PAGE = 30, 1_000
MOST_VALUES = 100
"""Most values of one parameter, separated by `|`."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAC_BYTES = 16
_CBV = re.compile(r"(?:urn:epcglobal:cbv:(?:bizstep|disp):|https?://(?:ref|ns)\.gs1\.org/cbv/(?:BizStep|Disp)-)(\w+)")


class QueryParameterError(HandoffLogError):
    """A parameter that the query does not know, or whose value it can't take."""

    def __init__(self, name: str, fault: str) -> None:
        super().__init__(name, fault)
        self.name, self.fault = name, fault

    def __str__(self) -> str:
        return f"{self.name} {self.fault}; nothing was looked up"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: the question, how many events a page, where to begin, and the parameters as they came."""

    question: Question
    per_page: int
    token: str | None
    parameters: Mapping[str, str]


def _time(name: str, value: str) -> int:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise QueryParameterError(name, "is no ISO 8601 time (in a URL a + is written %2B)") from None
    if moment.tzinfo is None:
        raise QueryParameterError(name, "needs an offset from UTC, such as Z or %2B08:00")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _values(name: str, value: str) -> list[str]:
    values = value.split("|")
    if len(values) > MOST_VALUES or not all(values):
        raise QueryParameterError(name, f"takes 1 to {MOST_VALUES} values, separated by |")
    return values


def _words(known: frozenset[str]) -> Callable[[str, str], frozenset[str]]:
    def parse(name: str, value: str) -> frozenset[str]:
        words = frozenset(found[1] if (found := _CBV.fullmatch(word)) else word for word in _values(name, value))
        if unknown := sorted(word for word in words - known if not is_uri(word)):
            raise QueryParameterError(name, f"does not know {unknown[0]!r}")
        return words

    return parse


def _uris(name: str, value: str) -> frozenset[str]:
    values = frozenset(_values(name, value))
    if not all(map(is_uri, values)):
        raise QueryParameterError(name, "takes URIs")
    return values


def _one_of(*allowed: str) -> Callable[[str, str], str]:
    def parse(name: str, value: str) -> str:
        if value not in allowed:
            raise QueryParameterError(name, f"is one of {', '.join(allowed)}")
        return value

    return parse


def _descending(name: str, value: str) -> bool:
    return _one_of("ASC", "DESC")(name, value) == "DESC"


FILTERS: dict[str, tuple[str, Callable[[str, str], Any]]] = {
    "GE_eventTime": ("ge_event_us", _time),
    "LT_eventTime": ("lt_event_us", _time),
    "GE_recordTime": ("ge_record_us", _time),
    "LT_recordTime": ("lt_record_us", _time),
    "eventType": ("types", _words(EVENT_TYPES)),
    "EQ_action": ("actions", _words(ACTIONS)),
    "EQ_bizStep": ("biz_steps", _words(BIZ_STEPS)),
    "EQ_disposition": ("dispositions", _words(DISPOSITIONS)),
    "EQ_readPoint": ("read_points", _uris),
    "EQ_bizLocation": ("biz_locations", _uris),
    "EQ_source_possessing_party": ("sources", _uris),
    "EQ_destination_possessing_party": ("destinations", _uris),
    "MATCH_epc": ("epcs", _uris),
    "MATCH_anyEPC": ("any_epcs", _uris),
    "EQ_eventID": ("event_uris", _uris),
    "orderBy": ("order", _one_of("eventTime", "recordTime")),
    "orderDirection": ("descending", _descending),
}
"""Each parameter, the field of a Question that it sets, and how its value is read."""

PAGING = ("perPage", "nextPageToken")


def asked(query_string: str) -> Asked:
    """Read a URL's query string. Raises QueryParameterError for anything but known parameters, once each."""
    try:
        pairs = parse_qsl(query_string, keep_blank_values=True, strict_parsing=bool(query_string), errors="strict")
    except ValueError:
        raise QueryParameterError("the query string", "can't be read") from None
    parameters: dict[str, str] = {}
    for name, value in pairs:
        if name not in FILTERS and name not in PAGING:
            raise QueryParameterError(name if is_word(name) else "a parameter", "is not known here")
        if name in parameters:
            raise QueryParameterError(name, "comes twice; separate its values by |")
        parameters[name] = value
    fields: dict[str, Any] = {}
    for name, (field, read) in FILTERS.items():
        if name in parameters:
            fields[field] = read(name, parameters[name])
    # The standard's own: whoever asks for an order and no direction gets the latest first.
    if "orderBy" in parameters and "orderDirection" not in parameters:
        fields["descending"] = True
    return Asked(Question(**fields), _per_page(parameters), parameters.get("nextPageToken"), parameters)


def is_word(text: str) -> bool:
    """Say whether a name that a stranger sent may be said back to them."""
    return re.fullmatch(r"\w{1,60}", text, re.ASCII) is not None


def page_token(identifiers: Identifiers, reader: str, request: Asked, place: Place) -> str:
    """Return the token by which `reader` may go on with this question from `place`, and with no other."""
    content = json.dumps(place).encode()
    return base64.urlsafe_b64encode(content + _seal(identifiers, reader, request, content)).decode().rstrip("=")


def place_of(identifiers: Identifiers, reader: str, request: Asked) -> Place | None:
    """Return where a request goes on; None at the beginning. Raises QueryParameterError for a token not made for it."""
    if request.token is None:
        return None
    try:
        whole = base64.b64decode(request.token + "=" * (-len(request.token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        whole = b""
    content, seal = whole[:-_MAC_BYTES], whole[-_MAC_BYTES:]
    if not hmac.compare_digest(seal, _seal(identifiers, reader, request, content)):
        raise QueryParameterError("nextPageToken", "is none of this question's; ask again from the first page")
    return Place(*json.loads(content))


def _seal(identifiers: Identifiers, reader: str, request: Asked, content: bytes) -> bytes:
    same = {name: value for name, value in request.parameters.items() if name not in PAGING}
    about = hashlib.sha256(canonical({"reader": reader, **same})).digest()
    return identifiers.sign(b"page:" + about + content)


def _per_page(parameters: Mapping[str, str]) -> int:
    value = parameters.get("perPage", str(USUAL_PAGE))
    if not re.fullmatch(r"[1-9][0-9]{0,3}", value, re.ASCII) or int(value) > LONGEST_PAGE:
        raise QueryParameterError("perPage", f"is a whole number from 1 to {LONGEST_PAGE}")
    return int(value)
