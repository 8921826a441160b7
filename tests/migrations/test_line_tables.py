"""The stations' migrations make exactly the tables that the models describe, on both databases."""

import importlib

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel

import stations.migrations
from stations.people import Role
from stations.personalization.rules import JOB_MOVES

PLACES = (
    *("intake", "review", "personalization", "qc", "packing", "mailing"),
    *("people_register", "alarms", "shift", "rolls", "patrol", "climate", "gate", "acceptance", "casebook"),
)


def line_tables():
    """The names of all tables that the stations' models describe."""
    modules = [importlib.import_module(f"stations.{place}.tables") for place in PLACES]
    return {
        model.__table__.name
        for module in modules
        for model in vars(module).values()
        if isinstance(model, type) and issubclass(model, SQLModel) and model.__module__ == module.__name__
    }


@pytest.fixture
def engine(database_url):
    """A database that both histories brought to their heads."""
    stations.migrations.upgrade(database_url)
    opened = create_engine(database_url)
    yield opened
    opened.dispose()


def test_migrated_tables_equal_the_models(engine):
    """Nothing is missing, nothing left over: columns, indexes, foreign keys and unique constraints."""
    names = line_tables()
    with engine.connect() as connection:
        options = {"include_object": lambda obj, name, kind, *_: kind != "table" or name in names}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, SQLModel.metadata) == []


def test_checks_equal_the_models(engine):
    """Alembic does not compare checks, so their names are compared here."""
    inspector = inspect(engine)
    for name in sorted(line_tables()):
        table = SQLModel.metadata.tables[name]
        wanted = {str(each.name) for each in table.constraints if type(each).__name__ == "CheckConstraint"}
        assert {each["name"] for each in inspector.get_check_constraints(name)} == wanted, name


def test_partial_indexes_keep_their_conditions(engine):
    """A partial unique index without its condition would be another rule."""
    inspector = inspect(engine)
    for name in sorted(line_tables()):
        dialect = engine.dialect.name
        wanted = {
            i.name for i in SQLModel.metadata.tables[name].indexes if i.dialect_options[dialect]["where"] is not None
        }
        found = {
            index["name"]
            for index in inspector.get_indexes(name)
            if index.get("dialect_options", {}).get(f"{dialect}_where") is not None
        }
        assert found == wanted, name


def test_legal_moves_equal_the_rules(engine):
    """The moves that the trigger reads are those of the program."""
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT before, after FROM job_move"))
        assert {tuple(row) for row in rows} == {(a.value, b.value) for a, after in JOB_MOVES.items() for b in after}


def test_upgrading_again_changes_nothing(engine, database_url):
    """The history is where it was."""
    stations.migrations.upgrade(database_url)
    with engine.connect() as connection:
        query = text(f"SELECT version_num FROM {stations.migrations.VERSION_TABLE}")
        assert connection.execute(query).scalars().all() == ["line_0037"]


def test_a_database_without_periods_is_brought_up_to_date_and_keeps_its_rows(database_url):
    """A line that was set up before goes on: its machines' first periods begin at their next change."""
    stations.migrations.upgrade(database_url, "line_0001")
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO machine_state VALUES ('book-01', 'execute', NULL, 1, true)"))
        connection.execute(text("INSERT INTO machine_lease VALUES ('book-01', 'w', 3, 30)"))
    stations.migrations.upgrade(database_url)
    with engine.connect() as connection:
        state = connection.execute(text("SELECT machine, state, since_us FROM machine_state")).all()
        lease = connection.execute(text("SELECT machine, fence, until_us, renewed_us FROM machine_lease")).all()
        periods = connection.execute(text("SELECT count(*) FROM machine_period")).scalar()
    engine.dispose()
    assert ([tuple(row) for row in state], [tuple(row) for row in lease], periods) == (
        [("book-01", "execute", 1)],
        [("book-01", 3, 30, None)],
        0,
    )


def test_periods_are_guarded(engine):
    """The triggers that keep them append-only and in order."""
    sqlite = engine.dialect.name == "sqlite"
    query = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'machine_period'"
    if not sqlite:
        query = "SELECT tgname FROM pg_trigger WHERE tgrelid = 'machine_period'::regclass AND NOT tgisinternal"
    with engine.connect() as connection:
        found = set(connection.execute(text(query)).scalars())
    kept = {"machine_period_no_update", "machine_period_no_delete"} if sqlite else {"machine_period_append_only"}
    assert found == {"machine_period_follows", *kept}


