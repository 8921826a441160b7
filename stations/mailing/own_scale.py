"""Mailing's own scale: a desk asks for a parcel's weight, and the run, which has the machine, tells it.

One parcel lies on a scale: whoever asks anew leaves what was asked there before. What the scale told is stored as a
weight when a mailer confirms it; killed before that, the parcel is weighed again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from devices.roles import Scale
from handoff_logs.dialects import clock_us
from handoff_logs.records import State
from handoff_logs.statements import Statement
from stations.by import By
from stations.kept_machine import KeptMachine, MachineStandsError
from stations.mailing.desk_ids import check_id
from stations.mailing.errors import DeskIdTakenError, NotInTrayError, UnknownAskError, UnknownLabelError
from stations.mailing.sendings import one_at_a_time
from stations.mailing.tables import ScaleFault
from stations.trays import INPUT
from stations.workplace import Workplace

_log = structlog.get_logger()

WEIGH_TIMEOUT_S: Final = 10.0
MOST_G: Final = 100_000
_PARCEL = Statement(
    "SELECT p.parcel_unit, w.state, w.station, w.place, w.tray FROM parcel AS p"
    " JOIN whereabouts AS w ON w.unit_id = p.parcel_unit WHERE p.label = :label"
)
_ASKED = Statement(
    "SELECT a.ask_id, p.label, a.mailer, a.grams, a.fault FROM mailing_scale_ask AS a"
    " JOIN parcel AS p ON p.parcel_unit = a.parcel_unit WHERE a.ask_id = :ask_id"
)
_OPEN = Statement(
    "SELECT a.ask_id, p.label, a.mailer, a.grams, a.fault FROM mailing_scale_ask AS a"
    " JOIN parcel AS p ON p.parcel_unit = a.parcel_unit WHERE a.scale = :scale AND a.told_us IS NULL"
)
_LEAVE = Statement(
    "UPDATE mailing_scale_ask SET fault = 'left', told_us = :now_us WHERE scale = :scale AND told_us IS NULL"
)
_ASK = Statement(
    "INSERT INTO mailing_scale_ask (ask_id, parcel_unit, tray, scale, mailer, sign_in, asked_us, emulated) VALUES"
    " (:ask_id, :parcel_unit, :tray, :scale, :mailer, :sign_in, :now_us, :emulated)"
)
_TELL = Statement(
    "UPDATE mailing_scale_ask SET grams = :grams, fault = :fault, told_us = :now_us"
    " WHERE ask_id = :ask_id AND told_us IS NULL"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of the scale; `grams` and `fault` are None until it is told, and then one of them is not."""

    ask_id: str
    label: str
    mailer: str
    grams: int | None
    fault: str | None

    @property
    def told(self) -> bool:
        """Whether the run has said what came of it."""
        return self.grams is not None or self.fault is not None


def ask(workplace: Workplace, by: By, ask_id: str, label: str, scale: str) -> None:
    """Ask for the weight of a parcel that lies on the scale; sent again it is the same.

    Raises BadDeskIdError, DeskIdTakenError, UnknownLabelError, NotInTrayError.
    """
    check_id(ask_id)

    def work(tx: Connection) -> None:
        one_at_a_time(tx)
        before = _ASKED.run(tx, {"ask_id": ask_id}).fetchone()
        if before is not None:
            if (before[1], before[2]) != (label, by.code):
                raise DeskIdTakenError(ask_id)
            return
        parcel = _PARCEL.run(tx, {"label": label}).fetchone()
        if parcel is None:
            raise UnknownLabelError(label)
        unit, state, station, place, tray = parcel
        if (state, station, place) != (State.HELD, workplace.station, INPUT) or tray is None:
            raise NotInTrayError(label, f"{state} at {station}, {place}")
        now_us = clock_us(tx)
        _LEAVE.run(tx, {"scale": scale, "now_us": now_us})
        facts = {"ask_id": ask_id, "parcel_unit": unit, "tray": tray, "scale": scale, "mailer": by.code}
        _ASK.run(tx, facts | {"sign_in": by.sign_in, "now_us": now_us, "emulated": workplace.emulated})

    try:
        workplace.database.write(work)
    except IntegrityError:
        # Somebody else asked a moment before; now that is there to be left.
        workplace.database.write(work)


def asked(conn: Connection, ask_id: str) -> Asked:
    """What was asked, and what came of it. Raises UnknownAskError."""
    row = _ASKED.run(conn, {"ask_id": ask_id}).fetchone()
    if row is None:
        raise UnknownAskError(ask_id)
    return Asked(*row)


def tell(workplace: Workplace, scale: KeptMachine[Scale], lay: Callable[[str, str], None] | None) -> bool:
    """Weigh what is asked for and store what the scale shows; whether anything was asked.

    `lay` lays an EMULATED parcel, by its label, on the scale of this name. Waits as long as a machine may take to come
    back.
    """
    with workplace.database.read() as conn:
        row = _OPEN.run(conn, {"scale": scale.name}).fetchone()
    if row is None:
        return False
    ask_id, label = str(row[0]), str(row[1])

    def weigh_once(opened: Scale) -> int:
        if lay is not None:
            lay(label, opened.machine)
        return round(opened.weigh(WEIGH_TIMEOUT_S))

    grams: int | None = None
    fault: ScaleFault | None = None
    try:
        grams = scale.ask(weigh_once)
    except MachineStandsError as error:
        fault = ScaleFault.STANDS
        _log.warning("machine_lost", machine=scale.name, error=type(error).__name__)
    if grams is not None and not 1 <= grams <= MOST_G:
        grams, fault = None, ScaleFault.EMPTY
    facts = {"ask_id": ask_id, "grams": grams, "fault": fault and fault.value}
    workplace.database.write(lambda tx: _TELL.run(tx, facts | {"now_us": clock_us(tx)}))
    return True
