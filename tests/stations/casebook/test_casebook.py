"""The casebook: written once, corrected by a further case, nobody's; on both databases."""

import json
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from handoff_logs.errors import CustodyRefusedError
from handoff_logs.reading import Reading, Row, open_reading
from stations.casebook import listing, station
from stations.casebook.cut_outs import Region
from stations.casebook.errors import (
    AttachedBeforeError,
    BookBusyError,
    CaseIdError,
    CaseOverError,
    CaseTakenError,
    CutOutRefusedError,
    NoSuchRuleError,
    NothingToCorrectError,
    NotTriableError,
    NotWriterError,
    NoVerdictError,
    ReasonNotCaseError,
    UnknownCaseError,
    WordsRefusedError,
)
from stations.casebook.rules import CaughtAt
from stations.casebook.station import Told
from stations.people_register.credentials import SignedIn, TwoSigned
from stations.review.rules import Thresholds
from stations.review.second import SecondLooks
from stations.review.station import book_decided
from stations.trays import unfinished_trays


def signed(book: Any, who: str) -> SignedIn:
    by = book.desk.by[who]
    return SignedIn(by.code, book.desk.people[who].roles, by.sign_in)


def test_the_case_of_a_verdict_says_what_was_wrong_and_nothing_of_whose_it_was(book: Any) -> None:
    sent = book.caught("photo_ears_hair", "application_fee")
    case_id = book.write(sent, "photo_ears_hair", Region.RIGHT_EAR, words="hair over the ear")
    case = book.one(case_id)
    said = ("item", "reason", "caught_at", "region", "words", "writer", "shift", "emulated")
    assert [case[name] for name in said] == [
        *("photo_ears", "photo_ears_hair", "review", "right_ear", "hair over the ear", "p-0011", "day", True)
    ]
    stored = book.desk.rows("SELECT * FROM casebook_entry")
    record, told = book.record(sent), repr(stored)
    person = record.applicant
    for personal in (record.number, person.resident_id, person.surname_latin, person.phone, record.photo.sha256):
        assert personal not in told
    ((lease, application),) = book.desk.rows(
        "SELECT lease_id, application_id FROM review_decision WHERE decision_id = :id", id=sent.decision_id
    )
    assert not [each for each in (lease, application, sent.decision_id) if each in told]


def test_a_case_sent_twice_is_one_case_and_another_under_its_id_is_refused(book: Any) -> None:
    sent = book.caught("photo_ears")
    by, told, case_id = book.desk.by["ann"], Told("photo_ears"), station.fresh_id()
    assert station.write_of_verdict(book.desk.here, by, case_id, sent.decision_id, told)
    assert not station.write_of_verdict(book.desk.here, by, case_id, sent.decision_id, told)
    with pytest.raises(CaseTakenError):
        station.write_of_verdict(book.desk.here, by, case_id, sent.decision_id, replace(told, words="else"))
    with pytest.raises(CaseIdError):
        station.write_of_verdict(book.desk.here, by, "1", sent.decision_id, told)
    assert len(book.ask(listing.search, {})) == 1


def test_a_case_is_written_of_ones_own_return_or_hold_that_stands(book: Any) -> None:
    passed = book.caught(outcome="pass")
    returned = book.caught("photo_ears", who="bob")
    with pytest.raises(NoVerdictError):
        book.write(passed, "photo_ears")
    with pytest.raises(NoVerdictError):
        book.write(returned, "photo_ears")
    with pytest.raises(ReasonNotCaseError):
        book.write(returned, "photo_eyes", who="bob")
    book.desk.undo("bob", returned)
    with pytest.raises(NoVerdictError):
        book.write(returned, "photo_ears", who="bob")
    assert book.ask(listing.search, {}) == []


