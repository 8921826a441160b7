"""One generated application after another: who applies for what, how, and with which seeded defect."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from stations.calendar import CHINA
from stations.documents import ADULT_YEARS, FREE_POST_AGE, POSTAGE_CITY_CNY, POSTAGE_ELSEWHERE_CNY, PRODUCTS
from stations.intake.generator.defects import Defect, Shares, seeded
from stations.intake.generator.people import Person, home_office, make_guardian, make_person
from stations.intake.generator.places import CITY_WEIGHTS, ESTATES, STREETS
from stations.offices import OFFICES

Record = dict[str, Any]

_REASONS = ("conference", "exam", "death_abroad", "illness_abroad", "medical_care", "visa_expiry")
_OPENING = time(8, 30)
_OFFICE_MINUTES = 8 * 60
_AT_HOME = 0.85
"""The share of people who apply in the city where they are registered."""


@dataclass(frozen=True, slots=True)
class Filed:
    """An application as its office would send it, without its pictures; `defect` is what is to be wrong with it."""

    index: int
    person: Person
    record: Record
    defect: Defect | None
    rng: random.Random


def applications(documents: int, seed: int, day: date, shares: Shares) -> Iterator[Filed]:
    """`documents` applications accepted on `day`, the same ones for the same seed, each independent of the others."""
    batch = random.Random(seed).randrange(10_000)
    last_good: Filed | None = None
    for index, defect in zip(range(documents), seeded(shares), strict=False):
        rng = random.Random(f"{seed}:{index}")
        if defect and defect.code == "person_has_live_application" and last_good is None:
            defect = None
        filed = _filed(rng, index, defect, day, shares, f"{batch:04d}{index:07d}")
        if defect and defect.code == "person_has_live_application" and last_good:
            filed = _again(filed, last_good)
        _spoil(filed, day)
        if defect is None:
            last_good = filed
        yield filed


def _filed(rng: random.Random, index: int, defect: Defect | None, day: date, shares: Shares, serial: str) -> Filed:
    needs = defect.needs if defect else ""
    group = _group(rng, shares, needs)
    person = make_person(rng, index, day, group=group, look_alike=needs == "look_alike")
    office = home_office(person) if rng.random() < _AT_HOME else rng.choice(list(CITY_WEIGHTS))
    service_class = _service_class(rng, shares, needs)
    post = needs == "post" or group == "senior" or (service_class != "emergency" and rng.random() < shares.post)
    accepted = datetime.combine(day, _OPENING, CHINA) + timedelta(minutes=rng.randrange(_OFFICE_MINUTES))
    product = _product(rng, shares)
    latin = {"surname_latin": person.surname_latin, "given_names_latin": person.given_names_latin}
    record: Record = {
        "number": f"{OFFICES[office].region}{day:%y%m%d}{serial}",
        "revision": 1,
        "product": product,
        "service_class": service_class,
        "delivery": "post" if post else "collection",
        "office": office,
        "accepted_at": accepted.isoformat(),
        "applicant": {
            "surname": person.surname,
            "given_names": person.given_names,
            **latin,
            "sex": person.sex,
            "born_on": person.born.isoformat(),
            "birthplace": "山东",
            "birthplace_latin": "SHANDONG",
            "resident_id": person.resident_id,
            "phone": person.phone,
        },
        "fee": {"amount_cny": _fee(person, product, office, day, post=post), "state": "paid"},
        "photo_taken_on": (day - timedelta(days=rng.randrange(120))).isoformat(),
    }
    if post:
        record["address"] = _address(rng, person)
    if person.years(day) < ADULT_YEARS:
        record["consent"] = _consent(rng, person, day)
    if service_class == "emergency":
        approved = accepted + timedelta(minutes=rng.randrange(5, 40))
        approver = f"e-app-{rng.randrange(1, 4)}"
        record["emergency"] = {
            "approver": approver,
            "reason": rng.choice(_REASONS),
            "approved_at": approved.isoformat(),
        }
    return Filed(index, person, record, defect, rng)


def _again(filed: Filed, earlier: Filed) -> Filed:
    """Another application of the earlier one's person, for the same document."""
    record = filed.record | {
        key: earlier.record[key] for key in ("applicant", "product", "consent") if key in earlier.record
    }
    return replace(filed, person=earlier.person, record=record)


