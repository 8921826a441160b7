"""What is late, will be and why, as one statement of SQL: tens of thousands of applications in half a second.

It goes through the line from where each application stands now to the time that will be lacking for it. Materialized
where a step is used more than once: else the database reckons it anew for each use.
"""

from typing import Final

from flows.facts import STATIONS

NOT_KNOWN_US: Final = -(10**17)
"""How late something will be at a station of which no rate is known: never."""
STANDS_A_DOCUMENT_US: Final = 10**13
"""What a document takes at a station that stands: longer than any time left, and small enough to be multiplied."""
RANK: Final = "CASE status WHEN 'overdue' THEN 0 WHEN 'late' THEN 1 ELSE 2 END"

# What differs between the two databases: rows out of JSON, and the greatest of several values.
_ROWS_OF: Final = {
    "sqlite": ("json_extract(value, '$[{}]')", "json_each(:nodes)", "max"),
    "postgresql": ("value ->> {}", "json_array_elements(CAST(:nodes AS json))", "greatest"),
}


def statement(dialect: str) -> str:
    """The question in the words of one database; `:STATION_us` is what a document takes there, NULL if not known."""
    extract, rows_of, greatest = _ROWS_OF[dialect]

    def each(form: str, between: str = ", ") -> str:
        return between.join(form.format(s=station, n=number) for number, station in enumerate(STATIONS))

    def column(number: int) -> str:
        return f"CAST({extract.format(number)} AS BIGINT)"

    nodes = ", ".join(f"{column(2 + number)} AS {station}_node_us" for number, station in enumerate(STATIONS))
    lefts = ", ".join(f"{column(7 + number)} AS {station}_left_us" for number, station in enumerate(STATIONS))
    # Documents that have to pass a station before this one: those before it here, and what is more urgent further on.
    aheads = []
    for number, station in enumerate(STATIONS):
        between = "".join(
            f" + CASE WHEN place_on_line < {later} THEN {name}_before ELSE 0 END"
            for later, name in enumerate(STATIONS[: number + 1])
        )
        aheads.append(
            f"CASE WHEN going = 1 AND place_on_line <= {number} THEN here_before{between} END AS {station}_ahead"
        )
    return f"""
WITH node AS MATERIALIZED (
    SELECT {extract.format(0)} AS service_class, {column(1)} AS deadline_us, {nodes}, {lefts} FROM {rows_of}
), unit AS (
    SELECT application.application_id, application.product, application.service_class, application.deadline_us,
           application.provisional, application.order_unit, application.emulated,
           application.state AS application_state, COALESCE(stand.priority, application.priority) AS priority,
           stand.due_us, stand.since_us, stand.state, stand.place, stand.kind,
           COALESCE(offer.to_station, stand.station) AS station, job.doubt,
           CASE WHEN job.unfinished THEN job.machine END AS machine
    FROM application
    LEFT JOIN job ON job.application_id = application.application_id AND job.product = application.product AND job.live
    JOIN whereabouts AS ordered ON ordered.unit_id = application.order_unit
    LEFT JOIN whereabouts AS made ON made.unit_id = job.document_unit
    JOIN whereabouts AS stand ON stand.unit_id = CASE WHEN ordered.state <> 'ended' THEN application.order_unit
        WHEN made.state = 'packed' THEN made.container ELSE job.document_unit END
    LEFT JOIN open_offer AS offer ON offer.handoff_id = stand.handoff_id
    WHERE application.live
), queued AS (
    SELECT unit.*,
           CASE station {each("WHEN '{s}' THEN {n}", " ")} ELSE {len(STATIONS)} END AS place_on_line,
           CASE WHEN state IN ('held', 'offered') AND application_state NOT IN ('held', 'stopped')
               AND place NOT IN ('hold', 'quarantine') THEN 1 ELSE 0 END AS going
    FROM unit
), ranked AS (
    SELECT queued.*, SUM(going) OVER (PARTITION BY station ORDER BY priority, due_us, since_us, application_id
               ROWS UNBOUNDED PRECEDING) - going AS here_before,
           {each("SUM(CASE WHEN station = '{s}' THEN going ELSE 0 END) OVER urgent AS {s}_before")}
    FROM queued
    WINDOW urgent AS (ORDER BY priority, deadline_us, application_id ROWS UNBOUNDED PRECEDING)
), ahead AS (
    SELECT ranked.*, {", ".join(aheads)} FROM ranked
), lacking AS MATERIALIZED (
    SELECT ahead.*, {each("node.{s}_node_us")},
           {each("COALESCE(({s}_ahead + 1) * CAST(:{s}_us AS BIGINT) - {s}_left_us, :never_us) AS {s}_lacks_us")},
           CASE place_on_line {each("WHEN {n} THEN {s}_node_us", " ")} ELSE ahead.deadline_us END AS node_us
    FROM ahead JOIN node ON node.service_class = ahead.service_class AND node.deadline_us = ahead.deadline_us
), worst AS (
    SELECT lacking.*, {greatest}({each("{s}_lacks_us")}) AS lacks_us FROM lacking
), told AS (
    SELECT worst.*,
           CASE WHEN deadline_us < :now_us THEN 'overdue' WHEN node_us < :now_us THEN 'late'
               ELSE 'will-be-late' END AS status,
           CASE WHEN node_us < :now_us THEN station
               {each("WHEN {s}_lacks_us = lacks_us THEN '{s}'", " ")} END AS at_station
    FROM worst WHERE deadline_us < :now_us OR node_us < :now_us OR lacks_us > 0
), judged AS (
    SELECT told.*,
           CASE status WHEN 'overdue' THEN :now_us - deadline_us WHEN 'late' THEN :now_us - node_us
               ELSE lacks_us END AS late_us,
           CASE at_station {each("WHEN '{s}' THEN {s}_node_us", " ")} ELSE deadline_us END AS at_node_us,
           COALESCE(CASE at_station {each("WHEN '{s}' THEN {s}_ahead", " ")} END, 0) AS ahead,
           COALESCE(CASE at_station {each("WHEN '{s}' THEN CAST(:{s}_us AS BIGINT)", " ")} END, 0) AS document_us
    FROM told
), chosen AS MATERIALIZED (
    SELECT judged.* FROM judged
    WHERE (CAST(:of_station AS VARCHAR) IS NULL OR station = :of_station OR at_station = :of_station)
        AND (CAST(:of_class AS VARCHAR) IS NULL OR service_class = :of_class)
        AND (CAST(:until_us AS BIGINT) IS NULL OR status <> 'will-be-late' OR at_node_us <= :until_us)
), listed AS (
    SELECT chosen.*, {RANK} AS worse FROM chosen ORDER BY worse, late_us DESC, application_id LIMIT :page
), remade AS (
    SELECT listed.*, (SELECT COUNT(*) FROM job WHERE job.application_id = listed.application_id
        AND job.outcome IN ('good', 'failed') AND NOT job.live) AS remakes
    FROM listed
)
SELECT worse, status, at_station, NULL AS applications, unit_number.number, remade.application_id, product,
       service_class, remade.station, remade.since_us, at_node_us, deadline_us, provisional, late_us, ahead, remakes,
       remade.emulated,
       CASE WHEN application_state = 'stopped' THEN 'stopped'
           WHEN application_state = 'held' OR place = 'hold' THEN 'on-hold'
           WHEN remade.state IN ('doubt', 'missing') OR doubt IS NOT NULL THEN 'in-doubt'
           WHEN remade.state = 'refused' THEN 'refused'
           WHEN at_station = 'personalization' AND remade.kind = 'order' AND CAST(:dry AS VARCHAR)
               LIKE '%,' || product || ',%' THEN 'blanks-short'
           WHEN machine_state.state = 'held' OR (at_station = 'personalization' AND remade.kind = 'order'
               AND CAST(:held AS VARCHAR) LIKE '%,' || product || ',%') THEN 'machine-held'
           WHEN remakes > 0 THEN 'remade'
           WHEN status <> 'will-be-late' AND remade.since_us > node_us THEN 'came-late'
           WHEN document_us = {STANDS_A_DOCUMENT_US} THEN 'station-stands'
           WHEN status = 'will-be-late' THEN 'station-slow'
           ELSE 'waiting' END AS why
FROM remade
LEFT JOIN unit_number ON unit_number.unit_id = remade.order_unit
LEFT JOIN machine_state ON machine_state.machine = remade.machine
UNION ALL
SELECT {RANK}, status, at_station, COUNT(*), NULL, NULL, NULL, service_class, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       NULL, NULL, NULL
FROM chosen GROUP BY status, at_station, service_class
ORDER BY 1, late_us DESC, application_id
""".replace(":never_us", str(NOT_KNOWN_US))  # noqa: S608 -- composed from constants
