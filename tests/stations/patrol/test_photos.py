"""Of a photograph only its pixels are kept, sealed; what is none is refused before it fills the memory."""

import io
import struct
import zlib

import pytest
from patrol_line import CRACK, Patrolled, picture
from PIL import Image

from stations.errors import SealBrokenError
from stations.patrol import photos
from stations.patrol.errors import PhotoRefusedError, PhotoUnknownError
from stations.patrol.rules import Found

SECRET = b"Wang's telephone, 36.66N 117.02E"


def with_exif(**more: int) -> bytes:
    """A photograph whose camera tells where it was taken, and which side is up."""
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    for tag, value in more.items():
        exif[{"orientation": 0x0112}[tag]] = value
    return picture((400, 200), exif=exif.tobytes())


def png_of(width: int, height: int) -> bytes:
    """The beginning of a PNG that says how large it is, and little else."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("data", [with_exif(), picture((400, 200)) + SECRET, picture((400, 200), "PNG") + SECRET])
def test_nothing_of_the_file_but_its_pixels_is_kept(data: bytes) -> None:
    assert SECRET in data
    kept = photos.photo(data)
    assert SECRET not in kept.jpeg and b"Exif" not in kept.jpeg
    opened = Image.open(io.BytesIO(kept.jpeg))
    assert (opened.format, opened.size, dict(opened.getexif())) == ("JPEG", (400, 200), {})


def test_a_photograph_stands_upright_without_what_said_so() -> None:
    assert Image.open(io.BytesIO(photos.photo(with_exif(orientation=6)).jpeg)).size == (200, 400)


def test_a_photograph_is_no_larger_than_it_needs_to_be() -> None:
    noise = Image.effect_noise((3_000, 3_000), 120).convert("RGB")
    written = io.BytesIO()
    noise.save(written, "JPEG", quality=95)
    kept = photos.photo(written.getvalue())
    assert len(kept.jpeg) <= photos.KEPT_BYTES and max(Image.open(io.BytesIO(kept.jpeg)).size) == photos.LONGEST_SIDE


def test_the_same_photograph_is_known_again() -> None:
    assert photos.photo(picture()) == photos.photo(picture())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is no JPEG or PNG"),
        (b"GIF89a" + bytes(100), "is no JPEG or PNG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is no JPEG or PNG"),
        (picture()[:3_000], "is cut off or broken"),
        (png_of(4_001, 4_001), "has too many pixels"),
        (png_of(60_000, 60_000), "is no JPEG or PNG"),
        (bytes(photos.MOST_BYTES + 1), "has more than 12 MB"),
    ],
)
def test_what_is_no_photograph_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(PhotoRefusedError) as refused:
        photos.photo(data)
    assert refused.value.reason == reason


def test_a_photograph_is_sealed_and_opens_only_as_itself(patrolled: Patrolled) -> None:
    patrolled.walk(Found(CRACK.point, CRACK.item, CRACK.kind, CRACK.what, photo=picture()))
    patrolled.walk(Found(CRACK.point, "network", CRACK.kind, CRACK.what, photo=picture((90, 90))))
    kept = photos.photo(picture())
    [(one, first), (other, second)] = patrolled.rows("SELECT sha256, sealed FROM patrol_photo ORDER BY length(sealed)")
    assert kept.sha256 in (one, other) and b"\xff\xd8\xff" not in bytes(first) + bytes(second)[:64]
    personal = patrolled.here.personal
    with patrolled.database.read() as conn:
        assert photos.kept(conn, personal, kept.sha256) == kept.jpeg
        with pytest.raises(PhotoUnknownError):
            photos.kept(conn, personal, "0" * 64)
    assert personal.decrypt(bytes(first), f"patrol-photo:{one}")
    with pytest.raises(SealBrokenError):
        personal.decrypt(bytes(first), f"patrol-photo:{other}")


def test_one_photograph_of_two_findings_is_kept_once(patrolled: Patrolled) -> None:
    one, other = (Found("book-01", item, CRACK.kind, CRACK.what, photo=picture()) for item in ("covers", "other"))
    assert len(patrolled.walk(one, other).findings) == 2
    assert patrolled.rows("SELECT count(*) FROM patrol_photo") == [(1,)]