def _spoil(filed: Filed, day: date) -> None:
    """Write a data defect into the record; defects of files and pictures are made with them."""
    record, person = filed.record, filed.person
    applicant: Record = record["applicant"]
    match filed.defect.code if filed.defect else "":
        case "unknown_field":
            record["remark"] = "请加急"
        case "missing_field":
            del record["delivery"]
        case "check_digit":
            last = person.resident_id[-1]
            applicant["resident_id"] = person.resident_id[:-1] + ("1" if last != "1" else "2")
        case "revision_not_next":
            record["revision"] = 2
        case "application_consent":
            record["consent"]["expires_on"] = (day - timedelta(days=30)).isoformat()
        case "application_fee":
            record["fee"]["state"] = "due"
        case "application_class":
            del record["emergency"]
        case "application_address":
            del record["address"]
        case "person_pinyin":
            applicant["given_names_latin"] = "XIU" if person.given_names_latin != "XIU" else "MEI"
        case "person_birth":
            # One day off: the date and the resident number disagree, nothing else changes.
            applicant["born_on"] = (person.born - timedelta(days=1)).isoformat()
        case "photo_age":
            record["photo_taken_on"] = (day - timedelta(days=400)).isoformat()


def _group(rng: random.Random, shares: Shares, needs: str) -> str:
    drawn = rng.random()
    if needs == "minor" or (not needs and drawn < shares.minors):
        return "minor"
    return "senior" if not needs and drawn < shares.minors + shares.seniors else "adult"


def _service_class(rng: random.Random, shares: Shares, needs: str) -> str:
    drawn = rng.random()
    if needs == "emergency" or (needs != "post" and drawn < shares.emergencies):
        return "emergency"
    return "expedited" if drawn < shares.emergencies + shares.expedited else "normal"


def _product(rng: random.Random, shares: Shares) -> str:
    drawn = rng.random()
    if drawn < shares.hk_macau_permit:
        return "hk_macau_permit"
    return "taiwan_permit" if drawn < shares.hk_macau_permit + shares.taiwan_permit else "passport"


def _fee(person: Person, product: str, office: str, day: date, *, post: bool) -> int:
    fee = PRODUCTS[product].fee_cny
    if not post or person.years(day) >= FREE_POST_AGE:
        return fee
    return fee + (POSTAGE_CITY_CNY if office == person.home.city else POSTAGE_ELSEWHERE_CNY)


def _address(rng: random.Random, person: Person) -> Record:
    city = OFFICES[person.home.city].chinese
    street, estate = rng.choice(STREETS), rng.choice(ESTATES)
    door = f"{rng.randrange(1, 40)}号楼{rng.randrange(1, 6)}单元{rng.randrange(1, 19)}0{rng.randrange(1, 5)}室"
    return {
        "recipient": person.name,
        "phone": person.phone,
        "lines": f"山东省{city}市{person.home.chinese}{street}{rng.randrange(1, 300)}号{estate}{door}",
        "postcode": f"2{rng.randrange(50_000, 77_000):05d}",
    }


def _consent(rng: random.Random, person: Person, day: date) -> Record:
    guardian, relation, number = make_guardian(rng, person, day)
    signed = day - timedelta(days=rng.randrange(1, 20))
    return {
        "guardian": guardian,
        "relation": relation,
        "resident_id": number,
        "signed_on": signed.isoformat(),
        "expires_on": (signed + timedelta(days=180)).isoformat(),
    }
