"""Hostile images in a batch: each is set aside with its line and reason, in little memory and time; the rest loads."""

import os
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import text

from stations.intake.errors import BatchRefusedError
from stations.intake.folder import open_batch
from stations.intake.generator.faces import make_face
from stations.intake.generator.portraits import portrait
from stations.intake.measures import measure_photo, measure_signature
from stations.intake.pictures import MAX_BESIDE_BYTES, MOST_SCANS, PNG_START, PictureError, outline

MOST_MB = 220
"""Of a process that measures them all one after another, the interpreter and its libraries included."""
MOST_S = 10.0
"""Of a processor, for all of them; one alone took 22 s before scans were counted."""


def saved(image: Image.Image, form: str, **more: Any) -> bytes:
    file = BytesIO()
    image.save(file, form, **more)
    return file.getvalue()


def face() -> bytes:
    import random

    return portrait(random.Random(1), make_face(random.Random(1), "F", 30), [])


def segments(jpeg: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, beginning and end of each segment of a JPEG that Pillow wrote, a scan with its data."""
    at = 2
    while jpeg[at + 1] != 0xD9:
        marker, end = jpeg[at + 1], at + 2 + int.from_bytes(jpeg[at + 2 : at + 4])
        if marker == 0xDA:
            while jpeg[end] != 0xFF or jpeg[end + 1] == 0 or 0xD0 <= jpeg[end + 1] <= 0xD7:
                end += 1
        yield marker, at, end
        at = end


def scans(count: int) -> bytes:
    """A progressive JPEG with so many scans more, each over all of four million pixels."""
    whole = saved(Image.new("L", (2_000, 2_000), 200), "JPEG", progressive=True, quality=10)
    *_, (_, begin, end) = (each for each in segments(whole) if each[0] == 0xDA)
    return whole[:end] + whole[begin:end] * count + whole[end:]


def with_segment(marker: int, data: bytes, times: int = 1) -> bytes:
    segment = struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data
    return face()[:2] + segment * times + face()[2:]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *chunks: bytes, bits: int = 8, colour: int = 0, level: int = 9) -> bytes:
    row = 1 + width * bits * {0: 1, 2: 3, 4: 2, 6: 4}[colour] // 8
    pixels = zlib.compressobj(level)
    packed = b"".join(pixels.compress(b"\0" * row) for _ in range(height)) + pixels.flush()
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    return PNG_START + header + b"".join(chunks) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def animated(form: str) -> bytes:
    frames = [Image.new("RGB", (30, 30), colour) for colour in ("red", "blue")]
    return saved(frames[0], form, save_all=True, append_images=frames[1:])


def zipped_behind() -> bytes:
    import zipfile

    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.html", "<script>")
    return face() + file.getvalue()


PHOTOS: dict[str, tuple[Callable[[], bytes], str]] = {
    "a frame of 65,000 by 65,000": (lambda: claiming(65_000, 65_000), "photo_too_large"),
    "a strip of 65,000 by 60": (lambda: claiming(65_000, 60), "photo_too_large"),
    "scans": (lambda: scans(17_000), "photo_too_large"),
    "HTML in a comment": (lambda: with_segment(0xFE, b"<script>alert(1)</script>" * 200), "photo_trailing_data"),
    "HTML for a camera": (lambda: with_segment(0xE1, b"Exif\0\0<script>" + b" " * 60_000), "photo_trailing_data"),
    "an archive in parts": (lambda: with_segment(0xE5, b"PK\3\4" + b"x" * 9_000, 4), "photo_trailing_data"),
    "an archive behind": (zipped_behind, "photo_trailing_data"),
    "two pictures": (lambda: face() + face(), "photo_trailing_data"),
    "several pictures": (lambda: animated("MPO"), "photo_trailing_data"),
    "cut off": (lambda: face()[:6_000], "photo_truncated"),
    "a moving GIF": (lambda: animated("GIF"), "photo_not_image"),
    "WebP": (lambda: saved(Image.new("RGB", (30, 30)), "WEBP"), "photo_not_image"),
    "TIFF": (lambda: saved(Image.new("RGB", (30, 30)), "TIFF"), "photo_not_image"),
    "SVG": (lambda: b"<?xml version='1.0'?><svg onload='alert(1)'/>", "photo_not_image"),
    "a program": (lambda: b"\x7fELF" + b"\0" * 100, "photo_not_image"),
    "nothing": (lambda: b"", "photo_not_image"),
    "PNG by the name of JPEG": (lambda: png(354, 472, colour=2), "photo_not_jpeg"),
    "larger than a file may be": (lambda: face() + b"\0" * 300_000, "photo_too_large"),
}
SIGNATURES: dict[str, tuple[Callable[[], bytes], str]] = {
    "60,000 by 60,000": (lambda: header_alone(60_000, 60_000), "signature_too_large"),
    "moving": (lambda: animated("PNG"), "signature_trailing_data"),
    "squeezed text": (
        lambda: png(9, 9, chunk(b"zTXt", b"a\0\0" + zlib.compress(b"x" * 9_999_999))),
        "signature_trailing_data",
    ),
    "squeezed colours": (
        lambda: png(9, 9, chunk(b"iCCP", b"a\0\0" + zlib.compress(b"x" * 9_999_999))),
        "signature_trailing_data",
    ),
    "HTML in a text": (lambda: png(9, 9, chunk(b"tEXt", b"a\0" + b"<script>" * 999)), "signature_trailing_data"),
    "less than it says": (lambda: png(9, 9)[:-40] + png(9, 9)[-12:], "signature_truncated"),
}
BORNE = {
    "four million pixels": lambda: png(2_000, 2_000, colour=6, bits=16),
    "ten thousand empty parts": lambda: png(360, 120, *[chunk(b"IDAT", b"")] * 10_000),
    "forty scans": lambda: scans(MOST_SCANS - 6),
    "CMYK": lambda: saved(Image.new("CMYK", (354, 472)), "JPEG"),
    "grey from the middle on": lambda: face()[:6_000] + b"\xff\xd9",
    "a camera's words": lambda: with_segment(0xE1, b"Exif\0\0<script>alert(1)</script>"),
}
"""What is a picture all the same. Review's rules look at bits and size; a browser is told that it is an image."""


def squeezed() -> bytes:
    return b"a\0\0" + zlib.compress(b"x" * 9_999_999)


def claiming(width: int, height: int) -> bytes:
    whole = face()
    at = whole.index(b"\xff\xc0") + 5
    return whole[:at] + struct.pack(">HH", height, width) + whole[at + 4 :]


def header_alone(width: int, height: int) -> bytes:
    whole = png(9, 9)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return PNG_START + header + whole[whole.index(b"IDAT") - 4 :]


def test_each_hostile_image_is_set_aside_with_its_line_and_reason(intake: Any, make_batch: Any) -> None:
    """And nothing of its application is kept; those between them load."""
    cases = [("photo", *each) for each in PHOTOS.values()] + [("signature", *each) for each in SIGNATURES.values()]
    batch = make_batch(len(cases) + 2)
    wanted = []
    for line, (role, make, reason) in enumerate(cases, start=2):
        batch.replace_image(line, role, make())
        wanted.append((line, role, reason))
    report = intake.load(batch)
    assert intake.reasons(report) == wanted
    assert report.loaded == 2
    with intake.workplace.database.read() as conn:
        kept = [
            conn.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()
            for name in ("application", "application_image")
        ]
    assert kept[0] == 2 and kept[1] <= 4


def test_no_hostile_image_takes_much_memory_or_time() -> None:
    """In a process of its own, which alone has a peak of its own."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, __file__], env=environment, capture_output=True, text=True, check=True, timeout=110
    )
    peak_mb, took_s = map(float, done.stdout.split())
    assert peak_mb < MOST_MB
    assert took_s < MOST_S


@pytest.mark.parametrize("make", BORNE.values(), ids=BORNE)
def test_an_odd_picture_is_one_by_what_it_is_and_not_by_its_name(make: Callable[[], bytes]) -> None:
    data = make()
    found, measures = (measure_photo if data.startswith(b"\xff") else measure_signature)(data)
    assert found.media_type == ("image/jpeg" if data.startswith(b"\xff") else "image/png")
    assert measures["bytes"] == len(data)


def test_a_camera_may_say_something_but_not_hide_a_file() -> None:
    outline(with_segment(0xE2, b"x" * (MAX_BESIDE_BYTES - 2_000)))
    with pytest.raises(PictureError):
        outline(with_segment(0xE2, b"x" * (MAX_BESIDE_BYTES - 2)))


@pytest.mark.parametrize(
    "name",
    ["../manifest.json", "/etc/passwd", "..", ".", "a/b.jpg", "a\\b.jpg", "\x00.jpg", "-rf", "фото.jpg", "ｅ.jpg", ""],
)
def test_a_name_that_leads_elsewhere_is_no_name(intake: Any, make_batch: Any, name: str) -> None:
    batch = make_batch(2)
    batch.edit(1, photo__file=name)
    report = intake.load(batch)
    assert (intake.reasons(report), report.loaded) == ([(1, "photo.file", "wrong_value")], 1)


@pytest.mark.parametrize("kind", ["link", "device", "pipe", "folder", "other case"])
def test_what_is_no_file_of_that_name_is_a_missing_image(intake: Any, make_batch: Any, kind: str) -> None:
    """It is not opened as one, so it can neither hang the load nor lead out of the batch."""
    batch = make_batch(2)
    path = batch.path / "images" / batch.records()[0]["photo"]["file"]
    sealed = path.rename(batch.path.parent / "elsewhere.jpg")
    match kind:
        case "link":
            path.symlink_to(sealed)
        case "device":
            path.symlink_to("/dev/zero")
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case _:
            sealed.rename(path.with_name(path.name.upper()))
    report = intake.load(batch)
    assert (intake.reasons(report), report.loaded) == ([(1, "photo", "photo_missing")], 1)


@pytest.mark.parametrize("place", ["manifest.json", "applications.jsonl", "images"])
@pytest.mark.parametrize("kind", ["link", "device", "pipe"])
def test_a_batch_of_links_pipes_or_devices_is_refused_at_once(make_batch: Any, place: str, kind: str) -> None:
    batch = make_batch(1)
    path = batch.path / place
    there = path.rename(batch.path.parent / "elsewhere")
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(there if kind == "link" else "/dev/zero")
    began_s = time.monotonic()
    with pytest.raises(BatchRefusedError) as refused:
        open_batch(batch.path)
    assert refused.value.place == place
    assert time.monotonic() - began_s < 5


def main() -> None:
    """Measure all of them; the peak of memory in MB, and the processor's time in seconds."""
    made = [make() for make, _ in (*PHOTOS.values(), *SIGNATURES.values())] + [make() for make in BORNE.values()]
    began_s = time.process_time()
    for data in made:
        for measure in (measure_photo, measure_signature):
            try:
                measure(data)
            except PictureError:
                continue
    # This process's own: what `getrusage` calls a peak begins with that of its parent.
    (peak,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    peak_mb = int(peak.split()[1]) / 1024
    sys.stdout.write(f"{peak_mb} {time.process_time() - began_s}\n")


if __name__ == "__main__":
    main()
