-- As in custody_0006; what is packed may also come out of a parcel by a settlement.
CREATE OR REPLACE FUNCTION custody_unit_legal() RETURNS trigger LANGUAGE plpgsql
    -- One plan for good, whose parts are chosen as it starts: by the ids of the rows that are asked for.
    SET plan_cache_mode = force_generic_plan
    -- And by index. A session keeps the plan of its first statement: made for a tray in a small log, it would read all
    -- events for each document in a large one.
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
    broken text;
    lowest text;
    highest text;
    containers boolean;
BEGIN
    SELECT min(unit_id), max(unit_id), bool_or(state = 'packed') INTO lowest, highest, containers FROM added;
    SELECT checked.rule INTO broken FROM (
        SELECT fresh.event_id, fresh.position, CASE
        {rules}
        END AS rule
        FROM added AS fresh
        LEFT JOIN custody_event AS event ON event.event_id = fresh.event_id
        LEFT JOIN custody_unit AS previous ON previous.unit_id = fresh.unit_id AND previous.step = fresh.step - 1
            AND previous.unit_id BETWEEN lowest AND highest
    ) AS checked WHERE checked.rule IS NOT NULL ORDER BY checked.event_id, checked.position LIMIT 1;
    -- These look for other units than the statement's own, wherever they lie.
    IF broken IS NULL AND (containers OR EXISTS (
        SELECT 1 FROM added JOIN custody_event AS event ON event.event_id = added.event_id WHERE event.act IN ('unpack', 'settle')))
    THEN
        SELECT checked.rule INTO broken FROM (
            SELECT fresh.event_id, fresh.position, CASE
            {container_rules}
            END AS rule
            FROM added AS fresh
            LEFT JOIN custody_event AS event ON event.event_id = fresh.event_id
            LEFT JOIN custody_unit AS previous ON previous.unit_id = fresh.unit_id AND previous.step = fresh.step - 1
                AND previous.unit_id BETWEEN lowest AND highest
        ) AS checked WHERE checked.rule IS NOT NULL ORDER BY checked.event_id, checked.position LIMIT 1;
    END IF;
    -- After those, which know that the event is seen: then so are all of its rows.
    IF broken IS NULL THEN
        SELECT 'rows-of-an-event: positions are written once and in order' INTO broken FROM (
            SELECT fresh.event_id, min(fresh.position) AS first, max(fresh.position) AS last, count(*) AS rows,
                count(DISTINCT fresh.position) AS positions
            FROM added AS fresh GROUP BY fresh.event_id
        ) AS together, LATERAL (
            SELECT count(*) FILTER (WHERE unit.position = together.first) AS firsts,
                count(*) FILTER (WHERE unit.position < together.first) AS befores
            FROM custody_unit AS unit WHERE unit.event_id = together.event_id
            AND unit.position BETWEEN together.first - 1 AND together.first
        ) AS beside
        WHERE together.positions <> together.rows OR together.last - together.first + 1 <> together.rows
            OR beside.firsts <> 1 OR beside.befores <> CASE together.first WHEN 1 THEN 0 ELSE 1 END
        LIMIT 1;
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'custody: %', broken USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$
--;
ALTER TABLE custody_move DISABLE TRIGGER custody_move_no_insert
--;
INSERT INTO custody_move (act, before, after) VALUES ('settle', 'packed', 'ended')
--;
ALTER TABLE custody_move ENABLE ALWAYS TRIGGER custody_move_no_insert
--;
-- A settlement finds the case of its unit.
CREATE INDEX ix_custody_case_unit ON custody_case (unit_id)
