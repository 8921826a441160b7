"""The checks on who the applicant is: the name's spelling, the resident ID number, the document."""

import re
from collections.abc import Mapping, Sequence

from stations import mrz, names
from stations.names import Agreement
from stations.offices import OFFICES
from stations.review.facts import Facts
from stations.review.findings import PASSED, Finding, Suggestion, suspect, suspect_if, unsure
from stations.review.thresholds import Thresholds

OLDEST = 120
"""Nobody of more years applies; a date of birth that makes somebody so is wrong."""
_WORD = "[A-Z]+(?:'[A-Z]+)*"
_WELL_SPACED = re.compile(f"{_WORD}(?: {_WORD})*")


def pinyin(facts: Facts, _: Thresholds) -> Finding:
    """The romanised name is the usual reading, another one, or none."""
    person = facts.filed.record.applicant
    own = person.surname, person.given_names
    latin = person.surname_latin, person.given_names_latin
    if unread := names.unread("".join(own)):
        return unsure("unknown_character", *unread)
    agrees = names.agreement(*own, *latin)
    if agrees is Agreement.EXPECTED:
        chosen = names.to_be_chosen(*own)
        return unsure("several_readings", *_told(chosen)) if chosen else PASSED
    if agrees is Agreement.OTHER_READING:
        return unsure("other_reading", *_told(names.every_reading(*own)))
    if names.APART in "".join(own):
        return unsure("own_spelling")
    expected = " ".join(names.romanise(*own))
    if names.misses_umlaut(*own, *latin):
        return suspect("person_pinyin_umlaut", expected)
    if names.agreement(*own, *reversed(latin)) is not Agreement.DIFFERENT:
        return suspect("person_pinyin_swapped", expected)
    return suspect("person_pinyin", expected)


def _told(readings: Mapping[str, Sequence[str]]) -> list[str]:
    return [f"{part} {', '.join(spelled)}" for part, spelled in readings.items()]


def zone(facts: Facts, _: Thresholds) -> Finding:
    """The zone's name, read back, is the romanised name."""
    # A permit's one line has no name. What a passport's line has is read back, as a border's reader does.
    if facts.product.blank == "card":
        return PASSED
    person = facts.filed.record.applicant
    latin = person.surname_latin, person.given_names_latin
    printed = tuple(" ".join(part.replace("'", "").split()) for part in latin)
    field = mrz.name_field(*latin)
    if not all(map(_WELL_SPACED.fullmatch, latin)):
        return suspect("person_zone_spacing", field)
    if len("<<".join(printed)) > mrz.NAME_WIDTH:
        return unsure("cut", field)
    return PASSED if mrz.names_in(field) == printed else suspect("person_zone", field)


def sex(facts: Facts, _: Thresholds) -> Finding:
    """The sex is that of the resident ID number."""
    if (number := facts.number) is None:
        return unsure("unreadable_number")
    return suspect_if(number.sex != facts.filed.record.applicant.sex, "person_sex")


def birth(facts: Facts, _: Thresholds) -> Finding:
    """The date of birth is that of the resident ID number."""
    if (number := facts.number) is None:
        return unsure("unreadable_number")
    born_on = facts.filed.record.applicant.born_on
    return PASSED if number.born == born_on else suspect("person_birth", number.born.isoformat())


def number(facts: Facts, _: Thresholds) -> Finding:
    """The resident ID number is sound in itself and of a known region."""
    number = facts.number
    if number is None or number.born > facts.accepted:
        return suspect("person_resident_id")
    # Region codes change: a doubtful one is no ground for a return, so a person looks.
    return unsure("region", number.region) if number.region_is_doubtful else PASSED


def issuing_place(facts: Facts, _: Thresholds) -> Finding:
    """The office is one of the province's."""
    return suspect_if(facts.filed.office not in OFFICES, "person_issuing_place")


def validity(facts: Facts, _: Thresholds) -> Finding:
    """A plausible age; the details are the years and the last day of validity."""
    born, accepted = facts.filed.record.applicant.born_on, facts.accepted
    if not 0 <= facts.age <= OLDEST:
        return suspect("person_validity_age")
    # The years follow from the age; a person compares them with what the applicant was told.
    years, until = facts.product.years_valid(born, accepted), facts.product.expires_on(born, accepted)
    return Finding(Suggestion.PASS, None, (str(years), until.isoformat()))
