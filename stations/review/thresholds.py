"""The limits that review's rules go by."""

from dataclasses import dataclass
from pathlib import Path

from stations.documents import ADULT_YEARS


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Limits of the checks; configuration, for the sources disagree and cameras differ.

    Luma, `background_spread` and `background_colour` are 0–255, shares 0–1; `sharpness` is the least mean Laplacian as
    a share of the contrast. `face_width_mm` is of the finder's box on a print of 33 mm, `face_off_middle` a share of
    the picture's width, `face_turn` one of the distance between the eyes. `crown_mm` from the upper edge and `head_mm`
    from crown to chin are those of a print 48 mm high; a person sees whether the head keeps them. `hold_lists`: the
    folder of the hold list's files (`stations.review.hold_list`); None where none is kept.
    """

    photo_width_px: tuple[int, int] = (354, 480)
    photo_height_px: tuple[int, int] = (472, 640)
    photo_ratio: tuple[float, float] = (0.68, 0.77)
    photo_age_months: int = 6
    brightness: tuple[float, float] = (70.0, 235.0)
    dark_share: float = 0.5
    bright_share: float = 0.6
    side_difference: float = 40.0
    background_brightness: float = 160.0
    background_spread: float = 25.0
    background_colour: float = 70.0
    sharpness: float = 0.11
    face_width_mm: tuple[float, float] = (13.0, 22.0)
    face_off_middle: float = 0.1
    face_roll_deg: float = 8.0
    face_turn: float = 0.25
    crown_mm: tuple[float, float] = (3.0, 5.0)
    head_mm: tuple[float, float] = (28.0, 33.0)
    ink_share: tuple[float, float] = (0.002, 0.5)
    ink_darkness: float = 150.0
    signs_from_age: int = 16
    adult_age: int = ADULT_YEARS
    guardian_age: int = 18
    renewal_months: int = 6
    address_characters: int = 8
    hold_lists: Path | None = None

    @property
    def head_lines_mm(self) -> tuple[float, ...]:
        """Where crown and chin lie between, from the upper edge of a print: two lines for each."""
        (high, low), (short, long) = self.crown_mm, self.head_mm
        return high, low, high + short, low + long
