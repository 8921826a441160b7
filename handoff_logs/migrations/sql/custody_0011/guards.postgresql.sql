CREATE FUNCTION custody_event_real() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'custody: emulated-person: a record that is not EMULATED bears no EMULATED person'
        USING ERRCODE = 'integrity_constraint_violation';
END $$
--;
CREATE TRIGGER custody_event_real BEFORE INSERT ON custody_event FOR EACH ROW
    WHEN (NOT new.emulated AND (substr(new.person, 1, 2) = 'e-' OR substr(new.second_person, 1, 2) = 'e-'))
    EXECUTE FUNCTION custody_event_real()
--;
ALTER TABLE custody_event ENABLE ALWAYS TRIGGER custody_event_real
