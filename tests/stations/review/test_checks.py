"""Each check against an oracle of its own: dateutil, the `mrz` package, `stdnum`, plain counting."""

import ast
from dataclasses import replace
from datetime import date, datetime, time
from itertools import product
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from dateutil.relativedelta import relativedelta
from hypothesis import given, settings
from hypothesis import strategies as st
from mrz.checker.td3 import TD3CodeChecker
from mrz.generator.td3 import TD3CodeGenerator
from small_facts import ACCEPTED, FACE, sound, suspected_of, with_photo, with_signature
from stdnum.cn import ric

from stations import names
from stations.calendar import CHINA
from stations.documents import PRODUCTS, months_later
from stations.names import APART
from stations.resident_id import compose
from stations.review import checks
from stations.review.items import ITEM_OF, REASONS
from stations.review.rules import CHECKS, EarlierDocument, Finding, Hold, Suggestion, Thresholds, examine
from stations.review.words import DOUBTS

LIMITS = Thresholds()
DAYS = st.dates(date(2015, 1, 1), date(2035, 12, 31))
WORDS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=9)
EMERGENCY = {"approver": "e-app-1", "reason": "exam", "approved_at": "2026-11-20T10:05:00+08:00"}
ADDRESS = {"recipient": "王晓明", "phone": "13800000000", "lines": "济南市历下区文化路1号", "postcode": "250000"}


def said(code: str, facts: Any, limits: Thresholds = LIMITS) -> Finding:
    return CHECKS[code](facts, limits)


def accepted_on(day: date) -> str:
    return datetime.combine(day, time(10), CHINA).isoformat()


def number_of(born: date, sex: str, region: str = "370102") -> str:
    return compose(region, born, 2 if sex == "F" else 3)


def test_a_sound_application_passes_every_check():
    """So that each test below changes one thing."""
    facts = replace(with_photo(FACE), hold=Hold.FREE)
    assert {found.suggestion for found in examine(facts, LIMITS).values()} == {Suggestion.PASS}


# Photo


@given(DAYS, DAYS, st.integers(1, 24))
def test_a_photo_is_too_old_exactly_when_it_was_taken_more_months_before_than_the_limit(taken, accepted, months):
    """dateutil counts the months; taken after the acceptance is another fault."""
    facts = sound(photo_taken_on=taken.isoformat(), accepted_at=accepted_on(accepted))
    found = said("photo_age", facts, replace(LIMITS, photo_age_months=months))
    if taken > accepted:
        assert found.reason == "photo_age_future"
    else:
        assert (found.reason == "photo_age") == (taken + relativedelta(months=months) < accepted)


@pytest.mark.parametrize(("taken", "reason"), [("2026-05-20", None), ("2026-05-19", "photo_age")])
def test_six_months_to_the_day_are_not_too_old(taken, reason):
    assert said("photo_age", sound(photo_taken_on=taken)).reason == reason


@given(DAYS, st.integers(0, 400))
def test_months_are_counted_as_dateutil_counts_them(day, months):
    assert months_later(day, months) == day + relativedelta(months=months)


@given(st.integers(1, 1000), st.integers(1, 1000))
def test_a_photo_of_another_size_or_shape_is_suspected_and_no_other(width, height):
    """Sides within the limits, and 33 mm by 48 mm or 3 by 4, give or take."""
    found = said("photo_format", with_photo({"width": width, "height": height}))
    fits = 354 <= width <= 480 and 472 <= height <= 640
    shaped = 0.68 * height <= width <= 0.77 * height
    assert found.reason == (None if fits and shaped else "photo_format_shape" if fits else "photo_format_size")


