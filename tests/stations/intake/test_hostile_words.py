"""Words of an application that are made to become something else: set aside at intake, or text for ever."""

import json
from typing import Any

import pytest
from small_facts import PICTURE, RECORD

from stations.intake.batch import ApplicationRecord
from stations.intake.rules import Refusal, read_line

NO_TEXT = {
    "escape": "\x1b]0;owned\x07",
    "C1": "\x9b2J",
    "NUL": "a\x00b",
    "tab": "\t=1+1",
    "line end": "a\nb",
    "return": "a\rb",
    "override": "\u202e86 号",
    "isolate": "\u2066x\u2069",
    "zero width": "济\u200b南",
    "mark": "\ufeff济南",
    "soft hyphen": "济\u00ad南",
    "tag": "济\U000e0041",
    "separator": "a\u2028b",
}
TEXT = {
    "HTML": "<img src=x onerror=alert(1)>",
    "closing": "</script><script>alert(1)</script>",
    "template": "{{7*7}}{% debug %}${7*7}",
    "SQL": "'; DROP TABLE application; --",
    "formula": "=cmd|'/C calc'!A0",
    "markup": "[bold]x[/]",
    "path": "../../etc/passwd",
    "rare": "𠮷𰻞 ཀ عربي é",
}
"""What an address may be, for all we know; each face of the line shows it as it stands."""
ADDRESS = {"recipient": "王晓明", "phone": "13800000000", "lines": "济南市历下区一号", "postcode": "250000"}


def line(place: str, word: str) -> bytes:
    record: dict[str, Any] = {
        **RECORD,
        "photo": PICTURE,
        "address": dict(ADDRESS),
        "applicant": dict(RECORD["applicant"]),
    }
    above, _, field = place.partition(".")
    if field:
        record[above][field] = word
    else:
        record[above] = word
    return json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("place", ["applicant.birthplace", "address.lines"])
@pytest.mark.parametrize("word", NO_TEXT.values(), ids=NO_TEXT)
def test_what_is_no_sign_is_set_aside_by_its_field(place: str, word: str) -> None:
    assert read_line(line(place, word)) == Refusal(place, "wrong_value", RECORD["number"])


@pytest.mark.parametrize("word", [b"\\ud800", b"\xed\xa0\x80"])
def test_half_a_character_makes_a_line_that_is_none(word: bytes) -> None:
    refusal = read_line(line("address.lines", "HERE").replace(b"HERE", word))
    assert isinstance(refusal, Refusal) and refusal.reason == "broken_line"


@pytest.mark.parametrize("place", ["applicant.birthplace", "address.lines"])
@pytest.mark.parametrize("word", TEXT.values(), ids=TEXT)
def test_what_only_looks_like_something_else_is_text(place: str, word: str) -> None:
    record = read_line(line(place, word))
    assert isinstance(record, ApplicationRecord)
    assert word in (record.applicant.birthplace, record.address.lines if record.address else "")


@pytest.mark.parametrize(
    "place",
    [
        "number",
        "office",
        "product",
        "applicant.surname",
        "applicant.given_names",
        "applicant.surname_latin",
        "applicant.given_names_latin",
        "applicant.birthplace_latin",
        "applicant.resident_id",
        "applicant.phone",
        "address.recipient",
        "address.phone",
        "address.postcode",
    ],
)
@pytest.mark.parametrize("word", [*TEXT.values(), *NO_TEXT.values(), "A" * 5_000], ids=[*TEXT, *NO_TEXT, "long"])
def test_names_numbers_and_codes_hold_nothing_but_their_own_signs(place: str, word: str) -> None:
    refusal = read_line(line(place, word))
    assert isinstance(refusal, Refusal)
    assert refusal.field == place
