CREATE FUNCTION terminal_session_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.ended_us IS NOT NULL OR NEW.seen_us <> NEW.begun_us
            OR NOT EXISTS (SELECT 1 FROM person WHERE code = NEW.code AND ended_us IS NULL)
            OR NOT EXISTS (SELECT 1 FROM person_password WHERE code = NEW.code AND set_us = NEW.password_us)
            OR NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in AND code = NEW.code
                AND outcome = 'accepted' AND abs(NEW.begun_us - at_us) <= 60000000) THEN
            RAISE EXCEPTION 'terminal_session: begun by a sign-in accepted just now' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.ended_us IS NOT NULL OR NEW.seen_us < OLD.seen_us OR NEW.seen_us - OLD.seen_us >= 1800000000
        OR (NEW.session_id, NEW.code, NEW.sign_in, NEW.password_us, NEW.begun_us, NEW.until_us, NEW.computer,
            NEW.account, NEW.terminal, NEW.mac)
        IS DISTINCT FROM (OLD.session_id, OLD.code, OLD.sign_in, OLD.password_us, OLD.begun_us, OLD.until_us,
            OLD.computer, OLD.account, OLD.terminal, OLD.mac) THEN
        RAISE EXCEPTION 'terminal_session: is seen in time or ended once, and otherwise never changed'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER terminal_session_guard BEFORE INSERT OR UPDATE ON terminal_session
    FOR EACH ROW EXECUTE FUNCTION terminal_session_guard()
--;
CREATE TRIGGER terminal_session_no_delete BEFORE DELETE OR TRUNCATE ON terminal_session
    FOR EACH STATEMENT EXECUTE FUNCTION people_append_only()
