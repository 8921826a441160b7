"""What the line tables must say, told from the log alone: to write them anew, and to compare them."""

from dataclasses import dataclass

WHEREABOUTS_COLUMNS = (
    *("unit_id", "step", "kind", "state", "station", "place", "person", "handoff_id", "container"),
    *("tray", "priority", "due_us", "since_us"),
)
WHEREABOUTS = """
    SELECT unit.unit_id, unit.step, unit.kind, unit.state, unit.station, unit.place, unit.person, unit.handoff_id,
           unit.container,
           (SELECT e.tray FROM custody_unit AS u JOIN custody_event AS e ON e.event_id = u.event_id
            WHERE u.unit_id = unit.unit_id AND e.tray IS NOT NULL ORDER BY u.step DESC LIMIT 1) AS tray,
           (SELECT e.priority FROM custody_unit AS u JOIN custody_event AS e ON e.event_id = u.event_id
            WHERE u.unit_id = unit.unit_id AND e.act = 'offer' ORDER BY u.step DESC LIMIT 1) AS priority,
           (SELECT e.due_us FROM custody_unit AS u JOIN custody_event AS e ON e.event_id = u.event_id
            WHERE u.unit_id = unit.unit_id AND e.act = 'offer' ORDER BY u.step DESC LIMIT 1) AS due_us,
           event.happened_us AS since_us
    FROM custody_unit AS unit JOIN custody_event AS event ON event.event_id = unit.event_id
    WHERE NOT EXISTS (SELECT 1 FROM custody_unit AS later
                      WHERE later.unit_id = unit.unit_id AND later.step = unit.step + 1)
"""

OPEN_OFFER_COLUMNS = (
    *("handoff_id", "from_station", "to_station", "person", "kind", "unit_count", "tray", "priority", "due_us"),
    *("offered_us", "emulated"),
)
OPEN_OFFERS = """
    SELECT event_id AS handoff_id, from_station, to_station, person,
           (SELECT CASE WHEN count(DISTINCT unit.kind) = 1 THEN min(unit.kind) ELSE 'mixed' END
            FROM custody_unit AS unit WHERE unit.event_id = custody_event.event_id) AS kind,
           count_expected AS unit_count, tray, priority, due_us, happened_us AS offered_us, emulated
    FROM custody_event
    WHERE act = 'offer' AND NOT EXISTS (
        SELECT 1 FROM custody_event AS answer WHERE answer.handoff_id = custody_event.event_id
        AND answer.act IN ('offer', 'accept', 'refuse', 'withdraw', 'take_back')
        AND answer.act IN ('accept', 'refuse', 'withdraw'))
"""

CORE_STATIONS = """
    SELECT subject AS station, value = 'emulated' AS emulated FROM (
        SELECT said.subject, said.value, row_number() OVER (
            PARTITION BY said.subject ORDER BY event.seq DESC, said.position DESC) AS age
        FROM custody_register AS said JOIN custody_event AS event ON event.event_id = said.event_id
        WHERE said.register = 'station' AND said.field = 'core') AS latest
    WHERE age = 1 AND value IS NOT NULL
"""
INSIDE = """
    SELECT said.subject AS person, substr(said.field, 9) AS stay, event.happened_us AS since_us
    FROM custody_register AS said JOIN custody_event AS event ON event.event_id = said.event_id
    WHERE said.register = 'gate' AND substr(said.field, 1, 8) = 'entered-' AND NOT EXISTS (
        SELECT 1 FROM custody_register AS gone WHERE gone.register = 'gate' AND gone.subject = said.subject
        AND gone.field = 'left-' || substr(said.field, 9))
"""

OPEN_CASES = """
    SELECT case_id, kind, unit_id, station, opened_us FROM custody_case AS opened
    WHERE NOT EXISTS (SELECT 1 FROM custody_event AS settle WHERE settle.case_id = opened.case_id)
"""

