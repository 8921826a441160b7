"""What a notice says, in both languages at once: who reads it on a telephone can't choose. Pure."""

import time
import uuid
from typing import Final

from stations.alarms.outbox import Notice
from stations.alarms.rules import KINDS, Severity, Step

STEPS: Final = {
    Step.RAISED: ("raised", "新警报"),
    Step.ACKNOWLEDGED: ("acknowledged", "已确认"),
    Step.ESCALATED: ("not acknowledged in time", "超时未确认"),
    Step.CLEARED: ("over", "已解除"),
}
SEVERITIES: Final = {
    Severity.URGENT: ("URGENT", "紧急"),
    Severity.WARNING: ("WARNING", "警告"),
    Severity.NOTICE: ("NOTICE", "提示"),
}
_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "passline.alarm.notice")


def notice_id(centre: str, notice: Notice) -> uuid.UUID:
    """The id of a notice, the same for every target and every try: by it a second telling is seen to be one.

    The moment is part of it: a restored database may give an alarm's number again.
    """
    return uuid.uuid5(_NAMESPACE, f"{centre}/{notice.alarm_id}/{notice.position}/{notice.at_us}")


def severity(notice: Notice) -> Severity:
    """How bad what it tells is."""
    kind = KINDS.get(notice.kind)
    return kind.severity if kind else Severity.WARNING


def title(centre: str, notice: Notice) -> str:
    """One line: how bad, what, where."""
    english, chinese = KINDS[notice.kind].title if notice.kind in KINDS else (notice.kind, notice.kind)
    step = STEPS[Step(notice.step)]
    bad = SEVERITIES[severity(notice)]
    emulated = "EMULATED 模拟 " if notice.emulated else ""
    return f"{emulated}{bad[0]} {bad[1]} · {centre} · {english} {chinese}: {notice.subject} ({step[0]} {step[1]})"


def body(centre: str, notice: Notice) -> str:
    """The rest: how much, since when, whose it is, what to do, and the notice's id."""
    kind = KINDS.get(notice.kind)
    lines = []
    if notice.amount is not None and kind is not None:
        lines.append(f"{notice.amount} {kind.counts[0]} · {notice.amount} {kind.counts[1]}")
    lines.append(f"since 自 {_local(notice.raised_us)}")
    if notice.step == Step.ACKNOWLEDGED:
        lines.append(f"acknowledged by 确认人 {notice.person} {_local(notice.at_us)}")
    elif notice.step == Step.ESCALATED:
        lines.append(f"now also for 现同时通知 {notice.role}")
    elif notice.step == Step.CLEARED:
        lines.append(f"over 解除于 {_local(notice.at_us)}")
    if kind is not None and notice.step in (Step.RAISED, Step.ESCALATED):
        lines += [f"for 责任岗位 {kind.owner}", *kind.to_do]
        lines.append(f"passline alarms acknowledge {notice.alarm_id}")
    lines.append(f"alarm 警报 {notice.alarm_id} · notice 通知 {notice_id(centre, notice)}")
    return "\n".join(lines)


def _local(time_us: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time_us / 1e6))
