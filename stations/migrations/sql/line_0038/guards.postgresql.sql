CREATE FUNCTION number_range_apart() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('passline number ranges', 0));
    IF EXISTS (SELECT 1 FROM number_range AS had WHERE had.prefix = NEW.prefix AND had.digits = NEW.digits
        AND had.first_number <= NEW.last_number AND NEW.first_number <= had.last_number) THEN
        RAISE EXCEPTION 'number_range: no number is given to a line twice' USING ERRCODE = 'unique_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER number_range_apart BEFORE INSERT ON number_range
    FOR EACH ROW EXECUTE FUNCTION number_range_apart()
--;
CREATE FUNCTION number_range_only_used() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.next_number < OLD.next_number OR NEW.product <> OLD.product OR NEW.prefix <> OLD.prefix
        OR NEW.digits <> OLD.digits OR NEW.first_number <> OLD.first_number OR NEW.last_number <> OLD.last_number THEN
        RAISE EXCEPTION 'number_range: a number is given out once' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER number_range_only_used BEFORE UPDATE ON number_range
    FOR EACH ROW EXECUTE FUNCTION number_range_only_used()
--;
CREATE FUNCTION ranges_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'number ranges: what was given out stays known' USING ERRCODE = 'check_violation';
END $$
--;
CREATE TRIGGER number_range_no_delete BEFORE DELETE OR TRUNCATE ON number_range
    FOR EACH STATEMENT EXECUTE FUNCTION ranges_stay()
--;
CREATE FUNCTION tracking_range_apart() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('passline number ranges', 0));
    IF EXISTS (SELECT 1 FROM tracking_range AS had WHERE had.prefix = NEW.prefix AND had.suffix = NEW.suffix
        AND had.width = NEW.width AND had.first_serial <= NEW.last_serial AND NEW.first_serial <= had.last_serial) THEN
        RAISE EXCEPTION 'tracking_range: no number is given to a line twice' USING ERRCODE = 'unique_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER tracking_range_apart BEFORE INSERT ON tracking_range
    FOR EACH ROW EXECUTE FUNCTION tracking_range_apart()
--;
CREATE FUNCTION tracking_range_only_used() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.next_serial < OLD.next_serial OR NEW.range_id <> OLD.range_id OR NEW.form <> OLD.form
        OR NEW.prefix <> OLD.prefix OR NEW.suffix <> OLD.suffix OR NEW.width <> OLD.width
        OR NEW.first_serial <> OLD.first_serial OR NEW.last_serial <> OLD.last_serial OR NEW.emulated <> OLD.emulated THEN
        RAISE EXCEPTION 'tracking_range: a number is given out once' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER tracking_range_only_used BEFORE UPDATE ON tracking_range
    FOR EACH ROW EXECUTE FUNCTION tracking_range_only_used()
--;
CREATE TRIGGER tracking_range_no_delete BEFORE DELETE OR TRUNCATE ON tracking_range
    FOR EACH STATEMENT EXECUTE FUNCTION ranges_stay()
