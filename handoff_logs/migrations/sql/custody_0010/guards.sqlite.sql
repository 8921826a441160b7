CREATE TRIGGER custody_case_opened AFTER INSERT ON custody_case BEGIN
    INSERT INTO open_case (case_id, kind, unit_id, station, opened_us)
    VALUES (new.case_id, new.kind, new.unit_id, new.station, new.opened_us);
END
--;
CREATE TRIGGER custody_event_settled AFTER INSERT ON custody_event WHEN new.case_id IS NOT NULL BEGIN
    DELETE FROM open_case WHERE case_id = new.case_id;
END
--;
CREATE TRIGGER custody_event_taken_back BEFORE INSERT ON custody_event WHEN new.act = 'take_back' BEGIN
    SELECT RAISE(ABORT, 'custody: same-person: who refused an offer does not take it back')
    FROM custody_event AS refusal WHERE refusal.handoff_id = new.handoff_id AND refusal.act = 'refuse'
        AND (new.person IN (refusal.person, refusal.second_person)
            OR new.second_person IN (refusal.person, refusal.second_person));
END
