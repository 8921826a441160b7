-- A shift begins with a count of its own, or with the one on which the shift before was handed over and ended just now.
CREATE OR REPLACE FUNCTION shift_opens() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.closed OR NOT EXISTS (SELECT 1 FROM shift_count AS counted WHERE counted.count_id = NEW.opening_count
            AND counted.counted_us = NEW.opened_us AND counted.emulated = NEW.emulated
            AND CASE WHEN EXISTS (SELECT 1 FROM shift_handover WHERE to_shift = NEW.shift_id)
                THEN counted.moment = 'hand-over' AND EXISTS (SELECT 1 FROM shift_handover AS taken
                    JOIN shift AS before ON before.shift_id = taken.from_shift WHERE taken.to_shift = NEW.shift_id
                    AND before.closing_count = NEW.opening_count AND before.emulated = NEW.emulated)
                ELSE counted.moment = 'opening' END)
        OR 2 <> (SELECT count(DISTINCT station) FROM shift_counted WHERE count_id = NEW.opening_count
            AND station IN ('vault', 'personalization'))
        -- What differed at a hand-over is the case of the shift that ended.
        OR (NEW.opening_reason IS NOT NULL) <> (EXISTS (SELECT 1 FROM shift_difference WHERE count_id = NEW.opening_count)
            AND NOT EXISTS (SELECT 1 FROM shift_handover WHERE to_shift = NEW.shift_id))
        OR EXISTS (SELECT 1 FROM shift WHERE NOT closed OR closed_us > NEW.opened_us) THEN
        RAISE EXCEPTION 'shift: opened by a whole count, forced on a difference, and one at a time' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE OR REPLACE FUNCTION shift_closes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.closed OR NOT NEW.closed
        OR (NEW.shift_id, NEW.name, NEW.opening_count, NEW.opened_us, NEW.opening_reason, NEW.emulated)
            IS DISTINCT FROM (OLD.shift_id, OLD.name, OLD.opening_count, OLD.opened_us, OLD.opening_reason, OLD.emulated)
        OR NOT EXISTS (SELECT 1 FROM shift_count WHERE count_id = NEW.closing_count
            AND moment = CASE WHEN EXISTS (SELECT 1 FROM shift_handover WHERE from_shift = NEW.shift_id) THEN 'hand-over' ELSE 'close' END
            AND counted_us = NEW.closed_us AND emulated = NEW.emulated)
        OR 2 <> (SELECT count(DISTINCT station) FROM shift_counted WHERE count_id = NEW.closing_count
            AND station IN ('vault', 'personalization'))
        -- Two leads hand over; who takes everything over is one as well.
        OR EXISTS (SELECT 1 FROM shift_handover JOIN shift_count ON count_id = NEW.closing_count
            WHERE from_shift = NEW.shift_id AND second_sign_in IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM person_role WHERE code = counted_second AND role = 'lead'))
        OR (NEW.closed_how = 'balanced' AND (EXISTS (SELECT 1 FROM shift_difference WHERE count_id = NEW.closing_count)
            OR EXISTS (SELECT 1 FROM job WHERE unfinished)
            -- By list, or not open at all.
            OR EXISTS (SELECT 1 FROM open_offer WHERE kind <> 'order' AND from_station IN ('intake', 'vault', 'review', 'personalization', 'qc', 'packing', 'mailing')
                AND to_station IN ('intake', 'vault', 'review', 'personalization', 'qc', 'packing', 'mailing')
                AND NOT EXISTS (SELECT 1 FROM shift_passed WHERE count_id = NEW.closing_count AND kind = 'offer' AND subject = open_offer.handoff_id))
            OR EXISTS (SELECT 1 FROM whereabouts WHERE station IN ('intake', 'vault', 'review', 'personalization', 'qc', 'packing', 'mailing')
                AND state IN ('refused', 'void_refused')
                AND NOT EXISTS (SELECT 1 FROM shift_passed WHERE count_id = NEW.closing_count AND kind = 'refused' AND subject = whereabouts.handoff_id))
            OR EXISTS (SELECT 1 FROM custody_case WHERE NOT EXISTS (
                SELECT 1 FROM custody_event WHERE custody_event.case_id = custody_case.case_id)
                AND NOT EXISTS (SELECT 1 FROM shift_passed WHERE count_id = NEW.closing_count AND kind = 'case' AND subject = custody_case.case_id))
            -- Nothing that lies at a station is left with the shift that ends.
            OR EXISTS (SELECT 1 FROM shift_handover JOIN shift_count ON count_id = NEW.closing_count
                JOIN whereabouts ON station IN ('intake', 'vault', 'review', 'personalization', 'qc', 'packing', 'mailing')
                    AND state IN ('held', 'void', 'doubt') AND person <> counted_second
                WHERE from_shift = NEW.shift_id))) THEN
        RAISE EXCEPTION 'shift: is closed once, by a whole count and on nothing open unless forced, and never changed' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE FUNCTION shift_handover_first() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM shift WHERE shift_id = NEW.from_shift AND NOT closed)
        OR EXISTS (SELECT 1 FROM shift WHERE shift_id = NEW.to_shift) THEN
        RAISE EXCEPTION 'shift_handover: of an open shift, once, to one that begins' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER shift_handover_first BEFORE INSERT ON shift_handover
    FOR EACH ROW EXECUTE FUNCTION shift_handover_first()
