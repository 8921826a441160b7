"""What each custody act means in EPCIS: one table, which the mapping reads, the queries search and the page shows."""

from collections.abc import Iterable
from typing import NamedTuple

from handoff_logs.epcis.vocabulary import AGGREGATION, OBJECT, TRANSFORMATION
from handoff_logs.records import Act, Kind, Outcome, State

NOT_BORN = "none"
QC, VAULT = "qc", "vault"

_HELD, _VOID, _DOUBT = State.HELD, State.VOID, State.DOUBT
_MISSING = (State.MISSING, State.VOID_MISSING)


class Meaning(NamedTuple):
    """How one act on one unit reads in EPCIS. Empty tuples and None stand for 'any'.

    `subject`: a `unit` as the act leaves it; a `tray` that units come into or leave; a `case` of a unit that a count
    found too many. `beside`: told in a further event, next to the act's own.
    """

    line: str
    act: Act | None
    type: str
    action: str | None
    biz_step: str
    disposition: str
    after: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    station: str | None = None
    subject: str = "unit"
    beside: bool = False
    outcome: str | None = None

    def fits(self, act: str, station: str, kind: str, before: str, after: str, outcome: str | None = None) -> bool:
        """Say whether this is what `act` by `station` does to a unit of `kind`."""
        return (
            self.subject == "unit"
            and self.act == act
            and (self.station is None or self.station == station)
            and (not self.kinds or kind in self.kinds)
            and (not self.before or before in self.before)
            and (not self.after or after in self.after)
            and (self.outcome is None or outcome == self.outcome)
        )


def _object(line: str, act: Act | None, action: str, step: str, disposition: str, after: Iterable[str] = ()) -> Meaning:
    return Meaning(line, act, OBJECT, action, step, disposition, tuple(after))


def _observed(line: str, act: Act | None, step: str, disposition: str, *after: str) -> Meaning:
    return _object(line, act, "OBSERVE", step, disposition, after)


_REMADE = _object("remake ordered", Act.VOID, "ADD", "commissioning", "active", [_HELD])
_PASSED = _observed("QC pass", Act.OFFER, "inspecting", "conformant", State.OFFERED)
_FAILED = _observed("QC fail", Act.VOID, "inspecting", "non_conformant", _VOID)
_DOCUMENT = (Kind.DOCUMENT.value,)

LOADED = Meaning("tray loaded", None, AGGREGATION, "ADD", "packing", "container_closed", subject="tray", beside=True)
UNLOADED = Meaning(
    "tray unloaded", None, AGGREGATION, "DELETE", "unpacking", "completeness_verified", subject="tray", beside=True
)
SURPLUS = _observed("count difference (too many)", None, "accepting", "unavailable")._replace(subject="case")
SURPLUS_SETTLED = _observed("surplus settled", Act.SETTLE, "cycle_counting", "in_progress")._replace(subject="case")

