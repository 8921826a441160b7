"""PostgreSQL's roles, as SQL: who may do what to the log's tables is the server's own rule, not the program's.

The owner of all tables can't log in. The service, as which the line runs, reads and appends; what is neither custody
nor seal it may change. Auditors read. So not even a stolen password of the service changes a record.
"""

from dataclasses import dataclass

from handoff_logs.guard_names import GUARDED

MIGRATED = ("custody_move", "alembic_version_custody", "alembic_version_line")
"""What only migrations write."""
CUSTODY = tuple(table for table in GUARDED if table not in MIGRATED)
"""What is appended to and never changed."""
LINE = ("open_offer", "whereabouts", "unit_number", "blank_tally", "blank_change")
"""The log's own tables that change with the line."""
FOLLOWING = ("core_station", "inside", "open_case")
"""What only the log's own guards write, as its registers say."""


@dataclass(frozen=True, slots=True)
class Roles:
    """The names of a line's three roles: `service` is the login in line.toml."""

    owner: str
    service: str
    auditor: str

    @classmethod
    def of(cls, service: str) -> "Roles":
        """Return the roles that go with a service's login."""
        return cls(f"{service}_owner", service, f"{service}_auditor")


def quoted(name: str) -> str:
    """Return a name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def creation(roles: Roles, database: str) -> list[str]:
    """Return what makes the roles and closes the database to everybody else; repeating it changes nothing."""
    owner, service, auditor, name = (quoted(each) for each in (roles.owner, roles.service, roles.auditor, database))
    made = [_create(roles.owner, "NOLOGIN"), _create(roles.service, "LOGIN"), _create(roles.auditor, "LOGIN")]
    return [
        *made,
        f"ALTER ROLE {owner} NOLOGIN",
        # Nobody makes tables of their own here: one in a session's own schema could stand in for one of the log's.
        f"REVOKE ALL ON DATABASE {name} FROM PUBLIC, {service}, {auditor}",
        f"GRANT CONNECT ON DATABASE {name} TO {owner}, {service}, {auditor}",
        f"REVOKE ALL ON SCHEMA public FROM PUBLIC, {service}, {auditor}",
        f"GRANT USAGE, CREATE ON SCHEMA public TO {owner}",
        f"GRANT USAGE ON SCHEMA public TO {service}, {auditor}",
        # Of a line that ran as the owner of its tables until now.
        f"REASSIGN OWNED BY {service} TO {owner}",
    ]


def grants(roles: Roles) -> list[str]:
    """Return what gives the roles their rights to the tables; needed again after migrations made new ones."""
    service, auditor = quoted(roles.service), quoted(roles.auditor)
    custody, migrated, line = ", ".join(CUSTODY), ", ".join((*MIGRATED, *FOLLOWING)), ", ".join(LINE)
    return [
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, {service}, {auditor}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {service}",
        f"REVOKE ALL ON {custody}, {migrated} FROM {service}",
        _parts_closed(roles),
        f"GRANT SELECT, INSERT ON {custody} TO {service}",
        f"GRANT SELECT ON {migrated} TO {service}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {service}",
        f"GRANT SELECT ON {custody}, {migrated}, {line} TO {auditor}",
        # What auditors look up is recorded by their own hand, and never changed.
        f"GRANT INSERT ON audit_lookup TO {auditor}",
        f"GRANT USAGE ON SEQUENCE audit_lookup_seq_seq TO {auditor}",
    ]


def _create(role: str, login: str) -> str:
    literal = "'" + role.replace("'", "''") + "'"
    return (
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {literal})"
        f" THEN CREATE ROLE {quoted(role)} {login}; END IF; END $$"
    )


def _parts_closed(roles: Roles) -> str:
    """Return what closes the tables that custody units lie in, or lay in once: they are used as a whole."""
    names = ", ".join(quoted(each).replace("'", "''") for each in (roles.service, roles.auditor))
    return (
        "DO $$ DECLARE part name; BEGIN FOR part IN SELECT relname"  # noqa: S608 own names
        " FROM pg_class WHERE relkind = 'r' AND relnamespace = to_regnamespace('public')"
        " AND starts_with(relname, 'custody_unit_') LOOP"
        f" EXECUTE 'REVOKE ALL ON ' || quote_ident(part) || ' FROM PUBLIC, {names}'; END LOOP; END $$"
    )