--;
CREATE FUNCTION shift_passes_on_a_count() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM shift_count WHERE count_id = NEW.count_id AND moment IN ('hand-over', 'relief'))
        OR EXISTS (SELECT 1 FROM shift WHERE closing_count = NEW.count_id)
        OR EXISTS (SELECT 1 FROM shift_relief WHERE count_id = NEW.count_id) THEN
        RAISE EXCEPTION 'on a count of a hand-over or a relief that is not over' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER shift_handed_open BEFORE INSERT ON shift_handed
    FOR EACH ROW EXECUTE FUNCTION shift_passes_on_a_count()
--;
CREATE TRIGGER shift_passed_open BEFORE INSERT ON shift_passed
    FOR EACH ROW EXECUTE FUNCTION shift_passes_on_a_count()
--;
CREATE TRIGGER shift_handover_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON shift_handover
    FOR EACH STATEMENT EXECUTE FUNCTION shift_append_only()
--;
CREATE TRIGGER shift_handed_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON shift_handed
    FOR EACH STATEMENT EXECUTE FUNCTION shift_append_only()
--;
CREATE TRIGGER shift_passed_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON shift_passed
    FOR EACH STATEMENT EXECUTE FUNCTION shift_append_only()
--;
CREATE FUNCTION shift_relief_signed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM shift_count AS counted WHERE counted.count_id = NEW.count_id AND counted.moment = 'relief'
            AND counted.counted_us = NEW.relieved_us AND counted.emulated = NEW.emulated
            AND NEW.absent NOT IN (counted.counted_by, counted.counted_second) AND NEW.reliever <> counted.counted_second
            -- The reliever signs, unless it is the lead who counted, or emulated.
            AND (NEW.sign_in IS NULL) = (NEW.reliever = counted.counted_by OR substr(NEW.reliever, 1, 2) = 'e-')
            AND (NEW.emulated OR substr(NEW.reliever, 1, 2) <> 'e-'))
        OR (NEW.sign_in IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in
            AND code = NEW.reliever AND outcome = 'accepted' AND abs(NEW.relieved_us - at_us) <= 300000000))
        OR NOT EXISTS (SELECT 1 FROM shift WHERE shift_id = NEW.shift_id AND NOT closed AND opened_us <= NEW.relieved_us
            AND emulated = NEW.emulated)
        -- Whoever was relieved relieves nobody and is not relieved again while that shift lasts.
        OR EXISTS (SELECT 1 FROM shift_relief WHERE shift_id = NEW.shift_id AND absent IN (NEW.absent, NEW.reliever)) THEN
        RAISE EXCEPTION 'shift_relief: of the open shift, by a reliever, a lead and a witness who all signed just now'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER shift_relief_signed BEFORE INSERT ON shift_relief
    FOR EACH ROW EXECUTE FUNCTION shift_relief_signed()
--;
CREATE FUNCTION shift_relief_whole() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM shift_relief WHERE count_id = NEW.count_id) THEN
        RAISE EXCEPTION 'a count that was used is whole' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER shift_relief_counted BEFORE INSERT ON shift_counted
    FOR EACH ROW EXECUTE FUNCTION shift_relief_whole()
--;
CREATE TRIGGER shift_relief_difference BEFORE INSERT ON shift_difference
    FOR EACH ROW EXECUTE FUNCTION shift_relief_whole()
--;
-- Whoever was relieved signs nothing until the shift is over.
CREATE FUNCTION sign_in_not_relieved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM shift_relief JOIN shift ON shift.shift_id = shift_relief.shift_id
            WHERE shift_relief.absent = NEW.code AND NOT shift.closed) THEN
        RAISE EXCEPTION 'sign_in_attempt: whoever was relieved signs nothing until the shift is over'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER sign_in_not_relieved BEFORE INSERT ON sign_in_attempt
    FOR EACH ROW WHEN (NEW.outcome = 'accepted') EXECUTE FUNCTION sign_in_not_relieved()
