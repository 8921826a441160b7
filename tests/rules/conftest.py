"""What the rules are tried with: a small centre, a small line, plain SQL, processes at once, commands and pages.

Everything on SQLite and PostgreSQL. `house` is a line at rest with its people, as commands and pages find one; what is
tried on it is refused or changes nothing that another test counts.
"""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from at_once import Attempt, at_once
from forger import Forger
from pwdlib.hashers.argon2 import Argon2Hasher
from served import browser, serving
from small_centre import Centre
from small_line import Line
from sqlalchemy import create_engine
from typed_commands import PATIENCE_S, piped, start

from flows.app import Served, create_app
from flows.composition import open_database, open_line, prepare
from flows.default_line import write_default
from flows.run_folder import RunFolder
from handoff_logs import log
from handoff_logs.asking import Asking
from handoff_logs.database import Database
from handoff_logs.log import Stamp
from handoff_logs.questions import violations
from handoff_logs.reading import open_reading
from handoff_logs.records import Party
from stations.intake.generator.defects import Shares
from stations.intake.generator.generate import generate
from stations.intake.load import load
from stations.people import Role
from stations.people_register import passwords, register
from stations.people_register.credentials import Credentials
from stations.people_register.rules import ADMINISTRATORS
from stations.people_register.sign_in import sign_in_two
from stations.vault import pieces, receiving
from stations.vault.receiving import Delivery

SOUND = Shares(hk_macau_permit=0, taiwan_permit=0, emergencies=0, expedited=0, intake_defects=0, review_defects=0)
ADMINISTRATOR, SECOND = Credentials("p-0001", "a password of one"), Credentials("p-0002", "a password of two")
PEOPLE = {
    "lead": (Credentials("p-0301", "a password of the lead"), Role.LEAD),
    "other lead": (Credentials("p-0302", "a password of another lead"), Role.LEAD),
    "keeper": (Credentials("p-0101", "a password of keeper one"), Role.KEEPER),
    "other keeper": (Credentials("p-0102", "a password of keeper two"), Role.KEEPER),
    "auditor": (Credentials("p-0801", "a password of an auditor"), Role.AUDITOR),
}
VOIDED = ("EA0000004", "EA0000005", "EA0000006", "EA0000007")


@pytest.fixture
def line_tables() -> bool:
    """Rules hold over the log's tables and the stations'."""
    return True


@pytest.fixture
def centre(database: Database, database_url: str) -> Iterator[Centre]:
    """The small centre of the log's acts; whatever a test tried on it, the log keeps every rule of custody."""
    yield Centre(database)
    with closing(open_reading(database_url)) as reading:
        assert violations(reading) == []


@pytest.fixture
def line(database: Database, database_url: str, tmp_path: Path) -> Iterator[Line]:
    """An empty line of stations; whatever a test tried on it, the log keeps every rule of custody."""
    made = Line(database, tmp_path)
    yield made
    made.close()
    with closing(open_reading(database_url)) as reading:
        assert violations(reading) == []


@pytest.fixture
def forger(database_url: str, centre: Centre) -> Iterator[Forger]:
    """Writes custody in plain SQL, as anybody with a login could."""
    engine = create_engine(database_url)
    yield Forger(engine, centre)
    engine.dispose()


@pytest.fixture
def together(database_url: str, database: Database, tmp_path: Path) -> Callable[..., list[str]]:
    """Makes attempts at the same instant, each in a process of its own."""

    def attempts(*each: Attempt) -> list[str]:
        return at_once(database_url, tmp_path / "signing", *each)

    return attempts


