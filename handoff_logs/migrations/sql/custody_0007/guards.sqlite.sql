CREATE TRIGGER custody_event_inside BEFORE INSERT ON custody_event BEGIN
    SELECT CASE
        WHEN NOT EXISTS (SELECT 1 FROM inside WHERE inside.person = new.person)
                AND (NOT core.emulated OR substr(new.person, 1, 2) = 'e-')
            THEN RAISE(ABORT, 'custody: not-inside: whoever signs at a core station is inside')
        WHEN new.second_person IS NOT NULL AND NOT EXISTS (SELECT 1 FROM inside WHERE inside.person = new.second_person)
                AND (NOT core.emulated OR substr(new.second_person, 1, 2) = 'e-')
            THEN RAISE(ABORT, 'custody: second-not-inside: whoever signs at a core station is inside')
    END FROM core_station AS core
    WHERE core.station = CASE WHEN new.act IN ('accept', 'refuse') THEN new.to_station ELSE new.from_station END;
END
--;
CREATE TRIGGER custody_register_core AFTER INSERT ON custody_register
WHEN new.register = 'station' AND new.field = 'core' BEGIN
    DELETE FROM core_station WHERE station = new.subject;
    INSERT INTO core_station (station, emulated) SELECT new.subject, new.value = 'emulated' WHERE new.value IS NOT NULL;
END
--;
CREATE TRIGGER custody_register_entered AFTER INSERT ON custody_register
WHEN new.register = 'gate' AND substr(new.field, 1, 8) = 'entered-' BEGIN
    SELECT RAISE(ABORT, 'custody: inside-already: nobody enters who is inside')
        WHERE EXISTS (SELECT 1 FROM inside WHERE inside.person = new.subject);
    INSERT INTO inside (person, stay, since_us)
        SELECT new.subject, substr(new.field, 9), event.happened_us FROM custody_event AS event
        WHERE event.event_id = new.event_id;
END
--;
CREATE TRIGGER custody_register_left AFTER INSERT ON custody_register
WHEN new.register = 'gate' AND substr(new.field, 1, 5) = 'left-' BEGIN
    SELECT RAISE(ABORT, 'custody: outside-already: nobody leaves who is not inside') WHERE NOT EXISTS (
        SELECT 1 FROM inside WHERE inside.person = new.subject AND inside.stay = substr(new.field, 6));
    DELETE FROM inside WHERE person = new.subject;
END
