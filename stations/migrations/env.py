"""Alembic's entry: one connection, on the url the caller gave."""

from alembic import context
from sqlalchemy import create_engine, event, pool

from stations.migrations import VERSION_TABLE


def run() -> None:
    """Run the migrations that are asked for, each in a transaction of its own."""
    engine = create_engine(context.config.attributes["url"], poolclass=pool.NullPool)
    if engine.dialect.name == "sqlite":
        # The driver's own transactions would let DDL slip out of them.
        event.listen(engine, "connect", lambda connection, _: setattr(connection, "isolation_level", None))
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    with engine.connect() as connection:
        context.configure(connection=connection, version_table=VERSION_TABLE, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()


# Alembic lends its context only while it migrates; anything else that imports this file wants nothing done.
if hasattr(context, "config"):
    run()
