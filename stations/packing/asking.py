"""What the run asks of whoever is at the packing desk, where no machine can tell and no emulated hands help.

It asks and waits; whoever does what was asked says so at the desk. Each answer is kept with who gave it.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from handoff_logs.dialects import clock_us
from handoff_logs.records import new_id
from handoff_logs.statements import Statement
from stations.by import By
from stations.packing.desk import Filling, PackingDesk, Scans, Slip
from stations.packing.errors import LeftAtDeskError, UnknownAskError
from stations.packing.matching import one_at_a_time, written
from stations.packing.tables import Asked
from stations.workplace import Workplace

LOOK_AGAIN_S: Final = 0.3
_PARCEL = Statement("SELECT parcel_unit FROM parcel WHERE label = :label")
_LAST = Statement(
    "SELECT ask_id, answer FROM packing_ask WHERE parcel_unit = :parcel AND what = :what"
    " ORDER BY answer IS NOT NULL, asked_us DESC LIMIT 1"
)
_ASK = Statement(
    "INSERT INTO packing_ask (ask_id, parcel_unit, what, machine, asked_us, emulated)"
    " VALUES (:ask_id, :parcel, :what, :machine, :now_us, :emulated)"
)
_ANSWER_OF = Statement("SELECT answer FROM packing_ask WHERE ask_id = :ask_id")
_ANSWER = Statement(
    "UPDATE packing_ask SET answer = :answer, answered_us = :now_us, answered_by = :packer, sign_in = :sign_in"
    " WHERE ask_id = :ask_id"
)
_OPEN = Statement(
    "SELECT ask.ask_id, ask.what, ask.machine, parcel.label, parcel.office, parcel.documents FROM packing_ask AS ask"
    " JOIN parcel ON parcel.parcel_unit = ask.parcel_unit WHERE ask.answer IS NULL ORDER BY ask.asked_us"
)


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing that is asked about a parcel; `office` None for one to be posted."""

    ask_id: str
    what: Asked
    machine: str
    label: str
    office: str | None
    documents: int


def open_asks(conn: Connection) -> list[Ask]:
    """What waits for an answer, the oldest first."""
    return [Ask(row[0], Asked(row[1]), *row[2:]) for row in _OPEN.run(conn).fetchall()]


def answer(workplace: Workplace, by: By, ask_id: str, *, yes: bool = True) -> bool:
    """Store an answer, once; False where the same was stored before.

    Raises UnknownAskError, also for another answer than was given before; PackedElsewhereError.
    """
    said = "yes" if yes else "no"

    def work(tx: Connection) -> bool:
        one_at_a_time(tx)
        row = _ANSWER_OF.run(tx, {"ask_id": ask_id}).fetchone()
        if row is None or row[0] not in (None, said):
            raise UnknownAskError(ask_id)
        if row[0] is not None:
            return False
        facts = {"ask_id": ask_id, "answer": said, "now_us": clock_us(tx), "packer": by.code, "sign_in": by.sign_in}
        _ANSWER.run(tx, facts)
        return True

    return written(workplace, work)


@dataclass(frozen=True, slots=True)
class AskingDesk(PackingDesk):
    """People at the packing desk: what their hands did is in the tables already, the rest they are asked.

    `by_hand`: the line has no printer, so that they print and stick the labels. `stopping`: nobody waits any longer.
    """

    workplace: Workplace
    by_hand: bool
    stopping: Callable[[], bool]

    def scan(self, place: str) -> Sequence[str]:  # noqa: ARG002 - they scan at the desk
        """See TrayScanner."""
        return ()

    def put(self, numbers: Sequence[str], place: str) -> None:
        """See TrayScanner: the desk told them where to."""

    def match(self, slips: Sequence[Slip], place: str) -> Iterator[Scans]:  # noqa: ARG002 - they match at the desk
        """See PackingDesk."""
        return iter(())

    def fill(self, fillings: Sequence[Filling], place: str) -> None:  # noqa: ARG002 - they have filled them
        """Have the labels printed and stuck on, where no printer does it."""
        for filling in fillings if self.by_hand else ():
            self._ask(filling.label, Asked.LABELLED, "", anew=False)

    def lay_on_scale(self, label: str, scale: str) -> None:
        """See PackingDesk."""
        self._ask(label, Asked.LAID, scale)

    def clear_scale(self, scale: str) -> None:
        """See PackingDesk: who laid it there takes it off."""

    def came_out(self, label: str, printer: str) -> bool:
        """See PackingDesk."""
        return self._ask(label, Asked.CAME_OUT, printer)

    def _ask(self, label: str, what: Asked, machine: str, *, anew: bool = True) -> bool:
        """Ask and wait for the answer; what a run before asked and nobody answered is asked on.

        Raises LeftAtDeskError when the line stops.
        """
        here = self.workplace

        def begin(tx: Connection) -> tuple[str, str | None]:
            (parcel,) = _PARCEL.run(tx, {"label": label}).fetchone() or ("",)
            last = _LAST.run(tx, {"parcel": parcel, "what": what.value}).fetchone()
            if last is not None and (last[1] is None or not anew):
                return last[0], last[1]
            facts = {"ask_id": new_id(), "parcel": parcel, "what": what.value, "machine": machine}
            _ASK.run(tx, facts | {"now_us": clock_us(tx), "emulated": here.emulated})
            return facts["ask_id"], None

        ask_id, said = written(here, begin)
        while said is None:
            if self.stopping():
                raise LeftAtDeskError(label, what)
            time.sleep(LOOK_AGAIN_S)
            with here.database.read() as conn:
                (said,) = _ANSWER_OF.run(conn, {"ask_id": ask_id}).fetchone() or (None,)
        return said == "yes"
