CREATE FUNCTION tray_count_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR TG_OP = 'TRUNCATE' THEN
        RAISE EXCEPTION 'tray_count: never deleted' USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF OLD.ended_us IS NOT NULL OR NEW.ended_us IS NULL
            OR (NEW.count_id, NEW.station, NEW.handoff_id, NEW.tray, NEW.person, NEW.sign_in, NEW.begun_us,
                NEW.until_us, NEW.emulated)
            IS DISTINCT FROM (OLD.count_id, OLD.station, OLD.handoff_id, OLD.tray, OLD.person, OLD.sign_in,
                OLD.begun_us, OLD.until_us, OLD.emulated) THEN
            RAISE EXCEPTION 'tray_count: ends once; all else of it is written once' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.ended_us IS NOT NULL OR abs(NEW.begun_us - extract(epoch FROM clock_timestamp()) * 1000000) > 60000000
        OR NOT EXISTS (SELECT 1 FROM whereabouts WHERE handoff_id = NEW.handoff_id AND state = 'offered') THEN
        RAISE EXCEPTION 'tray_count: of an offer that is open and that nobody else counts'
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.sign_in IS NOT NULL AND (
        NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in AND code = NEW.person
            AND outcome = 'accepted' AND NEW.begun_us - at_us BETWEEN -60000000 AND 28860000000)
        OR NOT EXISTS (SELECT 1 FROM person WHERE code = NEW.person AND ended_us IS NULL)) THEN
        RAISE EXCEPTION 'tray_count: by somebody who signed in within a shift' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER tray_count_guard BEFORE INSERT OR UPDATE OR DELETE ON tray_count
    FOR EACH ROW EXECUTE FUNCTION tray_count_guard()
--;
CREATE TRIGGER tray_count_no_truncate BEFORE TRUNCATE ON tray_count
    FOR EACH STATEMENT EXECUTE FUNCTION tray_count_guard()
--;
CREATE FUNCTION tray_scan_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'tray_scan: written once, never deleted' USING ERRCODE = 'check_violation';
    END IF;
    -- Its lock makes a scan and the count's end follow each other.
    PERFORM 1 FROM tray_count WHERE count_id = NEW.count_id AND ended_us IS NULL
        AND begun_us <= NEW.scanned_us AND until_us > NEW.scanned_us FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'tray_scan: once, in a count that is open' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER tray_scan_guard BEFORE INSERT OR UPDATE OR DELETE ON tray_scan
    FOR EACH ROW EXECUTE FUNCTION tray_scan_guard()
--;
CREATE TRIGGER tray_scan_no_truncate BEFORE TRUNCATE ON tray_scan
    FOR EACH STATEMENT EXECUTE FUNCTION tray_scan_guard()
