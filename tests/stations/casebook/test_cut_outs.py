"""What is cut out shows what was wrong and not whose it was."""

import io
import random

import pytest
from PIL import Image

from stations.casebook import cut_outs
from stations.casebook.cut_outs import MOST_PX, MOST_SHARE, SHARES, Region, character_of, from_photo, regions_of
from stations.casebook.errors import CutOutRefusedError
from stations.intake.generator.faces import make_face, with_defect
from stations.intake.generator.portraits import SIGHT, portrait
from stations.intake.generator.signatures import signature
from stations.review.items import ITEMS

LANDMARKS = {"left eye": (0.38, 0.48), "right eye": (0.62, 0.48), "mouth": (0.5, 0.7)}


def photo(defect: str = "photo_ears") -> bytes:
    rng = random.Random(5)
    return portrait(rng, with_defect(make_face(rng, "F", 30), defect), [defect])


def opened(piece: bytes) -> Image.Image:
    return Image.open(io.BytesIO(piece))


def test_a_cut_out_is_a_small_share_with_at_most_one_of_eyes_and_mouth() -> None:
    for region, shares in SHARES.items():
        assert sum(w * h for _, _, w, h in shares) <= MOST_SHARE, region
        inside = {
            name
            for name, (x, y) in LANDMARKS.items()
            for left, top, w, h in shares
            if left <= x <= left + w and top <= y <= top + h
        }
        assert len(inside) <= 1, region


@pytest.mark.parametrize("region", list(SHARES))
def test_a_cut_out_is_as_coarse_as_a_photograph_of_96_pixels(region: Region) -> None:
    """So that no face is known by it, wherever the head is; grey, but for the background."""
    width = sum(w for _, _, w, _ in SHARES[region]) * cut_outs.WHOLE_PX
    for data in (photo(), doubled(photo())):
        piece = opened(from_photo(data, region))
        assert abs(piece.width - width) <= 2 and max(piece.size) <= MOST_PX
        assert piece.mode == ("RGB" if region is Region.BACKGROUND else "L")


def doubled(data: bytes) -> bytes:
    picture = opened(data)
    written = io.BytesIO()
    picture.resize((picture.width * 2, picture.height * 2)).save(written, "JPEG")
    return written.getvalue()


def test_nothing_of_the_file_but_pixels_survives() -> None:
    rng = random.Random(1)
    data = photo()
    assert SIGHT.encode() in data
    for piece in (from_photo(data, Region.LEFT_EAR), character_of(signature(rng, "王晓东", ["signature_ink"]), 2, 3)):
        assert SIGHT.encode() not in piece
        kinds, at = [], 8
        while at < len(piece):
            kinds.append(piece[at + 4 : at + 8])
            at += 12 + int.from_bytes(piece[at : at + 4])
        assert set(kinds) == {b"IHDR", b"IDAT", b"IEND"}
        assert len(piece) <= cut_outs.MOST_BYTES


def test_of_a_signature_it_is_one_characters_share() -> None:
    data = signature(random.Random(2), "王晓东", [])
    pieces = [opened(character_of(data, place, 3)) for place in (1, 2, 3)]
    assert all(piece.width / piece.height < 1 and max(piece.size) <= MOST_PX for piece in pieces)
    assert len({piece.tobytes() for piece in pieces}) == 3
    # A name of one character, which there is not, would still be no whole signature.
    half = opened(character_of(data, 1, 1))
    assert half.width / half.height < opened(data).width / opened(data).height / 1.5
    for place in (0, 4):
        with pytest.raises(CutOutRefusedError):
            character_of(data, place, 3)


def test_what_is_no_picture_is_refused() -> None:
    for data in (b"", photo()[:900], photo() + b"more"):
        with pytest.raises(CutOutRefusedError):
            from_photo(data, Region.MOUTH)
    empty = io.BytesIO()
    Image.new("L", (90, 30), 255).save(empty, "PNG")
    with pytest.raises(CutOutRefusedError):
        character_of(empty.getvalue(), 1, 2)


def test_what_would_take_a_whole_face_to_show_has_no_picture() -> None:
    for code in ("photo_faces", "photo_head", "photo_exposure", "photo_sharpness", "photo_age", "person_name"):
        assert regions_of(ITEMS[code]) == ()
    assert regions_of(ITEMS["photo_ears"]) == (Region.LEFT_EAR, Region.RIGHT_EAR)
