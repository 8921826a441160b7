-- INSERT OR REPLACE would delete the row in its way without any other trigger noticing.
CREATE TRIGGER person_badge_no_replace BEFORE INSERT ON person_badge
WHEN EXISTS (SELECT 1 FROM person_badge WHERE mac = NEW.mac OR (code = NEW.code AND ended_us IS NULL))
BEGIN SELECT RAISE(ABORT, 'person_badge: one live badge a person'); END
--;
CREATE TRIGGER person_badge_issued BEFORE INSERT ON person_badge
WHEN NEW.ended_us IS NOT NULL
    OR NOT EXISTS (SELECT 1 FROM person WHERE code = NEW.code AND ended_us IS NULL)
    OR NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
        WHERE person.code = NEW.issued_by AND person.ended_us IS NULL AND person_role.role = 'administrator')
    OR NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
        WHERE person.code = NEW.issued_second AND person.ended_us IS NULL
        AND person_role.role IN ('administrator', 'lead'))
BEGIN SELECT RAISE(ABORT, 'person_badge: issued by an administrator and a second'); END
--;
CREATE TRIGGER person_badge_keeps BEFORE UPDATE ON person_badge
WHEN OLD.ended_us IS NOT NULL OR NEW.ended_us IS NULL OR NEW.mac IS NOT OLD.mac OR NEW.code IS NOT OLD.code
    OR NEW.issued_by IS NOT OLD.issued_by OR NEW.issued_second IS NOT OLD.issued_second
    OR NEW.issued_us IS NOT OLD.issued_us
BEGIN SELECT RAISE(ABORT, 'person_badge: is ended once and otherwise never changed'); END
--;
CREATE TRIGGER person_badge_ended BEFORE UPDATE ON person_badge
WHEN NOT EXISTS (SELECT 1 FROM person LEFT JOIN person_role ON person_role.code = person.code
    WHERE person.code = NEW.ended_by AND person.ended_us IS NULL
    AND (person.code = NEW.code OR person_role.role IN ('administrator', 'lead')))
BEGIN SELECT RAISE(ABORT, 'person_badge: ended by its holder, a lead or an administrator'); END
--;
CREATE TRIGGER person_badge_no_delete BEFORE DELETE ON person_badge
BEGIN SELECT RAISE(ABORT, 'person_badge: never deleted'); END
--;
CREATE TRIGGER badge_sign_in_begun BEFORE INSERT ON badge_sign_in
BEGIN SELECT CASE
    WHEN EXISTS (SELECT 1 FROM badge_sign_in WHERE attempt_id = NEW.attempt_id)
        THEN RAISE(ABORT, 'badge_sign_in: append-only')
    WHEN NEW.refusal IS NOT NULL AND EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.attempt_id)
        THEN RAISE(ABORT, 'badge_sign_in: a refused badge is no signature')
    WHEN NEW.mac IS NOT NULL AND NOT EXISTS (SELECT 1 FROM person_badge WHERE mac = NEW.mac AND code = NEW.code)
        THEN RAISE(ABORT, 'badge_sign_in: a badge is its holder''s')
    WHEN NEW.refusal IS NULL AND NOT EXISTS (SELECT 1 FROM sign_in_attempt AS attempt
        WHERE attempt.attempt_id = NEW.attempt_id AND attempt.code = NEW.code
        AND (attempt.outcome <> 'accepted'
            OR EXISTS (SELECT 1 FROM person_badge WHERE mac = NEW.mac AND ended_us IS NULL)))
        THEN RAISE(ABORT, 'badge_sign_in: by its holder''s own attempt, while the badge is live')
END; END
--;
CREATE TRIGGER badge_sign_in_no_update BEFORE UPDATE ON badge_sign_in
BEGIN SELECT RAISE(ABORT, 'badge_sign_in: append-only'); END
--;
CREATE TRIGGER badge_sign_in_no_delete BEFORE DELETE ON badge_sign_in
BEGIN SELECT RAISE(ABORT, 'badge_sign_in: append-only'); END
--;
CREATE TRIGGER alarm_notice_keeps_whose BEFORE UPDATE OF on_call ON alarm_notice
WHEN NEW.on_call IS NOT OLD.on_call
BEGIN SELECT RAISE(ABORT, 'alarm_notice: ends once and otherwise never changes'); END
--;
CREATE TRIGGER gate_admission_given BEFORE INSERT ON gate_admission
BEGIN SELECT CASE
    WHEN EXISTS (SELECT 1 FROM gate_admission
        WHERE shift_id = NEW.shift_id AND code = NEW.code AND admitted_us >= NEW.admitted_us)
        THEN RAISE(ABORT, 'gate_admission: one word after another')
    WHEN NOT EXISTS (SELECT 1 FROM shift WHERE shift_id = NEW.shift_id AND NOT closed)
        THEN RAISE(ABORT, 'gate_admission: into the shift that is open')
    WHEN NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
            WHERE person.code = NEW.code AND person.ended_us IS NULL AND person_role.role = 'engineer')
        OR NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
            WHERE person.code = NEW.admitted_by AND person.ended_us IS NULL AND person_role.role = 'lead')
        OR NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in AND code = NEW.admitted_by
            AND outcome = 'accepted' AND abs(NEW.admitted_us - at_us) <= 300000000)
        THEN RAISE(ABORT, 'gate_admission: of an engineer, by a lead who signed in just now')
END; END
--;
CREATE TRIGGER gate_admission_no_update BEFORE UPDATE ON gate_admission
BEGIN SELECT RAISE(ABORT, 'gate_admission: append-only'); END
--;
CREATE TRIGGER gate_admission_no_delete BEFORE DELETE ON gate_admission
BEGIN SELECT RAISE(ABORT, 'gate_admission: append-only'); END
