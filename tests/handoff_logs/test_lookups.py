"""Who asked the log what is written before the answer, durably, and never changed."""

import json
import time
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from handoff_logs.errors import HandoffLogError, UnsupportedUrlError
from handoff_logs.lookups import LookupNotRecordedError, record_lookup


def test_a_look_up_is_recorded_with_who_when_and_what(centre: Any, database_url: str) -> None:
    before = time.time_ns() // 1000
    record_lookup(database_url, "auditor", "document", {"number": None, "station": "qc"})
    query = text("SELECT reader, question, parameters, asked_us FROM audit_lookup")
    (row,) = centre.do(lambda tx: tx.execute(query).all())
    assert (row[0], row[1], json.loads(row[2])) == ("auditor", "document", {"number": None, "station": "qc"})
    assert before <= row[3] <= time.time_ns() // 1000


def test_a_record_of_a_look_up_is_never_changed(centre: Any, database_url: str) -> None:
    record_lookup(database_url, "auditor", "document", {})
    statements = [
        "UPDATE audit_lookup SET reader = 'nobody'",
        "DELETE FROM audit_lookup",
        "INSERT OR REPLACE INTO audit_lookup VALUES (1, 0, 'nobody', 'nothing', '{}')",
    ]
    if not database_url.startswith("sqlite"):
        statements[2] = "TRUNCATE audit_lookup"
    for statement in statements:
        with pytest.raises((HandoffLogError, DBAPIError), match="append-only"):
            centre.sql(statement)


def test_what_can_not_be_recorded_says_that_nothing_is_answered(centre: Any, database_url: str) -> None:
    with pytest.raises(LookupNotRecordedError, match="longer"):
        record_lookup(database_url, "auditor", "document", {"a": "b" * 20_000})
    unguard = "ALTER TABLE audit_lookup DISABLE TRIGGER audit_lookup_append_only"
    if database_url.startswith("sqlite"):
        unguard = "DROP TRIGGER audit_lookup_no_delete"
    centre.sql(unguard)
    with pytest.raises(LookupNotRecordedError, match="nothing is answered"):
        record_lookup(database_url, "auditor", "document", {})
    centre.sql("DROP TABLE audit_lookup")
    with pytest.raises(LookupNotRecordedError, match="missing"):
        record_lookup(database_url, "auditor", "document", {})
    with pytest.raises(UnsupportedUrlError):
        record_lookup("mysql://x", "auditor", "document", {})