def test_nothing_is_cut_out_of_a_picture_that_its_writer_was_not_shown(book: Any) -> None:
    sent = book.caught("photo_ears", "photo_format", seen=False)
    with pytest.raises(CutOutRefusedError):
        book.write(sent, "photo_ears", Region.LEFT_EAR)
    looked = book.desk.rows("SELECT count(*) FROM review_view")
    book.write(sent, "photo_ears")
    assert book.desk.rows("SELECT count(*) FROM review_view") == looked


def test_an_item_that_only_a_face_would_show_has_no_picture(book: Any) -> None:
    sent = book.caught("photo_head_tilted", "photo_ears")
    for region in Region:
        with pytest.raises(CutOutRefusedError):
            book.write(sent, "photo_head_tilted", region)
    with pytest.raises(CutOutRefusedError):
        book.write(sent, "photo_ears", Region.LEFT_EYE)


def test_words_that_tell_whose_it_was_are_refused_at_the_desk(book: Any) -> None:
    sent = book.caught("signature_characters_look_alike")
    person = book.record(sent).applicant
    name = person.surname + person.given_names
    for words in (f"{name} again", f"Mrs {person.surname_latin}", f"call {person.phone}", person.resident_id):
        with pytest.raises(WordsRefusedError) as refused:
            book.write(sent, "signature_characters_look_alike", words=words)
        assert words not in str(refused.value)
    assert book.ask(listing.search, {}) == []


def test_of_a_name_one_character_is_kept_and_found_again(book: Any) -> None:
    sent = book.caught("signature_characters_look_alike")
    person = book.record(sent).applicant
    name = person.surname + person.given_names
    case_id = book.write(sent, "signature_characters_look_alike", Region.CHARACTER, place=2, taken_for="哓")
    case = book.one(case_id)
    assert (case["character"], case["taken_for"], case["region"]) == (name[1], "哓", "character")
    for character in (name[1], "哓"):
        assert [each["case_id"] for each in book.ask(listing.search, {"character": character})] == [case_id]
    assert [each["case_id"] for each in book.ask(listing.similar, [], name)] == [case_id]
    assert book.ask(listing.similar, [], "囧") == []


def test_a_case_from_qc_is_its_inspectors_and_names_the_application_without_keeping_it(book: Any) -> None:
    number = book.record(book.caught("photo_ears")).number
    by, case_id = book.desk.by["lead"], station.fresh_id()
    told = Told("photo_background", Region.BACKGROUND, words="grey on the print")
    assert station.write_of_number(book.desk.here, by, case_id, CaughtAt.QC, number, told)
    assert book.one(case_id)["caught_at"] == "qc" and number not in repr(book.desk.rows("SELECT * FROM casebook_entry"))
    with pytest.raises(BookBusyError):
        station.write_of_nothing(
            book.desk.here, book.desk.by["ann"], station.fresh_id(), CaughtAt.QC, Told("photo_ears")
        )
    assert station.write_of_nothing(
        book.desk.here, by, station.fresh_id(), CaughtAt.PACKING, Told("application_address")
    )


def test_a_case_is_corrected_by_a_further_one_that_names_it(book: Any) -> None:
    first = book.write(book.caught("photo_ears_hair"), "photo_ears_hair", Region.LEFT_EAR, words="wrong")
    ann, bob, lead = (signed(book, who) for who in ("ann", "bob", "lead"))
    second, third = station.fresh_id(), station.fresh_id()
    with pytest.raises(NotWriterError):
        station.correct(book.desk.here, bob, first, second, {"words": "x"})
    with pytest.raises(NothingToCorrectError):
        station.correct(book.desk.here, ann, first, second, {"words": "wrong"})
    station.correct(book.desk.here, ann, first, second, {"words": "right"})
    assert book.one(second)["corrects"] == first and book.one(first)["corrected_by"] == second
    assert [each["case_id"] for each in book.ask(listing.search, {})] == [second]
    assert book.ask(listing.picture, second) and book.ask(listing.picture, first) is None
    with pytest.raises(CaseOverError):
        station.correct(book.desk.here, ann, first, station.fresh_id(), {"words": "again"})
    station.correct(book.desk.here, lead, second, third, {}, withdraw=True)
    assert book.ask(listing.search, {}) == [] and book.ask(listing.picture, second) is None
    assert book.one(second)["words"] == "" and book.one(second)["withdrawn"]
    for gone in (second, third):
        with pytest.raises(CaseOverError):
            station.correct(book.desk.here, lead, gone, station.fresh_id(), {"words": "again"})
    with pytest.raises(UnknownCaseError):
        station.correct(book.desk.here, lead, station.fresh_id(), station.fresh_id(), {"words": "again"})


