-- INSERT OR REPLACE would delete the row in its way without any other trigger noticing: each insert looks for one.
CREATE TRIGGER gate_passage_follows BEFORE INSERT ON gate_passage
WHEN NEW.number <> 1 + coalesce((SELECT max(number) FROM gate_passage), 0)
    OR (NEW.number > 1 AND NOT EXISTS (SELECT 1 FROM gate_ending WHERE number = NEW.number - 1))
BEGIN SELECT RAISE(ABORT, 'gate_passage: numbered without a gap, and begun when the one before has ended'); END
--;
CREATE TRIGGER gate_step_legal BEFORE INSERT ON gate_step
WHEN EXISTS (SELECT 1 FROM gate_ending WHERE number = NEW.number)
    OR EXISTS (SELECT 1 FROM gate_step WHERE number = NEW.number AND step IN (NEW.step, 'unknown'))
    OR (NEW.step = 'second-door' AND NOT EXISTS (SELECT 1 FROM gate_passage AS its WHERE its.number = NEW.number
        AND its.person IS NOT NULL AND its.cycles IS NOT NULL
        AND NEW.cycles = its.cycles + CASE its.direction WHEN 'in' THEN 1 ELSE 0 END))
BEGIN SELECT RAISE(ABORT, 'gate_step: each once, of a passage under way, the inner door after one whole cycle'); END
--;
CREATE TRIGGER gate_ending_legal BEFORE INSERT ON gate_ending
WHEN EXISTS (SELECT 1 FROM gate_ending WHERE number = NEW.number)
    OR (NEW.settled_by IS NOT NULL) <> EXISTS (SELECT 1 FROM gate_step WHERE number = NEW.number AND step = 'unknown')
    OR (NEW.outcome IN ('entered', 'left') AND NOT EXISTS (SELECT 1 FROM gate_step WHERE number = NEW.number))
    OR (NEW.outcome = 'refused' AND EXISTS (SELECT 1 FROM gate_step WHERE number = NEW.number))
    OR NOT EXISTS (SELECT 1 FROM gate_passage AS its WHERE its.number = NEW.number AND NEW.ended_us >= its.begun_us
        AND (NEW.outcome = 'refused' OR (its.person IS NOT NULL AND CASE its.direction
            WHEN 'in' THEN NEW.outcome IN ('entered', 'turned-back') ELSE NEW.outcome IN ('left', 'stayed') END))
        AND coalesce(NEW.settled_by <> its.person AND NEW.settled_second <> its.person, TRUE)
        AND (its.emulated OR NEW.settled_by IS NULL OR (NEW.sign_in IS NOT NULL AND NEW.second_sign_in IS NOT NULL)))
BEGIN SELECT RAISE(ABORT, 'gate_ending: once, as the passage went, and by two people where nobody could tell'); END
--;
CREATE TRIGGER gate_ending_signed BEFORE INSERT ON gate_ending
WHEN (NEW.sign_in IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in
        AND code = NEW.settled_by AND outcome = 'accepted' AND abs(NEW.ended_us - at_us) <= 300000000))
    OR (NEW.second_sign_in IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sign_in_attempt
        WHERE attempt_id = NEW.second_sign_in AND code = NEW.settled_second AND outcome = 'accepted'
        AND abs(NEW.ended_us - at_us) <= 300000000))
    OR (NEW.sign_in IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM person_role WHERE code = NEW.settled_by AND role = 'lead'))
BEGIN SELECT RAISE(ABORT, 'gate_ending: settled by a lead and a second person who signed in just now'); END
--;
CREATE TRIGGER gate_passage_no_update BEFORE UPDATE ON gate_passage
BEGIN SELECT RAISE(ABORT, 'gate_passage: append-only'); END
--;
CREATE TRIGGER gate_passage_no_delete BEFORE DELETE ON gate_passage
BEGIN SELECT RAISE(ABORT, 'gate_passage: append-only'); END
--;
CREATE TRIGGER gate_step_no_update BEFORE UPDATE ON gate_step
BEGIN SELECT RAISE(ABORT, 'gate_step: append-only'); END
--;
CREATE TRIGGER gate_step_no_delete BEFORE DELETE ON gate_step
BEGIN SELECT RAISE(ABORT, 'gate_step: append-only'); END
--;
CREATE TRIGGER gate_ending_no_update BEFORE UPDATE ON gate_ending
BEGIN SELECT RAISE(ABORT, 'gate_ending: append-only'); END
--;
CREATE TRIGGER gate_ending_no_delete BEFORE DELETE ON gate_ending
BEGIN SELECT RAISE(ABORT, 'gate_ending: append-only'); END
