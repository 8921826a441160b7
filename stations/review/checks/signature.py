"""The checks on the signature's picture; whether it is upright, and whose name it is, is a person's alone."""

from stations.review.facts import Facts
from stations.review.findings import Finding, suspect, suspect_if, unsure
from stations.review.thresholds import Thresholds


def present(facts: Facts, limits: Thresholds) -> Finding:
    """There is a signature with ink, from the age at which one signs."""
    if facts.signature is None:
        return suspect_if(facts.age >= limits.signs_from_age, "signature_present")
    return suspect_if(facts.signature["ink_share"] < limits.ink_share[0], "signature_present_empty")


def box(facts: Facts, _: Thresholds) -> Finding:
    """No ink touches the picture's edge."""
    if facts.signature is None:
        return unsure("no_signature")
    return suspect_if(facts.signature["touches_edge"], "signature_box")


def ink(facts: Facts, limits: Thresholds) -> Finding:
    """The ink is dark, and no blot."""
    if facts.signature is None or facts.signature["ink_share"] < limits.ink_share[0]:
        return unsure("no_signature")
    if facts.signature["ink_darkness"] < limits.ink_darkness:
        return suspect("signature_ink_faint")
    return suspect_if(facts.signature["ink_share"] > limits.ink_share[1], "signature_ink_blotted")
