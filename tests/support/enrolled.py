"""People for tests that need some who may sign: written straight into the tables, with sign-ins that were accepted."""

from sqlalchemy import text

from handoff_logs.database import Database
from handoff_logs.records import new_id
from stations.people_register.credentials import SignedIn

FIRST, SECOND = "p-0001", "p-0002"


def enrol(database: Database, **roles: str) -> dict[str, SignedIn]:
    """Enrol two administrators and a person for each of `roles` (name to role); everybody has just signed in."""
    codes = {"administrator": FIRST, "second": SECOND}
    given = {"administrator": "administrator", "second": "administrator"}
    for number, (name, role) in enumerate(roles.items(), start=11):
        codes[name], given[name] = f"p-{number:04}", role

    def sql(statement: str, **facts: object) -> None:
        database.write(lambda tx: tx.execute(text(statement), facts))

    by = {"first": FIRST, "second": SECOND}
    signed = {}
    for founder, (name, code) in enumerate(codes.items(), start=1):
        if founder <= 2:
            insert = "INSERT INTO person (code, founder, enrolled_us) VALUES (:code, :founder, 1)"
            sql(insert, code=code, founder=founder)
            sql("INSERT INTO person_role VALUES (:code, 'administrator', NULL, NULL, 1)", code=code)
        else:
            insert = (
                "INSERT INTO person (code, enrolled_by, enrolled_second, enrolled_us)"
                " VALUES (:code, :first, :second, 1)"
            )
            sql(insert, code=code, **by)
            sql("INSERT INTO person_role VALUES (:code, :role, :first, :second, 1)", code=code, role=given[name], **by)
        attempt = new_id()
        sql("INSERT INTO sign_in_attempt VALUES (:id, :code, 1, 'accepted')", id=attempt, code=code)
        signed[name] = SignedIn(code, frozenset({given[name]}), attempt)
    return signed


def end(database: Database, code: str) -> None:
    """End a person's standing."""
    leave = "UPDATE person SET ended_us = 2, ended_by = :first, ended_second = :second WHERE code = :code"
    database.write(lambda tx: tx.execute(text(leave), {"first": FIRST, "second": SECOND, "code": code}))
