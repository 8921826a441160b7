"""The checks on the application itself: other documents, fee, consent, class, address, the hold list."""

from stations.documents import age, months_later, postages_cny
from stations.intake.batch import Consent
from stations.review.facts import Facts, Hold, parsed
from stations.review.findings import PASSED, Finding, suspect, suspect_if, unsure
from stations.review.thresholds import Thresholds


def duplicate(facts: Facts, limits: Thresholds) -> Finding:
    """No other live application, and no earlier document that is still valid."""
    # The database refuses a second live application; should one be there all the same, nobody may miss it.
    if facts.other_live:
        return suspect("application_duplicate_application")
    born = facts.filed.record.applicant.born_on
    last_days = sorted(facts.product.expires_on(born, each.issued_on) for each in facts.earlier_documents)
    valid = [day for day in last_days if day >= facts.accepted]
    if not valid:
        return PASSED
    # Whether a valid one was lost, or is given up for this one, a person finds out.
    soon = months_later(facts.accepted, limits.renewal_months)
    details = tuple(day.isoformat() for day in valid)
    if valid[-1] <= soon:
        return unsure("renewal", *details)
    return suspect("application_duplicate_document", *details)


def fee(facts: Facts, _: Thresholds) -> Finding:
    """Settled, and what the document and its postage cost."""
    fee = facts.filed.record.fee
    if fee.state != "paid":
        return unsure("waived") if fee.state == "waived" else suspect("application_fee")
    amounts = {facts.product.fee_cny + postage for postage in postages_cny(facts.filed.delivery, facts.age)}
    details = (str(fee.amount_cny), " / ".join(map(str, sorted(amounts))))
    if fee.amount_cny < min(amounts):
        return suspect("application_fee_amount", *details)
    return PASSED if fee.amount_cny in amounts else unsure("unusual_amount", *details)


def consent(facts: Facts, limits: Thresholds) -> Finding:
    """A minor has a consent in force of somebody who can be the guardian."""
    if facts.age >= limits.adult_age:
        return PASSED
    consent = facts.filed.record.consent
    if consent is None:
        return suspect("application_consent")
    if not consent.signed_on <= facts.accepted <= consent.expires_on:
        return suspect("application_consent_not_in_force")
    return suspect_if(not _can_be_guardian(facts, consent, limits), "application_consent_guardian")


def _can_be_guardian(facts: Facts, consent: Consent, limits: Thresholds) -> bool:
    """Whether the guardian's number is another person's, grown up, and of the sex that the relation says."""
    guardian = parsed(consent.resident_id)
    if guardian is None or guardian.number == facts.filed.record.applicant.resident_id:
        return False
    sexes = {"father": "M", "mother": "F"}
    return (
        age(guardian.born, consent.signed_on) >= limits.guardian_age
        and sexes.get(consent.relation, guardian.sex) == guardian.sex
    )


def service_class(facts: Facts, _: Thresholds) -> Finding:
    """An emergency names its approver and reason."""
    service_class = facts.filed.service_class
    if service_class == "expedited":
        return unsure("expedited")
    return suspect_if(service_class == "emergency" and facts.filed.approval is None, "application_class_approver")


def address(facts: Facts, limits: Thresholds) -> Finding:
    """What is posted has an address of some length."""
    if facts.filed.delivery != "post":
        return PASSED
    address = facts.filed.record.address
    if address is None:
        return suspect("application_address_missing")
    return unsure("short_address") if len(address.lines.strip()) < limits.address_characters else PASSED


def hold_list(facts: Facts, _: Thresholds) -> Finding:
    """The person is not on the hold list."""
    match facts.hold:
        case Hold.HELD:
            return suspect("application_hold_list")
        case Hold.FREE:
            return PASSED
        case unknown:
            return unsure(unknown.value)
