"""The count at the end: the books against themselves, and the books against the emulated physical world.

Nothing here is taken from a counter kept on the way or from a machine's journal. The log's rows are read again from
the first; the pieces are counted where the emulators' physics left them. Only an emulated line has such a world: a
real centre counts by hand.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devices.emulation.world import Seen, Tally
from flows.errors import Exit
from handoff_logs.questions import violations
from handoff_logs.reading import Reading
from stations.vault.balance import balance

LAST_STEPS = """
SELECT u.unit_id, u.kind, u.state, u.outcome, u.station, u.place, e.act
FROM custody_unit u JOIN custody_event e ON e.event_id = u.event_id
WHERE NOT EXISTS (SELECT 1 FROM custody_unit later WHERE later.unit_id = u.unit_id AND later.step = u.step + 1)
"""

BLANKS = f"""
SELECT n.number AS serial, last.state AS blank_state, last.act AS blank_act, last.outcome AS blank_outcome,
       document.state AS document_state,
       job.state AS job_state, job.unfinished AS job_unfinished, job.application_id AS application_id
FROM unit_number n
JOIN ({LAST_STEPS}) last ON last.unit_id = n.unit_id
LEFT JOIN job ON job.blank_serial = n.number AND (job.outcome IS NULL OR job.outcome <> 'returned')
LEFT JOIN ({LAST_STEPS}) document ON document.unit_id = job.document_unit
WHERE n.kind = 'blank'
"""  # noqa: S608 -- composed from constants

LIVE_DOCUMENTS = f"""
SELECT job.application_id AS application_id, job.product AS product, COUNT(*) AS documents
FROM job
LEFT JOIN ({LAST_STEPS}) document ON document.unit_id = job.document_unit
WHERE job.application_id IS NOT NULL AND (job.unfinished OR (document.unit_id IS NOT NULL AND document.state IN
    ('held', 'offered', 'refused', 'missing', 'packed', 'outside', 'doubt')))
GROUP BY job.application_id, job.product
HAVING COUNT(*) > 1
"""  # noqa: S608 -- composed from constants

APPLICATIONS = "SELECT state, COUNT(*) AS applications FROM application GROUP BY state"
SET_ASIDE = "SELECT COUNT(*) AS records FROM set_aside"
IN_DOUBT = """
SELECT job_id, machine, doubt, blank_serial FROM job WHERE unfinished AND doubt IS NOT NULL ORDER BY intent_us
"""
REMADE = """
SELECT COUNT(*) AS jobs FROM job
WHERE outcome = 'good' AND EXISTS (
    SELECT 1 FROM job earlier WHERE earlier.application_id = job.application_id AND earlier.product = job.product
    AND earlier.attempt < job.attempt AND earlier.outcome IN ('good', 'failed'))
"""
VOIDED = f"""
SELECT COUNT(*) AS pieces FROM ({LAST_STEPS}) last
WHERE last.kind IN ('blank', 'document')
  AND (last.state IN ('void', 'void_offered', 'void_refused', 'void_missing') OR last.act = 'destroy')
"""  # noqa: S608 -- composed from constants
NEWEST_DOCUMENT = "SELECT document_number FROM job WHERE outcome = 'good' ORDER BY result_us DESC LIMIT 1"
HANDOFFS = "SELECT COUNT(*) AS handoffs FROM custody_event WHERE act = 'offer'"
HANDOFF_UNITS = "SELECT COUNT(*) AS units FROM custody_unit"
SPAN = """
SELECT MIN(written_us) AS first_us,
       MAX(CASE WHEN to_station = 'carrier' THEN written_us END) AS last_us
FROM custody_event WHERE act = 'accept' AND written_us >= :since_us
"""
PAUSE = """
SELECT (SELECT MIN(written_us) FROM custody_event WHERE act = 'accept' AND written_us >= :again_us)
     - (SELECT MAX(written_us) FROM custody_event WHERE act = 'accept' AND written_us < :again_us) AS pause_us
"""


@dataclass(frozen=True, slots=True)
class Reckoning:
    """How the applications of a run ended, and the three counts that must be 0.

    `line_seconds` is None before any dispatch; `example` is a document number to look up first. `log`: what
    verifying the whole log said, where that was asked. `shift`: how a demo's shift stands.
    """

    documents: int
    dispatched: int
    returned_for_recapture: int
    held: int
    stopped: int
    set_aside: int
    in_doubt: int
    remade: int
    blanks_voided: int
    live_duplicates: int
    custody_violations: int
    blanks_unaccounted: int
    handoffs: int
    handoff_units: int
    line_seconds: float | None
    doubts: tuple[Mapping[str, Any], ...] = ()
    example: str | None = None
    log: Mapping[str, Any] | None = None
    shift: Mapping[str, Any] | None = None

    @property
    def exit_code(self) -> Exit:
        """0 when every application is where it may end and no rule is broken, 3 while anything is in doubt, else 1."""
        if not self.sound:
            return Exit.FINDINGS
        if self.in_doubt:
            return Exit.IN_DOUBT
        return Exit.FINDINGS if self.unfinished else Exit.FINE

    @property
    def documents_per_second(self) -> float | None:
        """Dispatched documents over the line's seconds."""
        return round(self.dispatched / self.line_seconds, 2) if self.line_seconds else None

    @property
    def unfinished(self) -> int:
        """Applications that are not where they may end."""
        ended = self.dispatched + self.returned_for_recapture + self.held + self.stopped + self.set_aside
        return self.documents - ended

    @property
    def sound(self) -> bool:
        """True where no rule is broken."""
        broken = self.log is not None and self.log["verdict"] == "broken"
        return not (self.live_duplicates or self.custody_violations or self.blanks_unaccounted or broken)