@pytest.mark.parametrize(
    ("code", "measures", "reason"),
    [
        ("photo_format", {"format": "PNG"}, "photo_format_file"),
        ("photo_format", {"bits": 8}, "photo_format_file"),
        ("photo_background", {"background_brightness": 120.0}, "photo_background_dark"),
        ("photo_background", {"background_spread": 26.0}, "photo_background_not_plain"),
        ("photo_background", {"background_colour": 71.0}, "photo_background_not_plain"),
        ("photo_exposure", {"brightness": 69.0}, "photo_exposure_dark"),
        ("photo_exposure", {"dark_share": 0.51}, "photo_exposure_dark"),
        ("photo_exposure", {"brightness": 236.0}, "photo_exposure_bright"),
        ("photo_exposure", {"bright_share": 0.61}, "photo_exposure_bright"),
        ("photo_exposure", {"side_difference": 41.0}, "photo_exposure_uneven"),
        ("photo_sharpness", {"sharpness": 6.5}, "photo_sharpness"),
        ("photo_sharpness", {"sharpness": 0.0, "contrast": 0.0}, "photo_sharpness"),
        ("photo_faces", {"faces": 0}, "photo_faces_none"),
        ("photo_faces", {**FACE, "faces": 2}, "photo_faces_several"),
        ("photo_head", {**FACE, "face_width": 0.35}, "photo_head_small"),
        ("photo_head", {**FACE, "face_width": 0.7}, "photo_head_large"),
        ("photo_head", {**FACE, "face_middle": 0.61}, "photo_head_place"),
        ("photo_head", {**FACE, "face_roll_deg": -8.5}, "photo_head_tilted"),
        ("photo_head", {**FACE, "face_turn": 0.3}, "photo_head_turned"),
    ],
)
def test_a_measure_beyond_its_limit_is_suspected_with_its_reason(code, measures, reason):
    """And of nothing else."""
    assert suspected_of(with_photo(measures)) == {code: reason}


def test_what_was_not_measured_nobody_can_tell():
    """Without the extra there are no faces in the measures; old photos lack the two sides."""
    for code in ("photo_faces", "photo_head"):
        assert said(code, sound()) == Finding(Suggestion.CANNOT_TELL, "not_measured")
    facts = sound()
    before = replace(facts, photo={key: value for key, value in facts.photo.items() if key != "side_difference"})
    assert said("photo_exposure", before) == Finding(Suggestion.CANNOT_TELL, "not_measured")


# Person


@given(DAYS, DAYS, st.sampled_from("MF"), st.sampled_from("MF"))
def test_sex_and_birth_are_those_that_stdnum_reads_from_the_number(born, stated, sex, stated_sex):
    """An oracle of its own for the date; the 17th digit for the sex."""
    number = number_of(born, sex)
    facts = sound(applicant__resident_id=number, applicant__born_on=stated.isoformat(), applicant__sex=stated_sex)
    assert (said("person_birth", facts).reason == "person_birth") == (ric.get_birth_date(number) != stated)
    assert (said("person_sex", facts).reason == "person_sex") == ("FM"[int(number[16]) % 2] != stated_sex)


@given(DAYS, st.sampled_from(["370102", "990102", "110105"]), DAYS)
def test_a_number_of_the_future_is_suspected_and_a_doubtful_region_left_to_a_person(born, region, accepted):
    """Region codes change, so one is never a ground for a return."""
    facts = sound(applicant__resident_id=number_of(born, "F", region), accepted_at=accepted_on(accepted))
    found = said("person_resident_id", facts)
    if born > accepted:
        assert found.reason == "person_resident_id"
    elif region == "990102":
        assert found == Finding(Suggestion.CANNOT_TELL, "region", ("990102",))
    else:
        assert found.suggestion is Suggestion.PASS


def test_a_number_that_is_wrong_in_itself_is_suspected_once():
    """Intake refuses it; should one be on file, what is compared with it can't be told."""
    facts = sound()
    person = facts.filed.record.applicant.model_copy(update={"resident_id": "370102199001020020"})
    record = facts.filed.record.model_copy(update={"applicant": person})
    wrong = replace(facts, filed=replace(facts.filed, record=record))
    assert suspected_of(wrong) == {"person_resident_id": "person_resident_id"}
    for code in ("person_sex", "person_birth"):
        assert said(code, wrong).reason == "unreadable_number"


