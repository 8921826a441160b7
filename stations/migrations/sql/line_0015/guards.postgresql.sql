CREATE FUNCTION job_in_suspended_zone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM climate_machine AS stands JOIN climate_suspension AS open ON open.zone = stands.zone
            WHERE stands.machine = NEW.machine AND open.resumed_us IS NULL) THEN
        RAISE EXCEPTION 'job: nothing is drawn in a zone that is suspended for its climate'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
-- Whoever writes it: no machine of a suspended zone begins a job.
CREATE TRIGGER job_in_suspended_zone BEFORE INSERT ON job
    FOR EACH ROW EXECUTE FUNCTION job_in_suspended_zone()
--;
CREATE FUNCTION climate_machine_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'DELETE' THEN
        RAISE EXCEPTION 'climate_machine: taken out and put in, never changed' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (SELECT 1 FROM climate_suspension WHERE zone = OLD.zone AND resumed_us IS NULL) THEN
        RAISE EXCEPTION 'climate_machine: stays in its zone while that is suspended' USING ERRCODE = 'check_violation';
    END IF;
    RETURN OLD;
END $$
--;
CREATE TRIGGER climate_machine_stays BEFORE UPDATE OR DELETE ON climate_machine
    FOR EACH ROW EXECUTE FUNCTION climate_machine_stays()
--;
CREATE FUNCTION climate_suspension_begins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.resumed_us IS NOT NULL THEN
        RAISE EXCEPTION 'climate_suspension: begins open, and one of a zone at a time'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER climate_suspension_begins BEFORE INSERT ON climate_suspension
    FOR EACH ROW EXECUTE FUNCTION climate_suspension_begins()
--;
CREATE FUNCTION climate_suspension_ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.resumed_us IS NOT NULL OR NEW.resumed_us IS NULL
        OR (NEW.suspension_id, NEW.zone, NEW.sensor, NEW.figure, NEW.value, NEW.out_since_us, NEW.suspended_us, NEW.emulated)
            IS DISTINCT FROM
            (OLD.suspension_id, OLD.zone, OLD.sensor, OLD.figure, OLD.value, OLD.out_since_us, OLD.suspended_us, OLD.emulated)
        OR NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
            WHERE person.code = NEW.resumed_by AND person.ended_us IS NULL AND person_role.role = 'lead')
        OR NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in AND code = NEW.resumed_by
            AND outcome = 'accepted' AND abs(NEW.resumed_us - at_us) <= 300000000) THEN
        RAISE EXCEPTION 'climate_suspension: ended once, by a lead who signed in just now, and never changed'
            USING ERRCODE = 'check_violation';
    END IF;
    IF (CASE WHEN NEW.resumed_second IS NULL
        THEN NOT EXISTS (SELECT 1 FROM climate_zone WHERE zone = NEW.zone AND out_since_us IS NULL
            AND looked_us >= NEW.resumed_us - holds_us)
        ELSE NOT EXISTS (SELECT 1 FROM person WHERE code = NEW.resumed_second AND ended_us IS NULL)
            OR NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.second_sign_in
                AND code = NEW.resumed_second AND outcome = 'accepted' AND abs(NEW.resumed_us - at_us) <= 300000000)
        END) THEN
        RAISE EXCEPTION 'climate_suspension: ended in air within its limits, or by two who signed in just now'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER climate_suspension_ends BEFORE UPDATE ON climate_suspension
    FOR EACH ROW EXECUTE FUNCTION climate_suspension_ends()
--;
CREATE FUNCTION climate_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ': append-only', ERRCODE = 'check_violation';
END $$
--;
CREATE TRIGGER climate_suspension_no_delete BEFORE DELETE OR TRUNCATE ON climate_suspension
    FOR EACH STATEMENT EXECUTE FUNCTION climate_append_only()
--;
CREATE TRIGGER climate_machine_no_truncate BEFORE TRUNCATE ON climate_machine
    FOR EACH STATEMENT EXECUTE FUNCTION climate_append_only()
--;
CREATE TRIGGER climate_reading_append_only BEFORE UPDATE OR TRUNCATE ON climate_reading
    FOR EACH STATEMENT EXECUTE FUNCTION climate_append_only()
--;
CREATE TRIGGER climate_crossing_append_only BEFORE UPDATE OR TRUNCATE ON climate_crossing
    FOR EACH STATEMENT EXECUTE FUNCTION climate_append_only()
--;
CREATE FUNCTION climate_reading_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.began_us > (SELECT max(began_us) FROM climate_reading WHERE sensor = OLD.sensor) - 34560000000000 THEN
        RAISE EXCEPTION 'climate_reading: kept for 400 days' USING ERRCODE = 'check_violation';
    END IF;
    RETURN OLD;
END $$
--;
CREATE TRIGGER climate_reading_kept BEFORE DELETE ON climate_reading
    FOR EACH ROW EXECUTE FUNCTION climate_reading_kept()
--;
CREATE FUNCTION climate_crossing_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.at_us > (SELECT max(looked_us) FROM climate_zone WHERE zone = OLD.zone) - 34560000000000 THEN
        RAISE EXCEPTION 'climate_crossing: kept for 400 days' USING ERRCODE = 'check_violation';
    END IF;
    RETURN OLD;
END $$
--;
CREATE TRIGGER climate_crossing_kept BEFORE DELETE ON climate_crossing
    FOR EACH ROW EXECUTE FUNCTION climate_crossing_kept()
