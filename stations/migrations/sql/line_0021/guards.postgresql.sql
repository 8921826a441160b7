-- As line_0019 made it, and a document lives until it is voided. The log's own steps are asked, which nobody rewrites:
-- whereabouts are a line's table. What is outside lives on.
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
    IF OLD.live AND NOT NEW.live AND (NEW.outcome IS NULL OR NEW.outcome NOT IN ('returned', 'void'))
        AND NOT EXISTS (SELECT 1 FROM custody_unit WHERE unit_id = coalesce(NEW.document_unit, NEW.blank_unit)
            AND (state = 'void' OR (NEW.document_unit IS NULL AND state = 'ended' AND outcome = 'lost'))) THEN
        RAISE EXCEPTION 'job: a document lives until the log has it voided' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
-- Says no in the words that it is given.
CREATE FUNCTION line_refuses() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING MESSAGE = TG_ARGV[0], ERRCODE = 'check_violation';
END $$
--;
CREATE TRIGGER application_begins BEFORE INSERT ON application FOR EACH ROW
    WHEN (NEW.state <> 'waiting' OR NOT NEW.live)
    EXECUTE FUNCTION line_refuses('application: begins waiting for review')
--;
-- One trigger without conditions of its own, which every statement would make ready anew.
CREATE FUNCTION application_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.application_id <> OLD.application_id OR NEW.application_key <> OLD.application_key
        OR NEW.revision <> OLD.revision OR NEW.product <> OLD.product
        OR (NEW.person_key <> OLD.person_key AND OLD.live) THEN
        RAISE EXCEPTION 'application: stays the application that was filed, with an order of its own'
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state <> OLD.state THEN
        IF NOT (
            (OLD.state = 'waiting' AND NEW.state IN ('passed', 'returned', 'held', 'stopped'))
            OR (OLD.state = 'held' AND NEW.state IN ('waiting', 'passed', 'returned', 'stopped'))
            OR (OLD.state = 'passed' AND NEW.state IN ('in_production', 'stopped'))
            OR (OLD.state = 'in_production' AND NEW.state IN ('dispatched', 'passed', 'stopped'))
            OR OLD.state = 'stopped') THEN
            RAISE EXCEPTION 'application: illegal move' USING ERRCODE = 'check_violation';
        END IF;
        IF NEW.state = 'stopped' AND NOT EXISTS (SELECT 1 FROM application_stop
                WHERE application_id = OLD.application_id AND outcome IS NULL AND state_before = OLD.state) THEN
            RAISE EXCEPTION 'application: stopped only by a stop on record' USING ERRCODE = 'check_violation';
        END IF;
        IF OLD.state = 'stopped' AND (NOT EXISTS (SELECT 1 FROM application_stop
                WHERE application_id = OLD.application_id AND outcome = 'released' AND state_before = NEW.state)
            OR EXISTS (SELECT 1 FROM application_stop
                WHERE application_id = OLD.application_id AND (outcome IS NULL OR outcome = 'closed'))) THEN
            RAISE EXCEPTION 'application: goes on where it was stopped, as two people released it'
                USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    IF NEW.live <> OLD.live AND (NEW.live OR (NEW.state = 'stopped'
        AND NOT EXISTS (SELECT 1 FROM application_stop
            WHERE application_id = OLD.application_id AND outcome = 'closed'))) THEN
        RAISE EXCEPTION 'application: ends once, and a stopped one as two people closed it'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER application_moves BEFORE UPDATE ON application FOR EACH ROW EXECUTE FUNCTION application_moves()
--;
CREATE TRIGGER application_no_delete BEFORE DELETE OR TRUNCATE ON application
    FOR EACH STATEMENT EXECUTE FUNCTION line_refuses('application: never deleted')
--;
CREATE FUNCTION application_stop_begins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.outcome IS NOT NULL OR NEW.ended_by IS NOT NULL OR NEW.ended_second IS NOT NULL OR NEW.ended_us IS NOT NULL
        OR NOT EXISTS (SELECT 1 FROM application
            WHERE application_id = NEW.application_id AND live AND state <> 'stopped' AND state = NEW.state_before) THEN
        RAISE EXCEPTION 'application_stop: begins open, once, where the application stands'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER application_stop_begins BEFORE INSERT ON application_stop
    FOR EACH ROW EXECUTE FUNCTION application_stop_begins()
--;
CREATE TRIGGER application_stop_ends BEFORE UPDATE ON application_stop FOR EACH ROW
    WHEN (OLD.outcome IS NOT NULL OR NEW.outcome IS NULL
        OR (NEW.stop_id, NEW.application_id, NEW.reason, NEW.state_before, NEW.stopped_by, NEW.stopped_us)
            IS DISTINCT FROM
            (OLD.stop_id, OLD.application_id, OLD.reason, OLD.state_before, OLD.stopped_by, OLD.stopped_us))
    EXECUTE FUNCTION line_refuses('application_stop: is ended once and otherwise never changed')
--;
CREATE TRIGGER application_stop_no_delete BEFORE DELETE OR TRUNCATE ON application_stop
    FOR EACH STATEMENT EXECUTE FUNCTION line_refuses('application_stop: never deleted')
--;
-- The application is locked as it stands, so that none leaves review, or comes back to it, beside an open transaction.
CREATE FUNCTION review_verdict_in_review() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM application
        WHERE application_id = NEW.application_id AND revision = NEW.revision AND state = 'waiting' FOR SHARE;
    IF NOT FOUND OR EXISTS (SELECT 1 FROM inspection WHERE application_id = NEW.application_id) THEN
        RAISE EXCEPTION 'review_verdict: on an application that waits for review, of which nothing was inspected'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER review_verdict_in_review BEFORE INSERT ON review_verdict
    FOR EACH ROW EXECUTE FUNCTION review_verdict_in_review()
--;
CREATE TRIGGER review_verdict_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON review_verdict
    FOR EACH STATEMENT EXECUTE FUNCTION line_refuses('review_verdict: append-only')
--;
CREATE FUNCTION inspection_of_another() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM application
        WHERE application_id = NEW.application_id AND state IN ('in_production', 'stopped') FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'inspection: of an application that is being made' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (SELECT 1 FROM review_verdict
            WHERE application_id = NEW.application_id AND reviewer = NEW.inspector AND outcome = 'pass') THEN
        RAISE EXCEPTION 'inspection: by nobody who passed the application' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER inspection_of_another BEFORE INSERT ON inspection
    FOR EACH ROW EXECUTE FUNCTION inspection_of_another()
--;
CREATE TRIGGER inspection_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON inspection
    FOR EACH STATEMENT EXECUTE FUNCTION line_refuses('inspection: append-only')