BLANK_STANDS = """
    CASE WHEN unit.state = 'ended' OR unit.station IN ('carrier', 'supplier')
             OR substr(unit.station, 1, 7) = 'office:' THEN NULL
         WHEN unit.state = 'void' THEN 'voided'
         WHEN unit.state = 'doubt' THEN 'in_doubt'
         WHEN unit.state IN ('missing', 'void_missing') THEN 'missing'
         WHEN unit.state IN ('offered', 'refused', 'void_offered', 'void_refused') THEN 'offered'
         WHEN substr(unit.place, 1, length(event.machine) + 1) = event.machine || ':' THEN 'in_machine'
         ELSE 'good' END
"""
"""The term of the balance that a blank stands in after a step, none when it is not here. A machine's places are
written `<machine>:<stack>`."""
BLANK_STEP = f"unit.unit_id, unit.step, unit.station, {BLANK_STANDS} AS term, event.emulated, event.happened_us"
MARK_US = 8 * 3_600_000_000
"""Blanks are summed up by the eight hours (UTC) in which they came and went: a day at Beijing begins with one."""


def blank_told(sign: str = "1", of: str = "") -> str:
    """Return what each of the steps `step` adds where a blank came to stand, and when it stopped: a later step had
    happened. Of two in the wrong order the later one counts from the time when it happened.
    """
    return (
        f"SELECT station, term, emulated, happened_us AS at_us, {sign} AS change, min(happened_us) OVER ("  # noqa: S608
        f" PARTITION BY unit_id ORDER BY step ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS ends_us"
        f" FROM step {of}"
    )


BLANKS_CHANGED = f"""
    SELECT at_us - (at_us % {MARK_US} + {MARK_US}) % {MARK_US} AS since_us, station, term, emulated,
           sum(change) AS change
    FROM (SELECT at_us, station, term, emulated, change FROM told
          WHERE term IS NOT NULL AND (ends_us IS NULL OR ends_us > at_us)
          UNION ALL
          SELECT ends_us, station, term, emulated, -change FROM told WHERE term IS NOT NULL AND ends_us > at_us) AS each
    GROUP BY 1, 2, 3, 4 HAVING sum(change) <> 0
"""  # noqa: S608 own names
"""How many blanks more or fewer stand at a station, term by term: of what `told` says, by eight hours."""
BLANK_CHANGE_COLUMNS = ("since_us", "station", "term", "emulated", "change")
BLANK_CHANGES = f"""
    WITH step AS (
        SELECT {BLANK_STEP} FROM custody_unit AS unit JOIN custody_event AS event ON event.event_id = unit.event_id
        WHERE unit.kind = 'blank' AND event.seq <= (SELECT coalesce(max(upto_seq), 0) FROM blank_tally)
    ), told AS ({blank_told()})
    {BLANKS_CHANGED}
"""  # noqa: S608 own names

Difference = tuple[str, str]
"""A rule, and the SQL that finds where another package's tables break it: rows of `subject` and `what`."""


@dataclass(frozen=True, slots=True)
class Projection:
    """A table and what it must equal: two statements of the same columns, of which the first names the row."""

    rule: str
    table: str
    log: str
    subject: str


def _of(rule: str, table: str, log: str, columns: tuple[str, ...]) -> Projection:
    names = ", ".join(columns)
    return Projection(rule, f"SELECT {names} FROM {table}", f"SELECT {names} FROM ({log}) AS told", columns[0])  # noqa: S608


# A unit's priority may be raised on the line without an act of custody (`whereabouts.hasten`), so it is not compared.
LINE_TABLES = (
    _of(
        "whereabouts follow the log",
        "whereabouts",
        WHEREABOUTS,
        tuple(column for column in WHEREABOUTS_COLUMNS if column != "priority"),
    ),
    _of("open offers follow the log", "open_offer", OPEN_OFFERS, OPEN_OFFER_COLUMNS),
    _of("core stations follow the log", "core_station", CORE_STATIONS, ("station", "emulated")),
    _of("open cases follow the log", "open_case", OPEN_CASES, ("case_id", "kind", "unit_id", "station", "opened_us")),
    _of(
        "blanks are tallied as the log says",
        """(SELECT since_us, station, term, emulated, sum(change) AS change FROM blank_change
             GROUP BY 1, 2, 3, 4 HAVING sum(change) <> 0) AS tallied""",
        BLANK_CHANGES,
        ("station", *(column for column in BLANK_CHANGE_COLUMNS if column != "station")),
    ),
    _of("who is inside follows the log", "inside", INSIDE, ("person", "stay", "since_us")),
)
"""The line tables of this package, under the rules' own names."""
