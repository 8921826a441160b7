"""Asking the book: which cases stand, those of a day, those like one that is looked at, and which are tests."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from handoff_logs.reading import Reading, Row
from stations.casebook import figures
from stations.casebook.errors import UnknownCaseError
from stations.casebook.rules import NAMED_ITEMS
from stations.review.items import ITEM_OF
from stations.review.rules import Thresholds

MOST: Final = 200
"""Cases that a list has at most."""
SIMILAR: Final = 3

_SHOWN: Final = """
    e.case_id, e.item, e.reason, e.caught_at, e.shown_character AS character, e.taken_for, e.words, e.region, e.day,
    e.shift, e.writer, e.emulated, e.corrects
"""
_STANDS: Final = """
    NOT e.withdrawn AND NOT EXISTS (SELECT 1 FROM casebook_entry AS after WHERE after.corrects = e.case_id)
"""
_NEWEST: Final = f"SELECT {_SHOWN} FROM casebook_entry AS e WHERE {_STANDS} AND "  # noqa: S608 own words
_ORDER: Final = " ORDER BY e.day DESC, e.case_id LIMIT "
_FILTERS: Final[Mapping[str, str]] = {
    "item": "e.item = :item",
    "reason": "e.reason = :reason",
    "character": "(e.shown_character = :character OR e.taken_for = :character)",
    "since": "e.day >= :since",
    "until": "e.day <= :until",
}
_LAST_DAY: Final = "coalesce((SELECT max(b.day) FROM casebook_entry AS b WHERE b.day < :day), :day)"
_TODAY: Final = f"{_NEWEST} e.day >= {_LAST_DAY}{_ORDER}{MOST}"
_ONE: Final = f"""
SELECT {_SHOWN}, e.withdrawn, e.figures, after.case_id AS corrected_by, after.withdrawn AS ended
FROM casebook_entry AS e LEFT JOIN casebook_entry AS after ON after.corrects = e.case_id WHERE e.case_id = :case_id
"""  # noqa: S608 own words
_WORD: Final = re.compile("[0-9a-f]{8,32}", re.ASCII)
_NAMED: Final = "SELECT case_id FROM casebook_entry WHERE case_id >= :word AND case_id < :end LIMIT 2"
_PICTURE: Final = f"SELECT e.picture FROM casebook_entry AS e WHERE e.case_id = :case_id AND {_STANDS}"  # noqa: S608
_RULES: Final = "SELECT rule, first, second, day FROM casebook_attachment WHERE case_id = :case_id ORDER BY rule"
_TESTS: Final = f"""
SELECT a.rule, {_SHOWN}, e.figures FROM casebook_attachment AS a JOIN casebook_entry AS e ON e.case_id = a.case_id
WHERE {_STANDS} ORDER BY a.rule, e.case_id
"""  # noqa: S608 own words


@dataclass(frozen=True, slots=True)
class Trial:
    """An attached case, its rule, and what the rule says of it now: `says` is a reason or doubt code, or empty."""

    rule: str
    case: Row
    caught: bool
    says: str


def search(reading: Reading, wanted: Mapping[str, str], most: int = MOST) -> list[Row]:
    """Cases that stand, the newest days first. `wanted`: of item, reason, character, since, until (days) those said."""
    asked = {name: value for name, value in wanted.items() if value}
    where = " AND ".join([_FILTERS[name] for name in asked] or ["TRUE"])
    return _plain(reading.rows(f"{_NEWEST}{where}{_ORDER}{int(most)}", **asked))


def of_the_day(reading: Reading, day: str) -> list[Row]:
    """What a shift begins with: the cases of `day` (2026-11-30) and of the last day before it that had any."""
    return _plain(reading.rows(_TODAY, day=day))


def named(reading: Reading, word: str) -> str:
    """The id of the case that somebody calls so: whole, or by its first digits, eight at least.

    Raises UnknownCaseError.
    """
    found = reading.rows(_NAMED, word=word, end=f"{word}g") if _WORD.fullmatch(word) else []
    if len(found) != 1:
        raise UnknownCaseError(word)
    return str(found[0]["case_id"])


def one(reading: Reading, case_id: str) -> Row | None:
    """A case, whether it stands or not, with `rules` that it tests; of one that was withdrawn no content."""
    found = reading.rows(_ONE, case_id=case_id)
    if not found:
        return None
    (row,) = _plain(found)
    if row["ended"] or row["withdrawn"]:
        row |= {"words": "", "character": "", "taken_for": "", "region": None, "figures": ""}
    row["figures"] = json.loads(row["figures"]) if row["figures"] else None
    return row | {"rules": reading.rows(_RULES, case_id=case_id), "withdrawn": bool(row["ended"] or row["withdrawn"])}


def picture(reading: Reading, case_id: str) -> bytes | None:
    """The picture of a case that stands."""
    found = reading.rows(_PICTURE, case_id=case_id)
    return bytes(found[0]["picture"]) if found and found[0]["picture"] is not None else None


def similar(reading: Reading, reasons: Sequence[str], name: str) -> list[Row]:
    """Up to three cases like each of what is suspected, by reason; and up to three of the characters of a name.

    Those of the same reason come first, then those of its item. A name's own cases are those of a character of it.
    """
    found: list[Row] = []
    for reason in dict.fromkeys(reason for reason in reasons if reason in ITEM_OF):
        item = ITEM_OF[reason].code
        if item not in NAMED_ITEMS:
            same = search(reading, {"reason": reason}, SIMILAR)
            others = search(reading, {"item": item}, 2 * SIMILAR) if len(same) < SIMILAR else []
            known = {case["case_id"] for case in same}
            found += [*same, *(case for case in others if case["case_id"] not in known)][:SIMILAR]
    named = [case for each in dict.fromkeys(name) for case in search(reading, {"character": each}, SIMILAR)]
    found += list({case["case_id"]: case for case in named}.values())[:SIMILAR]
    return found


def tests(reading: Reading) -> list[Row]:
    """Each attached case that stands, with its rule and figures."""
    return [row | {"figures": json.loads(row["figures"])} for row in _plain(reading.rows(_TESTS))]


def trials(reading: Reading, limits: Thresholds) -> list[Trial]:
    """Every attached case run against its rule by these limits."""
    tried = []
    for case in tests(reading):
        finding = figures.said(case["rule"], case["figures"], limits)
        caught = figures.catches(case["rule"], case["figures"], limits)
        tried.append(Trial(case["rule"], case, caught, finding.reason or ""))
    return tried


def _plain(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """SQLite has no truth values."""
    flags = ("emulated", "withdrawn", "ended")
    return [row | {name: bool(row[name]) for name in flags if name in row} for row in rows]
