"""The custody migrations make what the models say, and the guards besides."""

from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, create_engine, inspect, text
from sqlalchemy.schema import CheckConstraint

from handoff_logs import migrations, tables
from handoff_logs.guard_names import POSTGRESQL_GUARDS, SQLITE_GUARDS
from handoff_logs.guards import assert_guarded
from handoff_logs.moves import LEGAL_MOVES

MODELS: tuple[Any, ...] = (
    tables.CustodyEvent,
    tables.CustodyUnit,
    tables.CustodyCase,
    tables.CustodyMove,
    tables.CustodyRegister,
    tables.SealOrigin,
    tables.SealLeaf,
    tables.SealNode,
    tables.SealCheckpoint,
    tables.SealCosignature,
    tables.OpenOffer,
    tables.Whereabouts,
    tables.CoreStation,
    tables.OpenCase,
    tables.Inside,
    tables.UnitNumber,
    tables.AuditLookup,
)
SOURCES = Path(migrations.__file__).parent


@pytest.fixture
def connection(database_url: str) -> Any:
    engine = create_engine(database_url)
    with engine.connect() as opened:
        yield opened
    engine.dispose()


def test_the_migrated_schema_equals_the_models(connection: Any) -> None:
    own = MetaData()
    for model in MODELS:
        table = model.__table__.to_metadata(own)
        if connection.dialect.name == "postgresql":
            table.constraints -= {one for one in table.constraints if one.name in tables.OF_PARTS}
    context = MigrationContext.configure(
        connection,
        opts={
            "compare_type": True,
            "version_table": migrations.VERSION_TABLE,
            "include_name": lambda name, kind, _: kind != "table" or name in own.tables,
        },
    )
    assert compare_metadata(context, own) == []


def test_every_check_of_the_models_is_in_the_database(connection: Any) -> None:
    found = inspect(connection)
    for model in MODELS:
        table = model.__table__
        names = {c.name for c in table.constraints if isinstance(c, CheckConstraint) and c.name}
        assert {check["name"] for check in found.get_check_constraints(table.name)} == names


def test_the_last_position_is_checked_at_commit(connection: Any) -> None:
    if connection.dialect.name == "postgresql":
        query = "SELECT tgdeferrable, tginitdeferred FROM pg_trigger WHERE tgname = 'custody_event_whole'"
        assert connection.execute(text(query)).one() == (True, True)
        return
    keys = {key["name"]: key for key in inspect(connection).get_foreign_keys("custody_event")}
    options = keys["fk_event_last_position"]["options"]
    assert (options["deferrable"], options["initially"]) == (True, "DEFERRED")


def test_the_guards_are_there(connection: Any) -> None:
    assert_guarded(connection)
    sqlite = connection.dialect.name == "sqlite"
    query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    if not sqlite:
        query = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    found = set(connection.execute(text(query)).scalars())
    assert found >= (SQLITE_GUARDS if sqlite else POSTGRESQL_GUARDS)


def test_the_legal_moves_in_the_database_are_those_of_the_program(connection: Any) -> None:
    rows = connection.execute(text("SELECT act, before, after FROM custody_move"))
    assert {tuple(row) for row in rows} == LEGAL_MOVES


def test_migrating_again_changes_nothing(database_url: str, connection: Any) -> None:
    connection.close()
    migrations.upgrade(database_url)


def test_custody_is_never_migrated_in_batches() -> None:
    """A batch migration rebuilds a SQLite table and silently drops its triggers."""
    for source in SOURCES.rglob("*.py"):
        code = source.read_text(encoding="utf-8")
        assert "batch_alter_table" not in code
        assert "render_as_batch" not in code