@given(DAYS, st.dates(date(1900, 1, 1), date(2035, 12, 31)), st.sampled_from(sorted(PRODUCTS)))
def test_validity_is_five_years_for_a_child_and_ten_for_others_by_dateutil(accepted, born, made):
    """The details say what a person compares; an impossible age is suspected."""
    facts = sound(applicant__born_on=born.isoformat(), accepted_at=accepted_on(accepted), product=made)
    found = said("person_validity", facts)
    years_old = relativedelta(accepted, born).years if born <= accepted else -1
    if not 0 <= years_old <= 120:
        assert found.reason == "person_validity_age"
    elif (accepted.month, accepted.day) != (2, 29) and (born.month, born.day) != (2, 29):
        years = 5 if years_old < 16 else 10
        last = accepted + relativedelta(years=years, days=-1)
        assert found.details == (str(years), last.isoformat())


@pytest.mark.parametrize(
    ("surname", "given", "latin", "finding"),
    [
        ("王", "晓明", "WANG XIAOMING", (Suggestion.PASS, None, ())),
        ("吕", "绿", "LYU LYU", (Suggestion.PASS, None, ())),
        ("吕", "丽", "LV LI", (Suggestion.SUSPECT, "person_pinyin_umlaut", ("LYU LI",))),
        ("吕", "丽", "LU LI", (Suggestion.SUSPECT, "person_pinyin_umlaut", ("LYU LI",))),
        ("仇", "绿", "QIU LV", (Suggestion.SUSPECT, "person_pinyin_umlaut", ("QIU LYU",))),
        ("王", "晓明", "XIAOMING WANG", (Suggestion.SUSPECT, "person_pinyin_swapped", ("WANG XIAOMING",))),
        ("王", "晓明", "WANG MEI", (Suggestion.SUSPECT, "person_pinyin", ("WANG XIAOMING",))),
        ("曾", "丽", "CENG LI", (Suggestion.CANNOT_TELL, "other_reading", ("曾 ZENG, CENG",))),
        ("翟", "乐", "ZHAI LE", (Suggestion.CANNOT_TELL, "several_readings", ("翟 ZHAI, DI", "乐 LE, YUE"))),
        ("阿卜杜拉", "买买提" + APART + "吐尔逊", "ABDULLA MAMAT", (Suggestion.CANNOT_TELL, "own_spelling", ())),
        ("王", "\U0003134f", "WANG XI", (Suggestion.CANNOT_TELL, "unknown_character", ("\U0003134f",))),
    ],
)
def test_a_spelling_is_the_usual_reading_another_or_none(surname, given, latin, finding):
    """Several readings are a person's to choose from; they come with the finding."""
    one, other = latin.split()
    facts = sound(
        applicant__surname=surname,
        applicant__given_names=given,
        applicant__surname_latin=one,
        applicant__given_names_latin=other,
    )
    found = said("person_pinyin", facts)
    assert (found.suggestion, found.reason) == finding[:2]
    assert set(finding[2]) <= set(found.details)


COMMON = st.text("王李张刘陈杨吕曾单仇解乐茜行长晓明绿女伟芳娜敏静清洁浩然子轩", min_size=1, max_size=3)


@given(st.sampled_from("王李吕曾单仇解翟"), COMMON, st.data())
def test_every_choice_of_readings_is_accepted_and_nothing_else_is(surname, name, data):
    """The oracle spells out every choice by plain multiplication."""
    choices = {"".join(spelled) for spelled in product(*map(names.readings, name))}
    own = {*names.readings(surname), *names.SURNAME_READINGS.get(surname, ())}
    latin = data.draw(st.sampled_from(sorted(own))), data.draw(st.sampled_from(sorted(choices)))
    assert names.agreement(surname, name, *latin) is not names.Agreement.DIFFERENT
    broken = latin[1][:-1] + ("Q" if latin[1][-1] != "Q" else "A")
    facts = sound(
        applicant__surname=surname,
        applicant__given_names=name,
        applicant__surname_latin=latin[0],
        applicant__given_names_latin=broken,
    )
    assert (said("person_pinyin", facts).suggestion is Suggestion.SUSPECT) == (broken not in choices)


