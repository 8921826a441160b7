"""An engineer who is not of the shift comes in by a lead's word, for that shift and until a time.

It lets them through the gate and no more: they pass as others do, are inside and counted, and sign what their own role
signs. Leaving needs no word.
"""

from typing import Final, NamedTuple

from sqlalchemy import Connection, insert

from handoff_logs import register
from handoff_logs.database import Database
from handoff_logs.dialects import clock_us
from handoff_logs.log import Stamp
from handoff_logs.register import Register
from handoff_logs.statements import Statement
from handoff_logs.writing import Entry
from stations.gate.errors import AdmissionTimeError, NoShiftToAdmitError, OwnAdmissionError
from stations.gate.tables import GateAdmission
from stations.people import Role
from stations.people_register.credentials import SignedIn
from stations.people_register.errors import NotEnrolledError, RoleMissingError
from stations.people_register.sign_in import find, roles_of

ADMITTED: Final = (Role.ENGINEER,)
"""Who is called into a shift that they are not of. Who works at a station belongs to its crew."""
LONGEST_US: Final = 24 * 3600 * 1_000_000
"""No shift is longer; whoever is needed again is admitted again."""

_SHIFT: Final = Statement("SELECT shift_id FROM shift WHERE NOT closed")
_UNTIL: Final = Statement(
    "SELECT until_us FROM gate_admission WHERE shift_id = :shift_id AND code = :code ORDER BY admitted_us DESC LIMIT 1"
)


class Admitted(NamedTuple):
    """One admission: into which shift, until when (microseconds UTC)."""

    shift_id: str
    until_us: int


def admit(database: Database, signed: SignedIn, code: str, until_us: int, *, emulated: bool) -> Admitted:
    """Record a lead's word that an engineer may come in during the open shift until a time; the last word holds.

    Raises NoShiftToAdmitError, AdmissionTimeError, OwnAdmissionError, NotEnrolledError, RoleMissingError.
    """

    def write(tx: Connection) -> Admitted:
        _check_two(tx, signed.code, code)
        shift = _SHIFT.run(tx).fetchone()
        if shift is None:
            raise NoShiftToAdmitError(code)
        now_us = clock_us(tx)
        if not now_us < until_us <= now_us + LONGEST_US:
            raise AdmissionTimeError(until_us, LONGEST_US)
        shift_id = str(shift[0])
        facts = {"shift_id": shift_id, "code": code, "admitted_us": now_us, "until_us": until_us}
        tx.execute(
            insert(GateAdmission).values(**facts, admitted_by=signed.code, sign_in=signed.sign_in, emulated=emulated)
        )
        entry = Entry(Register.GATE, code, f"admitted-{now_us}", f"admitted {shift_id} until {until_us}")
        by = register.administration(signed.code, signed.sign_in)
        register.record(tx, by, None, [entry], Stamp(now_us, emulated))
        return Admitted(shift_id, until_us)

    return database.write(write)


def is_admitted(conn: Connection, shift_id: str, code: str) -> bool:
    """Whether a lead's word lets somebody into a shift now."""
    row = _UNTIL.run(conn, {"shift_id": shift_id, "code": code}).fetchone()
    return row is not None and int(row[0]) > clock_us(conn)


def _check_two(tx: Connection, lead: str, code: str) -> None:
    """Raise unless a lead admits an engineer, both enrolled now, who is somebody else."""
    if lead == code:
        raise OwnAdmissionError(code)
    may = {lead: (Role.LEAD,), code: ADMITTED}
    # In one order everywhere, so that acts which lock the same people wait for each other and never both.
    for each in sorted(may):
        person = find(tx, each)
        if person is None or person.ended_us is not None:
            raise NotEnrolledError(each)
        if roles_of(tx, each).isdisjoint(may[each]):
            raise RoleMissingError(each, may[each])
