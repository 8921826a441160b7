-- INSERT OR REPLACE would delete the row in its way without any other trigger noticing: each insert looks for one.
CREATE TRIGGER patrol_round_once BEFORE INSERT ON patrol_round
WHEN EXISTS (SELECT 1 FROM patrol_round WHERE round_id = NEW.round_id)
BEGIN SELECT RAISE(ABORT, 'patrol_round: recorded once'); END
--;
CREATE TRIGGER patrol_round_signed BEFORE INSERT ON patrol_round
WHEN NEW.sign_in IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in
        AND code = NEW.person AND outcome = 'accepted' AND abs(NEW.walked_us - at_us) <= 28800000000)
    OR NEW.sign_in IS NOT NULL AND NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
        WHERE person.code = NEW.person AND person.ended_us IS NULL AND person_role.role IN ('operator', 'lead'))
BEGIN SELECT RAISE(ABORT, 'patrol_round: signed by an operator or a lead who signed in in this shift'); END
--;
CREATE TRIGGER patrol_round_in_shift BEFORE INSERT ON patrol_round
WHEN NEW.shift_id IS NOT (SELECT shift_id FROM shift WHERE NOT closed)
    OR NEW.shift_id IS NOT NULL AND NEW.sign_in IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM shift_person WHERE shift_id = NEW.shift_id AND code = NEW.person)
        AND NOT EXISTS (SELECT 1 FROM person_role WHERE code = NEW.person AND role = 'lead')
BEGIN SELECT RAISE(ABORT, 'patrol_round: in the shift that is open, by somebody of it or a lead'); END
--;
CREATE TRIGGER patrol_answer_whole BEFORE INSERT ON patrol_answer
WHEN EXISTS (SELECT 1 FROM patrol_answer WHERE round_id = NEW.round_id AND point = NEW.point AND item = NEW.item)
    OR (SELECT count(*) FROM patrol_answer WHERE round_id = NEW.round_id)
        >= (SELECT answers FROM patrol_round WHERE round_id = NEW.round_id)
BEGIN SELECT RAISE(ABORT, 'patrol_answer: a round is whole'); END
--;
CREATE TRIGGER patrol_photo_once BEFORE INSERT ON patrol_photo
WHEN EXISTS (SELECT 1 FROM patrol_photo WHERE sha256 = NEW.sha256)
BEGIN SELECT RAISE(ABORT, 'patrol_photo: kept once'); END
--;
CREATE TRIGGER patrol_finding_begins BEFORE INSERT ON patrol_finding
WHEN NEW.ended
    OR EXISTS (SELECT 1 FROM patrol_finding WHERE finding_id = NEW.finding_id
        OR round_id = NEW.round_id AND point = NEW.point AND item = NEW.item)
    OR NOT EXISTS (SELECT 1 FROM patrol_round WHERE round_id = NEW.round_id AND walked_us = NEW.found_us
        AND emulated = NEW.emulated)
    OR NOT EXISTS (SELECT 1 FROM patrol_answer WHERE round_id = NEW.round_id AND point = NEW.point AND item = NEW.item
        AND answer = 'bad')
BEGIN SELECT RAISE(ABORT, 'patrol_finding: begins open, one for what a round found bad'); END
--;
CREATE TRIGGER patrol_finding_ends BEFORE UPDATE ON patrol_finding
WHEN OLD.ended OR NOT NEW.ended
    OR NEW.finding_id IS NOT OLD.finding_id OR NEW.round_id IS NOT OLD.round_id OR NEW.point IS NOT OLD.point
    OR NEW.item IS NOT OLD.item OR NEW.kind IS NOT OLD.kind OR NEW.what IS NOT OLD.what
    OR NEW.what_sha256 IS NOT OLD.what_sha256 OR NEW.machine IS NOT OLD.machine OR NEW.photo IS NOT OLD.photo
    OR NEW.found_us IS NOT OLD.found_us OR NEW.emulated IS NOT OLD.emulated
    OR NOT EXISTS (SELECT 1 FROM patrol_step WHERE finding_id = NEW.finding_id AND step = 'checked')
BEGIN SELECT RAISE(ABORT, 'patrol_finding: ends once, by the look of a second person, and otherwise never changes'); END
--;
CREATE TRIGGER patrol_step_follows BEFORE INSERT ON patrol_step
WHEN NEW.position <> (SELECT coalesce(max(position), 0) + 1 FROM patrol_step WHERE finding_id = NEW.finding_id)
    OR NOT EXISTS (SELECT 1 FROM patrol_finding WHERE finding_id = NEW.finding_id AND NOT ended
        AND (emulated OR NEW.sign_in IS NOT NULL))
    OR NOT coalesce((SELECT CASE NEW.step
            WHEN 'taken' THEN step = 'returned' OR step = 'taken' AND person <> NEW.person
            WHEN 'mended' THEN step = 'taken' AND person = NEW.person
            ELSE step = 'mended' AND person <> NEW.person END
        FROM patrol_step WHERE finding_id = NEW.finding_id AND position = NEW.position - 1), NEW.step = 'taken')
BEGIN SELECT RAISE(ABORT, 'patrol_step: mended by who took it, looked at by another'); END
--;
CREATE TRIGGER patrol_step_signed BEFORE INSERT ON patrol_step
WHEN NEW.sign_in IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in
        AND code = NEW.person AND outcome = 'accepted'
        AND abs(NEW.at_us - at_us) <= CASE NEW.step WHEN 'taken' THEN 28800000000 ELSE 300000000 END)
    OR NEW.sign_in IS NOT NULL AND NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
        WHERE person.code = NEW.person AND person.ended_us IS NULL
        AND person_role.role IN ('operator', 'lead', 'administrator'))
BEGIN SELECT RAISE(ABORT, 'patrol_step: by an operator, lead or administrator who signed in just now'); END
--;
CREATE TRIGGER patrol_round_no_update BEFORE UPDATE ON patrol_round
BEGIN SELECT RAISE(ABORT, 'patrol_round: append-only'); END
--;
CREATE TRIGGER patrol_round_no_delete BEFORE DELETE ON patrol_round
BEGIN SELECT RAISE(ABORT, 'patrol_round: append-only'); END
--;
CREATE TRIGGER patrol_answer_no_update BEFORE UPDATE ON patrol_answer
BEGIN SELECT RAISE(ABORT, 'patrol_answer: append-only'); END
--;
CREATE TRIGGER patrol_answer_no_delete BEFORE DELETE ON patrol_answer
BEGIN SELECT RAISE(ABORT, 'patrol_answer: append-only'); END
--;
CREATE TRIGGER patrol_photo_no_update BEFORE UPDATE ON patrol_photo
BEGIN SELECT RAISE(ABORT, 'patrol_photo: append-only'); END
--;
CREATE TRIGGER patrol_photo_no_delete BEFORE DELETE ON patrol_photo
BEGIN SELECT RAISE(ABORT, 'patrol_photo: append-only'); END
--;
CREATE TRIGGER patrol_finding_no_delete BEFORE DELETE ON patrol_finding
BEGIN SELECT RAISE(ABORT, 'patrol_finding: never deleted'); END
--;
CREATE TRIGGER patrol_step_no_update BEFORE UPDATE ON patrol_step
BEGIN SELECT RAISE(ABORT, 'patrol_step: append-only'); END
--;
CREATE TRIGGER patrol_step_no_delete BEFORE DELETE ON patrol_step
BEGIN SELECT RAISE(ABORT, 'patrol_step: append-only'); END
