"""What a batch looks like: the models of a line and of the manifest, and their JSON Schema.

A batch is a folder with `manifest.json`, `applications.jsonl` (one application a line) and `images/`. Each line carries
the SHA-256 of its images and the manifest that of the lines, so one changed byte anywhere shows.
"""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from stations import resident_id
from stations.offices import OFFICES

MANIFEST = "manifest.json"
APPLICATIONS = "applications.jsonl"
IMAGES = "images"
FORMAT = "passline-batch-1"

MAX_LINE_BYTES = 16_384
MAX_IMAGE_BYTES = 262_144


def _resident_id(number: str) -> str:
    try:
        return resident_id.parse(number).number
    except ValueError as error:
        raise PydanticCustomError("check_digit", "{reason}", {"reason": str(error)}) from None


def _office(code: str) -> str:
    if code not in OFFICES:
        raise PydanticCustomError("unknown_office", "no accepting office of that code")
    return code


Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
ResidentIdNumber = Annotated[str, Field(max_length=18), AfterValidator(_resident_id)]
ChineseName = Annotated[str, Field(pattern="^[\u3400-\u9fff\U00020000-\U000323af·]{1,20}$")]
RomanName = Annotated[str, Field(pattern="^[A-Z][A-Z ']{0,38}$")]
# Any script, but nothing that is no sign: no controls, no ends of lines, nothing that turns a line around or hides.
Words = Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+$")]
Phone = Annotated[str, Field(pattern=r"^\+?[0-9]{7,15}$")]
OfficeCode = Annotated[str, AfterValidator(_office), Field(json_schema_extra={"enum": sorted(OFFICES)})]


class _Strict(BaseModel):
    """Nothing is converted and nothing unknown let through."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Picture(_Strict):
    """An image file of the batch's `images` folder and the SHA-256 of its bytes."""

    file: Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    sha256: Sha256


class Applicant(_Strict):
    """The person, as in the identity record."""

    surname: ChineseName
    given_names: ChineseName
    surname_latin: RomanName
    given_names_latin: RomanName
    sex: Literal["M", "F"]
    born_on: date
    birthplace: Words
    birthplace_latin: RomanName
    resident_id: ResidentIdNumber
    phone: Phone


class Address(_Strict):
    """Where a posted document goes."""

    recipient: ChineseName
    phone: Phone
    lines: Words
    postcode: Annotated[str, Field(pattern="^[0-9]{6}$")]


class Consent(_Strict):
    """The consent paper of a minor's guardian."""

    guardian: ChineseName
    relation: Literal["father", "mother", "other"]
    resident_id: ResidentIdNumber
    signed_on: date
    expires_on: date


class Emergency(_Strict):
    """Who let an application into the green channel, why and when. `approver`: an opaque staff code."""

    approver: Annotated[str, Field(pattern="^[a-z0-9-]{1,40}$")]
    reason: Literal["conference", "exam", "death_abroad", "illness_abroad", "medical_care", "visa_expiry"]
    approved_at: AwareDatetime


class Fee(_Strict):
    """What the application costs, postage included, and whether that is settled."""

    amount_cny: Annotated[int, Field(ge=0, le=10_000)]
    state: Literal["paid", "waived", "due"]


class ApplicationRecord(_Strict):
    """One application: one line of `applications.jsonl`."""

    number: Annotated[str, Field(pattern="^[A-Z0-9][A-Z0-9-]{7,31}$")]
    revision: Annotated[int, Field(ge=1, le=99)]
    product: Literal["passport", "hk_macau_permit", "taiwan_permit"]
    service_class: Literal["normal", "expedited", "emergency"]
    delivery: Literal["collection", "post"]
    office: OfficeCode
    accepted_at: AwareDatetime
    applicant: Applicant
    fee: Fee
    photo: Picture
    photo_taken_on: date
    signature: Picture | None = None
    address: Address | None = None
    consent: Consent | None = None
    emergency: Emergency | None = None


class Manifest(_Strict):
    """What the sender says the batch holds: without it, or with other contents, nothing of a batch is loaded."""

    format: Literal["passline-batch-1"]
    created_at: AwareDatetime
    emulated: bool
    applications: Annotated[int, Field(ge=0)]
    applications_sha256: Sha256
    images: Annotated[int, Field(ge=0)]


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one line of `applications.jsonl`, with the manifest's under `$defs`."""
    described = ApplicationRecord.model_json_schema()
    described["$defs"]["Manifest"] = Manifest.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **described}
