"""The kinds of alarms as data: what each says, whose it is, how soon it must be acknowledged, who is told else.

Severity, owner and times follow ISA-18.2's idea of an alarm: it asks one role for one act, and nothing that asks for
none is one.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from stations.alarms.errors import BadSubjectError, UnknownKindError
from stations.people import Role

MINUTE_US: Final = 60_000_000
RETURN_US: Final = 10 * MINUTE_US
"""What comes back within this of its end never was over: it is the same alarm, acknowledged or not as it was."""

_SUBJECT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9:/._-]{0,39}", re.ASCII)


class Severity(StrEnum):
    """How bad it is, worst first."""

    URGENT = "urgent"
    WARNING = "warning"
    NOTICE = "notice"


class Step(StrEnum):
    """What happened to an alarm."""

    RAISED = "raised"
    RETURNED = "returned"
    ACKNOWLEDGED = "acknowledged"
    ESCALATED = "escalated"
    CLEARED = "cleared"


TOLD: Final = frozenset({Step.RAISED, Step.ACKNOWLEDGED, Step.ESCALATED, Step.CLEARED})
"""Steps that leave as notices. A return is none: the end that it takes back was not told yet."""


@dataclass(frozen=True, slots=True)
class Escalation:
    """Who is told too, so many microseconds after an alarm was raised that nobody has acknowledged."""

    role: Role
    after_us: int


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of alarm; texts are English and Chinese.

    `counts` names what its amount counts. The owner is told at once; each escalation is to a further role.
    `delay_us`: how long a watcher must see it before it is raised, so that what passes by itself disturbs nobody.
    """

    code: str
    title: tuple[str, str]
    counts: tuple[str, str]
    to_do: tuple[str, str]
    severity: Severity
    owner: Role
    escalations: tuple[Escalation, ...]
    delay_us: int = 0


def _after(role: Role, minutes: int) -> Escalation:
    return Escalation(role, minutes * MINUTE_US)


LATE_RISK: Final = "late-risk"
LOW_STOCK: Final = "low-stock"
MACHINE_HELD: Final = "machine-held"
CLIMATE: Final = "climate"
PATROL_OVERDUE: Final = "patrol-overdue"
SEALING_SILENT: Final = "sealing-silent"
WITNESS_SILENT: Final = "witness-silent"
DISCREPANCY: Final = "discrepancy"
UNSENT: Final = "notices-unsent"
ALONE_INSIDE: Final = "alone-inside"
CALLED: Final = "on-call"
EMERGENCY_WAITS: Final = "emergency-waits"
EVACUATED: Final = "evacuated"

