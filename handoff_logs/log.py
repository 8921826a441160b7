"""The acts of custody: the only way rows get into the log.

Every function takes an open transaction, so that a station's own rows commit together with the custody rows. Each
returns the event id it wrote (or a small record naming it). Called again with the same `Stamp.event_id` and the same
content it returns the stored record, with other content it raises EventIdReusedError. All raise a CustodyRefusedError
when the act would be illegal.
"""

from handoff_logs.containers import pack, unpack
from handoff_logs.handoffs import Acceptance, Offer, accept, offer, refuse, take_back, withdraw
from handoff_logs.onesided import destroy, dispatch, doubt, hand_over, merge, move, receive, split, transform, void
from handoff_logs.settling import correct, settle, settle_each
from handoff_logs.writing import Stamp

__all__ = [
    "Acceptance",
    "Offer",
    "Stamp",
    "accept",
    "correct",
    "destroy",
    "dispatch",
    "doubt",
    "hand_over",
    "merge",
    "move",
    "offer",
    "pack",
    "receive",
    "refuse",
    "settle",
    "settle_each",
    "split",
    "take_back",
    "transform",
    "unpack",
    "void",
    "withdraw",
]
