DROP TRIGGER shift_opens
--;
DROP TRIGGER shift_closes
--;
-- A shift begins with a count of its own, or with the one on which the shift before was handed over and ended just now.
CREATE TRIGGER shift_opens BEFORE INSERT ON shift
WHEN NEW.closed OR NOT EXISTS (SELECT 1 FROM shift_count AS counted WHERE counted.count_id = NEW.opening_count
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
    OR EXISTS (SELECT 1 FROM shift WHERE NOT closed OR closed_us > NEW.opened_us)
    OR EXISTS (SELECT 1 FROM shift WHERE shift_id = NEW.shift_id OR opening_count = NEW.opening_count)
BEGIN SELECT RAISE(ABORT, 'shift: opened by a whole count, forced on a difference, and one at a time'); END
--;
CREATE TRIGGER shift_closes BEFORE UPDATE ON shift
WHEN OLD.closed OR NOT NEW.closed
    OR NEW.shift_id IS NOT OLD.shift_id OR NEW.name IS NOT OLD.name OR NEW.opening_count IS NOT OLD.opening_count
    OR NEW.opened_us IS NOT OLD.opened_us OR NEW.opening_reason IS NOT OLD.opening_reason OR NEW.emulated IS NOT OLD.emulated
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
            WHERE from_shift = NEW.shift_id)))
BEGIN SELECT RAISE(ABORT, 'shift: is closed once, by a whole count and on nothing open unless forced, and never changed'); END
--;
CREATE TRIGGER shift_handover_first BEFORE INSERT ON shift_handover
WHEN NOT EXISTS (SELECT 1 FROM shift WHERE shift_id = NEW.from_shift AND NOT closed)
    OR EXISTS (SELECT 1 FROM shift WHERE shift_id = NEW.to_shift)
    OR EXISTS (SELECT 1 FROM shift_handover WHERE from_shift = NEW.from_shift OR to_shift = NEW.to_shift)
BEGIN SELECT RAISE(ABORT, 'shift_handover: of an open shift, once, to one that begins'); END
--;
CREATE TRIGGER shift_handed_open BEFORE INSERT ON shift_handed
WHEN NOT EXISTS (SELECT 1 FROM shift_count WHERE count_id = NEW.count_id AND moment IN ('hand-over', 'relief'))
    OR EXISTS (SELECT 1 FROM shift WHERE closing_count = NEW.count_id)
    OR EXISTS (SELECT 1 FROM shift_relief WHERE count_id = NEW.count_id)
    OR EXISTS (SELECT 1 FROM shift_handed WHERE count_id = NEW.count_id AND station = NEW.station)
BEGIN SELECT RAISE(ABORT, 'shift_handed: on a count of a hand-over or a relief that is not over, once'); END
--;
CREATE TRIGGER shift_passed_open BEFORE INSERT ON shift_passed
WHEN NOT EXISTS (SELECT 1 FROM shift_count WHERE count_id = NEW.count_id AND moment IN ('hand-over', 'relief'))
    OR EXISTS (SELECT 1 FROM shift WHERE closing_count = NEW.count_id)
    OR EXISTS (SELECT 1 FROM shift_relief WHERE count_id = NEW.count_id)
    OR EXISTS (SELECT 1 FROM shift_passed WHERE count_id = NEW.count_id AND kind = NEW.kind AND subject = NEW.subject)
