-- INSERT OR REPLACE would delete the row in its way without any other trigger noticing: each insert looks for one.
CREATE TRIGGER shift_count_signed BEFORE INSERT ON shift_count
WHEN (NEW.sign_in IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in
        AND code = NEW.counted_by AND outcome = 'accepted' AND abs(NEW.counted_us - at_us) <= 300000000))
    OR (NEW.second_sign_in IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.second_sign_in
        AND code = NEW.counted_second AND outcome = 'accepted' AND abs(NEW.counted_us - at_us) <= 300000000))
    OR (NEW.sign_in IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM person_role WHERE code = NEW.counted_by AND role = 'lead'))
BEGIN SELECT RAISE(ABORT, 'shift_count: signed by a lead and a second person who signed in just now'); END
--;
CREATE TRIGGER shift_count_once BEFORE INSERT ON shift_count
WHEN EXISTS (SELECT 1 FROM shift_count WHERE count_id = NEW.count_id OR sign_in = NEW.sign_in
    OR second_sign_in = NEW.second_sign_in)
BEGIN SELECT RAISE(ABORT, 'shift_count: append-only'); END
--;
CREATE TRIGGER shift_counted_whole BEFORE INSERT ON shift_counted
WHEN EXISTS (SELECT 1 FROM shift WHERE opening_count = NEW.count_id OR closing_count = NEW.count_id)
    OR EXISTS (SELECT 1 FROM shift_counted WHERE count_id = NEW.count_id AND station = NEW.station AND place = NEW.place)
BEGIN SELECT RAISE(ABORT, 'shift_counted: a count that was used is whole'); END
--;
CREATE TRIGGER shift_difference_whole BEFORE INSERT ON shift_difference
WHEN EXISTS (SELECT 1 FROM shift WHERE opening_count = NEW.count_id OR closing_count = NEW.count_id)
    OR EXISTS (SELECT 1 FROM shift_difference WHERE count_id = NEW.count_id AND serial = NEW.serial)
BEGIN SELECT RAISE(ABORT, 'shift_difference: a count that was used is whole'); END
--;
CREATE TRIGGER shift_person_opening BEFORE INSERT ON shift_person
WHEN NOT EXISTS (SELECT 1 FROM shift WHERE shift_id = NEW.shift_id AND NOT closed
    AND (emulated OR substr(NEW.code, 1, 2) <> 'e-'))
    OR EXISTS (SELECT 1 FROM shift_person WHERE shift_id = NEW.shift_id AND code = NEW.code)
BEGIN SELECT RAISE(ABORT, 'shift_person: of an open shift, once'); END
--;
CREATE TRIGGER shift_machine_opening BEFORE INSERT ON shift_machine
WHEN NOT EXISTS (SELECT 1 FROM shift WHERE shift_id = NEW.shift_id AND NOT closed)
    OR EXISTS (SELECT 1 FROM shift_machine WHERE shift_id = NEW.shift_id AND machine = NEW.machine)
BEGIN SELECT RAISE(ABORT, 'shift_machine: of an open shift, once'); END
--;
CREATE TRIGGER shift_item_opening BEFORE INSERT ON shift_item
WHEN NOT EXISTS (SELECT 1 FROM shift WHERE shift_id = NEW.shift_id AND NOT closed)
    OR EXISTS (SELECT 1 FROM shift_item WHERE shift_id = NEW.shift_id AND item = NEW.item)
BEGIN SELECT RAISE(ABORT, 'shift_item: of an open shift, once'); END
--;
CREATE TRIGGER shift_opens BEFORE INSERT ON shift
WHEN NEW.closed OR NOT EXISTS (SELECT 1 FROM shift_count WHERE count_id = NEW.opening_count AND moment = 'opening'
        AND counted_us = NEW.opened_us AND emulated = NEW.emulated)
    OR 2 <> (SELECT count(DISTINCT station) FROM shift_counted WHERE count_id = NEW.opening_count
        AND station IN ('vault', 'personalization'))
    OR (NEW.opening_reason IS NOT NULL) <> EXISTS (SELECT 1 FROM shift_difference WHERE count_id = NEW.opening_count)
    OR EXISTS (SELECT 1 FROM shift WHERE NOT closed OR closed_us > NEW.opened_us)
    OR EXISTS (SELECT 1 FROM shift WHERE shift_id = NEW.shift_id OR opening_count = NEW.opening_count)
