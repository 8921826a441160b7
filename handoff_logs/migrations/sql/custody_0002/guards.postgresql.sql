CREATE FUNCTION custody_event_signed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    broken text;
BEGIN
    broken := CASE
        {key_rules}
    END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'custody: %', broken USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN new;
END $$
--;
CREATE TRIGGER custody_event_signed BEFORE INSERT ON custody_event
    FOR EACH ROW EXECUTE FUNCTION custody_event_signed()
--;
ALTER TABLE custody_event ENABLE ALWAYS TRIGGER custody_event_signed
--;
CREATE FUNCTION custody_register_legal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM custody_event AS event
            WHERE event.event_id = new.event_id AND event.act = 'register') THEN
        RAISE EXCEPTION 'custody: no-event: an entry of a register belongs to an act written before it'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN new;
END $$
--;
CREATE TRIGGER custody_register_legal BEFORE INSERT ON custody_register
    FOR EACH ROW EXECUTE FUNCTION custody_register_legal()
--;
ALTER TABLE custody_register ENABLE ALWAYS TRIGGER custody_register_legal
