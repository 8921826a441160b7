-- INSERT OR REPLACE would delete the row in its way without any other trigger noticing.
CREATE TRIGGER person_no_replace BEFORE INSERT ON person
WHEN EXISTS (SELECT 1 FROM person WHERE code = NEW.code OR founder = NEW.founder)
BEGIN SELECT RAISE(ABORT, 'person: a code is given once'); END
--;
CREATE TRIGGER person_enrolled BEFORE INSERT ON person
WHEN NEW.ended_us IS NOT NULL OR (NEW.founder IS NULL AND (
    SELECT count(*) FROM person JOIN person_role ON person_role.code = person.code
    WHERE person.code IN (NEW.enrolled_by, NEW.enrolled_second)
    AND person.ended_us IS NULL AND person_role.role = 'administrator') <> 2)
BEGIN SELECT RAISE(ABORT, 'person: enrolled by two administrators'); END
--;
CREATE TRIGGER person_keeps BEFORE UPDATE ON person
WHEN OLD.ended_us IS NOT NULL OR NEW.ended_us IS NULL OR NEW.code IS NOT OLD.code OR NEW.founder IS NOT OLD.founder
    OR NEW.enrolled_by IS NOT OLD.enrolled_by OR NEW.enrolled_second IS NOT OLD.enrolled_second
    OR NEW.enrolled_us IS NOT OLD.enrolled_us
BEGIN SELECT RAISE(ABORT, 'person: is ended once and otherwise never changed'); END
--;
CREATE TRIGGER person_ended BEFORE UPDATE ON person
WHEN (SELECT count(*) FROM person JOIN person_role ON person_role.code = person.code
    WHERE person.code IN (NEW.ended_by, NEW.ended_second)
    AND person.ended_us IS NULL AND person_role.role = 'administrator') <> 2
BEGIN SELECT RAISE(ABORT, 'person: ended by two administrators'); END
--;
CREATE TRIGGER person_no_delete BEFORE DELETE ON person
BEGIN SELECT RAISE(ABORT, 'person: never deleted'); END
--;
CREATE TRIGGER person_role_no_replace BEFORE INSERT ON person_role
WHEN EXISTS (SELECT 1 FROM person_role WHERE code = NEW.code AND role = NEW.role)
BEGIN SELECT RAISE(ABORT, 'person_role: a role is given once'); END
--;
CREATE TRIGGER person_role_given BEFORE INSERT ON person_role
WHEN NOT EXISTS (SELECT 1 FROM person WHERE code = NEW.code AND ended_us IS NULL
        AND (NEW.given_by IS NOT NULL OR founder IS NOT NULL))
    OR (NEW.given_by IS NOT NULL AND (
        SELECT count(*) FROM person JOIN person_role ON person_role.code = person.code
        WHERE person.code IN (NEW.given_by, NEW.given_second)
        AND person.ended_us IS NULL AND person_role.role = 'administrator') <> 2)
BEGIN SELECT RAISE(ABORT, 'person_role: given by two administrators'); END
--;
CREATE TRIGGER person_role_no_update BEFORE UPDATE ON person_role
BEGIN SELECT RAISE(ABORT, 'person_role: never changed'); END
--;
CREATE TRIGGER person_role_no_delete BEFORE DELETE ON person_role
BEGIN SELECT RAISE(ABORT, 'person_role: never deleted'); END
--;
CREATE TRIGGER person_password_keeps BEFORE UPDATE ON person_password
WHEN NEW.code IS NOT OLD.code
BEGIN SELECT RAISE(ABORT, 'person_password: stays its person''s'); END
--;
CREATE TRIGGER person_password_no_delete BEFORE DELETE ON person_password
BEGIN SELECT RAISE(ABORT, 'person_password: never deleted'); END
--;
CREATE TRIGGER sign_in_attempt_no_replace BEFORE INSERT ON sign_in_attempt
WHEN EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.attempt_id)
BEGIN SELECT RAISE(ABORT, 'sign_in_attempt: append-only'); END
--;
CREATE TRIGGER sign_in_attempt_no_update BEFORE UPDATE ON sign_in_attempt
BEGIN SELECT RAISE(ABORT, 'sign_in_attempt: append-only'); END
--;
CREATE TRIGGER sign_in_attempt_no_delete BEFORE DELETE ON sign_in_attempt
BEGIN SELECT RAISE(ABORT, 'sign_in_attempt: append-only'); END
