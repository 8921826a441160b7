CREATE FUNCTION issuer_sign_in_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.accepted AND NOT EXISTS (SELECT 1 FROM person WHERE code = NEW.code AND ended_us IS NULL) THEN
        RAISE EXCEPTION 'issuer_sign_in: only who is enrolled comes in' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.accepted AND EXISTS (SELECT 1 FROM shift_relief AS relief JOIN shift ON shift.shift_id = relief.shift_id
            WHERE relief.absent = NEW.code AND NOT shift.closed) THEN
        RAISE EXCEPTION 'issuer_sign_in: who was relieved comes in to nothing' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.attempt_id) THEN
        RAISE EXCEPTION 'issuer_sign_in: is no signature' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER issuer_sign_in_guard BEFORE INSERT ON issuer_sign_in
    FOR EACH ROW EXECUTE FUNCTION issuer_sign_in_guard()
--;
CREATE TRIGGER issuer_sign_in_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON issuer_sign_in
    FOR EACH STATEMENT EXECUTE FUNCTION people_append_only()