@given(st.lists(WORDS, min_size=1, max_size=2), st.lists(WORDS, min_size=1, max_size=3), st.booleans())
@settings(max_examples=200)
def test_a_passports_zone_reads_back_as_the_romanised_name_by_the_oracle(surname, given_names, apostrophe):
    """The `mrz` package writes and reads the zone; what does not fit is left to a person with what is printed."""
    one, other = " ".join(surname), ("'" if apostrophe else " ").join(given_names)
    found = said("person_zone", sound(applicant__surname_latin=one, applicant__given_names_latin=other))
    bare = other.replace("'", "")
    if len(one) + 2 + len(bare) > 39:
        assert (found.suggestion, found.reason) == (Suggestion.CANNOT_TELL, "cut")
        assert len(found.details[0]) == 39
        return
    assert found.suggestion is Suggestion.PASS
    written = TD3CodeGenerator("P", "CHN", one, bare, "EJ1234567", "CHN", "900102", "F", "361119", force=True)
    fields = TD3CodeChecker(str(written)).fields()
    assert (fields.surname, fields.name) == (one, bare)


@pytest.mark.parametrize("latin", ["LI  NA", "LI ", "O'", "LI 'NA", "LI' NA"])
def test_a_name_with_spaces_or_apostrophes_out_of_place_is_suspected(latin):
    """The zone would print it otherwise than the page."""
    facts = sound(applicant__given_names_latin=latin)
    assert said("person_zone", facts).reason == "person_zone_spacing"
    assert said("person_zone", sound(applicant__given_names_latin=latin, product="taiwan_permit")).reason is None


# Signature


@pytest.mark.parametrize(
    ("measures", "reasons"),
    [
        ({"touches_edge": True}, {"signature_box": "signature_box"}),
        ({"ink_share": 0.001}, {"signature_present": "signature_present_empty"}),
        ({"ink_share": 0.6}, {"signature_ink": "signature_ink_blotted"}),
        ({"ink_darkness": 149.0}, {"signature_ink": "signature_ink_faint"}),
        (None, {"signature_present": "signature_present"}),
    ],
)
def test_a_signature_is_there_inside_its_box_and_dark(measures, reasons):
    """Where there is none to look at, its other items can't be told."""
    facts = with_signature(measures)
    assert suspected_of(facts) == reasons
    if measures is None:
        assert (
            said("signature_box", facts)
            == said("signature_ink", facts)
            == Finding(Suggestion.CANNOT_TELL, "no_signature")
        )


@given(st.dates(date(2000, 1, 1), ACCEPTED))
def test_who_is_younger_than_the_limit_need_not_sign(born):
    """Sixteen on the day counts."""
    facts = replace(sound(applicant__born_on=born.isoformat()), signature=None)
    must = relativedelta(ACCEPTED, born).years >= 16
    if (born.month, born.day) != (2, 29):
        assert (said("signature_present", facts).suggestion is Suggestion.SUSPECT) == must


# Application


@given(st.lists(st.dates(date(2005, 1, 1), ACCEPTED), max_size=4), st.integers(0, 24))
def test_an_earlier_document_is_valid_for_ten_years_by_dateutil(issued, months):
    """Still valid: suspected. Running out soon: a renewal, which a person judges. Run out: nothing."""
    facts = replace(sound(applicant__born_on="1960-01-02"), earlier_documents=[EarlierDocument(day) for day in issued])
    found = said("application_duplicate", facts, replace(LIMITS, renewal_months=months))
    ends = [day + relativedelta(years=10, days=-1) for day in issued if (day.month, day.day) != (2, 29)]
    if len(ends) < len(issued):
        return
    valid = [day for day in ends if day >= ACCEPTED]
    if not valid:
        assert found.suggestion is Suggestion.PASS
    elif max(valid) <= ACCEPTED + relativedelta(months=months):
        assert (found.suggestion, found.reason) == (Suggestion.CANNOT_TELL, "renewal")
    else:
        assert found.reason == "application_duplicate_document"
    assert found.details == tuple(day.isoformat() for day in sorted(valid))


@pytest.mark.parametrize(("issued", "valid"), [(date(2016, 11, 20), False), (date(2016, 11, 21), True)])
def test_a_document_is_valid_on_its_last_day(issued, valid):
    """Issued ten years and a day ago, it ran out yesterday; issued a day later, it runs out today."""
    facts = replace(sound(applicant__born_on="1960-01-02"), earlier_documents=[EarlierDocument(issued)])
    assert (said("application_duplicate", facts).reason == "renewal") == valid