--;
CREATE FUNCTION shift_count_not_relieved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM shift_relief JOIN shift ON shift.shift_id = shift_relief.shift_id
            WHERE shift_relief.absent IN (NEW.counted_by, NEW.counted_second) AND NOT shift.closed) THEN
        RAISE EXCEPTION 'shift_count: whoever was relieved signs nothing until the shift is over'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER shift_count_not_relieved BEFORE INSERT ON shift_count
    FOR EACH ROW EXECUTE FUNCTION shift_count_not_relieved()
--;
CREATE TRIGGER shift_relief_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON shift_relief
    FOR EACH STATEMENT EXECUTE FUNCTION shift_append_only()
--;
CREATE FUNCTION evacuation_begins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.over OR EXISTS (SELECT 1 FROM evacuation WHERE NOT over OR returned_us > NEW.ordered_us)
    OR (NEW.sign_in IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in
        AND code = NEW.ordered_by AND outcome = 'accepted' AND abs(NEW.ordered_us - at_us) <= 300000000)) THEN
        RAISE EXCEPTION 'evacuation: by one who signed in just now, and one at a time' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER evacuation_begins BEFORE INSERT ON evacuation
    FOR EACH ROW EXECUTE FUNCTION evacuation_begins()
--;
CREATE FUNCTION evacuation_ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.over OR NOT NEW.over
    OR (NEW.evacuation_id, NEW.reason, NEW.ordered_by, NEW.sign_in, NEW.ordered_us, NEW.emulated)
        IS DISTINCT FROM (OLD.evacuation_id, OLD.reason, OLD.ordered_by, OLD.sign_in, OLD.ordered_us, OLD.emulated)
    OR NOT EXISTS (SELECT 1 FROM shift_count WHERE count_id = NEW.return_count AND moment = 'return'
        AND counted_us = NEW.returned_us AND emulated = NEW.emulated)
    OR 2 <> (SELECT count(DISTINCT station) FROM shift_counted WHERE count_id = NEW.return_count
        AND station IN ('vault', 'personalization'))
    OR (NEW.how = 'forced') <> EXISTS (SELECT 1 FROM shift_difference WHERE count_id = NEW.return_count) THEN
        RAISE EXCEPTION 'evacuation: is over once, by a whole count, forced on a difference, and never changed' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER evacuation_ends BEFORE UPDATE ON evacuation
    FOR EACH ROW EXECUTE FUNCTION evacuation_ends()
--;
CREATE TRIGGER evacuation_no_delete BEFORE DELETE OR TRUNCATE ON evacuation
    FOR EACH STATEMENT EXECUTE FUNCTION shift_append_only()
--;
CREATE FUNCTION evacuation_whole() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM evacuation WHERE return_count = NEW.count_id) THEN
        RAISE EXCEPTION 'a count that was used is whole' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER evacuation_counted BEFORE INSERT ON shift_counted
    FOR EACH ROW EXECUTE FUNCTION evacuation_whole()
--;
CREATE TRIGGER evacuation_difference BEFORE INSERT ON shift_difference
    FOR EACH ROW EXECUTE FUNCTION evacuation_whole()
--;
CREATE FUNCTION evacuation_settlement_signed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.sign_in IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in
        AND code = NEW.settled_by AND outcome = 'accepted' AND abs(NEW.settled_us - at_us) <= 300000000))
    OR (NEW.second_sign_in IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.second_sign_in
        AND code = NEW.settled_second AND outcome = 'accepted' AND abs(NEW.settled_us - at_us) <= 300000000))
    OR NOT EXISTS (SELECT 1 FROM evacuation JOIN shift_count AS forced ON forced.count_id = return_count
        WHERE evacuation_id = NEW.evacuation_id AND how = 'forced' AND forced.counted_us <= NEW.settled_us
        AND NOT (NEW.settled_by IN (forced.counted_by, forced.counted_second)
            AND NEW.settled_second IN (forced.counted_by, forced.counted_second))) THEN
        RAISE EXCEPTION 'evacuation_settlement: of a return that was forced, by two who are not the two who forced it' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER evacuation_settlement_signed BEFORE INSERT ON evacuation_settlement
    FOR EACH ROW EXECUTE FUNCTION evacuation_settlement_signed()
--;
CREATE TRIGGER evacuation_settlement_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON evacuation_settlement
    FOR EACH STATEMENT EXECUTE FUNCTION shift_append_only()
--;
-- No machine begins a job while nobody is there, and no shift begins or ends.
CREATE FUNCTION line_not_evacuated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM evacuation WHERE NOT over) THEN
        RAISE EXCEPTION 'the line is evacuated' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER evacuation_keeps_jobs BEFORE INSERT ON job
    FOR EACH ROW EXECUTE FUNCTION line_not_evacuated()
--;
CREATE TRIGGER evacuation_keeps_shift BEFORE INSERT OR UPDATE ON shift
    FOR EACH ROW EXECUTE FUNCTION line_not_evacuated()
