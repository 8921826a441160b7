-- INSERT OR REPLACE would delete the row in its way without any other trigger noticing: each insert looks for one.
CREATE TRIGGER machine_act_begins BEFORE INSERT ON machine_act
WHEN NEW.booked_us IS NOT NULL OR EXISTS (SELECT 1 FROM machine_act WHERE act_id = NEW.act_id)
    OR abs(NEW.stored_us - CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)) > 60000000
BEGIN SELECT RAISE(ABORT, 'machine_act: signed once, and booked later'); END
--;
-- Where two sign, both do by their passwords at that moment; one alone stays signed in for a shift.
CREATE TRIGGER machine_act_signed BEFORE INSERT ON machine_act
WHEN NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.first_sign_in AND code = NEW.first
        AND outcome = 'accepted' AND NEW.stored_us - at_us BETWEEN -60000000
            AND CASE WHEN NEW.second IS NULL THEN 28860000000 ELSE 300000000 END)
    OR (NEW.second IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.second_sign_in
        AND code = NEW.second AND outcome = 'accepted' AND NEW.stored_us - at_us BETWEEN -60000000 AND 300000000))
BEGIN SELECT RAISE(ABORT, 'machine_act: by people who signed in at that moment'); END
--;
CREATE TRIGGER machine_act_roles BEFORE INSERT ON machine_act
WHEN NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
        WHERE person.code = NEW.first AND person.ended_us IS NULL AND person_role.role IN ('operator', 'lead'))
    OR (NEW.second IS NOT NULL AND NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
        WHERE person.code = NEW.second AND person.ended_us IS NULL
        AND (person_role.role IN ('operator', 'lead')
            OR (NEW.kind = 'settle' AND person_role.role IN ('inspector', 'engineer')))))
BEGIN SELECT RAISE(ABORT, 'machine_act: by operators or leads, and of a doubt an inspector or engineer as the second'); END
--;
CREATE TRIGGER machine_act_booked BEFORE UPDATE ON machine_act
WHEN OLD.booked_us IS NOT NULL OR NEW.booked_us IS NULL OR NEW.act_id IS NOT OLD.act_id OR NEW.kind IS NOT OLD.kind
    OR NEW.subject IS NOT OLD.subject OR NEW.detail IS NOT OLD.detail OR NEW.first IS NOT OLD.first
    OR NEW.first_sign_in IS NOT OLD.first_sign_in OR NEW.second IS NOT OLD.second
    OR NEW.second_sign_in IS NOT OLD.second_sign_in OR NEW.stored_us IS NOT OLD.stored_us
    OR NEW.emulated IS NOT OLD.emulated
BEGIN SELECT RAISE(ABORT, 'machine_act: booked once; all else of it is written once'); END
--;
CREATE TRIGGER machine_act_no_delete BEFORE DELETE ON machine_act
BEGIN SELECT RAISE(ABORT, 'machine_act: never deleted'); END
