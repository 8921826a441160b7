"""The standard's parameters, each read or refused by name."""

from urllib.parse import quote

import pytest

from handoff_logs.epcis.parameters import QueryParameterError, asked
from handoff_logs.epcis.search import Question


def test_nothing_asked_is_everything_a_page_at_a_time() -> None:
    assert (asked("").question, asked("").per_page, asked("").token) == (Question(), 30, None)


def test_times_are_microseconds_utc_and_words_are_words() -> None:
    read = asked(
        f"GE_eventTime={quote('2026-11-26T03:59:28.301774+08:00')}&EQ_bizStep=packing%7Curn:own:step&perPage=1000"
    )
    assert read.question == Question(
        ge_event_us=1_795_636_768_301_774, biz_steps=frozenset({"packing", "urn:own:step"})
    )
    assert read.per_page == 1000


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("EQ_bizStp=accepting", "EQ_bizStp"),
        ("EQ_bizStep=acceptin", "EQ_bizStep"),
        ("EQ_bizStep=", "EQ_bizStep"),
        ("EQ_bizStep=a&EQ_bizStep=b", "EQ_bizStep"),
        ("EQ_action=OBSERVED", "EQ_action"),
        ("eventType=QuantityEvent", "eventType"),
        ("GE_eventTime=yesterday", "GE_eventTime"),
        ("GE_eventTime=2026-11-25T08:00:00", "GE_eventTime"),
        ("GE_eventTime=2026-11-25T08:00:00+08:00", "%2B"),
        ("MATCH_epc=E1", "MATCH_epc"),
        ("MATCH_epc=" + "%7C".join(["urn:a:b"] * 101), "MATCH_epc"),
        ("perPage=0", "perPage"),
        ("perPage=1001", "perPage"),
        ("perPage=1e3", "perPage"),
        ("orderBy=quantity", "orderBy"),
        ("orderDirection=UP", "orderDirection"),
        ("<script>=1", "a parameter"),
        ("EQ_bizStep", "the query string"),
        ("%ff=1", "the query string"),
    ],
)
def test_what_can_not_be_asked_is_refused_by_name(query: str, named: str) -> None:
    with pytest.raises(QueryParameterError) as refusal:
        asked(query)
    assert named in str(refusal.value)
    assert "<" not in str(refusal.value)
