CREATE FUNCTION roll_step_legal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.step > 1 AND NOT EXISTS (SELECT 1 FROM roll_step AS last WHERE last.number = NEW.number AND last.step = NEW.step - 1
            AND (last.act, NEW.act) IN (VALUES
            ('received', 'issued'), ('received', 'destroyed'), ('received', 'lost'), ('issued', 'mounted'),
            ('issued', 'returned'), ('issued', 'lost'), ('mounted', 'taken-off'), ('taken-off', 'mounted'),
            ('taken-off', 'returned'), ('taken-off', 'lost'), ('returned', 'issued'), ('returned', 'destroyed'),
            ('returned', 'lost'))) THEN
        RAISE EXCEPTION 'roll_step: no such act follows the last one of the roll' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.machine_step > 1 AND NOT EXISTS (SELECT 1 FROM roll_step AS last WHERE last.machine = NEW.machine
            AND last.machine_step = NEW.machine_step - 1 AND (NEW.act = 'mounted' OR last.number = NEW.number)) THEN
        RAISE EXCEPTION 'roll_step: a machine has one roll, and that one is taken off'
            USING ERRCODE = 'check_violation';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM sign_in_attempt JOIN person_role ON person_role.code = sign_in_attempt.code
            WHERE attempt_id = NEW.sign_in AND sign_in_attempt.code = NEW.person AND outcome = 'accepted'
            AND abs(NEW.at_us - sign_in_attempt.at_us) <= 300000000 AND (NEW.act, role) IN (VALUES
            ('received', 'keeper'), ('issued', 'keeper'), ('mounted', 'operator'), ('taken-off', 'operator'),
            ('returned', 'operator'), ('destroyed', 'keeper'), ('destroyed', 'lead'), ('lost', 'keeper'),
            ('lost', 'operator'), ('lost', 'lead')))
        OR (NEW.second_person IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sign_in_attempt JOIN person_role ON person_role.code = sign_in_attempt.code
            WHERE attempt_id = NEW.second_sign_in AND sign_in_attempt.code = NEW.second_person AND outcome = 'accepted'
            AND abs(NEW.at_us - sign_in_attempt.at_us) <= 300000000 AND (NEW.act, role) IN (VALUES
            ('received', 'keeper'), ('issued', 'operator'), ('returned', 'keeper'), ('destroyed', 'keeper'),
            ('destroyed', 'lead'), ('lost', 'keeper'), ('lost', 'operator'), ('lost', 'lead')))) THEN
        RAISE EXCEPTION 'roll_step: signed by whom the act needs, who signed in just now'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER roll_step_legal BEFORE INSERT ON roll_step FOR EACH ROW EXECUTE FUNCTION roll_step_legal()
--;
CREATE FUNCTION roll_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rolls: append-only' USING ERRCODE = 'check_violation';
END $$
--;
CREATE TRIGGER roll_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON roll
    FOR EACH STATEMENT EXECUTE FUNCTION roll_append_only()
--;
CREATE TRIGGER roll_step_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON roll_step
    FOR EACH STATEMENT EXECUTE FUNCTION roll_append_only()
