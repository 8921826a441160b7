"""Writing cases and attaching them to rules.

Of the application that a case is of, everything is opened here, in the program: nobody is shown more than they were
when they held it, and nothing but the case goes on.
"""

import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from handoff_logs.dialects import clock_us, insert_row
from handoff_logs.statements import Statement
from stations.by import By
from stations.calendar import CHINA, from_us
from stations.casebook import cut_outs, figures, rules
from stations.casebook.cut_outs import Region
from stations.casebook.errors import (
    AttachedBeforeError,
    BookBusyError,
    CaseIdError,
    CaseOverError,
    CaseTakenError,
    CharactersRefusedError,
    CutOutRefusedError,
    NoSuchRuleError,
    NothingToCorrectError,
    NotTriableError,
    NotWriterError,
    NoVerdictError,
    ReasonNotCaseError,
    UnknownCaseError,
)
from stations.casebook.rules import NAMED_ITEMS, CaughtAt
from stations.intake.batch import ApplicationRecord
from stations.intake.filed import FiledImage
from stations.people import Role
from stations.people_register.credentials import SignedIn, TwoSigned
from stations.review.cases import open_filed
from stations.review.facts import Facts
from stations.review.items import ITEM_OF, ReviewItem
from stations.review.rules import CHECKS, Thresholds
from stations.stopping.errors import UnknownNumberError
from stations.workplace import Workplace

T = TypeVar("T")

FRESH_S: Final = 30 * 60
"""How long after a verdict its case is written: the book is not a way back to what somebody once held."""

_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_COLUMNS: Final = (
    *("case_id", "corrects", "withdrawn", "item", "reason", "caught_at", "shown_character", "taken_for", "words"),
    *("region", "picture", "figures", "day", "shift", "writer", "sign_in", "emulated"),
)
_ATTACHMENT: Final = ("case_id", "rule", "first", "first_sign_in", "second", "second_sign_in", "day", "emulated")
_ENTRY = Statement(f"SELECT {', '.join(_COLUMNS)} FROM casebook_entry WHERE case_id = :case_id")  # noqa: S608 own names
_CORRECTED_BY = Statement("SELECT case_id, withdrawn FROM casebook_entry WHERE corrects = :case_id")
_VERDICT = Statement(
    """
    SELECT d.application_id, d.reasons, EXISTS (SELECT 1 FROM review_second AS s
        WHERE s.application_id = d.application_id AND s.revision = d.revision AND s.round = d.round - 1) AS second
    FROM review_decision AS d WHERE d.decision_id = :decision_id
    AND d.reviewer = :reviewer AND d.outcome IN ('return', 'hold') AND d.undone_us IS NULL
    AND d.stored_us > :fresh_us
    """
)
_SEEN = Statement(
    "SELECT 1 FROM review_decision AS d JOIN review_view AS v ON v.lease_id = d.lease_id"
    " WHERE d.decision_id = :decision_id AND v.what = :role LIMIT 1"
)
_BY_NUMBER = Statement(
    "SELECT application_id FROM application WHERE application_key = :key ORDER BY revision DESC LIMIT 1"
)
_ATTACHED = Statement("SELECT 1 FROM casebook_attachment WHERE case_id = :case_id AND rule = :rule")


@dataclass(frozen=True, slots=True)
class Told:
    """What the writer of a case says.

    `region`: what is cut out, None for no picture. `place`: which character of the name is meant, from 1, where the
    application is known; `character`: the character itself, where it is not. `taken_for`: what it was taken for.
    """

    reason: str
    region: Region | None = None
    place: int | None = None
    character: str = ""
    taken_for: str = ""
    words: str = ""


def fresh_id() -> str:
    """An id for a case; random alone, for one that bore the moment would lead to the verdict of that moment."""
    return secrets.token_hex(16)


def write_of_verdict(workplace: Workplace, by: By, case_id: str, decision_id: str, told: Told) -> bool:
    """Write the case of a verdict that its writer has just given; whether it is news.

    Where it was a second look at a pass, the case says that the second look caught it.

    Raises NoVerdictError, ReasonNotCaseError, WordsRefusedError, CharactersRefusedError, CutOutRefusedError,
    CaseIdError, CaseTakenError, BookBusyError.
    """
    item = _item(told.reason)
    with workplace.database.read() as conn:
        fresh_us = clock_us(conn) - FRESH_S * 1_000_000
        asked = {"decision_id": decision_id, "reviewer": by.code, "fresh_us": fresh_us}
        row = _VERDICT.run(conn, asked).fetchone()
        if row is None:
            raise NoVerdictError(decision_id)
        role = "signature" if told.region is Region.CHARACTER else "photo"
        seen = _SEEN.run(conn, {"decision_id": decision_id, "role": role}).fetchone() is not None
    application_id, reasons, second = row
    if item.code not in {ITEM_OF[reason].code for reason in reasons.split()}:
        raise ReasonNotCaseError(told.reason)
    if told.region is not None and not seen:
        raise CutOutRefusedError("it was not shown to you")
    caught_at = CaughtAt.SECOND if second else CaughtAt.REVIEW
    return _write(workplace, by, case_id, caught_at, _of(workplace, application_id, told))


