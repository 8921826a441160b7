-- `INSERT OR REPLACE` deletes rows without firing a DELETE trigger, so every unique key is looked up before.
-- In a BEFORE trigger a key not yet given reads as -1: hence `new.seq > 0`.
CREATE TRIGGER custody_event_legal BEFORE INSERT ON custody_event BEGIN
    SELECT CASE
        WHEN EXISTS (SELECT 1 FROM custody_event AS other WHERE other.event_id = new.event_id)
            OR (new.seq > 0 AND EXISTS (SELECT 1 FROM custody_event AS other WHERE other.seq = new.seq))
            THEN RAISE(ABORT, 'custody: append-only: custody_event')
        WHEN new.act IN ('offer', 'accept', 'refuse', 'withdraw', 'take_back') AND EXISTS (
            SELECT 1 FROM custody_event AS other WHERE other.handoff_id = new.handoff_id AND other.act = new.act
            AND other.act IN ('offer', 'accept', 'refuse', 'withdraw', 'take_back'))
            THEN RAISE(ABORT, 'custody: already-answered: the handoff has this answer')
        WHEN new.key_id IS NOT NULL AND EXISTS (
            SELECT 1 FROM custody_event AS other
            WHERE other.key_id = new.key_id AND other.key_number = new.key_number)
            THEN RAISE(ABORT, 'custody: append-only: custody_event')
        WHEN new.second_key_id IS NOT NULL AND EXISTS (
            SELECT 1 FROM custody_event AS other
            WHERE other.second_key_id = new.second_key_id AND other.second_key_number = new.second_key_number)
            THEN RAISE(ABORT, 'custody: append-only: custody_event')
        WHEN new.case_id IS NOT NULL AND EXISTS (SELECT 1 FROM custody_event AS other WHERE other.case_id = new.case_id)
            THEN RAISE(ABORT, 'custody: case-settled: a case is settled once')
        -- Foreign keys say the same, but a SQLite connection may have them off.
        WHEN new.offer_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM custody_event AS offer WHERE offer.event_id = new.offer_id AND offer.act = 'offer'
            AND offer.from_station = new.from_station AND offer.to_station = new.to_station
            AND offer.person = coalesce(new.offer_person, offer.person))
            THEN RAISE(ABORT, 'custody: no-offer: an answer answers an offer')
    END;
END
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
CREATE TRIGGER custody_case_no_replace BEFORE INSERT ON custody_case BEGIN
    SELECT RAISE(ABORT, 'custody: append-only: custody_case') WHERE EXISTS (
        SELECT 1 FROM custody_case AS other WHERE other.case_id = new.case_id
        OR (other.event_id = new.event_id AND other.unit_id = new.unit_id));
END
--;
CREATE TRIGGER custody_move_no_insert BEFORE INSERT ON custody_move BEGIN
    SELECT RAISE(ABORT, 'custody: append-only: custody_move');
END
--;
CREATE TRIGGER custody_event_no_update BEFORE UPDATE ON custody_event BEGIN
    SELECT RAISE(ABORT, 'custody: append-only: custody_event');
END
--;
CREATE TRIGGER custody_event_no_delete BEFORE DELETE ON custody_event BEGIN
    SELECT RAISE(ABORT, 'custody: append-only: custody_event');
END
--;
CREATE TRIGGER custody_unit_no_update BEFORE UPDATE ON custody_unit BEGIN
    SELECT RAISE(ABORT, 'custody: append-only: custody_unit');
END
--;
CREATE TRIGGER custody_unit_no_delete BEFORE DELETE ON custody_unit BEGIN
    SELECT RAISE(ABORT, 'custody: append-only: custody_unit');
END
--;
CREATE TRIGGER custody_case_no_update BEFORE UPDATE ON custody_case BEGIN
    SELECT RAISE(ABORT, 'custody: append-only: custody_case');
END
--;
CREATE TRIGGER custody_case_no_delete BEFORE DELETE ON custody_case BEGIN
    SELECT RAISE(ABORT, 'custody: append-only: custody_case');
END
--;
CREATE TRIGGER custody_move_no_update BEFORE UPDATE ON custody_move BEGIN
    SELECT RAISE(ABORT, 'custody: append-only: custody_move');
END
--;
CREATE TRIGGER custody_move_no_delete BEFORE DELETE ON custody_move BEGIN
    SELECT RAISE(ABORT, 'custody: append-only: custody_move');
END
