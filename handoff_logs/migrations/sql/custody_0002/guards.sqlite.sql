CREATE TRIGGER custody_event_signed BEFORE INSERT ON custody_event BEGIN
    SELECT CASE
        {key_rules}
    END;
END
--;
CREATE TRIGGER custody_register_legal BEFORE INSERT ON custody_register BEGIN
    SELECT CASE
        WHEN NOT EXISTS (SELECT 1 FROM custody_event AS event
                WHERE event.event_id = new.event_id AND event.act = 'register')
            THEN RAISE(ABORT, 'custody: no-event: an entry of a register belongs to an act written before it')
        WHEN new.position <> 1 + coalesce(
                (SELECT max(other.position) FROM custody_register AS other WHERE other.event_id = new.event_id), 0)
            THEN RAISE(ABORT, 'custody: rows-of-an-event: positions are written once and in order')
    END;
END
