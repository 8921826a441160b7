"""The gate on a virtual clock, on both databases."""

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from signing_keys import keyring_copy
from small_gate import GateBench

from handoff_logs.database import Database


@pytest.fixture
def bench(database: Database, tmp_path: Path) -> GateBench:
    return GateBench(database, tmp_path)


@pytest.fixture(params=["sqlite", "postgresql"])
def make_database(request: pytest.FixtureRequest, tmp_path: Path, signing_keys: Path) -> Callable[..., Any]:
    """Makes a fresh database and its url for each history."""
    made = count(1)
    make_url = request.getfixturevalue("postgresql_databases") if request.param == "postgresql" else None
    template = None if make_url else request.getfixturevalue("sqlite_templates")(True)

    def make(opened: ExitStack) -> tuple[str, Database]:
        number = next(made)
        if make_url is not None:
            url = make_url(True)
        else:
            shutil.copyfile(template, tmp_path / f"{number}.db")
            url = f"sqlite:///{tmp_path / f'{number}.db'}"
        keyring = keyring_copy(signing_keys, tmp_path / f"keys-{number}")
        return url, opened.enter_context(Database(url, keyring=keyring))

    return make