MEANINGS: tuple[Meaning, ...] = (
    _observed("back from outside", Act.RECEIVE, "receiving", "returned")._replace(before=(State.OUTSIDE,)),
    _observed("blanks into the vault, orders taken in", Act.RECEIVE, "accepting", "in_progress"),
    _PASSED._replace(kinds=_DOCUMENT, station=QC, beside=True),
    _observed("blanks drawn for a shift", Act.OFFER, "picking", "in_progress", State.OFFERED)._replace(
        kinds=(Kind.BLANK,), station=VAULT
    ),
    _observed("offer", Act.OFFER, "departing", "in_progress", State.OFFERED),
    _observed("offer of void units", Act.OFFER, "departing", "inactive", State.VOID_OFFERED),
    _observed("acceptance", Act.ACCEPT, "accepting", "in_progress", _HELD),
    _observed("acceptance of void units", Act.ACCEPT, "accepting", "inactive", _VOID),
    _observed("acceptance by an outside party: dispatched", Act.ACCEPT, "consigning", "in_transit", State.OUTSIDE),
    _observed("count difference (missing)", Act.REFUSE, "accepting", "unavailable", *_MISSING),
    _observed("refusal", Act.REFUSE, "arriving", "returned", State.REFUSED, State.VOID_REFUSED),
    _observed("withdrawal", Act.WITHDRAW, "void_shipping", "in_progress", _HELD),
    _observed("withdrawal of void units", Act.WITHDRAW, "void_shipping", "inactive", _VOID),
    _observed("taken back", Act.TAKE_BACK, "receiving", "in_progress", _HELD),
    _observed("void units taken back", Act.TAKE_BACK, "receiving", "inactive", _VOID),
    _observed("count difference (missing)", Act.TAKE_BACK, "accepting", "unavailable", *_MISSING),
    _observed("quarantine", Act.MOVE, "holding", "unavailable", _DOUBT),
    _observed("move", Act.MOVE, "storing", "in_progress", _HELD),
    _observed("move of void units", Act.MOVE, "storing", "inactive", _VOID),
    LOADED._replace(line="split into another tray", act=Act.SPLIT, subject="unit", beside=False),
    LOADED._replace(line="merged into a tray", act=Act.MERGE, subject="unit", beside=False),
    Meaning("blank becomes document", Act.TRANSFORM, TRANSFORMATION, None, "commissioning", "active"),
    Meaning("packed", Act.PACK, AGGREGATION, "ADD", "packing", "container_closed"),
    Meaning("parcel opened", Act.UNPACK, AGGREGATION, "DELETE", "unpacking", "container_open"),
    _FAILED._replace(kinds=_DOCUMENT, station=QC, beside=True),
    _observed("voided", Act.VOID, "decommissioning", "inactive", _VOID),
    _REMADE,
    _object("destruction", Act.DESTROY, "DELETE", "destroying", "destroyed"),
    _observed("order back to its office: dispatched", Act.DISPATCH, "consigning", "in_transit"),
    _REMADE._replace(act=Act.SETTLE, before=(NOT_BORN,)),
    _observed("settled: found", Act.SETTLE, "cycle_counting", "in_progress", _HELD)._replace(before=(State.MISSING,)),
    _observed("settled: void unit found", Act.SETTLE, "cycle_counting", "inactive", _VOID)._replace(
        before=(State.VOID_MISSING,)
    ),
    _observed("settled: found elsewhere", Act.SETTLE, "holding", "unavailable", _DOUBT),
    _observed("settled: made good or unmarked", Act.SETTLE, "inspecting", "conformant", _HELD),
    _observed("settled: made bad", Act.SETTLE, "inspecting", "non_conformant", _VOID),
    _observed("settled: delivered", Act.SETTLE, "accepting", "active", State.ENDED)._replace(
        outcome=Outcome.DELIVERED.value
    ),
    _object("settled: lost", Act.SETTLE, "DELETE", "decommissioning", "unknown", [State.ENDED]),
    LOADED,
    UNLOADED,
    SURPLUS,
    SURPLUS_SETTLED,
)
"""In order of precedence: of those that are not `beside`, the first that fits is the act's own."""


def meaning_of(
    act: str, station: str, kind: str, before: str, after: str, outcome: str | None = None
) -> Meaning | None:
    """Return what an act by a station means for one unit; `before` is `none` at its birth, `outcome` a settlement's."""
    fitting = (meaning for meaning in MEANINGS if not meaning.beside)
    return next((meaning for meaning in fitting if meaning.fits(act, station, kind, before, after, outcome)), None)


def meanings_beside(
    act: str, station: str, kind: str, before: str, after: str, outcome: str | None = None
) -> list[Meaning]:
    """Return what the act tells besides, such as that a document passed inspection."""
    beside = (meaning for meaning in MEANINGS if meaning.beside)
    return [meaning for meaning in beside if meaning.fits(act, station, kind, before, after, outcome)]
