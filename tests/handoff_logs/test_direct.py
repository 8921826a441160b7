"""A short write beside the log's own: durable as a whole or not at all, and what is refused is a sentence."""

from typing import Any

import pytest
from sqlalchemy import text

from handoff_logs.direct import open_writing
from handoff_logs.errors import UnreadableDatabaseError, UnsupportedUrlError

INSERT = "INSERT INTO audit_lookup (asked_us, reader, question, parameters) VALUES (:us, 'r', 'q', :said)"
COUNT = "SELECT count(*) AS rows FROM audit_lookup WHERE reader = 'r'"


def test_a_write_is_there_for_others_when_its_block_has_ended(centre: Any, database_url: str) -> None:
    with open_writing(database_url) as writing:
        before_us = writing.clock_us()
        assert writing.change(INSERT, us=before_us, said="100% :sure") == 1
        assert writing.rows(COUNT) == [{"rows": 1}]
        assert writing.clock_us() >= before_us
    said = "SELECT parameters FROM audit_lookup"
    assert centre.do(lambda tx: tx.execute(text(said)).scalars().all()) == ["100% :sure"]


def test_what_raises_leaves_nothing(database_url: str) -> None:
    with pytest.raises(KeyError), open_writing(database_url) as writing:
        writing.change(INSERT, us=1, said="x")
        raise KeyError
    with open_writing(database_url) as writing:
        assert writing.rows(COUNT) == [{"rows": 0}]


@pytest.mark.parametrize(
    "statement", ["DELETE FROM audit_lookup", "UPDATE audit_lookup SET reader = 'x'", "SELECT nothing", "no SQL"]
)
def test_what_the_database_refuses_is_a_refusal_of_ours(database_url: str, statement: str) -> None:
    with open_writing(database_url) as writing:
        writing.change(INSERT, us=1, said="x")
    with pytest.raises(UnreadableDatabaseError) as refused, open_writing(database_url) as writing:
        writing.change(statement)
    assert len(str(refused.value).splitlines()) == 1
    with open_writing(database_url) as writing:
        assert writing.rows(COUNT) == [{"rows": 1}]


def test_where_no_database_is_none_is_made(tmp_path: Any) -> None:
    for url, error in ((f"sqlite:///{tmp_path}/no.db", UnreadableDatabaseError), ("mysql://x", UnsupportedUrlError)):
        with pytest.raises(error), open_writing(url):
            pytest.fail("it was opened")
    assert list(tmp_path.iterdir()) == []
