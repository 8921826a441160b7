"""What people ask the log: one named question, one documented function over a read-only connection.

The sixteen that auditors ask return an `Answer`: rows of a TypedDict, read while they are taken, page by page with
`after` and `limit`. Times are integer microseconds UTC; `from_us` is included, `to_us` is not.
"""

from handoff_logs.custody_rules import CUSTODY_RULES
from handoff_logs.questions.acts import corrections, person, shift
from handoff_logs.questions.answers import Answer, Column, Period, Type
from handoff_logs.questions.blanks import blanks
from handoff_logs.questions.custody import document, holder
from handoff_logs.questions.handing import differences, unoffered, waiting
from handoff_logs.questions.inside import inside
from handoff_logs.questions.looked_up import lookups
from handoff_logs.questions.registry import ASKED, INSIDE, LOOKUPS, QUESTIONS, Question
from handoff_logs.questions.soundness import afterlife, gaps, same_person, violations
from handoff_logs.questions.state import size, state, totals
from handoff_logs.questions.timing import hold_times, late, times

__all__ = [
    "ASKED",
    "CUSTODY_RULES",
    "INSIDE",
    "LOOKUPS",
    "QUESTIONS",
    "Answer",
    "Column",
    "Period",
    "Question",
    "Type",
    "afterlife",
    "blanks",
    "corrections",
    "differences",
    "document",
    "gaps",
    "hold_times",
    "holder",
    "inside",
    "late",
    "lookups",
    "person",
    "same_person",
    "shift",
    "size",
    "state",
    "times",
    "totals",
    "unoffered",
    "violations",
    "waiting",
]