def test_another_live_application_is_never_missed():
    """Rule 1, should the database ever have let one in."""
    facts = replace(sound(), other_live=1)
    assert suspected_of(facts) == {"application_duplicate": "application_duplicate_application"}


@given(st.integers(0, 200), st.sampled_from(["paid", "waived", "due"]), st.booleans(), st.booleans())
def test_a_fee_is_settled_by_what_document_and_postage_cost(amount, state, posted, old):
    """The table of fees: 120, and 15 or 22 for the post, which is free from 65."""
    born = date(1950, 1, 2) if old else date(1990, 1, 2)
    facts = sound(
        fee={"amount_cny": amount, "state": state},
        delivery="post" if posted else "collection",
        address=ADDRESS,
        applicant__born_on=born.isoformat(),
        applicant__resident_id=number_of(born, "F"),
    )
    found = said("application_fee", facts)
    right = {135, 142} if posted and not old else {120}
    wanted = {
        "due": (Suggestion.SUSPECT, "application_fee"),
        "waived": (Suggestion.CANNOT_TELL, "waived"),
        "paid": (Suggestion.PASS, None)
        if amount in right
        else (Suggestion.SUSPECT, "application_fee_amount")
        if amount < min(right)
        else (Suggestion.CANNOT_TELL, "unusual_amount"),
    }[state]
    assert (found.suggestion, found.reason) == wanted


@pytest.mark.parametrize(("born", "reason"), [("1961-11-20", None), ("1961-11-21", "application_fee_amount")])
def test_the_post_is_free_from_the_65th_birthday(born, reason):
    facts = sound(delivery="post", address=ADDRESS, applicant__born_on=born)
    assert said("application_fee", facts).reason == reason


CHILD = {"applicant__born_on": "2015-01-02", "applicant__resident_id": number_of(date(2015, 1, 2), "F")}


def consent(**changes: Any) -> dict[str, Any]:
    usual = {
        "guardian": "王伟",
        "relation": "father",
        "resident_id": number_of(date(1985, 5, 6), "M"),
        "signed_on": "2026-11-01",
        "expires_on": "2027-05-01",
    }
    return usual | changes


@pytest.mark.parametrize(
    ("paper", "reason"),
    [
        (consent(), None),
        (consent(relation="other"), None),
        (None, "application_consent"),
        (consent(signed_on="2026-11-20", expires_on="2026-11-20"), None),
        (consent(signed_on="2026-11-21"), "application_consent_not_in_force"),
        (consent(expires_on="2026-11-19"), "application_consent_not_in_force"),
        (consent(relation="mother"), "application_consent_guardian"),
        (consent(relation="other", resident_id=CHILD["applicant__resident_id"]), "application_consent_guardian"),
        (consent(resident_id=number_of(date(2010, 5, 6), "M")), "application_consent_guardian"),
    ],
)
def test_a_minor_has_a_consent_in_force_of_somebody_who_can_be_the_guardian(paper, reason):
    """Grown up, another person, of the sex that the relation says."""
    found = said("application_consent", sound(**CHILD, **({} if paper is None else {"consent": paper})))
    assert found.reason == reason


def test_a_grown_up_needs_no_consent():
    assert said("application_consent", sound()).suggestion is Suggestion.PASS


@pytest.mark.parametrize(
    ("changes", "code", "reason"),
    [
        ({"service_class": "emergency"}, "application_class", "application_class_approver"),
        ({"service_class": "emergency", "emergency": EMERGENCY}, "application_class", None),
        ({"service_class": "expedited"}, "application_class", "expedited"),
        ({"delivery": "post"}, "application_address", "application_address_missing"),
        ({"delivery": "post", "address": ADDRESS}, "application_address", None),
        ({"delivery": "post", "address": ADDRESS | {"lines": "文化路"}}, "application_address", "short_address"),
    ],
)
def test_class_and_address_are_justified_and_complete(changes, code, reason):
    """An emergency names its approver and reason; an expedited one's reason is on paper."""
    assert said(code, sound(**changes)).reason == reason