def write_of_number(workplace: Workplace, by: By, case_id: str, caught_at: CaughtAt, number: str, told: Told) -> bool:
    """Write the case of an application that its writer names by its number; whether it is news.

    The number is not kept. Raises UnknownNumberError, and as `write_of_verdict`.
    """
    _item(told.reason)
    with workplace.database.read() as conn:
        row = _BY_NUMBER.run(conn, {"key": workplace.personal.application_key(number)}).fetchone()
    if row is None:
        raise UnknownNumberError
    return _write(workplace, by, case_id, caught_at, _of(workplace, row[0], told))


def write_of_nothing(workplace: Workplace, by: By, case_id: str, caught_at: CaughtAt, told: Told) -> bool:
    """Write a case without its application: without a picture, and without figures. Raises as `write_of_verdict`."""
    item = _item(told.reason)
    if told.region is not None or told.place is not None:
        raise CutOutRefusedError("it is cut out of what was filed; name the application")
    character, taken_for = rules.checked_characters(item.code, told.character, told.taken_for)
    entry = _entry(item, told.reason, (character, taken_for), rules.checked_words(told.words))
    return _write(workplace, by, case_id, caught_at, entry)


def correct(
    workplace: Workplace,
    by: SignedIn,
    case_id: str,
    new_id: str,
    changes: Mapping[str, str],
    *,
    withdraw: bool = False,
) -> None:
    """Write a further case that stands in place of `case_id`; or, withdrawn, ends it.

    `changes`: of reason, character, taken_for, words; another item's reason drops picture and figures. Raises
    UnknownCaseError, CaseOverError, NotWriterError, NothingToCorrectError, WordsRefusedError, CharactersRefusedError,
    ReasonNotCaseError, CaseIdError, BookBusyError.
    """
    with workplace.database.read() as conn:
        before = _standing(conn, case_id)
    if by.code != before["writer"] and Role.LEAD not in by.roles:
        raise NotWriterError(case_id, before["writer"])
    reason = changes.get("reason", before["reason"])
    item = _item(reason)
    same = item.code == before["item"]
    character = changes.get("character", before["shown_character"] if same or item.code in NAMED_ITEMS else "")
    taken_for = changes.get("taken_for", before["taken_for"] if character else "")
    entry = {name: before[name] for name in _COLUMNS} | {
        "item": item.code,
        "reason": reason,
        "shown_character": character,
        "taken_for": taken_for,
        "words": rules.checked_words(changes.get("words", before["words"])),
    }
    rules.checked_characters(item.code, character, taken_for)
    if not same:
        entry |= {"region": None, "picture": None, "figures": ""}
    elif item.code == "person_pinyin":
        kept = {"character": character, "reading": taken_for}
        entry["figures"] = json.dumps(kept) if character and taken_for.isascii() and taken_for else ""
    if not withdraw and all(entry[name] == before[name] for name in _COLUMNS):
        raise NothingToCorrectError(case_id)
    entry |= {"corrects": case_id, "withdrawn": withdraw}
    if withdraw:
        # What should not have been written is not written again.
        entry |= {"words": "", "shown_character": "", "taken_for": "", "region": None, "picture": None, "figures": ""}
    _write(workplace, By(by.code, by.sign_in), new_id, CaughtAt(before["caught_at"]), entry)


def attach(workplace: Workplace, by: SignedIn | TwoSigned, case_id: str, rule: str, limits: Thresholds) -> bool:
    """Let a case be a test of a rule; whether the rule catches it by these limits.

    Raises UnknownCaseError, CaseOverError, NoSuchRuleError, NotTriableError, AttachedBeforeError, BookBusyError.
    """
    if rule not in CHECKS:
        raise NoSuchRuleError(rule, tuple(CHECKS))
    two = by if isinstance(by, TwoSigned) else None
    first = (by.first, by.first_sign_in) if isinstance(by, TwoSigned) else (by.code, by.sign_in)
    second = (two.second, two.second_sign_in) if two else (None, None)

    def work(tx: Connection) -> dict[str, Any]:
        entry = _standing(tx, case_id)
        if not entry["figures"] or entry["item"] != rule:
            raise NotTriableError(case_id, rule)
        if _ATTACHED.run(tx, {"case_id": case_id, "rule": rule}).fetchone() is not None:
            raise AttachedBeforeError(case_id, rule)
        row = (case_id, rule, *first, *second, _day(tx), workplace.emulated)
        insert_row(tx, "casebook_attachment", _ATTACHMENT, row)
        return entry

    entry = _written(workplace, work)
    return figures.catches(rule, json.loads(entry["figures"]), limits)


