CREATE FUNCTION person_badge_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.ended_us IS NOT NULL
            OR NOT EXISTS (SELECT 1 FROM person WHERE code = NEW.code AND ended_us IS NULL)
            OR NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
                WHERE person.code = NEW.issued_by AND person.ended_us IS NULL AND person_role.role = 'administrator')
            OR NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
                WHERE person.code = NEW.issued_second AND person.ended_us IS NULL
                AND person_role.role IN ('administrator', 'lead')) THEN
            RAISE EXCEPTION 'person_badge: issued by an administrator and a second' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.ended_us IS NOT NULL OR NEW.ended_us IS NULL
        OR (NEW.mac, NEW.code, NEW.issued_by, NEW.issued_second, NEW.issued_us)
            IS DISTINCT FROM (OLD.mac, OLD.code, OLD.issued_by, OLD.issued_second, OLD.issued_us) THEN
        RAISE EXCEPTION 'person_badge: is ended once and otherwise never changed' USING ERRCODE = 'check_violation';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM person LEFT JOIN person_role ON person_role.code = person.code
            WHERE person.code = NEW.ended_by AND person.ended_us IS NULL
            AND (person.code = NEW.code OR person_role.role IN ('administrator', 'lead'))) THEN
        RAISE EXCEPTION 'person_badge: ended by its holder, a lead or an administrator'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER person_badge_guard BEFORE INSERT OR UPDATE ON person_badge
    FOR EACH ROW EXECUTE FUNCTION person_badge_guard()
--;
CREATE TRIGGER person_badge_no_delete BEFORE DELETE OR TRUNCATE ON person_badge
    FOR EACH STATEMENT EXECUTE FUNCTION people_append_only()
--;
CREATE FUNCTION badge_sign_in_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.refusal IS NOT NULL AND EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.attempt_id) THEN
        RAISE EXCEPTION 'badge_sign_in: a refused badge is no signature' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.mac IS NOT NULL AND NOT EXISTS (SELECT 1 FROM person_badge WHERE mac = NEW.mac AND code = NEW.code) THEN
        RAISE EXCEPTION 'badge_sign_in: a badge is its holder''s' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.refusal IS NULL AND NOT EXISTS (SELECT 1 FROM sign_in_attempt AS attempt
            WHERE attempt.attempt_id = NEW.attempt_id AND attempt.code = NEW.code
            AND (attempt.outcome <> 'accepted'
                OR EXISTS (SELECT 1 FROM person_badge WHERE mac = NEW.mac AND ended_us IS NULL))) THEN
        RAISE EXCEPTION 'badge_sign_in: by its holder''s own attempt, while the badge is live'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER badge_sign_in_guard BEFORE INSERT ON badge_sign_in
    FOR EACH ROW EXECUTE FUNCTION badge_sign_in_guard()
--;
CREATE TRIGGER badge_sign_in_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON badge_sign_in
    FOR EACH STATEMENT EXECUTE FUNCTION people_append_only()
--;
CREATE FUNCTION alarm_notice_keeps_whose() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'alarm_notice: ends once and otherwise never changes' USING ERRCODE = 'check_violation';
END $$
--;
CREATE TRIGGER alarm_notice_keeps_whose BEFORE UPDATE ON alarm_notice
    FOR EACH ROW WHEN (NEW.on_call IS DISTINCT FROM OLD.on_call) EXECUTE FUNCTION alarm_notice_keeps_whose()
--;
CREATE FUNCTION gate_admission_given() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM gate_admission
            WHERE shift_id = NEW.shift_id AND code = NEW.code AND admitted_us >= NEW.admitted_us) THEN
        RAISE EXCEPTION 'gate_admission: one word after another' USING ERRCODE = 'check_violation';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM shift WHERE shift_id = NEW.shift_id AND NOT closed) THEN
        RAISE EXCEPTION 'gate_admission: into the shift that is open' USING ERRCODE = 'check_violation';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
            WHERE person.code = NEW.code AND person.ended_us IS NULL AND person_role.role = 'engineer')
        OR NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
            WHERE person.code = NEW.admitted_by AND person.ended_us IS NULL AND person_role.role = 'lead')
        OR NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in AND code = NEW.admitted_by
            AND outcome = 'accepted' AND abs(NEW.admitted_us - at_us) <= 300000000) THEN
        RAISE EXCEPTION 'gate_admission: of an engineer, by a lead who signed in just now'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER gate_admission_given BEFORE INSERT ON gate_admission
    FOR EACH ROW EXECUTE FUNCTION gate_admission_given()
--;
CREATE TRIGGER gate_admission_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON gate_admission
    FOR EACH STATEMENT EXECUTE FUNCTION gate_append_only()