@pytest.mark.parametrize(
    ("hold", "finding"),
    [
        (Hold.FREE, Finding(Suggestion.PASS)),
        (Hold.HELD, Finding(Suggestion.SUSPECT, "application_hold_list")),
        (Hold.NO_LIST, Finding(Suggestion.CANNOT_TELL, "no_hold_list")),
        (Hold.DIFFERS, Finding(Suggestion.CANNOT_TELL, "hold_list_differs")),
    ],
)
def test_without_a_list_nobody_can_tell_who_is_on_it(hold, finding):
    """An absent list passes nobody."""
    assert said("application_hold_list", replace(sound(), hold=hold)) == finding


# All of them


def literals(*functions: str) -> set[str]:
    """The first argument of every call of these in the checks' source, where it is written out."""
    found = set()
    for path in Path(checks.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in functions:
                place = node.args[1] if node.func.id == "suspect_if" else node.args[0]
                found |= {leaf.value for leaf in ast.walk(place) if isinstance(leaf, ast.Constant)}
    return {each for each in found if isinstance(each, str)}


def test_every_reason_and_doubt_that_a_check_gives_has_words_and_every_doubt_is_given():
    """What a person reads beside an item is never a bare code."""
    assert literals("suspect", "suspect_if") <= set(REASONS)
    told = {Hold.NO_LIST.value, Hold.DIFFERS.value}
    assert literals("unsure") | told == set(DOUBTS)


FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "photo_taken_on": DAYS.map(date.isoformat),
        "accepted_at": DAYS.map(accepted_on),
        "applicant__born_on": st.dates(date(1900, 1, 1), date(2035, 1, 1)).map(date.isoformat),
        "applicant__sex": st.sampled_from("MF"),
        "applicant__surname": st.sampled_from("王吕翟曾"),
        "applicant__given_names": COMMON,
        "applicant__given_names_latin": st.from_regex("[A-Z][A-Z ']{0,38}", fullmatch=True),
        "service_class": st.sampled_from(["normal", "expedited", "emergency"]),
        "delivery": st.sampled_from(["collection", "post"]),
        "product": st.sampled_from(sorted(PRODUCTS)),
        "fee__state": st.sampled_from(["paid", "waived", "due"]),
        "fee__amount_cny": st.integers(0, 10_000),
        "consent": st.just(consent()),
        "address": st.just(ADDRESS),
    },
)
LUMA = st.floats(0, 255)
SHARE = st.floats(0, 1)
MEASURES = st.fixed_dictionaries(
    {"brightness": LUMA, "contrast": LUMA, "sharpness": LUMA, "dark_share": SHARE, "bright_share": SHARE},
    optional={"width": st.integers(1, 5000), "height": st.integers(1, 5000), "bits": st.integers(1, 64)}
    | {"side_difference": LUMA, "background_brightness": LUMA, "background_spread": LUMA},
)
FACES = st.none() | st.fixed_dictionaries(
    {"faces": st.integers(0, 3), "face_width": SHARE, "face_height": SHARE, "face_middle": st.floats(-1, 2)}
    | {"face_roll_deg": st.floats(-90, 90), "face_turn": st.floats(-3, 3)}
)


@given(FIELDS, MEASURES, FACES, st.sampled_from(Hold), st.integers(0, 2))
@settings(max_examples=150)
def test_whatever_is_filed_each_rule_gives_a_finding_of_its_own_item(fields, measures, faces, hold, live):
    """A rule never fails, never says what another item is about, and gives a reason exactly where it must."""
    facts = replace(sound(**fields), hold=hold, other_live=live)
    facts = replace(facts, photo={**facts.photo, **measures, **(faces or {})})
    found = examine(facts, LIMITS)
    assert list(found) == list(CHECKS)
    for code, each in found.items():
        match each.suggestion:
            case Suggestion.SUSPECT:
                assert each.reason is not None and ITEM_OF[each.reason].code == code
            case Suggestion.CANNOT_TELL:
                assert each.reason in DOUBTS
            case Suggestion.PASS:
                assert each.reason is None


def test_all_checks_of_an_application_take_well_under_a_millisecond():
    """Processor time of 500; they take about a twentieth of this."""
    facts = replace(with_photo(FACE), hold=Hold.FREE)
    began = process_time()
    for _ in range(500):
        examine(facts, LIMITS)
    assert process_time() - began < 0.5
