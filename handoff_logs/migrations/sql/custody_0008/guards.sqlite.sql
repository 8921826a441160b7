CREATE TRIGGER custody_event_sides BEFORE INSERT ON custody_event
WHEN new.act IN ('accept', 'refuse') BEGIN
    SELECT RAISE(ABORT, 'custody: same-person: nobody signs both sides of a handoff, with either hand')
    FROM custody_event AS offer WHERE offer.event_id = new.offer_id
        AND (new.person = offer.second_person OR new.second_person IN (offer.person, offer.second_person));
END
