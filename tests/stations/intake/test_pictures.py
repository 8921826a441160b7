"""Hostile images are refused by a typed reason, before or while they are decoded; nothing crashes."""

import random
import struct
import zlib
from collections.abc import Callable
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from stations.intake.generator.faces import make_face
from stations.intake.generator.portraits import portrait
from stations.intake.generator.signatures import signature
from stations.intake.measures import measure_photo, measure_signature
from stations.intake.pictures import PNG_START, PictureError, outline
from stations.intake.rules import REASONS

PHOTO = portrait(random.Random(1), make_face(random.Random(1), "F", 30), [])
SIGNATURE = signature(random.Random(1), "王晓东", [])


ALLOWED = {"", *(reason.removeprefix("photo_") for reason in REASONS if reason.startswith("photo_"))}


def refusal(read: Callable[[bytes], object], data: bytes) -> str:
    """The reason for which `data` is refused, or nothing."""
    try:
        read(data)
    except PictureError as refused:
        return refused.reason
    return ""


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\x00" * min(width * height + height, 100_000))
    return PNG_START + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", pixels) + png_chunk(b"IEND", b"")


def jpeg_claiming(width: int, height: int) -> bytes:
    """The photo with other dimensions in its frame header."""
    at = PHOTO.index(b"\xff\xc0") + 5
    return PHOTO[:at] + struct.pack(">HH", height, width) + PHOTO[at + 4 :]


def commented(comment: bytes) -> bytes:
    file = BytesIO()
    Image.new("RGB", (30, 30)).save(file, "JPEG", comment=comment)
    return file.getvalue()


def gif() -> bytes:
    file = BytesIO()
    Image.new("P", (30, 30)).save(file, "GIF")
    return file.getvalue()


def noted(text: str, *, squeezed: bool = False) -> bytes:
    file, note = BytesIO(), PngInfo()
    note.add_text("a", text, zip=squeezed)
    Image.new("L", (30, 30)).save(file, "PNG", pnginfo=note)
    return file.getvalue()


def test_good_pictures_have_their_outline() -> None:
    photo, drawn = outline(PHOTO), outline(SIGNATURE)
    assert (photo.media_type, photo.width, photo.height, photo.bits) == ("image/jpeg", 354, 472, 24)
    assert (drawn.media_type, drawn.width, drawn.height, drawn.bits) == ("image/png", 360, 120, 8)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not_image"),
        (b"\xff\xd8", "truncated"),
        (b"%PDF-1.7", "not_image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not_image"),
        (gif(), "not_image"),
        (PHOTO[:-2], "truncated"),
        (PHOTO[:5_000], "truncated"),
        (PHOTO + b"PK\x03\x04", "trailing_data"),
        (PHOTO + PHOTO, "trailing_data"),
        (commented(b"*/=alert(1)" + b" " * 5_000), "trailing_data"),
        (jpeg_claiming(65_000, 65_000), "too_large"),
        (jpeg_claiming(0, 0), "too_large"),
        (SIGNATURE[:-12], "truncated"),
        (SIGNATURE + b"<script>", "trailing_data"),
        (SIGNATURE[: len(SIGNATURE) // 2], "truncated"),
        (noted("x" * 5_000), "trailing_data"),
        (noted("x" * 100_000_000, squeezed=True), "trailing_data"),
        (png_of(60_000, 60_000), "too_large"),
        (png_of(5_000, 5_000), "too_large"),
        (PNG_START + png_chunk(b"IEND", b""), "not_image"),
    ],
)
def test_hostile_files_are_refused_before_they_are_decoded(data: bytes, reason: str) -> None:
    with pytest.raises(PictureError) as refused:
        outline(data)
    assert refused.value.reason == reason
    assert f"photo_{reason}" in REASONS


def test_a_picture_cut_off_within_its_data_is_refused_by_the_decoder() -> None:
    with pytest.raises(PictureError) as refused:
        measure_photo(png_of(1_000, 1_000))
    assert refused.value.reason == "truncated"


@given(st.sampled_from([PHOTO, SIGNATURE]), st.data())
def test_any_damage_is_measured_or_refused_but_never_crashes(whole: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(whole) - 1))
    end = data.draw(st.integers(at, min(len(whole), at + 64)))
    damaged = whole[:at] + data.draw(st.binary(max_size=64)) + whole[end:]
    for measure in (measure_photo, measure_signature):
        assert refusal(measure, damaged) in ALLOWED


@given(st.binary(max_size=200), st.sampled_from([b"", b"\xff\xd8", PNG_START]))
def test_no_bytes_at_all_crash_the_walk(tail: bytes, start: bytes) -> None:
    assert refusal(outline, start + tail) in ALLOWED
