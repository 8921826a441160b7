CREATE FUNCTION shift_stood_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM shift WHERE shift_id = NEW.shift_id AND NOT closed) THEN
        RAISE EXCEPTION 'shift_stood: of a shift that ends, once' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER shift_stood_open BEFORE INSERT ON shift_stood
    FOR EACH ROW EXECUTE FUNCTION shift_stood_open()
--;
CREATE TRIGGER shift_stood_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON shift_stood
    FOR EACH STATEMENT EXECUTE FUNCTION shift_append_only()
