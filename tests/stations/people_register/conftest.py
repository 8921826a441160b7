"""A register with administrators, on SQLite and PostgreSQL; hashes are real and cheap, but for tests that time them."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import text

from handoff_logs.database import Database
from stations.people import Role
from stations.people_register import passwords, register
from stations.people_register.credentials import Credentials, TwoSigned
from stations.people_register.rules import ADMINISTRATORS
from stations.people_register.sign_in import sign_in_two

FIRST = Credentials("p-0001", "a password of one")
SECOND = Credentials("p-0002", "a password of two")
WORKER = Credentials("p-0417", "操作员的口令，足够长的了")


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def people(line_database: Database) -> Database:
    """A founded register."""
    register.found(line_database, FIRST, SECOND, emulated=True)
    return line_database


@pytest.fixture
def administrators(people: Database) -> TwoSigned:
    """Its administrators, signed in."""
    return sign_in_two(people, FIRST, SECOND, ADMINISTRATORS)


@pytest.fixture
def worker(people: Database, administrators: TwoSigned) -> Credentials:
    """An operator."""
    register.enrol(people, administrators, WORKER, [Role.OPERATOR], emulated=True)
    return WORKER


@pytest.fixture
def sql(line_database: Database) -> Callable[..., Any]:
    """Runs one statement in a transaction of its own."""

    def execute(statement: str, **parameters: object) -> None:
        line_database.write(lambda tx: tx.execute(text(statement), parameters))

    return execute


@pytest.fixture
def attempts(line_database: Database, sql: Callable[..., Any]) -> Callable[[str, list[float]], None]:
    """Writes refused sign-ins with a code, so many seconds ago."""

    def write(code: str, ages_s: list[float]) -> None:
        now_us = time.time_ns() // 1_000
        for number, age_s in enumerate(ages_s):
            for outcome in ("begun", "refused"):
                sql(
                    "INSERT INTO sign_in_attempt VALUES (:id, :code, :at, :outcome)",
                    id=f"{outcome}-{code}-{number}",
                    code=code,
                    at=now_us - round(age_s * 1_000_000),
                    outcome=outcome,
                )

    return write