def reckon(reading: Reading, world: Path | None, *, since_us: int = 0, again_us: int | None = None) -> Reckoning:
    """Count everything anew.

    `since_us`: when the line was released, for its seconds; `again_us`: released again after a pause, which is left
    out of them.
    """
    states = {row["state"]: int(row["applications"]) for row in reading.rows(APPLICATIONS)}
    set_aside = _one(reading, SET_ASIDE)
    doubts = tuple(reading.rows(IN_DOUBT))
    tally = None if world is None else Tally.read(world)
    span = reading.rows(SPAN, since_us=since_us)[0]
    pause_us = 0 if again_us is None else int(reading.rows(PAUSE, again_us=again_us)[0]["pause_us"] or 0)
    seconds = None if span["last_us"] is None else (int(span["last_us"]) - int(span["first_us"]) - pause_us) / 1e6
    return Reckoning(
        documents=sum(states.values()) + set_aside,
        dispatched=states.get("dispatched", 0),
        returned_for_recapture=states.get("returned", 0),
        held=states.get("held", 0),
        stopped=states.get("stopped", 0),
        set_aside=set_aside,
        in_doubt=len(doubts),
        remade=_one(reading, REMADE),
        blanks_voided=_one(reading, VOIDED),
        live_duplicates=max(_duplicates_in_the_books(reading), 0 if tally is None else duplicates_in_the_world(tally)),
        custody_violations=sum(1 for _ in violations(reading)),
        blanks_unaccounted=len(_unaccounted(reading, tally)),
        handoffs=_one(reading, HANDOFFS),
        handoff_units=_one(reading, HANDOFF_UNITS),
        line_seconds=None if seconds is None else round(seconds, 3),
        doubts=doubts,
        example=_example(reading),
    )


def _unaccounted(reading: Reading, tally: Tally | None) -> set[str]:
    """Blanks that the log's own equation leaves over, or for which books and pieces disagree."""
    left_over = {serial for row in balance(reading) for serial in row["unaccounted"]}
    return left_over | set(() if tally is None else unaccounted_blanks(reading.rows(BLANKS), tally.pieces))


def _example(reading: Reading) -> str | None:
    """A document number to look up first: the newest."""
    rows = reading.rows(NEWEST_DOCUMENT)
    return str(rows[0]["document_number"]) if rows else None


def _one(reading: Reading, sql: str) -> int:
    (value,) = reading.rows(sql)[0].values()
    return int(value)


def _duplicates_in_the_books(reading: Reading) -> int:
    return sum(int(row["documents"]) - 1 for row in reading.rows(LIVE_DOCUMENTS))


def duplicates_in_the_world(tally: Tally) -> int:
    """Pieces beyond the first that bear the same person's portrait and are not defaced."""
    alive = Counter(seen.identity for seen in tally.pieces.values() if seen.made and not seen.defaced)
    return sum(pieces - 1 for pieces in alive.values())


def unaccounted_blanks(booked: Iterable[Mapping[str, Any]], pieces: Mapping[str, Seen]) -> list[str]:
    """Serials for which the books and the pieces disagree, each named once, in order.

    A piece that exists without a record, a record without its piece, a serial in two records, a personalised piece
    that no document record covers, a defaced piece that is not booked as void, or the reverse.
    """
    unaccounted: set[str] = set()
    known: set[str] = set()
    lost: set[str] = set()
    for row in booked:
        serial = str(row["serial"]).partition("/")[0]
        if row["blank_outcome"] == "lost":  # wherever it is; one that turned up has a record of its own
            lost.add(serial)
            continue
        seen = pieces.get(serial)
        if serial in known or seen is None or not _agrees(row, seen):
            unaccounted.add(serial)
        known.add(serial)
    return sorted(unaccounted | (pieces_that_are_blanks(pieces) - known - lost))


def pieces_that_are_blanks(pieces: Mapping[str, Seen]) -> set[str]:
    """The serials of books and cards; parcels and envelopes move through the same world."""
    return {serial for serial, seen in pieces.items() if seen.delivered}


def _agrees(row: Mapping[str, Any], seen: Seen) -> bool:
    if row["job_unfinished"]:
        return True  # in a machine or in doubt: its own term of the balance, listed apart
    booked = row["document_state"] or row["blank_state"]
    destroyed = booked == "ended" and (row["document_state"] is not None or row["blank_act"] == "destroy")
    void = str(booked).startswith("void") or destroyed
    if seen.defaced or void:
        return bool(seen.defaced) and void
    return bool(seen.made) == (row["document_state"] is not None)
