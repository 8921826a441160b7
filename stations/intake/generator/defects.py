"""The seeded defects: what can be wrong with an application, where that is found, and how often it is seeded."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Found(StrEnum):
    """Where a defect is found."""

    INTAKE = "intake"
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class Defect:
    """One kind of defect. `code`: the reason that intake sets it aside for, or the review item it fails.

    `needs`: what the application must be for the defect to be one: minor, adult, emergency, post, look_alike or
    nothing. `reason`: of a review defect, the reason code with which the item's rule finds it; empty for one that a
    person sees on what is shown for the item. `with_faces`: the same where the extra `faces` is installed. `also`:
    other items whose rules may suspect it too, for a dark picture has a dark background.
    """

    code: str
    found: Found
    needs: str = ""
    reason: str = ""
    with_faces: str = ""
    also: tuple[str, ...] = ()

    def found_by(self, *, faces: bool) -> str:
        """The reason code that a rule finds it with; empty where only a person sees it."""
        return (self.with_faces if faces else "") or self.reason


INTAKE_DEFECTS = tuple(
    Defect(code, Found.INTAKE)
    for code in (
        "broken_line",
        "unknown_field",
        "check_digit",
        "photo_missing",
        "photo_not_image",
        "photo_truncated",
        "person_has_live_application",
        "revision_not_next",
        "missing_field",
        "signature_not_image",
    )
)

_BACKGROUND = ("photo_background",)

REVIEW_DEFECTS = (
    Defect("photo_ears", Found.REVIEW),
    Defect("signature_characters", Found.REVIEW, "look_alike"),
    Defect("photo_glasses", Found.REVIEW),
    Defect("photo_exposure", Found.REVIEW, reason="photo_exposure_dark", also=_BACKGROUND),
    Defect("photo_head", Found.REVIEW, with_faces="photo_head_tilted"),
    Defect("photo_expression", Found.REVIEW),
    Defect("photo_background", Found.REVIEW, reason="photo_background_dark"),
    Defect("signature_present", Found.REVIEW, "adult", reason="signature_present"),
    Defect("application_consent", Found.REVIEW, "minor", reason="application_consent_not_in_force"),
    Defect("photo_sharpness", Found.REVIEW, reason="photo_sharpness"),
    Defect("photo_eyes", Found.REVIEW),
    Defect("photo_covering", Found.REVIEW),
    Defect("person_pinyin", Found.REVIEW, reason="person_pinyin"),
    Defect("photo_faces", Found.REVIEW, with_faces="photo_faces_several", also=_BACKGROUND),
    Defect("photo_format", Found.REVIEW, reason="photo_format_size"),
    Defect("photo_age", Found.REVIEW, reason="photo_age"),
    Defect("signature_ink", Found.REVIEW, reason="signature_ink_faint"),
    Defect("signature_box", Found.REVIEW, reason="signature_box"),
    Defect("signature_upright", Found.REVIEW),
    Defect("person_birth", Found.REVIEW, reason="person_birth"),
    Defect("application_fee", Found.REVIEW, reason="application_fee"),
    Defect("application_class", Found.REVIEW, "emergency", reason="application_class_approver"),
    Defect("application_address", Found.REVIEW, "post", reason="application_address_missing"),
)


@dataclass(frozen=True, slots=True)
class Shares:
    """What a batch is made of, as shares of its applications (0–1). The defaults follow the centre's figures."""

    hk_macau_permit: float = 0.38
    taiwan_permit: float = 0.12
    minors: float = 0.10
    seniors: float = 0.05
    emergencies: float = 0.01
    expedited: float = 0.06
    post: float = 0.45
    intake_defects: float = 0.02
    review_defects: float = 0.04

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"share {name} is {getattr(self, name)}; a share lies between 0 and 1")
        if self.hk_macau_permit + self.taiwan_permit > 1 or self.minors + self.seniors > 1:
            raise ValueError("the shares of products, or of minors and seniors, exceed 1 together")
        if self.intake_defects + self.review_defects > 1:
            raise ValueError("the shares of defects exceed 1 together")


def seeded(shares: Shares) -> Iterator[Defect | None]:
    """For one application after another its defect or None; the shares hold exactly over any number of them.

    The kinds come in turn, so a small batch has the commonest ones.
    """
    owed = {Found.INTAKE: 0.5, Found.REVIEW: 0.5}
    given = {Found.INTAKE: 0, Found.REVIEW: 0}
    kinds = {Found.INTAKE: INTAKE_DEFECTS, Found.REVIEW: REVIEW_DEFECTS}
    while True:
        owed[Found.INTAKE] += shares.intake_defects
        owed[Found.REVIEW] += shares.review_defects
        # One application carries one defect; what falls on the same one waits for the next.
        due = next((found for found in Found if owed[found] >= 1), None)
        if due is None:
            yield None
            continue
        yield kinds[due][given[due] % len(kinds[due])]
        owed[due] -= 1
        given[due] += 1
