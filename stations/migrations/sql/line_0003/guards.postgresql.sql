CREATE FUNCTION person_two_administrators(first varchar, second varchar) RETURNS boolean LANGUAGE sql AS $$
    SELECT count(*) = 2 FROM person JOIN person_role ON person_role.code = person.code
    WHERE person.code IN (first, second) AND person.ended_us IS NULL AND person_role.role = 'administrator'
$$
--;
CREATE FUNCTION person_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR TG_OP = 'TRUNCATE' THEN
        RAISE EXCEPTION 'person: never deleted' USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.ended_us IS NOT NULL OR (NEW.founder IS NULL
            AND NOT person_two_administrators(NEW.enrolled_by, NEW.enrolled_second)) THEN
            RAISE EXCEPTION 'person: enrolled by two administrators' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.ended_us IS NOT NULL OR NEW.ended_us IS NULL
        OR (NEW.code, NEW.founder, NEW.enrolled_by, NEW.enrolled_second, NEW.enrolled_us)
            IS DISTINCT FROM (OLD.code, OLD.founder, OLD.enrolled_by, OLD.enrolled_second, OLD.enrolled_us) THEN
        RAISE EXCEPTION 'person: is ended once and otherwise never changed' USING ERRCODE = 'check_violation';
    END IF;
    IF NOT person_two_administrators(NEW.ended_by, NEW.ended_second) THEN
        RAISE EXCEPTION 'person: ended by two administrators' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER person_guard BEFORE INSERT OR UPDATE OR DELETE ON person FOR EACH ROW EXECUTE FUNCTION person_guard()
--;
CREATE TRIGGER person_no_truncate BEFORE TRUNCATE ON person FOR EACH STATEMENT EXECUTE FUNCTION person_guard()
--;
CREATE FUNCTION person_role_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM person WHERE code = NEW.code AND ended_us IS NULL
            AND (NEW.given_by IS NOT NULL OR founder IS NOT NULL))
        OR (NEW.given_by IS NOT NULL AND NOT person_two_administrators(NEW.given_by, NEW.given_second)) THEN
        RAISE EXCEPTION 'person_role: given by two administrators' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER person_role_guard BEFORE INSERT ON person_role FOR EACH ROW EXECUTE FUNCTION person_role_guard()
--;
CREATE FUNCTION person_password_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.code <> OLD.code THEN
        RAISE EXCEPTION 'person_password: stays its person''s' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER person_password_guard BEFORE UPDATE ON person_password
    FOR EACH ROW EXECUTE FUNCTION person_password_guard()
--;
CREATE FUNCTION people_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'people: append-only' USING ERRCODE = 'check_violation';
END $$
--;
CREATE TRIGGER person_role_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON person_role
    FOR EACH STATEMENT EXECUTE FUNCTION people_append_only()
--;
CREATE TRIGGER person_password_no_delete BEFORE DELETE OR TRUNCATE ON person_password
    FOR EACH STATEMENT EXECUTE FUNCTION people_append_only()
--;
CREATE TRIGGER sign_in_attempt_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON sign_in_attempt
    FOR EACH STATEMENT EXECUTE FUNCTION people_append_only()
