"""The balance of blanks (domain.md, rule 3), from the log alone: each blank in exactly one term."""

from dataclasses import asdict, dataclass

from handoff_logs.reading import Reading


@dataclass(frozen=True, slots=True)
class Balance:
    """Blanks by what became of them. `good`: unmarked in vault or stock; `in_machine`: on a stack or path of a machine.

    `voided`: defaced, awaiting destruction; `offered`: in a handoff nobody has closed, missing ones included.
    """

    received: int
    made: int
    destroyed: int
    lost: int
    good: int
    in_machine: int
    voided: int
    in_doubt: int
    offered: int
    outside: int

    @property
    def unaccounted(self) -> int:
        """Received blanks that are in no term; 0, or the log is broken."""
        terms = {name: blanks for name, blanks in asdict(self).items() if name != "received"}
        return self.received - int(sum(terms.values()))


# A machine's places are written `<machine>:<stack>`, a stock or shelf `stock:<kind>`, `shelf:<kind>`.
_TERM = """
CASE
    WHEN last.state = 'ended' AND event.act = 'transform' THEN 'made'
    WHEN last.state = 'ended' AND event.act = 'destroy' THEN 'destroyed'
    WHEN last.state = 'ended' AND event.act = 'settle' THEN 'lost'
    WHEN last.state = 'void' THEN 'voided'
    WHEN last.state = 'doubt' THEN 'in_doubt'
    WHEN last.state IN ('offered', 'refused', 'missing', 'void_offered', 'void_refused', 'void_missing') THEN 'offered'
    WHEN last.state = 'outside' THEN 'outside'
    WHEN last.state = 'held' AND substr(last.place, 1, length(event.machine) + 1) = event.machine || ':'
        THEN 'in_machine'
    WHEN last.state = 'held' THEN 'good'
END
"""
_BALANCE = f"""
SELECT {_TERM} AS term, count(*) AS blanks
FROM custody_unit AS last JOIN custody_event AS event ON event.event_id = last.event_id
WHERE last.kind = 'blank' AND NOT EXISTS (
    SELECT 1 FROM custody_unit AS later WHERE later.unit_id = last.unit_id AND later.step = last.step + 1)
GROUP BY 1
"""  # noqa: S608 own text
_RECEIVED = "SELECT count(*) AS blanks FROM custody_unit WHERE kind = 'blank' AND step = 1"


def balance(reading: Reading) -> Balance:
    """What became of every blank ever received."""
    terms = {row["term"]: row["blanks"] for row in reading.rows(_BALANCE)}
    terms.pop(None, None)
    received = reading.rows(_RECEIVED)[0]["blanks"]
    return Balance(
        received, **{name: terms.get(name, 0) for name in Balance.__dataclass_fields__ if name != "received"}
    )