def _item(reason: str) -> ReviewItem:
    item = ITEM_OF.get(reason)
    if item is None:
        raise ReasonNotCaseError(reason)
    return item


def _of(workplace: Workplace, application_id: str, told: Told) -> dict[str, Any]:
    """The case of an application: from here on there is nothing of whose it is."""
    item = _item(told.reason)
    opened = open_filed(workplace, [application_id], Thresholds())
    facts, photo, signature = opened[application_id]
    record = facts.filed.record
    characters = _characters(item, told, record)
    words = rules.checked_words(told.words, record)
    entry = _entry(item, told.reason, characters, words)
    kept = figures.kept(item.code, facts, *characters)
    if kept is not None:
        entry["figures"] = json.dumps(kept, ensure_ascii=False)
    if told.region is not None:
        entry |= {"region": told.region.value, "picture": _piece(item, told, facts, photo, signature)}
    return entry


def _characters(item: ReviewItem, told: Told, record: ApplicationRecord) -> tuple[str, str]:
    """The character is taken from the name by its place, or must be in it."""
    name = record.applicant.surname + record.applicant.given_names
    character = told.character
    if item.code in NAMED_ITEMS and told.place is not None:
        if not 1 <= told.place <= len(name):
            raise CharactersRefusedError(f"the name has no character {told.place}")
        character = name[told.place - 1]
    if character and character not in name:
        raise CharactersRefusedError("the character is not one of the name's")
    return rules.checked_characters(item.code, character, told.taken_for)


def _piece(item: ReviewItem, told: Told, facts: Facts, photo: FiledImage, signature: FiledImage | None) -> bytes:
    if told.region is None or told.region not in cut_outs.regions_of(item):
        raise CutOutRefusedError("this item has no such piece")
    if told.region is not Region.CHARACTER:
        return cut_outs.from_photo(photo.image, told.region)
    if signature is None:
        raise CutOutRefusedError("no signature was filed")
    person = facts.filed.record.applicant
    of = len(person.surname + person.given_names)
    place = told.place or (person.surname + person.given_names).find(told.character or "\0") + 1
    return cut_outs.character_of(signature.image, place or of, of)


def _entry(item: ReviewItem, reason: str, characters: tuple[str, str], words: str) -> dict[str, Any]:
    return {
        "corrects": None,
        "withdrawn": False,
        "item": item.code,
        "reason": reason,
        "shown_character": characters[0],
        "taken_for": characters[1],
        "words": words,
        "region": None,
        "picture": None,
        "figures": "",
    }


def _write(workplace: Workplace, by: By, case_id: str, caught_at: CaughtAt, entry: Mapping[str, Any]) -> bool:
    if _ID.fullmatch(case_id) is None:
        raise CaseIdError

    def work(tx: Connection) -> bool:
        stored = _found(tx, case_id)
        if stored is not None:
            said = ("corrects", "item", "reason", "shown_character", "taken_for", "words", "region")
            if stored["writer"] != by.code or any(stored[name] != entry[name] for name in said):
                raise CaseTakenError(case_id)
            return False
        if entry["corrects"] is not None:
            _standing(tx, entry["corrects"])
        whole = dict(entry) | {
            "case_id": case_id,
            "caught_at": caught_at.value,
            "day": _day(tx),
            "shift": workplace.shift,
            "writer": by.code,
            "sign_in": by.sign_in,
            "emulated": workplace.emulated,
        }
        insert_row(tx, "casebook_entry", _COLUMNS, [whole[name] for name in _COLUMNS])
        return True

    return _written(workplace, work)


def _found(tx: Connection, case_id: str) -> dict[str, Any] | None:
    row = _ENTRY.run(tx, {"case_id": case_id}).fetchone()
    if row is None:
        return None
    entry = dict(zip(_COLUMNS, row, strict=True))
    return entry | {"picture": None if entry["picture"] is None else bytes(entry["picture"])}


def _standing(tx: Connection, case_id: str) -> dict[str, Any]:
    entry = _found(tx, case_id)
    if entry is None:
        raise UnknownCaseError(case_id)
    after = _CORRECTED_BY.run(tx, {"case_id": case_id}).fetchone()
    if after is not None:
        raise CaseOverError(case_id, None if after[1] else after[0])
    if entry["withdrawn"]:
        raise CaseOverError(case_id, None)
    return entry


def _day(tx: Connection) -> str:
    return from_us(clock_us(tx)).astimezone(CHINA).date().isoformat()


def _written(workplace: Workplace, work: Callable[[Connection], T]) -> T:
    try:
        return workplace.database.write(work)
    except IntegrityError as error:
        raise BookBusyError from error
