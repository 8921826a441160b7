"""A line's own database, on which passwords cost nothing."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from signing_keys import open_signed

from handoff_logs.database import Database
from stations.people_register import passwords


@contextmanager
def fresh_line(folder: Path, template: Path, keys: Path) -> Iterator[tuple[str, Database]]:
    """A copy of `template` in `folder`, its url and itself open, with a copy of `keys` beside it."""
    url = f"sqlite:///{shutil.copyfile(template, folder / 'passline.db')}"
    with pytest.MonkeyPatch.context() as patch, open_signed(url, keys, folder / "signing") as database:
        patch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
        yield url, database
