"""What a code may do now, asked without a sign-in: whoever was signed in earlier may have ended since."""

from sqlalchemy import select

from handoff_logs.database import Database
from stations.people_register.sign_in import PERSON, roles_of


def standing(database: Database, code: str) -> frozenset[str]:
    """The roles of a person who is enrolled and has not ended; none for anybody else."""
    with database.read() as conn:
        row = conn.execute(select(PERSON.c.ended_us).where(PERSON.c.code == code)).one_or_none()
        return roles_of(conn, code) if row is not None and row.ended_us is None else frozenset()


def is_founded(database: Database) -> bool:
    """Whether anybody was ever enrolled."""
    with database.read() as conn:
        return conn.execute(select(PERSON.c.code).limit(1)).first() is not None
