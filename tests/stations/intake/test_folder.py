"""A batch that is cut off or altered is refused whole; what it names is read safely."""

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stations.intake.batch import APPLICATIONS, IMAGES, MANIFEST, MAX_IMAGE_BYTES, schema
from stations.intake.errors import BatchRefusedError
from stations.intake.folder import OversizeImageError, open_batch

MakeBatch = Callable[..., Any]


def cut_last_line(path: Path) -> None:
    content = (path / APPLICATIONS).read_bytes()
    (path / APPLICATIONS).write_bytes(content[: content.rindex(b"\n", 0, -1) + 1])


def cut_in_a_line(path: Path) -> None:
    (path / APPLICATIONS).write_bytes((path / APPLICATIONS).read_bytes()[:-20])


def change_a_letter(path: Path) -> None:
    (path / APPLICATIONS).write_bytes(
        (path / APPLICATIONS).read_bytes().replace(b'"M"', b'"F"', 1).replace(b"1", b"2", 1)
    )


def lose_an_image(path: Path) -> None:
    min((path / IMAGES).iterdir()).unlink()


def add_an_image(path: Path) -> None:
    (path / IMAGES / "more.jpg").write_bytes(b"")


def change_an_image(path: Path) -> None:
    image = min((path / IMAGES).iterdir())
    image.write_bytes(image.read_bytes()[:-1] + b"\x00")


def lose(name: str) -> Callable[[Path], None]:
    def act(path: Path) -> None:
        (path / name).unlink()

    return act


def lose_the_images(path: Path) -> None:
    (path / IMAGES).rename(path / "elsewhere")


def break_manifest(path: Path) -> None:
    (path / MANIFEST).write_text("{")


def add_to_manifest(path: Path) -> None:
    (path / MANIFEST).write_text(json.dumps(json.loads((path / MANIFEST).read_text()) | {"more": 1}))


@pytest.mark.parametrize(
    ("harm", "place"),
    [
        (cut_last_line, APPLICATIONS),
        (cut_in_a_line, APPLICATIONS),
        (change_a_letter, APPLICATIONS),
        (lose(APPLICATIONS), APPLICATIONS),
        (lose(MANIFEST), MANIFEST),
        (break_manifest, MANIFEST),
        (add_to_manifest, MANIFEST),
        (lose_an_image, IMAGES),
        (add_an_image, IMAGES),
        (change_an_image, f"{IMAGES}/"),
        (lose_the_images, IMAGES),
    ],
)
def test_a_batch_that_was_cut_off_or_altered_is_refused_whole(
    make_batch: MakeBatch, harm: Callable[[Path], None], place: str
) -> None:
    path = make_batch(3).path
    open_batch(path)
    harm(path)
    with pytest.raises(BatchRefusedError) as refused:
        open_batch(path)
    assert refused.value.place.startswith(place)
    assert str(path) in str(refused.value)
    assert str(pickle.loads(pickle.dumps(refused.value))) == str(refused.value)


def test_a_folder_that_is_no_batch_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BatchRefusedError, match="manifest"):
        open_batch(tmp_path / "nowhere")


def test_links_and_other_things_than_files_are_not_images(make_batch: MakeBatch, tmp_path: Path) -> None:
    batch = make_batch(1)
    folder = open_batch(batch.path)
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    (batch.path / IMAGES / "link.jpg").symlink_to(secret)
    (batch.path / IMAGES / "folder.jpg").mkdir()
    os.mkfifo(batch.path / IMAGES / "pipe.jpg")
    assert [folder.image(f"{name}.jpg", "0" * 64) for name in ("link", "folder", "pipe", "none")] == [None] * 4


def test_a_huge_file_is_not_read(make_batch: MakeBatch) -> None:
    batch = make_batch(1)
    folder = open_batch(batch.path)
    huge = batch.path / IMAGES / "huge.jpg"
    with huge.open("wb") as file:
        file.truncate(MAX_IMAGE_BYTES + 1)
    with pytest.raises(OversizeImageError):
        folder.image("huge.jpg", "0" * 64)


def test_the_schema_describes_every_field_and_allows_no_other() -> None:
    described = schema()
    assert described["additionalProperties"] is False
    assert {"number", "revision", "applicant", "photo", "signature"} <= described["properties"].keys()
    assert "Manifest" in described["$defs"]
    assert "jinan" in described["properties"]["office"]["enum"]
