DROP TRIGGER custody_unit_legal
--;
CREATE TRIGGER custody_unit_legal BEFORE INSERT ON custody_unit BEGIN
    SELECT CASE
        WHEN EXISTS (SELECT 1 FROM custody_unit AS other WHERE other.unit_id = new.unit_id AND other.step = new.step)
            THEN RAISE(ABORT, 'custody: step-taken: another record moved the unit first')
        -- Also guards against REPLACE, in one look-up: a position once taken is not the next.
        WHEN new.position <> 1 + coalesce(
            (SELECT max(other.position) FROM custody_unit AS other WHERE other.event_id = new.event_id), 0)
            THEN RAISE(ABORT, 'custody: rows-of-an-event: positions are written once and in order')
        {unit_rules}
    END
    FROM (SELECT 1)
    LEFT JOIN custody_event AS event ON event.event_id = new.event_id
    LEFT JOIN custody_unit AS previous ON previous.unit_id = new.unit_id AND previous.step = new.step - 1;
END
--;
DROP TRIGGER custody_move_no_insert
--;
INSERT INTO custody_move (act, before, after) VALUES ('settle', 'packed', 'ended')
--;
CREATE TRIGGER custody_move_no_insert BEFORE INSERT ON custody_move BEGIN
    SELECT RAISE(ABORT, 'custody: append-only: custody_move');
END
--;
-- A settlement finds the case of its unit.
CREATE INDEX ix_custody_case_unit ON custody_case (unit_id)