BEGIN SELECT RAISE(ABORT, 'shift_passed: on a count of a hand-over or a relief that is not over, once'); END
--;
CREATE TRIGGER shift_relief_signed BEFORE INSERT ON shift_relief
WHEN NOT EXISTS (SELECT 1 FROM shift_count AS counted WHERE counted.count_id = NEW.count_id AND counted.moment = 'relief'
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
    OR EXISTS (SELECT 1 FROM shift_relief WHERE shift_id = NEW.shift_id AND absent IN (NEW.absent, NEW.reliever))
    OR EXISTS (SELECT 1 FROM shift_relief WHERE relief_id = NEW.relief_id OR count_id = NEW.count_id OR sign_in = NEW.sign_in)
BEGIN SELECT RAISE(ABORT, 'shift_relief: of the open shift, by a reliever, a lead and a witness who all signed just now'); END
--;
CREATE TRIGGER shift_relief_counted BEFORE INSERT ON shift_counted
WHEN EXISTS (SELECT 1 FROM shift_relief WHERE count_id = NEW.count_id)
BEGIN SELECT RAISE(ABORT, 'shift_counted: a count that was used is whole'); END
--;
CREATE TRIGGER shift_relief_difference BEFORE INSERT ON shift_difference
WHEN EXISTS (SELECT 1 FROM shift_relief WHERE count_id = NEW.count_id)
BEGIN SELECT RAISE(ABORT, 'shift_difference: a count that was used is whole'); END
--;
-- Whoever was relieved signs nothing until the shift is over.
CREATE TRIGGER sign_in_not_relieved BEFORE INSERT ON sign_in_attempt
WHEN NEW.outcome = 'accepted' AND EXISTS (SELECT 1 FROM shift_relief JOIN shift ON shift.shift_id = shift_relief.shift_id
    WHERE shift_relief.absent = NEW.code AND NOT shift.closed)
BEGIN SELECT RAISE(ABORT, 'sign_in_attempt: whoever was relieved signs nothing until the shift is over'); END
--;
CREATE TRIGGER shift_count_not_relieved BEFORE INSERT ON shift_count
WHEN EXISTS (SELECT 1 FROM shift_relief JOIN shift ON shift.shift_id = shift_relief.shift_id
    WHERE shift_relief.absent IN (NEW.counted_by, NEW.counted_second) AND NOT shift.closed)
BEGIN SELECT RAISE(ABORT, 'shift_count: whoever was relieved signs nothing until the shift is over'); END
--;
CREATE TRIGGER shift_relief_no_update BEFORE UPDATE ON shift_relief
BEGIN SELECT RAISE(ABORT, 'shift_relief: append-only'); END
--;
CREATE TRIGGER shift_relief_no_delete BEFORE DELETE ON shift_relief
BEGIN SELECT RAISE(ABORT, 'shift_relief: append-only'); END
--;
CREATE TRIGGER shift_handover_no_update BEFORE UPDATE ON shift_handover
BEGIN SELECT RAISE(ABORT, 'shift_handover: append-only'); END
--;
CREATE TRIGGER shift_handover_no_delete BEFORE DELETE ON shift_handover
BEGIN SELECT RAISE(ABORT, 'shift_handover: append-only'); END
--;
CREATE TRIGGER shift_handed_no_update BEFORE UPDATE ON shift_handed
BEGIN SELECT RAISE(ABORT, 'shift_handed: append-only'); END
--;
CREATE TRIGGER shift_handed_no_delete BEFORE DELETE ON shift_handed
BEGIN SELECT RAISE(ABORT, 'shift_handed: append-only'); END
--;
CREATE TRIGGER shift_passed_no_update BEFORE UPDATE ON shift_passed
BEGIN SELECT RAISE(ABORT, 'shift_passed: append-only'); END
--;
CREATE TRIGGER shift_passed_no_delete BEFORE DELETE ON shift_passed
BEGIN SELECT RAISE(ABORT, 'shift_passed: append-only'); END
--;
CREATE TRIGGER evacuation_begins BEFORE INSERT ON evacuation
WHEN NEW.over OR EXISTS (SELECT 1 FROM evacuation WHERE NOT over OR returned_us > NEW.ordered_us)
    OR (NEW.sign_in IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in
        AND code = NEW.ordered_by AND outcome = 'accepted' AND abs(NEW.ordered_us - at_us) <= 300000000))
    OR EXISTS (SELECT 1 FROM evacuation WHERE evacuation_id = NEW.evacuation_id OR sign_in = NEW.sign_in)
