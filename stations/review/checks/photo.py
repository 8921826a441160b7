"""The checks on the photo, by what was measured at intake; ears, eyes, glasses and expression are a person's alone."""

from stations.documents import months_later
from stations.review.facts import Facts
from stations.review.findings import PASSED, Finding, suspect, suspect_if, unsure
from stations.review.thresholds import Thresholds

PHOTO_WIDTH_MM = 33.0


def _outside(value: float, limits: tuple[float, float]) -> bool:
    return not limits[0] <= value <= limits[1]


def faces(facts: Facts, _: Thresholds) -> Finding:
    """Exactly one face, where the finder looked for them."""
    count = facts.photo.get("faces")
    if count is None:
        return unsure("not_measured")
    return PASSED if count == 1 else suspect("photo_faces_several" if count else "photo_faces_none")


def head(facts: Facts, limits: Thresholds) -> Finding:
    """Size, place, tilt and turn of the largest face."""
    photo = facts.photo
    if not photo.get("faces"):
        return unsure("not_measured")
    width_mm = photo["face_width"] * PHOTO_WIDTH_MM
    if _outside(width_mm, limits.face_width_mm):
        return suspect("photo_head_small" if width_mm < limits.face_width_mm[0] else "photo_head_large")
    if abs(photo["face_middle"] - 0.5) > limits.face_off_middle:
        return suspect("photo_head_place")
    if abs(photo["face_roll_deg"]) > limits.face_roll_deg:
        return suspect("photo_head_tilted")
    return suspect_if(abs(photo["face_turn"]) > limits.face_turn, "photo_head_turned")


def background(facts: Facts, limits: Thresholds) -> Finding:
    """Light and of one colour, by the upper corners."""
    photo = facts.photo
    if photo["background_brightness"] < limits.background_brightness:
        return suspect("photo_background_dark")
    uneven = photo["background_spread"] > limits.background_spread
    return suspect_if(uneven or photo["background_colour"] > limits.background_colour, "photo_background_not_plain")


def exposure(facts: Facts, limits: Thresholds) -> Finding:
    """Neither too dark nor too bright, nor one half darker than the other."""
    photo = facts.photo
    if photo["bright_share"] > limits.bright_share or photo["brightness"] > limits.brightness[1]:
        return suspect("photo_exposure_bright")
    if photo["dark_share"] > limits.dark_share or photo["brightness"] < limits.brightness[0]:
        return suspect("photo_exposure_dark")
    # Photos that were filed before it was measured have no such figure.
    if "side_difference" not in photo:
        return unsure("not_measured")
    return suspect_if(photo["side_difference"] > limits.side_difference, "photo_exposure_uneven")


def sharpness(facts: Facts, limits: Thresholds) -> Finding:
    """Edges enough for the picture's contrast."""
    # As a share of the contrast: a dark picture is not a blurred one.
    return suspect_if(
        facts.photo["sharpness"] <= limits.sharpness * facts.photo["contrast"],
        "photo_sharpness",
    )


def file_format(facts: Facts, limits: Thresholds) -> Finding:
    """A JPEG of 24 bits whose sides are within the limits and fit each other."""
    photo = facts.photo
    if photo["format"] != "JPEG" or photo["bits"] != 24:
        return suspect("photo_format_file")
    details = (f"{photo['width']} × {photo['height']}",)
    if _outside(photo["width"], limits.photo_width_px) or _outside(photo["height"], limits.photo_height_px):
        return suspect("photo_format_size", *details)
    if _outside(photo["width"] / photo["height"], limits.photo_ratio):
        return suspect("photo_format_shape", *details)
    return PASSED


def age(facts: Facts, limits: Thresholds) -> Finding:
    """Not older than the limit on the day of acceptance, to the day."""
    taken, accepted = facts.filed.record.photo_taken_on, facts.accepted
    if taken > accepted:
        return suspect("photo_age_future")
    return suspect_if(months_later(taken, limits.photo_age_months) < accepted, "photo_age")
