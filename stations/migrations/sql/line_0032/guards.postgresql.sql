CREATE FUNCTION machine_act_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    clock_us bigint := extract(epoch FROM clock_timestamp()) * 1000000;
BEGIN
    IF TG_OP = 'DELETE' OR TG_OP = 'TRUNCATE' THEN
        RAISE EXCEPTION 'machine_act: never deleted' USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF OLD.booked_us IS NOT NULL OR NEW.booked_us IS NULL
            OR (NEW.act_id, NEW.kind, NEW.subject, NEW.detail, NEW.first, NEW.first_sign_in, NEW.second,
                NEW.second_sign_in, NEW.stored_us, NEW.emulated)
            IS DISTINCT FROM (OLD.act_id, OLD.kind, OLD.subject, OLD.detail, OLD.first, OLD.first_sign_in, OLD.second,
                OLD.second_sign_in, OLD.stored_us, OLD.emulated) THEN
            RAISE EXCEPTION 'machine_act: booked once; all else of it is written once'
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.booked_us IS NOT NULL OR abs(NEW.stored_us - clock_us) > 60000000 THEN
        RAISE EXCEPTION 'machine_act: signed once, and booked later' USING ERRCODE = 'check_violation';
    END IF;
    -- Where two sign, both do by their passwords at that moment; one alone stays signed in for a shift.
    IF NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.first_sign_in AND code = NEW.first
            AND outcome = 'accepted' AND NEW.stored_us - at_us BETWEEN -60000000
                AND CASE WHEN NEW.second IS NULL THEN 28860000000 ELSE 300000000 END)
        OR (NEW.second IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sign_in_attempt
            WHERE attempt_id = NEW.second_sign_in AND code = NEW.second AND outcome = 'accepted'
            AND NEW.stored_us - at_us BETWEEN -60000000 AND 300000000)) THEN
        RAISE EXCEPTION 'machine_act: by people who signed in at that moment' USING ERRCODE = 'check_violation';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
            WHERE person.code = NEW.first AND person.ended_us IS NULL AND person_role.role IN ('operator', 'lead'))
        OR (NEW.second IS NOT NULL AND NOT EXISTS (SELECT 1 FROM person
            JOIN person_role ON person_role.code = person.code
            WHERE person.code = NEW.second AND person.ended_us IS NULL
            AND (person_role.role IN ('operator', 'lead')
                OR (NEW.kind = 'settle' AND person_role.role IN ('inspector', 'engineer'))))) THEN
        RAISE EXCEPTION 'machine_act: by operators or leads, and of a doubt an inspector or engineer as the second'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER machine_act_guard BEFORE INSERT OR UPDATE OR DELETE ON machine_act
    FOR EACH ROW EXECUTE FUNCTION machine_act_guard()
--;
CREATE TRIGGER machine_act_no_truncate BEFORE TRUNCATE ON machine_act
    FOR EACH STATEMENT EXECUTE FUNCTION machine_act_guard()
