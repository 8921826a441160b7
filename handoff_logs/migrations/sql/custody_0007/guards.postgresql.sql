CREATE FUNCTION custody_event_inside() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    core record;
BEGIN
    SELECT * INTO core FROM core_station
    WHERE station = CASE WHEN new.act IN ('accept', 'refuse') THEN new.to_station ELSE new.from_station END;
    IF NOT FOUND THEN
        RETURN new;
    END IF;
    IF (NOT core.emulated OR substr(new.person, 1, 2) = 'e-')
        AND NOT EXISTS (SELECT 1 FROM inside WHERE inside.person = new.person) THEN
        RAISE EXCEPTION 'custody: not-inside: whoever signs at a core station is inside'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF new.second_person IS NOT NULL AND (NOT core.emulated OR substr(new.second_person, 1, 2) = 'e-')
        AND NOT EXISTS (SELECT 1 FROM inside WHERE inside.person = new.second_person) THEN
        RAISE EXCEPTION 'custody: second-not-inside: whoever signs at a core station is inside'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN new;
END $$
--;
CREATE TRIGGER custody_event_inside BEFORE INSERT ON custody_event
    FOR EACH ROW EXECUTE FUNCTION custody_event_inside()
--;
ALTER TABLE custody_event ENABLE ALWAYS TRIGGER custody_event_inside
--;
-- With its owner's rights: no login may write these two tables but by a record of the log.
CREATE FUNCTION custody_register_gate() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF new.register = 'station' AND new.field = 'core' THEN
        DELETE FROM core_station WHERE station = new.subject;
        INSERT INTO core_station (station, emulated) SELECT new.subject, new.value = 'emulated'
            WHERE new.value IS NOT NULL;
    ELSIF new.register = 'gate' AND substr(new.field, 1, 8) = 'entered-' THEN
        INSERT INTO inside (person, stay, since_us)
            SELECT new.subject, substr(new.field, 9), event.happened_us FROM custody_event AS event
            WHERE event.event_id = new.event_id
            ON CONFLICT (person) DO NOTHING;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'custody: inside-already: nobody enters who is inside'
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    ELSIF new.register = 'gate' AND substr(new.field, 1, 5) = 'left-' THEN
        DELETE FROM inside WHERE person = new.subject AND stay = substr(new.field, 6);
        IF NOT FOUND THEN
            RAISE EXCEPTION 'custody: outside-already: nobody leaves who is not inside'
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END IF;
    RETURN NULL;
END $$
--;
CREATE TRIGGER custody_register_gate AFTER INSERT ON custody_register
    FOR EACH ROW EXECUTE FUNCTION custody_register_gate()
--;
ALTER TABLE custody_register ENABLE ALWAYS TRIGGER custody_register_gate
