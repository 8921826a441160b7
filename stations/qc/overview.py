"""What waits at QC, as its inspectors see it: each tray's count, what two must sign for, what is to be put aside."""

from dataclasses import dataclass

from sqlalchemy import Connection

from handoff_logs.statements import Statement
from stations.by import By
from stations.intake.tables import ApplicationState
from stations.qc.inspecting import FAIL
from stations.trays import INPUT
from stations.workplace import Workplace

_WAITING = Statement(
    """
    SELECT w.tray, j.blank_serial, a.state, r.document_unit IS NOT NULL, d.decision_id, d.outcome, d.codes,
        v.decision_id IS NOT NULL, h.inspector,
        EXISTS (SELECT 1 FROM review_verdict AS e WHERE e.application_id = a.application_id AND e.reviewer = :inspector)
    FROM whereabouts AS w JOIN job AS j ON j.document_unit = w.unit_id
    JOIN application AS a ON a.application_id = j.application_id
    LEFT JOIN qc_reading AS r ON r.document_unit = w.unit_id AND NOT EXISTS (SELECT 1 FROM qc_hold AS o
        WHERE o.document_unit = r.document_unit AND o.turn = r.turn AND o.ended_how = 'read_again')
    LEFT JOIN qc_decision AS d ON d.document_unit = w.unit_id AND d.undone_us IS NULL
    LEFT JOIN qc_void AS v ON v.document_unit = w.unit_id AND v.decision_id = d.decision_id
    LEFT JOIN qc_hold AS h ON h.document_unit = w.unit_id AND h.ended_us IS NULL
    WHERE w.station = :station AND w.state = 'held' AND w.kind = 'document' AND w.place = :place
    ORDER BY w.priority, w.due_us, w.tray, j.blank_serial
    """
)


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A piece that failed and that two must deface and sign for."""

    decision_id: str
    serial: str
    codes: tuple[str, ...]


@dataclass(slots=True)
class TrayThere:
    """A tray at QC: its pieces, how many were read and decided, what was stopped, what two must sign for."""

    tray: str
    pieces: int = 0
    read: int = 0
    decided: int = 0
    stopped: tuple[str, ...] = ()
    unsigned: tuple[Unsigned, ...] = ()

    @property
    def moving(self) -> bool:
        """Whether the line is about to do something with it: it is being read, or can be booked."""
        return self.read < self.pieces or (self.decided == self.pieces and not self.unsigned)


def trays(conn: Connection, workplace: Workplace) -> list[TrayThere]:
    """The trays at QC, the most urgent first."""
    found: dict[str, TrayThere] = {}
    for row in _WAITING.run(conn, _asked(workplace, "")).fetchall():
        tray, serial, state, read, decision_id, outcome, codes, signed, _, _ = row
        there = found.setdefault(tray, TrayThere(tray))
        there.pieces += 1
        there.read += bool(read)
        there.decided += decision_id is not None
        if state == ApplicationState.STOPPED and not signed:
            there.stopped += (serial,)
        elif outcome == FAIL and not signed:
            there.unsigned += (Unsigned(decision_id, serial, tuple(codes.split())),)
    return list(found.values())


def next_to_take(conn: Connection, workplace: Workplace, by: By) -> list[tuple[str, str]]:
    """Tray and serial of what an inspector could take now, the most urgent first."""
    rows = _WAITING.run(conn, _asked(workplace, by.code)).fetchall()
    return [
        (tray, serial)
        for tray, serial, state, read, decision_id, _, _, _, holder, own in rows
        if state == ApplicationState.IN_PRODUCTION and read and decision_id is None and not own
        if holder in (None, by.code)
    ]


def _asked(workplace: Workplace, inspector: str) -> dict[str, str]:
    return {"station": workplace.station, "place": INPUT, "inspector": inspector}
