CREATE TRIGGER custody_event_real BEFORE INSERT ON custody_event
WHEN NOT new.emulated AND (substr(new.person, 1, 2) = 'e-' OR substr(new.second_person, 1, 2) = 'e-') BEGIN
    SELECT RAISE(ABORT, 'custody: emulated-person: a record that is not EMULATED bears no EMULATED person');
END
