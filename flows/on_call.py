"""The on-call shift: opened for an emergency while no shift is, with those on call, who are told outside at once.

It is a shift as any: two people sign, all blanks are counted blind, one is open at a time. Only its people come from
line.toml, and that it is open is an alarm. Whether anybody can be told never decides whether it is open.
"""

from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from flows.alarm_delivery import on_call_of, telling, tells
from flows.alarm_targets import Target, TargetRefusedError, open_targets
from flows.counts import seen
from flows.errors import FlowError, LineRunsAlreadyError
from flows.locks import line_lock
from flows.run_folder import RunFolder
from flows.settings import LineSettings, OnCallSettings
from flows.two_hands import emulated_parts, signed_by_lead
from handoff_logs.database import Database
from stations.alarms import outbox
from stations.alarms.register import raise_alarm
from stations.alarms.rules import EMERGENCY_WAITS, UNSENT
from stations.green.station import waiting
from stations.people_register.asking import Asking
from stations.shift import rules, station
from stations.shift.acts import one_at_a_time
from stations.shift.counting import Counted, Signers
from stations.shift.crews import Plan
from stations.shift.errors import ShiftOpenError
from stations.shift.station import Opened
from stations.workplace import Workplace


class NobodyOnCallError(FlowError):
    """line.toml says nothing of people on call."""

    next_step = "Name them under [on_call] in line.toml, or open a usual shift: passline shift open NAME --crew …"

    def __str__(self) -> str:
        return "Nobody is on call on this line; no shift was opened."


class NotOnCallError(FlowError):
    """Somebody was said to be absent who is not on call."""

    next_step = "Give the code as it is in line.toml, [on_call]."

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    def __str__(self) -> str:
        return f"{self.code} is not on call, and can't be absent; no shift was opened and nothing was changed."


@dataclass(frozen=True, slots=True)
class Called:
    """What came of opening an on-call shift; `opened` is None where another one was open by the time all had signed.

    `lead`: the workplace with the lead at it, who has signed in, in the shift that is open now.
    """

    opened: Opened | None
    plan: Plan
    counted: int
    signers: Signers
    lead: Workplace


@dataclass(frozen=True, slots=True)
class Told:
    """Who was told outside: names of targets, and of those that could not be, for each of which an alarm stands."""

    told: tuple[str, ...]
    untold: tuple[str, ...]

    def __str__(self) -> str:
        if not self.told and not self.untold:
            return "nobody is told outside: line.toml names no target of alarms"
        parts = [f"told: {', '.join(self.told)}"] if self.told else []
        if self.untold:
            parts.append(f"NOT told: {', '.join(self.untold)}, call them; it is tried again when the line runs")
        return "; ".join(parts)


def is_needed(here: Workplace, settings: LineSettings) -> bool:
    """Whether people are on call and no shift is open."""
    if settings.on_call is None:
        return False
    with here.database.read() as conn:
        return station.open_name(conn) is None


def plan(
    conn: Connection, settings: LineSettings, name: str, *, absent: Collection[str], confirmed: Sequence[str]
) -> Plan:
    """An on-call shift of all who are on call, can stand there and are not `absent`.

    Raises NobodyOnCallError, NotOnCallError.
    """
    on_call = _on_call(settings)
    codes = on_call.codes_by_station()
    known = {code for those in codes.values() for code in those}
    if strange := next((code for code in absent if code not in known), None):
        raise NotOnCallError(strange)
    real = settings.real_staff
    crew = station.on_call(conn, codes, absent, emulated=settings.emulated and not real)
    least = on_call.least_by_station()
    return Plan(name, crew, settings.personalizers, tuple(confirmed), settings.emulated, least, real_staff=real)


def open_for(
    here: Workplace,
    folder: RunFolder,
    settings: LineSettings,
    asking: Asking,
    given: Counted | None,
    *,
    signing: tuple[str | None, str | None],
    absent: Collection[str] = (),
    confirmed: Sequence[str] = (),
    forced: str | None = None,
) -> Called | None:
    """Open an on-call shift by a lead and a second person; None, and nobody has signed, where the line is at work.

    `given`: what people scanned; None lets emulated eyes look. Raises as `stations.shift.station.open_shift` does but
    for ShiftOpenError, and CountNeededError.
    """
    with ExitStack() as held:
        try:
            held.enter_context(line_lock(folder))
        except LineRunsAlreadyError:
            return None
        parts = held.enter_context(emulated_parts(folder))
        with here.database.read() as conn:
            planned = plan(conn, settings, rules.ON_CALL, absent=absent, confirmed=confirmed)
            station.check_open(conn, planned)
            count = given or seen(conn, parts, settings)
        two = signed_by_lead(here, asking, signing, rules.SECONDS)
        by = Signers(two.first, two.second, two.first_sign_in, two.second_sign_in)
        opened: Opened | None = None
        try:
            opened = station.open_shift(here.database, planned, count, by, forced)
        except ShiftOpenError as error:
            shift = error.name
        else:
            shift = here.shift if opened.shift_id is None else planned.name
    lead = replace(here, shift=shift).at(here.station, (two.first, *here.people), {two.first: two.first_sign_in})
    return Called(opened, planned, len(count.scans), by, lead)


def tell(database: Database, folder: RunFolder, settings: LineSettings) -> Told:
    """Tell the targets what the outbox holds, and raise an alarm of each that could not be told.

    The line need not run. What is not told now is told when it next does.
    """
    refused: list[str] = []
    targets: tuple[Target, ...] = ()
    try:
        targets = open_targets(folder, settings)
    except TargetRefusedError as error:
        refused.append(error.name)
    on_call = on_call_of(targets)
    with telling(database, tells(settings.centre, targets), on_call) as delivery:
        delivery.finish()
    names = frozenset(target.name for target in targets)
    with database.read() as conn:
        behind = {**dict.fromkeys(refused, 1), **outbox.behind(conn, names, on_call)}

    def write(tx: Connection) -> None:
        for name, notices in sorted(behind.items()):
            raise_alarm(tx, UNSENT, name, emulated=settings.emulated, amount=notices)

    if behind:
        database.write(write)
    return Told(tuple(sorted(names - behind.keys())), tuple(sorted(behind)))


def tell_of_waiting(here: Workplace, folder: RunFolder, settings: LineSettings) -> Told | None:
    """Tell those on call that emergencies wait while no shift is open; None where there is nothing to tell.

    Repeated, it raises no second alarm; further emergencies are one of their own. A line that runs is at work, whatever
    shift is open.
    """
    if settings.on_call is None:
        return None
    try:
        with line_lock(folder):
            pass
    except LineRunsAlreadyError:
        return None

    def write(tx: Connection) -> bool:
        one_at_a_time(tx)
        found = waiting(tx)
        if found.newest is None or station.open_name(tx) is not None:
            return False
        # About the newest: what comes within minutes of an alarm's end would else be that alarm, and told to nobody.
        raise_alarm(tx, EMERGENCY_WAITS, found.newest, emulated=settings.emulated, amount=found.emergencies)
        return True

    return tell(here.database, folder, settings) if here.database.write(write) else None


def _on_call(settings: LineSettings) -> OnCallSettings:
    if settings.on_call is None:
        raise NobodyOnCallError
    return settings.on_call