def test_the_database_changes_and_deletes_no_page_of_the_book(book: Any) -> None:
    case_id = book.write(book.caught("photo_background_dark"), "photo_background_dark")
    station.attach(book.desk.here, signed(book, "lead"), case_id, "photo_background", Thresholds())
    for table, column in (("casebook_entry", "item"), ("casebook_attachment", "rule")):
        for statement in (f"UPDATE {table} SET {column} = 'photo_head'", f"DELETE FROM {table}"):
            with pytest.raises(DBAPIError, match="append-only"):
                book.sql(statement)


def test_a_second_look_that_differs_gives_a_case_that_says_so_and_nothing_of_who_was_first(book: Any) -> None:
    """The item is the verdict's; whoever looked first is nowhere in it, nor on its page."""
    book.desk.decide_all("ann")
    tray = unfinished_trays(book.desk.here)[0]
    assert book_decided(book.desk.here, tray, seconds=SecondLooks(1.0)) is None
    case_id = book.write(book.caught("photo_ears_hair", who="bob"), "photo_ears_hair", who="bob")
    case = book.one(case_id)
    assert (case["caught_at"], case["item"], case["writer"]) == ("second", "photo_ears", book.desk.by["bob"].code)
    assert book.desk.by["ann"].code not in repr(case)


PICTURE = bytes.fromhex("89504E470D0A1A0A0000000D494844520000001000000010") + bytes(40)
WRONG: tuple[dict[str, Any], ...] = (
    {"words": "call 13800"},
    {"picture": PICTURE.replace(b"\x00\x00\x00\x10", b"\x00\x00\x00\x41", 1), "region": "left_ear"},
    {"picture": PICTURE[:20] + b"\x00\x00\x01\x10" + PICTURE[24:], "region": "left_ear"},
    {"picture": b"\xff\xd8" + PICTURE, "region": "left_ear"},
    {"picture": PICTURE, "region": "face"},
    {"picture": PICTURE},
    {"reason": "photo_eyes"},
    {"reason": "photo_earsx"},
    {"caught_at": "vault"},
    {"taken_for": "哓"},
    {"day": "2020-01-01"},
    {"sign_in": None},
    {"writer": "p-0012"},
    {"caught_at": "qc"},
    {"withdrawn": True},
    {"corrects": "x" * 32},
)


def test_the_database_refuses_what_is_no_case(book: Any) -> None:
    """Whoever writes past the program."""
    by = book.desk.by["ann"]
    book.write(book.caught("photo_ears"), "photo_ears")
    ((day,),) = book.desk.rows("SELECT day FROM casebook_entry")
    row = dict.fromkeys(("corrects", "region", "picture")) | dict.fromkeys(
        ("shown_character", "taken_for", "words", "figures"), ""
    )
    row |= {
        "case_id": station.fresh_id(),
        "withdrawn": False,
        "item": "photo_ears",
        "reason": "photo_ears",
        "shift": "day",
    }
    row |= {"caught_at": "review", "day": day, "writer": by.code, "sign_in": by.sign_in, "emulated": False}
    insert = f"INSERT INTO casebook_entry ({', '.join(row)}) VALUES (:{', :'.join(row)})"
    book.sql(insert, **row)
    for wrong in ({"case_id": row["case_id"]}, *WRONG):
        with pytest.raises((DBAPIError, CustodyRefusedError)):  # a foreign key is translated
            book.sql(insert, **row | {"case_id": station.fresh_id()} | wrong)