BEGIN SELECT RAISE(ABORT, 'evacuation: by one who signed in just now, and one at a time'); END
--;
CREATE TRIGGER evacuation_ends BEFORE UPDATE ON evacuation
WHEN OLD.over OR NOT NEW.over OR NEW.evacuation_id IS NOT OLD.evacuation_id OR NEW.reason IS NOT OLD.reason
    OR NEW.ordered_by IS NOT OLD.ordered_by OR NEW.sign_in IS NOT OLD.sign_in OR NEW.ordered_us IS NOT OLD.ordered_us
    OR NEW.emulated IS NOT OLD.emulated
    OR NOT EXISTS (SELECT 1 FROM shift_count WHERE count_id = NEW.return_count AND moment = 'return'
        AND counted_us = NEW.returned_us AND emulated = NEW.emulated)
    OR 2 <> (SELECT count(DISTINCT station) FROM shift_counted WHERE count_id = NEW.return_count
        AND station IN ('vault', 'personalization'))
    OR (NEW.how = 'forced') <> EXISTS (SELECT 1 FROM shift_difference WHERE count_id = NEW.return_count)
BEGIN SELECT RAISE(ABORT, 'evacuation: is over once, by a whole count, forced on a difference, and never changed'); END
--;
CREATE TRIGGER evacuation_no_delete BEFORE DELETE ON evacuation
BEGIN SELECT RAISE(ABORT, 'evacuation: never deleted'); END
--;
CREATE TRIGGER evacuation_counted BEFORE INSERT ON shift_counted
WHEN EXISTS (SELECT 1 FROM evacuation WHERE return_count = NEW.count_id)
BEGIN SELECT RAISE(ABORT, 'shift_counted: a count that was used is whole'); END
--;
CREATE TRIGGER evacuation_difference BEFORE INSERT ON shift_difference
WHEN EXISTS (SELECT 1 FROM evacuation WHERE return_count = NEW.count_id)
BEGIN SELECT RAISE(ABORT, 'shift_difference: a count that was used is whole'); END
--;
CREATE TRIGGER evacuation_settlement_signed BEFORE INSERT ON evacuation_settlement
WHEN (NEW.sign_in IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in
        AND code = NEW.settled_by AND outcome = 'accepted' AND abs(NEW.settled_us - at_us) <= 300000000))
    OR (NEW.second_sign_in IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.second_sign_in
        AND code = NEW.settled_second AND outcome = 'accepted' AND abs(NEW.settled_us - at_us) <= 300000000))
    OR NOT EXISTS (SELECT 1 FROM evacuation JOIN shift_count AS forced ON forced.count_id = return_count
        WHERE evacuation_id = NEW.evacuation_id AND how = 'forced' AND forced.counted_us <= NEW.settled_us
        AND NOT (NEW.settled_by IN (forced.counted_by, forced.counted_second)
            AND NEW.settled_second IN (forced.counted_by, forced.counted_second)))
    OR EXISTS (SELECT 1 FROM evacuation_settlement WHERE evacuation_id = NEW.evacuation_id)
BEGIN SELECT RAISE(ABORT, 'evacuation_settlement: of a return that was forced, by two who are not the two who forced it'); END
--;
CREATE TRIGGER evacuation_settlement_no_update BEFORE UPDATE ON evacuation_settlement
BEGIN SELECT RAISE(ABORT, 'evacuation_settlement: append-only'); END
--;
CREATE TRIGGER evacuation_settlement_no_delete BEFORE DELETE ON evacuation_settlement
BEGIN SELECT RAISE(ABORT, 'evacuation_settlement: append-only'); END
--;
-- No machine begins a job while nobody is there.
CREATE TRIGGER evacuation_keeps_jobs BEFORE INSERT ON job
WHEN EXISTS (SELECT 1 FROM evacuation WHERE NOT over)
BEGIN SELECT RAISE(ABORT, 'job: the line is evacuated'); END
--;
-- Nor does a shift begin or end.
CREATE TRIGGER evacuation_keeps_shift BEFORE INSERT ON shift
WHEN EXISTS (SELECT 1 FROM evacuation WHERE NOT over)
BEGIN SELECT RAISE(ABORT, 'shift: the line is evacuated'); END
--;
CREATE TRIGGER evacuation_keeps_open_shift BEFORE UPDATE ON shift
WHEN EXISTS (SELECT 1 FROM evacuation WHERE NOT over)
BEGIN SELECT RAISE(ABORT, 'shift: the line is evacuated'); END
