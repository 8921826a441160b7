"""What is measured tells good pictures from bad ones."""

import random
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from stations.intake.generator.faces import make_face, with_defect
from stations.intake.generator.portraits import portrait
from stations.intake.generator.signatures import signature
from stations.intake.measures import measure_photo, measure_signature


def photo(seed: int, code: str = "") -> dict[str, Any]:
    rng = random.Random(seed)
    face = make_face(rng, "MF"[seed % 2], 5 + seed * 7 % 80)
    return measure_photo(portrait(rng, with_defect(face, code) if code else face, [code] if code else []))[1]


def signed(code: str = "") -> dict[str, Any]:
    return measure_signature(signature(random.Random(3), "王晓东", [code] if code else []))[1]


GOOD = [photo(seed) for seed in range(12)]


@pytest.mark.parametrize(
    ("code", "measure", "worse"),
    [
        ("photo_exposure", "brightness", "lower"),
        ("photo_background", "background_spread", "higher"),
        ("photo_background", "background_colour", "higher"),
        ("photo_sharpness", "sharpness", "lower"),
        ("photo_format", "width", "lower"),
    ],
)
def test_a_defect_shows_in_its_measure(code: str, measure: str, worse: str) -> None:
    values, bad = [good[measure] for good in GOOD], [photo(seed, code)[measure] for seed in range(4)]
    assert max(bad) < min(values) if worse == "lower" else min(bad) > max(values)


def test_signatures_outside_their_box_or_faint_show() -> None:
    good = signed()
    assert not good["touches_edge"]
    assert 0.02 < good["ink_share"] < 0.15
    assert signed("signature_box")["touches_edge"]
    assert signed("signature_ink")["ink_darkness"] < good["ink_darkness"] - 60


def test_an_empty_signature_has_no_ink() -> None:
    file = BytesIO()
    Image.new("L", (360, 120), 255).save(file, "PNG")
    measured = measure_signature(file.getvalue())[1]
    assert (measured["ink_share"], measured["ink_darkness"], measured["touches_edge"]) == (0, 0, False)


def lit(left: int, right: int) -> dict[str, Any]:
    """The measures of a flat picture whose halves are of these lumas."""
    file = BytesIO()
    picture = Image.new("RGB", (354, 472), (left,) * 3)
    picture.paste((right,) * 3, (177, 0, 354, 472))
    picture.save(file, "JPEG", quality=95)
    return measure_photo(file.getvalue())[1]


@given(st.integers(0, 255), st.integers(0, 255))
@settings(max_examples=40)
def test_the_sides_differ_by_as_much_as_they_were_lit_differently(left: int, right: int) -> None:
    """Within what JPEG and the smaller copy round off at the middle."""
    assert lit(left, right)["side_difference"] == pytest.approx(abs(left - right), abs=4 + abs(left - right) * 0.03)


def test_a_sound_portrait_is_lit_evenly_and_sharp_for_its_contrast() -> None:
    """A dark picture is not a blurred one: both figures shrink together."""
    blurred = [bad["sharpness"] / bad["contrast"] for bad in (photo(seed, "photo_sharpness") for seed in range(4))]
    others = [each["sharpness"] / each["contrast"] for each in [*GOOD, *(photo(n, "photo_exposure") for n in range(4))]]
    assert max(blurred) < 0.11 < min(others)
    assert max(good["side_difference"] for good in GOOD) < 20


def test_measures_are_plain_json() -> None:
    assert all(type(value) in (str, int, float, bool) for value in [*photo(1).values(), *signed().values()])