KINDS: Final[dict[str, Kind]] = {
    kind.code: kind
    for kind in (
        Kind(
            EVACUATED,
            ("Line evacuated", "生产线已疏散"),
            ("", ""),
            ("Nothing moves. Two people count before anybody works: `passline shift return`.",
             "一切停止流转。恢复前须两人清点：`passline shift return`。"),
            Severity.URGENT, Role.LEAD, (_after(Role.ADMINISTRATOR, 10),),
        ),
        Kind(
            LATE_RISK,
            ("Work past its time node", "已超过时间节点"),
            ("units", "件"),
            ("See what holds them up; move people or split a tray.", "查明原因；调配人员或分批。"),
            Severity.WARNING, Role.LEAD, (_after(Role.ADMINISTRATOR, 60),), delay_us=MINUTE_US,
        ),
        Kind(
            LOW_STOCK,
            ("Blanks run low", "空白证件库存不足"),
            ("blanks left", "件剩余"),
            ("Receive blanks into the vault, or slow the intake.", "补充入库，或减缓受理。"),
            Severity.WARNING, Role.KEEPER, (_after(Role.LEAD, 30),), delay_us=MINUTE_US,
        ),
        Kind(
            MACHINE_HELD,
            ("Machine held", "设备停机"),
            ("", ""),
            ("Look at its cause on the board; nothing is drawn on it meanwhile.", "在看板查看原因；其间不再投料。"),
            Severity.URGENT, Role.OPERATOR, (_after(Role.LEAD, 5), _after(Role.ADMINISTRATOR, 30)), delay_us=5_000_000,
        ),
        Kind(
            CLIMATE,
            ("Climate out of its limits", "环境超限"),
            ("", ""),
            ("Put the air right; once suspended, a lead resumes: passline climate resume ZONE.",
             "检查空调；暂停后由班长恢复：passline climate resume ZONE。"),
            Severity.WARNING, Role.LEAD, (_after(Role.ADMINISTRATOR, 60),), delay_us=MINUTE_US,
        ),
        Kind(
            PATROL_OVERDUE,
            ("Patrol overdue", "巡检超时"),
            ("", ""),
            ("Walk the round and record it.", "立即巡检并记录。"),
            Severity.WARNING, Role.OPERATOR, (_after(Role.LEAD, 15),),
        ),
        Kind(
            SEALING_SILENT,
            ("Records wait for their seal", "记录未封存"),
            ("records", "条"),
            ("Look whether the sealer runs: logs/sealer.log.", "检查封存程序是否运行：logs/sealer.log。"),
            Severity.URGENT, Role.LEAD, (_after(Role.ADMINISTRATOR, 10),),
        ),
        Kind(
            WITNESS_SILENT,
            ("The witness is silent", "见证人无回应"),
            ("", ""),
            ("Call those who run the witness; sealing goes on.", "联系见证方；封存继续进行。"),
            Severity.WARNING, Role.LEAD, (_after(Role.ADMINISTRATOR, 60),),
        ),
        Kind(
            DISCREPANCY,
            ("Count differences not settled", "清点差异未处理"),
            ("cases", "项"),
            ("Find the units, or settle the cases by two people.", "找到实物，或由两人处理差异。"),
            Severity.URGENT, Role.LEAD, (_after(Role.ADMINISTRATOR, 60),),
        ),
        Kind(
            ALONE_INSIDE,
            ("Too few people inside", "核心区在内人员不足"),
            ("inside", "人在内"),
            ("Send a second person in, or call out who is alone: passline gate status.",
             "派第二人进入，或让其离开：passline gate status。"),
            Severity.URGENT, Role.LEAD, (_after(Role.ADMINISTRATOR, 10),), delay_us=2 * MINUTE_US,
        ),
        Kind(
            UNSENT,
            ("Notices don't reach a target", "通知无法送达"),
            ("notices", "条"),
            ("Try it with `passline alarms test-target`; the others still get theirs.",
             "用 `passline alarms test-target` 检查；其他目标不受影响。"),
            Severity.WARNING, Role.LEAD, (_after(Role.ADMINISTRATOR, 60),),
        ),
        Kind(
            CALLED,
            ("The on-call shift is open", "值班班次已开启"),
            ("", ""),
            ("An emergency waits: come in, and acknowledge, so that the lead knows who comes.",
             "有紧急件等待：请到岗并确认，以便班长知道谁会来。"),
            Severity.URGENT, Role.OPERATOR, (_after(Role.LEAD, 10), _after(Role.ADMINISTRATOR, 30)),
        ),
        Kind(
            EMERGENCY_WAITS,
            ("An emergency waits and no shift is open", "有紧急件等待而未开班"),
            ("applications", "件"),
            ("Open the on-call shift: `passline shift open on-call --on-call`.",
             "开启值班班次：`passline shift open on-call --on-call`。"),
            Severity.URGENT, Role.LEAD, (_after(Role.ADMINISTRATOR, 15),),
        ),
    )
}  # fmt: skip
"""Every kind by its code."""


def kind_of(code: str) -> Kind:
    """The kind with a code. Raises UnknownKindError."""
    if (kind := KINDS.get(code)) is None:
        raise UnknownKindError(code, tuple(KINDS))
    return kind


def check_subject(subject: str) -> str:
    """`subject`, if it can be one: a machine, station, kind of blank or unit id. Raises BadSubjectError.

    >>> check_subject("book-01"), check_subject("office:jinan")
    ('book-01', 'office:jinan')
    """
    if _SUBJECT.fullmatch(subject) is None:
        raise BadSubjectError
    return subject


def may_acknowledge(kind: Kind, escalated_to: Collection[str]) -> tuple[Role, ...]:
    """The roles that may take an alarm of `kind`: its owner, a lead, and whoever it was escalated to.

    >>> may_acknowledge(KINDS["low-stock"], ())
    (<Role.KEEPER: 'keeper'>, <Role.LEAD: 'lead'>)
    """
    further = tuple(each.role for each in kind.escalations if each.role in escalated_to)
    return tuple(dict.fromkeys((kind.owner, Role.LEAD, *further)))


def escalations_due(kind: Kind, raised_us: int, now_us: int, escalated_to: Collection[str]) -> Iterator[Role]:
    """The further roles to tell by now, of an alarm that is open and not acknowledged.

    >>> held = KINDS["machine-held"]
    >>> list(escalations_due(held, 0, 5 * MINUTE_US - 1, ())), list(escalations_due(held, 0, 5 * MINUTE_US, ()))
    ([], [<Role.LEAD: 'lead'>])
    >>> list(escalations_due(held, 0, 5 * MINUTE_US, ("lead",)))
    []
    """
    for each in kind.escalations:
        if now_us - raised_us >= each.after_us and each.role not in escalated_to:
            yield each.role
