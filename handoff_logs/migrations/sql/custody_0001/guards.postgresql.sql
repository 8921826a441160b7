CREATE FUNCTION custody_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'custody: append-only: %', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$
--;
CREATE FUNCTION custody_event_legal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF new.offer_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM custody_event AS offer WHERE offer.event_id = new.offer_id AND offer.act = 'offer'
        AND offer.from_station = new.from_station AND offer.to_station = new.to_station
        AND offer.person = coalesce(new.offer_person, offer.person))
    THEN
        RAISE EXCEPTION 'custody: no-offer: an answer answers an offer' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN new;
END $$
--;
-- Once a statement over all rows it added, not once a row: a tray is one statement.
CREATE FUNCTION custody_unit_legal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    broken text;
BEGIN
    SELECT checked.rule INTO broken FROM (
        SELECT fresh.event_id, fresh.position, CASE
        WHEN fresh.position > 1 AND NOT EXISTS (
            SELECT 1 FROM custody_unit AS other
            WHERE other.event_id = fresh.event_id AND other.position = fresh.position - 1)
            THEN 'rows-of-an-event: positions are written once and in order'
        {unit_rules}
        END AS rule
        FROM added AS fresh
        LEFT JOIN custody_event AS event ON event.event_id = fresh.event_id
        LEFT JOIN custody_unit AS previous ON previous.unit_id = fresh.unit_id AND previous.step = fresh.step - 1
    ) AS checked WHERE checked.rule IS NOT NULL ORDER BY checked.event_id, checked.position LIMIT 1;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'custody: %', broken USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$
--;
CREATE TRIGGER custody_event_legal BEFORE INSERT ON custody_event
    FOR EACH ROW EXECUTE FUNCTION custody_event_legal()
--;
CREATE TRIGGER custody_unit_legal AFTER INSERT ON custody_unit
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION custody_unit_legal()
--;
CREATE TRIGGER custody_move_no_insert BEFORE INSERT ON custody_move
    FOR EACH STATEMENT EXECUTE FUNCTION custody_append_only()
--;
CREATE TRIGGER custody_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON custody_event
    FOR EACH STATEMENT EXECUTE FUNCTION custody_append_only()
--;
CREATE TRIGGER custody_unit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON custody_unit
    FOR EACH STATEMENT EXECUTE FUNCTION custody_append_only()
--;
CREATE TRIGGER custody_case_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON custody_case
    FOR EACH STATEMENT EXECUTE FUNCTION custody_append_only()
--;
CREATE TRIGGER custody_move_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON custody_move
    FOR EACH STATEMENT EXECUTE FUNCTION custody_append_only()
--;
-- ALWAYS: also when a session plays replica.
ALTER TABLE custody_event ENABLE ALWAYS TRIGGER custody_event_legal
--;
ALTER TABLE custody_unit ENABLE ALWAYS TRIGGER custody_unit_legal
--;
ALTER TABLE custody_move ENABLE ALWAYS TRIGGER custody_move_no_insert
--;
ALTER TABLE custody_event ENABLE ALWAYS TRIGGER custody_event_append_only
--;
ALTER TABLE custody_unit ENABLE ALWAYS TRIGGER custody_unit_append_only
--;
ALTER TABLE custody_case ENABLE ALWAYS TRIGGER custody_case_append_only
--;
ALTER TABLE custody_move ENABLE ALWAYS TRIGGER custody_move_append_only
