CREATE FUNCTION review_lease_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    clock_us bigint := extract(epoch FROM clock_timestamp()) * 1000000;
BEGIN
    IF TG_OP = 'DELETE' OR TG_OP = 'TRUNCATE' THEN
        RAISE EXCEPTION 'review_lease: never deleted' USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF OLD.ended_us IS NOT NULL OR NEW.ended_us IS NULL
            OR (NEW.lease_id, NEW.application_id, NEW.revision, NEW.round, NEW.reviewer, NEW.sign_in, NEW.place,
                NEW.leased_us, NEW.until_us, NEW.emulated)
            IS DISTINCT FROM (OLD.lease_id, OLD.application_id, OLD.revision, OLD.round, OLD.reviewer, OLD.sign_in,
                OLD.place, OLD.leased_us, OLD.until_us, OLD.emulated) THEN
            RAISE EXCEPTION 'review_lease: ends once; all else of it is written once' USING ERRCODE = 'check_violation';
        END IF;
        IF NEW.ended_how = 'decided' AND (OLD.until_us <= clock_us
            OR EXISTS (SELECT 1 FROM review_lease WHERE reviewer = OLD.reviewer AND ended_us IS NULL
                AND place < OLD.place AND until_us > NEW.ended_us)) THEN
            RAISE EXCEPTION 'review_lease: decided in its turn, before its time is over' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.ended_us IS NOT NULL OR abs(NEW.leased_us - clock_us) > 60000000
        OR NOT EXISTS (SELECT 1 FROM application WHERE application_id = NEW.application_id AND revision = NEW.revision
            AND state = 'waiting')
        OR NEW.round <> 1 + coalesce((SELECT max(round) FROM review_verdict WHERE application_id = NEW.application_id), 0)
        OR EXISTS (SELECT 1 FROM review_decision WHERE application_id = NEW.application_id AND undone_us IS NULL
            AND round = NEW.round) THEN
        RAISE EXCEPTION 'review_lease: of an application that waits, is undecided and in nobody''s hands'
            USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (SELECT 1 FROM review_lease WHERE application_id = NEW.application_id AND reviewer = NEW.reviewer
            AND ended_how IN ('lapsed', 'given_up'))
        OR EXISTS (SELECT 1 FROM review_decision WHERE application_id = NEW.application_id AND reviewer = NEW.reviewer
            AND undone_us IS NULL AND outcome = 'hold') THEN
        RAISE EXCEPTION 'review_lease: what somebody let lapse, gave up or held goes to another'
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.sign_in IS NOT NULL AND (
        NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in AND code = NEW.reviewer
            AND outcome = 'accepted' AND NEW.leased_us - at_us BETWEEN -60000000 AND 28860000000)
        OR NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
            WHERE person.code = NEW.reviewer AND person.ended_us IS NULL AND person_role.role = 'reviewer')) THEN
        RAISE EXCEPTION 'review_lease: to a reviewer who signed in within a shift' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER review_lease_guard BEFORE INSERT OR UPDATE OR DELETE ON review_lease
    FOR EACH ROW EXECUTE FUNCTION review_lease_guard()
--;
CREATE TRIGGER review_lease_no_truncate BEFORE TRUNCATE ON review_lease
    FOR EACH STATEMENT EXECUTE FUNCTION review_lease_guard()
--;
CREATE FUNCTION review_decision_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR TG_OP = 'TRUNCATE' THEN
        RAISE EXCEPTION 'review_decision: never deleted' USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF OLD.undone_us IS NOT NULL OR NEW.undone_us IS NULL
            OR (NEW.decision_id, NEW.lease_id, NEW.application_id, NEW.revision, NEW.round, NEW.reviewer, NEW.outcome,
                NEW.reasons, NEW.stored_us, NEW.emulated)
            IS DISTINCT FROM (OLD.decision_id, OLD.lease_id, OLD.application_id, OLD.revision, OLD.round, OLD.reviewer,
                OLD.outcome, OLD.reasons, OLD.stored_us, OLD.emulated)
            OR EXISTS (SELECT 1 FROM review_verdict WHERE application_id = OLD.application_id
                AND revision = OLD.revision AND round = OLD.round) THEN
            RAISE EXCEPTION 'review_decision: undone once, before its tray is booked; all else is written once'
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.undone_us IS NOT NULL
        OR NOT EXISTS (SELECT 1 FROM review_lease WHERE lease_id = NEW.lease_id AND ended_how = 'decided'
            AND ended_us = NEW.stored_us)
        OR NOT EXISTS (SELECT 1 FROM application WHERE application_id = NEW.application_id AND state = 'waiting')
        OR EXISTS (SELECT 1 FROM review_verdict WHERE application_id = NEW.application_id AND revision = NEW.revision
            AND round = NEW.round) THEN
        RAISE EXCEPTION 'review_decision: one stands, on a lease that it ends' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER review_decision_guard BEFORE INSERT OR UPDATE OR DELETE ON review_decision
    FOR EACH ROW EXECUTE FUNCTION review_decision_guard()
--;
CREATE TRIGGER review_decision_no_truncate BEFORE TRUNCATE ON review_decision
    FOR EACH STATEMENT EXECUTE FUNCTION review_decision_guard()
--;
CREATE FUNCTION review_view_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    clock_us bigint := extract(epoch FROM clock_timestamp()) * 1000000;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'review_view: append-only' USING ERRCODE = 'check_violation';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM review_lease WHERE lease_id = NEW.lease_id AND ended_us IS NULL
        AND leased_us <= NEW.viewed_us AND until_us > NEW.viewed_us AND until_us > clock_us) THEN
        RAISE EXCEPTION 'review_view: of what somebody holds' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER review_view_guard BEFORE INSERT OR UPDATE OR DELETE ON review_view
    FOR EACH ROW EXECUTE FUNCTION review_view_guard()
--;
CREATE TRIGGER review_view_no_truncate BEFORE TRUNCATE ON review_view
    FOR EACH STATEMENT EXECUTE FUNCTION review_view_guard()
--;
CREATE FUNCTION review_verdict_as_decided() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM review_lease WHERE application_id = NEW.application_id AND ended_us IS NULL)
        OR EXISTS (SELECT 1 FROM review_decision WHERE application_id = NEW.application_id AND revision = NEW.revision
            AND round = NEW.round AND undone_us IS NULL
            AND (reviewer, outcome, reasons) <> (NEW.reviewer, NEW.outcome, NEW.reasons)) THEN
        RAISE EXCEPTION 'review_verdict: as it was decided at the desk, and of nothing that somebody holds'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER review_verdict_as_decided BEFORE INSERT ON review_verdict
    FOR EACH ROW EXECUTE FUNCTION review_verdict_as_decided()
