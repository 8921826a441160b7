"""PostgreSQL's own programs, which make a copy of a database and put it back; no password is among their arguments."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import unquote, urlsplit

from handoff_logs.errors import PostgresqlToolFailedError, PostgresqlToolMissingError

CHUNK_BYTES: Final = 1 << 20

_PARTS_AWAY: Final = (
    "DROP TABLE IF EXISTS custody_unit CASCADE;"
    " DO $$ DECLARE part name; BEGIN FOR part IN SELECT relname FROM pg_class WHERE relkind = 'r'"
    " AND relnamespace = to_regnamespace('public') AND starts_with(relname, 'custody_unit_') LOOP"
    " EXECUTE 'DROP TABLE ' || quote_ident(part); END LOOP; END $$"
)
"""What a copy's own statements don't do: they drop the keys of each part alone, which PostgreSQL refuses, and know
of no parts that were made since."""


def server_name(url: str) -> str:
    """Return what people know a database by, without its password."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'localhost'}{unquote(parts.path)}"


def dump(url: str, file: Path, snapshot: str) -> None:
    """Write the state of a `snapshot` to a file. Raises PostgresqlToolMissingError, PostgresqlToolFailedError."""
    command, environment = _command("pg_dump", url, ["--format=custom", f"--snapshot={snapshot}", f"--file={file}"])
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise _failed("pg_dump", url, done.returncode, done.stderr)


def undump(url: str, file: Path) -> None:
    """Put what a file holds in the place of what is in the database, in one transaction.

    `pg_restore` writes the statements, `psql` runs them; if either ends badly, nothing is changed. Raises
    PostgresqlToolMissingError, PostgresqlToolFailedError.
    """
    into = ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", f"--command={_PARTS_AWAY}"]
    psql, environment = _command("psql", url, [*into, "--file=-"])
    _present("pg_restore", whole := ["pg_restore", "--clean", "--if-exists", "--no-owner", "--no-privileges"])
    with (
        tempfile.TemporaryFile() as told,
        tempfile.TemporaryFile() as said,
        subprocess.Popen([*whole, "--file=-", str(file)], stdout=subprocess.PIPE, stderr=told) as reading,
        subprocess.Popen(
            psql, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said
        ) as writing,
    ):
        assert reading.stdout is not None  # noqa: S101 it was asked for
        assert writing.stdin is not None  # noqa: S101
        is_taken = False
        with suppress(BrokenPipeError):
            shutil.copyfileobj(reading.stdout, writing.stdin, CHUNK_BYTES)
            is_taken = True
        if not is_taken:
            reading.kill()  # psql ended before its input did, and says why
        elif reading.wait():
            # At an end of its input psql would commit the half that it was given.
            writing.kill()
        with suppress(BrokenPipeError):
            writing.stdin.close()
        writing.wait()
        if is_taken and reading.returncode:
            raise _failed("pg_restore", url, reading.returncode, _text(told))
        if writing.returncode or not is_taken:
            raise _failed("psql", url, writing.returncode, _text(said))


def _command(tool: str, url: str, arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    facts: dict[str, Any] = conninfo_to_dict(url.replace("postgresql+psycopg:", "postgresql:", 1))
    # Not among the arguments, which everybody on the computer can read.
    password = facts.pop("password", None)
    command = [tool, *arguments, f"--dbname={make_conninfo('', **facts)}"]
    _present(tool, command)
    return command, {**os.environ, **({"PGPASSWORD": str(password)} if password else {})}


def _present(tool: str, command: Sequence[str]) -> None:
    if shutil.which(tool) is None:
        raise PostgresqlToolMissingError(tool, " ".join(command))


def _failed(tool: str, url: str, status: int, text: str) -> PostgresqlToolFailedError:
    said = [line for line in text.splitlines() if "error" in line.lower()] or text.splitlines()
    return PostgresqlToolFailedError(tool, server_name(url), said[0] if said else f"status {status}")


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
