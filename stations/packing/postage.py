"""What was paid for sending a document: nothing is owed at 65 and more, for all others the fee says."""

from stations.documents import PRODUCTS, postages_cny
from stations.intake.filed import Filed


def postage_cny(filed: Filed) -> int | None:
    """What was paid for sending it: 0 where it goes free or the fee was waived, None where too little was paid."""
    due = postages_cny(filed.delivery, filed.age)
    fee = filed.record.fee
    if due == (0,) or fee.state == "waived":
        return 0
    paid = fee.amount_cny - PRODUCTS[filed.product].fee_cny
    covered = [each for each in due if each <= paid]
    return max(covered) if covered and fee.state == "paid" else None