BEGIN SELECT RAISE(ABORT, 'shift: opened by a whole count, forced on a difference, and one at a time'); END
--;
CREATE TRIGGER shift_closes BEFORE UPDATE ON shift
WHEN OLD.closed OR NOT NEW.closed
    OR NEW.shift_id IS NOT OLD.shift_id OR NEW.name IS NOT OLD.name OR NEW.opening_count IS NOT OLD.opening_count
    OR NEW.opened_us IS NOT OLD.opened_us OR NEW.opening_reason IS NOT OLD.opening_reason OR NEW.emulated IS NOT OLD.emulated
    OR NOT EXISTS (SELECT 1 FROM shift_count WHERE count_id = NEW.closing_count AND moment = 'close'
        AND counted_us = NEW.closed_us AND emulated = NEW.emulated)
    OR 2 <> (SELECT count(DISTINCT station) FROM shift_counted WHERE count_id = NEW.closing_count
        AND station IN ('vault', 'personalization'))
    OR (NEW.closed_how = 'balanced' AND (EXISTS (SELECT 1 FROM shift_difference WHERE count_id = NEW.closing_count)
        OR EXISTS (SELECT 1 FROM job WHERE unfinished)
        OR EXISTS (SELECT 1 FROM open_offer WHERE kind <> 'order' AND from_station IN ('intake', 'vault', 'review', 'personalization', 'qc', 'packing', 'mailing')
            AND to_station IN ('intake', 'vault', 'review', 'personalization', 'qc', 'packing', 'mailing'))
        OR EXISTS (SELECT 1 FROM whereabouts WHERE station IN ('intake', 'vault', 'review', 'personalization', 'qc', 'packing', 'mailing')
            AND state IN ('refused', 'void_refused'))
        OR EXISTS (SELECT 1 FROM custody_case WHERE NOT EXISTS (
            SELECT 1 FROM custody_event WHERE custody_event.case_id = custody_case.case_id))))
BEGIN SELECT RAISE(ABORT, 'shift: is closed once, by a whole count and on nothing open unless forced, and never changed'); END
--;
CREATE TRIGGER shift_no_delete BEFORE DELETE ON shift
BEGIN SELECT RAISE(ABORT, 'shift: never deleted'); END
--;
CREATE TRIGGER shift_settlement_signed BEFORE INSERT ON shift_settlement
WHEN (NEW.sign_in IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in
        AND code = NEW.settled_by AND outcome = 'accepted' AND abs(NEW.settled_us - at_us) <= 300000000))
    OR (NEW.second_sign_in IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.second_sign_in
        AND code = NEW.settled_second AND outcome = 'accepted' AND abs(NEW.settled_us - at_us) <= 300000000))
    OR NOT EXISTS (SELECT 1 FROM shift JOIN shift_count AS forced
        ON forced.count_id = CASE NEW.moment WHEN 'opening' THEN opening_count ELSE closing_count END
        WHERE shift_id = NEW.shift_id AND forced.counted_us <= NEW.settled_us
        AND CASE NEW.moment WHEN 'opening' THEN opening_reason ELSE closing_reason END IS NOT NULL
        AND NOT (NEW.settled_by IN (forced.counted_by, forced.counted_second)
            AND NEW.settled_second IN (forced.counted_by, forced.counted_second)))
    OR EXISTS (SELECT 1 FROM shift_settlement WHERE shift_id = NEW.shift_id AND moment = NEW.moment)
BEGIN SELECT RAISE(ABORT, 'shift_settlement: of a shift that was forced, by two who are not the two who forced it'); END
--;
CREATE TRIGGER shift_count_no_update BEFORE UPDATE ON shift_count
BEGIN SELECT RAISE(ABORT, 'shift_count: append-only'); END
--;
CREATE TRIGGER shift_count_no_delete BEFORE DELETE ON shift_count
BEGIN SELECT RAISE(ABORT, 'shift_count: append-only'); END
--;
CREATE TRIGGER shift_counted_no_update BEFORE UPDATE ON shift_counted
BEGIN SELECT RAISE(ABORT, 'shift_counted: append-only'); END
--;
CREATE TRIGGER shift_counted_no_delete BEFORE DELETE ON shift_counted
BEGIN SELECT RAISE(ABORT, 'shift_counted: append-only'); END
--;
CREATE TRIGGER shift_difference_no_update BEFORE UPDATE ON shift_difference
BEGIN SELECT RAISE(ABORT, 'shift_difference: append-only'); END
--;
CREATE TRIGGER shift_difference_no_delete BEFORE DELETE ON shift_difference
BEGIN SELECT RAISE(ABORT, 'shift_difference: append-only'); END
--;
CREATE TRIGGER shift_person_no_update BEFORE UPDATE ON shift_person
BEGIN SELECT RAISE(ABORT, 'shift_person: append-only'); END
--;
CREATE TRIGGER shift_person_no_delete BEFORE DELETE ON shift_person
BEGIN SELECT RAISE(ABORT, 'shift_person: append-only'); END
--;
CREATE TRIGGER shift_machine_no_update BEFORE UPDATE ON shift_machine
BEGIN SELECT RAISE(ABORT, 'shift_machine: append-only'); END
--;
CREATE TRIGGER shift_machine_no_delete BEFORE DELETE ON shift_machine
BEGIN SELECT RAISE(ABORT, 'shift_machine: append-only'); END
--;
CREATE TRIGGER shift_item_no_update BEFORE UPDATE ON shift_item
BEGIN SELECT RAISE(ABORT, 'shift_item: append-only'); END
--;
CREATE TRIGGER shift_item_no_delete BEFORE DELETE ON shift_item
BEGIN SELECT RAISE(ABORT, 'shift_item: append-only'); END
--;
CREATE TRIGGER shift_settlement_no_update BEFORE UPDATE ON shift_settlement
BEGIN SELECT RAISE(ABORT, 'shift_settlement: append-only'); END
--;
CREATE TRIGGER shift_settlement_no_delete BEFORE DELETE ON shift_settlement
BEGIN SELECT RAISE(ABORT, 'shift_settlement: append-only'); END
