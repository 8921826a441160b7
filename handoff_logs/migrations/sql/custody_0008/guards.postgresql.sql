CREATE FUNCTION custody_event_sides() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM custody_event AS offer WHERE offer.event_id = new.offer_id
            AND (new.person = offer.second_person OR new.second_person IN (offer.person, offer.second_person))) THEN
        RAISE EXCEPTION 'custody: same-person: nobody signs both sides of a handoff, with either hand'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN new;
END $$
--;
CREATE TRIGGER custody_event_sides BEFORE INSERT ON custody_event
    FOR EACH ROW WHEN (new.act IN ('accept', 'refuse')) EXECUTE FUNCTION custody_event_sides()
--;
ALTER TABLE custody_event ENABLE ALWAYS TRIGGER custody_event_sides