@dataclass(frozen=True)
class House:
    """A line at rest in a folder of its own."""

    folder: RunFolder

    def do(self, *arguments: str, signed: Sequence[Credentials] = ()) -> "subprocess.CompletedProcess[str]":
        """Run a command in a process of its own, its people typing their passwords."""
        return piped(*arguments, *_signed(signed), folder=self.folder.path, lines=[who.password for who in signed])

    def at_once(self, *commands: tuple[Sequence[str], Sequence[Credentials]]) -> list[int]:
        """Start commands side by side; their exit statuses."""
        started = [
            start(*arguments, *_signed(by), folder=self.folder.path, lines=[who.password for who in by])
            for arguments, by in commands
        ]
        for process in started:
            process.communicate(timeout=PATIENCE_S)
        return [process.returncode for process in started]

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Rows of a question to the line's database."""
        with closing(open_reading(self.folder.line().database_url)) as reading:
            return reading.rows(query)

    def records(self) -> int:
        """How many records the log has."""
        return int(self.rows("SELECT count(*) AS records FROM custody_event")[0]["records"])

    @contextmanager
    def pages(self, who: str) -> Iterator[httpx.Client]:
        """A browser in which one of the people has signed in."""
        line = self.folder.line()
        with open_database(self.folder, line.database_url) as database:
            served = Served(self.folder.path, "demo", line.emulated, bytes(32), Asking(line.database_url, str))
            with serving(create_app(served, database)) as address, browser(address) as client:
                token = re.findall(r'name="token" value="([^"]+)"', client.get("/sign-in").text)[0]
                signing, _ = PEOPLE[who]
                form = {"code": signing.code, "password": signing.password, "token": token, "to": ""}
                assert client.post("/sign-in", data=form).status_code == 303
                yield client


def _signed(people: Sequence[Credentials]) -> list[str]:
    names = ("--by",) if len(people) == 1 else ("--first", "--second")
    options = [word for name, who in zip(names, people, strict=False) for word in (name, who.code)]
    return [*options, "--passwords-from", "-"] if people else []


@pytest.fixture(scope="session")
def people() -> dict[str, Credentials]:
    """Who may sign in at the house."""
    return {name: who for name, (who, _) in PEOPLE.items()}


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Three applications wait for review; seven books lie in the vault, four of them void."""
    folder = RunFolder(tmp_path_factory.mktemp(f"house-{request.param}") / "line")
    write_default(folder, books=1, cards=0, readers=1, gate=False, tray_size=3, speed=0, seed=1)
    server, name = None, f"house_{uuid4().hex}"
    if request.param == "postgresql":
        server = request.getfixturevalue("postgresql_server")
        with psycopg.connect(server.format(database="postgres"), autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        url = server.format(database=name).replace("postgresql://", "postgresql+psycopg://", 1)
        text = folder.configuration.read_text("utf-8")
        folder.configuration.write_text(text.replace("[database]", f'[database]\nurl = "{url}"', 1), "utf-8")
    prepare(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
        _furnish(folder)
    yield House(folder)
    if server is not None:
        with psycopg.connect(server.format(database="postgres"), autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    shutil.rmtree(folder.path)


def _furnish(folder: RunFolder) -> None:
    batch = folder.path.with_name("batch")
    generate(batch, 3, 1, day=date(2026, 9, 1), shares=SOUND)
    with open_line(folder, shift="day", stations=("intake",)) as line:
        register.found(line.database, ADMINISTRATOR, SECOND, emulated=True)
        by = sign_in_two(line.database, ADMINISTRATOR, SECOND, ADMINISTRATORS)
        for who, role in PEOPLE.values():
            register.enrol(line.database, by, who, [role], emulated=True)
        load(line.workplace("intake"), batch, folder.path / "replies", tray_size=3)
        delivery = Delivery("book", "EA0000001", "EA0000007", 7, "DN-1")
        line.parts.hands().deliver(receiving.check(delivery), "shelf:book")
        receiving.receive(line.workplace("vault"), delivery)
        with line.database.read() as conn:
            units = [piece.unit_id for piece in pieces.find(conn, VOIDED).values()]
        keeper, witness = PEOPLE["keeper"][0].code, PEOPLE["other keeper"][0].code
        line.parts.operators().deface(VOIDED, keeper, witness)
        line.parts.operators().put(VOIDED, "voided")
        stamp = Stamp(line.database.write(line.database.clock_us), True, reason="damaged")
        line.database.write(lambda tx: log.void(tx, Party("vault", keeper, "day"), witness, units, "voided", stamp))
