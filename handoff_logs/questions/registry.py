"""The sixteen questions as data: what commands, pages and exports need to know of each."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

from handoff_logs.questions.acts import corrections, person, shift
from handoff_logs.questions.answers import Answer, Column, columns_of
from handoff_logs.questions.blanks import blanks
from handoff_logs.questions.custody import document, holder
from handoff_logs.questions.handing import differences, unoffered, waiting
from handoff_logs.questions.inside import inside
from handoff_logs.questions.looked_up import lookups
from handoff_logs.questions.soundness import afterlife, gaps, same_person
from handoff_logs.questions.state import state
from handoff_logs.questions.timing import hold_times, late, times

PAGING = ("after", "limit")


@dataclass(frozen=True)
class Question:
    """One question. `shown`: what a table of limited width shows, by column name without its `_us`.

    `where` and `people` in it stand for a station with its place, and for both hands. `none`: what is said when there
    are no rows; `unknown`: because the question named what isn't there. `findings`: every row is something wrong.
    `on_its_side`: few rows of many columns, which a table shows as columns. `pseudonymous`: a number is asked for by
    what stands for it in records of look-ups.
    """

    number: int
    name: str
    title: str
    title_zh: str
    ask: Callable[..., Answer[Any]]
    shown: tuple[str, ...]
    none: str
    unknown: bool = False
    findings: bool = False
    on_its_side: bool = False
    pseudonymous: bool = False

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of its rows with their types, in order: those of the function's row type."""
        (row_type,) = get_args(inspect.signature(self.ask).return_annotation)
        return columns_of(row_type)

    @property
    def subject(self) -> str | None:
        """The one parameter it can't be asked without (`number`, `code`), or None."""
        return next((each.name for each in self._parameters() if each.kind is each.POSITIONAL_ONLY), None)

    @property
    def filters(self) -> tuple[str, ...]:
        """The keyword arguments that narrow it."""
        return tuple(
            each.name for each in self._parameters() if each.kind is each.KEYWORD_ONLY and each.name not in PAGING
        )

    def _parameters(self) -> list[inspect.Parameter]:
        _reading, *others = inspect.signature(self.ask).parameters.values()
        return others


QUESTIONS: dict[str, Question] = {
    question.name: question
    for question in (
        Question(
            1, "document", "Whole custody of {}", "证件或空白证件的全程交接", document,
            ("happened", "act", "kind", "number", "state", "where", "people"),
            "The log does not know the number {}", unknown=True,
        ),
        Question(
            2, "holder", "Who held {}", "某时刻的责任人", holder,
            ("kind", "number", "state", "where", "person", "inside", "since", "act"),
            "The log does not know the number {}", unknown=True,
        ),
        Question(
            3, "hold-times", "How long stations held units", "各工位持有时长", hold_times,
            ("station", "kind", "units", "p50_s", "p95_s", "longest_s"),
            "No stay of a unit ended",
        ),
        Question(
            4, "waiting", "Offered and not yet accepted", "已移交未接收", waiting,
            ("to_station", "from_station", "kind", "unit_count", "tray", "priority", "due", "age_s", "claimed_by"),
            "No offer waits",
        ),
        Question(
            5, "unoffered", "Accepted without an offer, or by the wrong party", "未经移交或由他方接收", unoffered,
            ("happened", "finding", "act", "from_station", "to_station", "person", "unit_id"),
            "Nothing was accepted without an offer", findings=True,
        ),
        Question(
            6, "differences", "Count differences and how they ended", "清点差异及处理结果", differences,
            ("opened", "difference", "kind", "number", "from_station", "to_station", "person", "outcome", "settled"),
            "No count differed",
        ),
        Question(
            7, "late", "Late against the time node", "超过时间节点", late,
            ("station", "shift", "person", "handed_on", "late", "still_here", "longest_late_s"),
            "Nothing with a time node was handed on",
        ),
        Question(
            8, "shift", "What shift {} did", "某班次某设备的记录", shift,
            ("happened", "act", "station", "machine", "unit_rows", "people", "reason"),
            "Shift {} did nothing that fits",
        ),
        Question(
            9, "blanks", "Balance of blanks", "空白证件平衡", blanks,
            ("station", "opening", "received", "made", "handed_on", "destroyed", "lost", "good", "in_machine", "voided",
             "in_doubt", "offered", "missing", "unaccounted", "serials"),
            "No blank was here", on_its_side=True,
        ),
        Question(
            10, "person", "Everything {} did", "某人的全部操作", person,
            ("happened", "act", "station", "machine", "unit_rows", "people", "shift", "reason"),
            "The log has nothing that {} did",
        ),
        Question(
            11, "gaps", "Gaps and overlaps in custody", "责任中断与重叠", gaps,
            ("happened", "finding", "number", "kind", "step", "act", "station_before", "station", "person"),
            "No gap and no overlap", findings=True,
        ),
        Question(
            12, "times", "Written late, back-dated, future-dated", "补记、倒签、超前记录", times,
            ("written", "happened", "finding", "off_s", "act", "station", "people", "machine"),
            "Every record was written when it happened",
        ),
        Question(
            13, "same-person", "One person where there must be two", "同一人重复签认", same_person,
            ("happened", "finding", "person", "act", "station", "number", "event_id"),
            "Nobody signed twice", findings=True,
        ),
        Question(
            14, "corrections", "Corrections", "更正记录", corrections,
            ("happened", "corrected_act", "field", "original", "replacement", "reason", "people", "station"),
            "Nothing was corrected",
        ),
        Question(
            15, "afterlife", "Activity after the end, serials used twice, stations skipped or repeated",
            "终结后的操作、重复编号、跳站与重站", afterlife,
            ("happened", "finding", "number", "kind", "act", "from_station", "to_station", "person", "reason"),
            "Nothing happened after its end",
        ),
        Question(
            16, "state", "The log's own state", "日志自身状态", state,
            ("origin", "sealed", "unsealed", "oldest_unsealed", "witnessed", "witnessed_at", "last_seq",
             "first_written", "last_written", "open_offers", "open_cases", "corrections", "odd_times", "schema"),
            "The log is empty", on_its_side=True,
        ),
    )
}  # fmt: skip
"""By name, in the order of their numbers."""

LOOKUPS = Question(
    17, "lookups", "What was looked up", "查询记录", lookups,
    ("asked", "reader", "question", "parameters"),
    "Nothing was looked up", pseudonymous=True,
)  # fmt: skip
"""What others asked is not for everybody who may ask: it stands apart from the sixteen."""

INSIDE = Question(
    18, "inside", "Who was inside the core area", "核心区在内人员", inside,
    ("person", "entered", "left", "machine", "left_machine", "reason", "left_reason"),
    "Nobody was inside",
)  # fmt: skip

ASKED: dict[str, Question] = {**QUESTIONS, INSIDE.name: INSIDE}
"""The sixteen, and what else whoever reads the log may ask."""
