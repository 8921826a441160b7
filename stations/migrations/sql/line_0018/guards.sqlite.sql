-- INSERT OR REPLACE would delete the row in its way without any other trigger noticing: each insert looks for one.
CREATE TRIGGER roll_once BEFORE INSERT ON roll
WHEN EXISTS (SELECT 1 FROM roll WHERE number = NEW.number)
BEGIN SELECT RAISE(ABORT, 'roll: append-only'); END
--;
CREATE TRIGGER roll_step_once BEFORE INSERT ON roll_step
WHEN EXISTS (SELECT 1 FROM roll_step WHERE (number = NEW.number AND step >= NEW.step)
    OR (machine = NEW.machine AND machine_step >= NEW.machine_step))
BEGIN SELECT RAISE(ABORT, 'roll_step: append-only, one after another'); END
--;
CREATE TRIGGER roll_step_follows BEFORE INSERT ON roll_step
WHEN NEW.step > 1 AND NOT EXISTS (SELECT 1 FROM roll_step AS last WHERE last.number = NEW.number AND last.step = NEW.step - 1
        AND (last.act, NEW.act) IN (VALUES
        ('received', 'issued'), ('received', 'destroyed'), ('received', 'lost'), ('issued', 'mounted'),
        ('issued', 'returned'), ('issued', 'lost'), ('mounted', 'taken-off'), ('taken-off', 'mounted'),
        ('taken-off', 'returned'), ('taken-off', 'lost'), ('returned', 'issued'), ('returned', 'destroyed'),
        ('returned', 'lost')))
BEGIN SELECT RAISE(ABORT, 'roll_step: no such act follows the last one of the roll'); END
--;
CREATE TRIGGER roll_step_in_turn BEFORE INSERT ON roll_step
WHEN NEW.machine_step > 1 AND NOT EXISTS (SELECT 1 FROM roll_step AS last WHERE last.machine = NEW.machine
        AND last.machine_step = NEW.machine_step - 1 AND (NEW.act = 'mounted' OR last.number = NEW.number))
BEGIN SELECT RAISE(ABORT, 'roll_step: a machine has one roll, and that one is taken off'); END
--;
CREATE TRIGGER roll_step_signed BEFORE INSERT ON roll_step
WHEN NOT EXISTS (SELECT 1 FROM sign_in_attempt JOIN person_role ON person_role.code = sign_in_attempt.code
        WHERE attempt_id = NEW.sign_in AND sign_in_attempt.code = NEW.person AND outcome = 'accepted'
        AND abs(NEW.at_us - sign_in_attempt.at_us) <= 300000000 AND (NEW.act, role) IN (VALUES
        ('received', 'keeper'), ('issued', 'keeper'), ('mounted', 'operator'), ('taken-off', 'operator'),
        ('returned', 'operator'), ('destroyed', 'keeper'), ('destroyed', 'lead'), ('lost', 'keeper'),
        ('lost', 'operator'), ('lost', 'lead')))
    OR (NEW.second_person IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sign_in_attempt JOIN person_role ON person_role.code = sign_in_attempt.code
        WHERE attempt_id = NEW.second_sign_in AND sign_in_attempt.code = NEW.second_person AND outcome = 'accepted'
        AND abs(NEW.at_us - sign_in_attempt.at_us) <= 300000000 AND (NEW.act, role) IN (VALUES
        ('received', 'keeper'), ('issued', 'operator'), ('returned', 'keeper'), ('destroyed', 'keeper'),
        ('destroyed', 'lead'), ('lost', 'keeper'), ('lost', 'operator'), ('lost', 'lead'))))
BEGIN SELECT RAISE(ABORT, 'roll_step: signed by whom the act needs, who signed in just now'); END
--;
CREATE TRIGGER roll_no_update BEFORE UPDATE ON roll
BEGIN SELECT RAISE(ABORT, 'roll: append-only'); END
--;
CREATE TRIGGER roll_no_delete BEFORE DELETE ON roll
BEGIN SELECT RAISE(ABORT, 'roll: append-only'); END
--;
CREATE TRIGGER roll_step_no_update BEFORE UPDATE ON roll_step
BEGIN SELECT RAISE(ABORT, 'roll_step: append-only'); END
--;
CREATE TRIGGER roll_step_no_delete BEFORE DELETE ON roll_step
BEGIN SELECT RAISE(ABORT, 'roll_step: append-only'); END
