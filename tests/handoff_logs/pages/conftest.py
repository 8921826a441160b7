"""A short sealed history, and the pages over it with a reader who need not sign in."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import Depends, FastAPI, Request
from served import browser, serving
from signing_keys import log_key_of, open_signed
from sqlalchemy import text

from handoff_logs import log, log_key
from handoff_logs.asking import Asking
from handoff_logs.cosignatures import cosign
from handoff_logs.notes import COSIGNATURE_V1, VerifierKey
from handoff_logs.pages.problems import tell_problems
from handoff_logs.pages.rendering import Reader, Renderer
from handoff_logs.pages.routes import AuditPages
from handoff_logs.records import Birth, Kind, new_id
from handoff_logs.sealing import Sealer

READER = Reader("p-0417", "token", oversees=True)
WITNESS_SIGNS = Ed25519PrivateKey.from_private_bytes(b"w" * 32)
WITNESS = VerifierKey("test/witness", COSIGNATURE_V1, WITNESS_SIGNS.public_key().public_bytes_raw())
SEEN_S = 1_700_000_000


@dataclass
class Told:
    """A database in which a little of everything happened, sealed up to the packing."""

    url: str
    centre: Any
    sealed: int

    def sql(self, statement: str) -> list[Any]:
        """Rows of a statement."""
        rows: list[Any] = self.centre.do(lambda tx: tx.execute(text(statement)).all())
        return rows


def tell(centre: Any) -> None:
    """A document is made, one of three units is missing on the way, one record is corrected."""
    by, stamp, do = centre.by, centre.stamp, centre.do
    (a, b, c) = centre.orders(3, numbers=("A1", "A2", "A3"))
    (blank,) = centre.blanks(1, "review", numbers=("B1",))
    document = Birth(new_id(), Kind.DOCUMENT, "E1")
    made = centre.transform("review", a, blank, document)
    offer = centre.offer([document.unit_id, b, c], tray="T1", due_us=1_000_000)
    centre.accept(offer, [document.unit_id, b])
    do(lambda tx: log.correct(tx, by("review"), made, "reason", "torn", stamp(reason="mistyped")))


def tell_more(centre: Any) -> None:
    """The missing one is found; a parcel waits for its acceptance."""
    find = "SELECT unit_id FROM unit_number WHERE number = :number"
    e, c = (centre.do(lambda tx, n=n: tx.execute(text(find), {"number": n}).scalar_one()) for n in ("E1", "A3"))
    centre.settle([c], "found-at-sender", "review", case_id=centre.case_of(c))
    parcel = centre.pack([e], "qc", "P1")
    centre.offer([parcel], "qc", "carrier")


def make_app(url: str, verified: Path = Path("verified.json"), reader: Reader = READER) -> FastAPI:
    """The pages over a log, with a reader already let in."""

    def admit(request: Request) -> None:
        request.state.reader = reader

    renderer = Renderer("test", True)
    router = AuditPages(renderer, Asking(url, lambda word: f"h{len(word)}"), verified).router()
    app = FastAPI()
    app.include_router(router, dependencies=[Depends(admit)])
    tell_problems(app, renderer, lambda response: response)
    return app


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def told(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, signing_keys: Path, centre_type: Any
) -> Iterator[Told]:
    """The history, once on SQLite and once on PostgreSQL; only to be read."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("told") / "passline.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        url = f"sqlite:///{path}"
    else:
        url = request.getfixturevalue("postgresql_databases")()
    with open_signed(url, signing_keys, tmp_path_factory.mktemp("signing") / "keys") as database:
        centre = centre_type(database)
        tell(centre)
        sealer = Sealer(database, log_key.read(log_key_of(signing_keys)))
        sealed = sealer.seal()
        assert sealed is not None
        seen = cosign(sealed.note.text, WITNESS, WITNESS_SIGNS.sign, SEEN_S)
        sealer.cosigned(sealed, WITNESS.name, SEEN_S, seen.signature.value)
        tell_more(centre)
        yield Told(url, centre, sealed.checkpoint.size)


@pytest.fixture(scope="session")
def address(told: Told) -> Iterator[str]:
    """Where the pages over the history are."""
    with serving(make_app(told.url)) as served:
        yield served


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    """A reader's browser."""
    with browser(address) as opened:
        yield opened


@pytest.fixture
def leads_client(told: Told) -> Iterator[httpx.Client]:
    """The browser of a reader who may not ask what others looked up."""
    with serving(make_app(told.url, reader=Reader("p-0418", "token"))) as served, browser(served) as opened:
        yield opened


@pytest.fixture
def own_client(database_url: str, tmp_path: Path) -> Iterator[httpx.Client]:
    """A reader's browser on the log of a test's own."""
    with serving(make_app(database_url, tmp_path / "verified.json")) as served, browser(served) as opened:
        yield opened
