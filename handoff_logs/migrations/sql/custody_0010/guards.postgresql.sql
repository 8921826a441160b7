-- With its owner's rights: no login may write this table but by a record of the log.
CREATE FUNCTION custody_case_opened() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO open_case (case_id, kind, unit_id, station, opened_us)
    VALUES (new.case_id, new.kind, new.unit_id, new.station, new.opened_us);
    RETURN NULL;
END $$
--;
CREATE TRIGGER custody_case_opened AFTER INSERT ON custody_case
    FOR EACH ROW EXECUTE FUNCTION custody_case_opened()
--;
ALTER TABLE custody_case ENABLE ALWAYS TRIGGER custody_case_opened
--;
CREATE FUNCTION custody_event_settled() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    DELETE FROM open_case WHERE case_id = new.case_id;
    RETURN NULL;
END $$
--;
CREATE TRIGGER custody_event_settled AFTER INSERT ON custody_event
    FOR EACH ROW WHEN (new.case_id IS NOT NULL) EXECUTE FUNCTION custody_event_settled()
--;
ALTER TABLE custody_event ENABLE ALWAYS TRIGGER custody_event_settled
--;
CREATE FUNCTION custody_event_taken_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM custody_event AS refusal
            WHERE refusal.handoff_id = new.handoff_id AND refusal.act = 'refuse'
            AND (new.person IN (refusal.person, refusal.second_person)
                OR new.second_person IN (refusal.person, refusal.second_person))) THEN
        RAISE EXCEPTION 'custody: same-person: who refused an offer does not take it back'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN new;
END $$
--;
CREATE TRIGGER custody_event_taken_back BEFORE INSERT ON custody_event
    FOR EACH ROW WHEN (new.act = 'take_back') EXECUTE FUNCTION custody_event_taken_back()
--;
ALTER TABLE custody_event ENABLE ALWAYS TRIGGER custody_event_taken_back
