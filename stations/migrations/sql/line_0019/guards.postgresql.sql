-- As line_0001 made it; a specimen has neither application nor order, and stays one.
CREATE OR REPLACE FUNCTION job_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR TG_OP = 'TRUNCATE' THEN
        RAISE EXCEPTION 'job: never deleted' USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'INTENT' THEN
            RAISE EXCEPTION 'job: begins as an intent' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.state <> OLD.state
        AND NOT EXISTS (SELECT 1 FROM job_move WHERE job_move.before = OLD.state AND job_move.after = NEW.state) THEN
        RAISE EXCEPTION 'job: illegal move' USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.job_id, NEW.application_id, NEW.product, NEW.attempt, NEW.order_unit, NEW.machine, NEW.machine_serial,
            NEW.journal_id, NEW.journal_position, NEW.intent_us, NEW.specimen)
        IS DISTINCT FROM (OLD.job_id, OLD.application_id, OLD.product, OLD.attempt, OLD.order_unit, OLD.machine, OLD.machine_serial,
            OLD.journal_id, OLD.journal_position, OLD.intent_us, OLD.specimen)
        OR (OLD.blank_serial IS NOT NULL AND (NEW.blank_serial, NEW.blank_unit)
            IS DISTINCT FROM (OLD.blank_serial, OLD.blank_unit))
        OR (OLD.data_sha256 IS NOT NULL AND NEW.data_sha256 IS DISTINCT FROM OLD.data_sha256)
        OR (OLD.document_number IS NOT NULL AND NEW.document_number <> OLD.document_number)
        OR (OLD.outcome IS NOT NULL AND NEW.outcome IS DISTINCT FROM OLD.outcome)
        OR (OLD.outcome IS NOT NULL AND NEW.document_unit IS DISTINCT FROM OLD.document_unit)
        OR (NEW.live AND NOT OLD.live) THEN
        RAISE EXCEPTION 'job: what is committed before an act is not changed after it' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