def test_a_role_is_one_of_the_rules_whose_guards_outlived_the_auditors_coming(engine):
    """The check's words are rewritten in place on SQLite: none of its triggers is lost, and the file stays sound."""
    sqlite = engine.dialect.name == "sqlite"
    check = "SELECT sql FROM sqlite_master WHERE name = 'person_role'"
    guards = "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'person_role'"
    if not sqlite:
        check = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'ck_person_role'"
        guards = "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'person_role'::regclass AND NOT tgisinternal"
    with engine.connect() as connection:
        words = connection.execute(text(check)).scalar_one()
        assert all(f"'{role}'" in words for role in Role)
        assert connection.execute(text(guards)).scalar_one() == (4 if sqlite else 2)
        if sqlite:
            assert connection.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"


def test_a_line_from_before_engineers_keeps_its_guards_and_knows_their_role_everywhere(database_url):
    """Checks' words are rewritten in place on SQLite, and one guard of a finding's steps is another: none is lost."""
    stations.migrations.upgrade(database_url, "line_0023")
    engine = create_engine(database_url)
    sqlite = engine.dialect.name == "sqlite"
    check = "SELECT sql FROM sqlite_master WHERE name = 'alarm_step'"
    guards = "SELECT name FROM sqlite_master WHERE type = 'trigger' ORDER BY name"
    if not sqlite:
        check = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'ck_alarm_step_role'"
        guards = "SELECT tgrelid::regclass || ' ' || tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1"
    with engine.connect() as connection:
        before = connection.execute(text(guards)).scalars().all()
    engine.dispose()
    stations.migrations.upgrade(database_url, "line_0024")
    engine = create_engine(database_url)
    with engine.connect() as connection:
        assert all(f"'{role}'" in connection.execute(text(check)).scalar_one() for role in Role)
        assert connection.execute(text(guards)).scalars().all() == before
        if sqlite:
            assert connection.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"
    engine.dispose()


def test_a_job_may_be_of_a_specimen_and_its_guards_outlived_that(engine):
    """The checks' words are rewritten in place on SQLite: no trigger of another revision is lost, the file is sound."""
    sqlite = engine.dialect.name == "sqlite"
    query = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'job'"
    if not sqlite:
        query = "SELECT tgname FROM pg_trigger WHERE tgrelid = 'job'::regclass AND NOT tgisinternal"
    with engine.connect() as connection:
        found = set(connection.execute(text(query)).scalars())
        if sqlite:
            assert connection.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"
    own = {"job_begins_as_intent", "job_no_replace", "job_legal_move", "job_keeps", "job_no_delete"}
    own |= {"job_no_replace_by_change", "job_lives_until_voided"}
    kept = own if sqlite else {"job_guard", "job_no_truncate"}
    assert found == {"evacuation_keeps_jobs", "job_in_suspended_zone", *kept}


def test_jobs_made_before_specimens_were_keep_their_rows(database_url):
    """A line with a job under way goes on, and its job is of an application still."""
    stations.migrations.upgrade(database_url, "line_0018")
    engine = create_engine(database_url)
    columns = "job_id, application_id, product, attempt, order_unit, machine, machine_serial, journal_id"
    columns += ", journal_position, fence, worker, state, unfinished, live, intent_us, emulated"
    values = "'j', 'a', 'passport', 1, 'o', 'book-01', 'B', 'j', 1, 1, 'w', 'INTENT', true, true, 1, true"
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(f"INSERT INTO job ({columns}) VALUES ({values})"))
    stations.migrations.upgrade(database_url)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT application_id, order_unit, state, live, specimen FROM job")).all()
    engine.dispose()
    assert [tuple(row) for row in rows] == [("a", "o", "INTENT", True, None)]


def test_records_made_before_their_guards_keep_their_rows_and_are_guarded(database_url):
    """A line that was set up before goes on, and its verdicts and parcels are kept from then on."""
    stations.migrations.upgrade(database_url, "line_0020")
    engine = create_engine(database_url)
    sqlite = engine.dialect.name == "sqlite"
    with engine.begin() as connection:
        if not sqlite:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("INSERT INTO review_verdict VALUES ('a', 1, 1, 'e-rev-1', 'pass', '', 1, true)"))
        names = "parcel_unit, label, grouping, tray, documents, expected_g, packer, packed_us, emulated"
        connection.execute(
            text(f"INSERT INTO parcel ({names}) VALUES ('p', 'l', 'single', 't', 1, 1, 'p-0001', 1, false)")
        )
    stations.migrations.upgrade(database_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT reviewer, emulated FROM review_verdict")).all() == [("e-rev-1", True)]
        assert connection.execute(text("SELECT packer, emulated FROM parcel")).all() == [("p-0001", False)]
        if sqlite:
            assert connection.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"
    for change in ("DELETE FROM review_verdict", "UPDATE parcel SET packer = 'e-pck-1'"):
        with pytest.raises(IntegrityError, match=r"append-only|parcel_emulated"), engine.begin() as connection:
            connection.execute(text(change))
    engine.dispose()
