CREATE FUNCTION machine_period_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'machine period: append-only' USING ERRCODE = 'check_violation';
END $$
--;
CREATE FUNCTION machine_period_follows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last machine_period;
BEGIN
    SELECT * INTO last FROM machine_period WHERE machine = NEW.machine ORDER BY position DESC LIMIT 1;
    IF NEW.position <> 1 + coalesce(last.position, 0) THEN
        RAISE EXCEPTION 'machine period: positions are written once and in order' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.began_us < last.began_us THEN
        RAISE EXCEPTION 'machine period: begins before the one in front of it' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state = last.state AND NEW.reason IS NOT DISTINCT FROM last.reason AND NEW.shift = last.shift THEN
        RAISE EXCEPTION 'machine period: repeats the one in front of it' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER machine_period_follows BEFORE INSERT ON machine_period
    FOR EACH ROW EXECUTE FUNCTION machine_period_follows()
--;
CREATE TRIGGER machine_period_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON machine_period
    FOR EACH STATEMENT EXECUTE FUNCTION machine_period_append_only()