def test_a_case_that_is_attached_is_a_test_of_its_rule(book: Any) -> None:
    """By a lead alone or by two; limits that let it through are found out."""
    case_id = book.write(book.caught("photo_sharpness"), "photo_sharpness")
    ann, bob, lead = (signed(book, who) for who in ("ann", "bob", "lead"))
    two = TwoSigned(ann.code, bob.code, ann.sign_in, bob.sign_in)
    here = book.desk.here
    with pytest.raises(BookBusyError):
        station.attach(here, ann, case_id, "photo_sharpness", Thresholds())
    with pytest.raises(BookBusyError):
        same = TwoSigned(ann.code, ann.code, ann.sign_in, ann.sign_in)
        station.attach(here, same, case_id, "photo_sharpness", Thresholds())
    with pytest.raises(NoSuchRuleError):
        station.attach(here, lead, case_id, "photo_ears", Thresholds())
    with pytest.raises(NotTriableError):
        station.attach(here, lead, case_id, "photo_background", Thresholds())
    assert not station.attach(here, two, case_id, "photo_sharpness", Thresholds())  # it is a sound photograph
    with pytest.raises(AttachedBeforeError):
        station.attach(here, lead, case_id, "photo_sharpness", Thresholds())
    strict = Thresholds(sharpness=0.9)
    assert [(trial.rule, trial.caught) for trial in book.ask(listing.trials, Thresholds())] == [
        ("photo_sharpness", False)
    ]
    assert [trial.caught for trial in book.ask(listing.trials, strict)] == [True]
    station.correct(here, lead, case_id, station.fresh_id(), {}, withdraw=True)
    assert book.ask(listing.trials, strict) == []


def test_a_shift_begins_with_the_cases_of_the_day_and_of_the_last_day_that_had_any(book: Any) -> None:
    case_id = book.write(book.caught("photo_ears"), "photo_ears")
    day = book.one(case_id)["day"]
    assert [each["case_id"] for each in book.ask(listing.of_the_day, day)] == [case_id]
    assert [each["case_id"] for each in book.ask(listing.of_the_day, "2999-01-01")] == [case_id]


def test_cases_like_a_suspicion_have_its_reason_first_then_its_item(book: Any) -> None:
    hair = book.write(book.caught("photo_ears_hair", "photo_eyes"), "photo_ears_hair")
    worn = book.write(book.caught("photo_ears_worn"), "photo_ears_worn")
    found = book.ask(listing.similar, ["photo_ears_worn", "no_such"], "")
    assert [each["case_id"] for each in found] == [worn, hair]
    assert book.ask(listing.similar, ["photo_eyes"], "") == []
    assert json.loads(json.dumps(found))


def test_what_is_asked_at_the_desk_goes_by_an_index(book: Any) -> None:
    """The book grows for years, and cases like a suspicion are asked for at every application."""
    if not book.url.startswith("sqlite"):
        pytest.skip("SQLite says how it goes")
    with open_reading(book.url) as reading:
        asked: list[str] = []
        for wanted in ({"reason": "photo_ears"}, {"item": "photo_ears"}, {"character": "晓"}):
            listing.search(Explaining(reading, asked), wanted, 3)  # type: ignore[arg-type]
        listing.of_the_day(Explaining(reading, asked), "2026-11-30")  # type: ignore[arg-type]
        listing.picture(Explaining(reading, asked), "x")  # type: ignore[arg-type]
    assert len(asked) > 5 and [step for step in asked if step.startswith("SCAN")] == []


class Explaining:
    """Keeps the plan of each question, and answers nothing."""

    def __init__(self, reading: Reading, steps: list[str]) -> None:
        self.reading, self.steps = reading, steps

    def rows(self, sql: str, **parameters: str | int | None) -> list[Row]:
        found = self.reading.rows(f"EXPLAIN QUERY PLAN {sql}", **parameters)
        self.steps += [str(row["detail"]) for row in found]
        return []
