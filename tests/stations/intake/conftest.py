"""Batches to load and a place to load them."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from handoff_logs.database import Database
from stations.intake.batch import APPLICATIONS, MANIFEST
from stations.intake.generator.defects import Shares
from stations.intake.generator.generate import generate
from stations.intake.load import LoadReport, load
from stations.personal import PersonalData
from stations.workplace import Workplace

DAY = date(2026, 11, 20)
GOOD = Shares(intake_defects=0, review_defects=0)


@dataclass(frozen=True)
class Batch:
    """A batch on disk that a test can change as its sender, or somebody on the way, could."""

    path: Path

    def lines(self) -> list[bytes]:
        return (self.path / APPLICATIONS).read_bytes().splitlines()

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines()]

    def reseal(self, lines: list[bytes]) -> None:
        """Write these lines and a manifest that fits them and the images that are there."""
        content = b"".join(line + b"\n" for line in lines)
        (self.path / APPLICATIONS).write_bytes(content)
        self.edit_manifest(
            applications=len(lines),
            applications_sha256=hashlib.sha256(content).hexdigest(),
            images=len(list((self.path / "images").iterdir())),
        )

    def edit_manifest(self, **values: object) -> None:
        manifest = json.loads((self.path / MANIFEST).read_text())
        (self.path / MANIFEST).write_text(json.dumps(manifest | values))

    def edit(self, line: int, **values: object) -> None:
        """Set fields of the `line`-th application (from 1); None removes one. `applicant__sex` is a field below."""
        records = self.records()
        for name, value in values.items():
            *above, field = name.split("__")
            record = records[line - 1]
            for part in above:
                record = record[part]
            record[field] = value
            if value is None:
                del record[field]
        self.reseal([json.dumps(record, ensure_ascii=False).encode() for record in records])

    def replace_image(self, line: int, role: str, data: bytes) -> None:
        """Give the `line`-th application other picture bytes."""
        file = self.records()[line - 1][role]["file"]
        (self.path / "images" / file).write_bytes(data)
        self.edit(line, **{f"{role}__sha256": hashlib.sha256(data).hexdigest()})


@dataclass(frozen=True)
class Intake:
    """Intake of a fresh emulated line."""

    workplace: Workplace
    replies: Path

    def load(self, batch: Batch, **options: Any) -> LoadReport:
        return load(self.workplace, batch.path, self.replies, **options)

    def reasons(self, report: LoadReport) -> list[tuple[int, str | None, str]]:
        """Line, field and reason of each entry of the reply."""
        entries = [json.loads(line) for line in report.reply.read_text(encoding="utf-8").splitlines()]
        return [(entry["line"], entry["field"], entry["reason"]) for entry in entries]


@pytest.fixture
def intake(line_database: Database, tmp_path: Path) -> Intake:
    personal = PersonalData.create(tmp_path / "keys")
    workplace = Workplace(line_database, "intake", "s1", ("e-int-1", "e-int-2"), emulated=True, personal=personal)
    return Intake(workplace, tmp_path / "replies")


@pytest.fixture
def make_batch(tmp_path: Path) -> Callable[..., Batch]:
    """Generates a batch: `make_batch(documents, seed, shares)`; without defects unless `shares` says so."""

    def make(documents: int = 6, seed: int = 1, shares: Shares = GOOD) -> Batch:
        made = tmp_path / f"batch-{documents}-{seed}"
        generate(made, documents, seed, day=DAY, shares=shares)
        return Batch(made)

    return make
