"""What a shift needs of blanks: the documents still to be made and a few for what is spoiled, less what lies there."""

from typing import Final

from sqlalchemy import Connection, func, select, text

from handoff_logs.statements import Statement
from stations.documents import PRODUCTS
from stations.intake.tables import Application, ApplicationState
from stations.personalization import rules as personalization
from stations.personalization.tables import UNFINISHED, Job
from stations.vault import rules
from stations.vault.rules import Need, Reserve

TO_COME: Final = (ApplicationState.WAITING, ApplicationState.PASSED, ApplicationState.HELD)
"""Applications that may still want a blank."""

_APPLICATION = Application.__table__  # type: ignore[attr-defined]
_JOB = Job.__table__  # type: ignore[attr-defined]
# Unmarked, in the station's stock or where a machine takes it from or gave it back to; or issued and not yet answered.
_THERE = Statement(
    "SELECT count(*) FROM whereabouts AS here"
    " JOIN custody_unit AS first ON first.unit_id = here.unit_id AND first.step = 1"
    " WHERE here.kind = 'blank' AND first.place = :shelf AND here.station IN (:station, :vault)"
    " AND here.state IN ('held', 'offered') AND CASE WHEN here.station = :station"
    " THEN here.state = 'held'"
    " AND (here.place = :stock OR here.place LIKE '%\\:input' OR here.place LIKE '%\\:hold')"
    " ELSE here.state = 'offered' AND here.place = :shelf END"
)


def need(conn: Connection, kind: str, reserve: Reserve) -> Need:
    """What personalization needs of blanks of `kind` at this moment."""
    products = [name for name, product in PRODUCTS.items() if product.blank == kind]
    orders = sum(
        conn.execute(count).scalar_one()
        for count in (
            select(func.count())
            .select_from(_APPLICATION)
            .where(_APPLICATION.c.product.in_(products), _APPLICATION.c.state.in_([state.value for state in TO_COME])),
            # In work, and no blank drawn yet.
            select(func.count())
            .select_from(_JOB)
            .where(_JOB.c.product.in_(products), text(UNFINISHED), _JOB.c.blank_serial.is_(None)),
        )
    )
    places = {"shelf": rules.shelf(kind), "stock": personalization.blank_stock(kind)}
    there = _THERE.run(conn, {**places, "station": personalization.STATION, "vault": rules.STATION}).fetchone()
    return Need(kind, int(orders), reserve.beside(int(orders)), int(there[0]) if there else 0)
