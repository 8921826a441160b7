CREATE FUNCTION qc_reading_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'qc_reading: append-only' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.turn <> 1 + coalesce((SELECT max(turn) FROM qc_reading WHERE document_unit = NEW.document_unit), 0)
        OR (NEW.turn > 1 AND NOT EXISTS (SELECT 1 FROM qc_hold WHERE document_unit = NEW.document_unit
            AND turn = NEW.turn - 1 AND ended_how = 'read_again'))
        OR EXISTS (SELECT 1 FROM qc_decision WHERE document_unit = NEW.document_unit AND undone_us IS NULL)
        OR EXISTS (SELECT 1 FROM inspection WHERE document_unit = NEW.document_unit)
        OR NOT EXISTS (SELECT 1 FROM job WHERE document_unit = NEW.document_unit
            AND application_id = NEW.application_id) THEN
        RAISE EXCEPTION 'qc_reading: of a document that was made and is not inspected; again where an inspector asks'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER qc_reading_guard BEFORE INSERT OR UPDATE OR DELETE ON qc_reading
    FOR EACH ROW EXECUTE FUNCTION qc_reading_guard()
--;
CREATE TRIGGER qc_reading_no_truncate BEFORE TRUNCATE ON qc_reading
    FOR EACH STATEMENT EXECUTE FUNCTION qc_reading_guard()
--;
CREATE FUNCTION qc_hold_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    clock_us bigint := extract(epoch FROM clock_timestamp()) * 1000000;
BEGIN
    IF TG_OP = 'DELETE' OR TG_OP = 'TRUNCATE' THEN
        RAISE EXCEPTION 'qc_hold: never deleted' USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF OLD.ended_us IS NOT NULL OR NEW.ended_us IS NULL
            OR (NEW.hold_id, NEW.document_unit, NEW.turn, NEW.inspector, NEW.sign_in, NEW.taken_us, NEW.until_us,
                NEW.emulated)
            IS DISTINCT FROM (OLD.hold_id, OLD.document_unit, OLD.turn, OLD.inspector, OLD.sign_in, OLD.taken_us,
                OLD.until_us, OLD.emulated)
            OR (NEW.ended_how = 'decided' AND OLD.until_us <= clock_us) THEN
            RAISE EXCEPTION 'qc_hold: ends once, decided before its time is over; all else is written once'
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.ended_us IS NOT NULL OR abs(NEW.taken_us - clock_us) > 60000000
        OR EXISTS (SELECT 1 FROM qc_decision WHERE document_unit = NEW.document_unit AND undone_us IS NULL)
        OR EXISTS (SELECT 1 FROM inspection WHERE document_unit = NEW.document_unit)
        OR EXISTS (SELECT 1 FROM qc_hold WHERE document_unit = NEW.document_unit AND turn = NEW.turn
            AND ended_how = 'read_again')
        OR NOT EXISTS (SELECT 1 FROM qc_reading AS r JOIN application AS a ON a.application_id = r.application_id
            WHERE r.document_unit = NEW.document_unit AND r.turn = NEW.turn AND a.state = 'in_production')
        OR NOT EXISTS (SELECT 1 FROM whereabouts WHERE unit_id = NEW.document_unit AND station = 'qc'
            AND state = 'held' AND place = 'input') THEN
        RAISE EXCEPTION 'qc_hold: of a piece that was read, waits at QC, is undecided and in nobody''s hand'
            USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (SELECT 1 FROM qc_reading AS r JOIN review_verdict AS v ON v.application_id = r.application_id
            WHERE r.document_unit = NEW.document_unit AND v.reviewer = NEW.inspector) THEN
        RAISE EXCEPTION 'qc_hold: by nobody who reviewed the application' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.sign_in IS NOT NULL AND (
        NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in AND code = NEW.inspector
            AND outcome = 'accepted' AND NEW.taken_us - at_us BETWEEN -60000000 AND 28860000000)
        OR NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
            WHERE person.code = NEW.inspector AND person.ended_us IS NULL AND person_role.role = 'inspector')) THEN
        RAISE EXCEPTION 'qc_hold: by an inspector who signed in within a shift' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER qc_hold_guard BEFORE INSERT OR UPDATE OR DELETE ON qc_hold
    FOR EACH ROW EXECUTE FUNCTION qc_hold_guard()
--;
CREATE TRIGGER qc_hold_no_truncate BEFORE TRUNCATE ON qc_hold
    FOR EACH STATEMENT EXECUTE FUNCTION qc_hold_guard()
--;
CREATE FUNCTION qc_decision_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR TG_OP = 'TRUNCATE' THEN
        RAISE EXCEPTION 'qc_decision: never deleted' USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF OLD.undone_us IS NOT NULL OR NEW.undone_us IS NULL
            OR (NEW.decision_id, NEW.hold_id, NEW.document_unit, NEW.inspector, NEW.outcome, NEW.codes, NEW.stored_us,
                NEW.emulated)
            IS DISTINCT FROM (OLD.decision_id, OLD.hold_id, OLD.document_unit, OLD.inspector, OLD.outcome, OLD.codes,
                OLD.stored_us, OLD.emulated)
            OR EXISTS (SELECT 1 FROM inspection WHERE document_unit = OLD.document_unit)
            OR EXISTS (SELECT 1 FROM qc_void WHERE document_unit = OLD.document_unit) THEN
            RAISE EXCEPTION 'qc_decision: undone once, before it is booked or signed for; all else is written once'
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.undone_us IS NOT NULL
        OR EXISTS (SELECT 1 FROM inspection WHERE document_unit = NEW.document_unit)
        OR NOT EXISTS (SELECT 1 FROM qc_hold WHERE hold_id = NEW.hold_id AND ended_how = 'decided'
            AND ended_us = NEW.stored_us)
        OR EXISTS (SELECT 1 FROM qc_reading AS r JOIN review_verdict AS v ON v.application_id = r.application_id
            WHERE r.document_unit = NEW.document_unit AND v.reviewer = NEW.inspector) THEN
        RAISE EXCEPTION 'qc_decision: one stands, on a piece in hand, by nobody who reviewed the application'
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.outcome = 'pass' AND EXISTS (SELECT 1 FROM qc_hold AS h
            JOIN qc_reading AS r ON r.document_unit = h.document_unit AND r.turn = h.turn WHERE h.hold_id = NEW.hold_id
            AND (position('chip' IN r.codes) > 0 OR position('unreadable' IN r.codes) > 0)) THEN
        RAISE EXCEPTION 'qc_decision: no person passes what only a reader can see' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER qc_decision_guard BEFORE INSERT OR UPDATE OR DELETE ON qc_decision
    FOR EACH ROW EXECUTE FUNCTION qc_decision_guard()
--;
CREATE TRIGGER qc_decision_no_truncate BEFORE TRUNCATE ON qc_decision
    FOR EACH STATEMENT EXECUTE FUNCTION qc_decision_guard()
--;
CREATE FUNCTION qc_void_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    clock_us bigint := extract(epoch FROM clock_timestamp()) * 1000000;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'qc_void: append-only' USING ERRCODE = 'check_violation';
    END IF;
    -- So that nobody undoes beside an open transaction what it signs for.
    PERFORM 1 FROM qc_decision WHERE decision_id = NEW.decision_id AND undone_us IS NULL FOR SHARE;
    IF abs(NEW.signed_us - clock_us) > 60000000
        OR NOT EXISTS (SELECT 1 FROM qc_decision WHERE decision_id = NEW.decision_id
            AND document_unit = NEW.document_unit AND outcome = 'fail' AND undone_us IS NULL)
        OR EXISTS (SELECT 1 FROM inspection WHERE document_unit = NEW.document_unit)
        OR NOT EXISTS (SELECT 1 FROM sign_in_attempt AS s
            JOIN person AS p ON p.code = s.code JOIN person_role AS o ON o.code = s.code
            WHERE s.attempt_id = NEW.first_sign_in AND s.code = NEW.first AND s.outcome = 'accepted'
            AND NEW.signed_us - s.at_us BETWEEN -60000000 AND 120000000 AND p.ended_us IS NULL
            AND o.role = 'inspector')
        OR NOT EXISTS (SELECT 1 FROM sign_in_attempt AS s
            JOIN person AS p ON p.code = s.code JOIN person_role AS o ON o.code = s.code
            WHERE s.attempt_id = NEW.second_sign_in AND s.code = NEW.second AND s.outcome = 'accepted'
            AND NEW.signed_us - s.at_us BETWEEN -60000000 AND 120000000 AND p.ended_us IS NULL
            AND o.role IN ('inspector', 'lead')) THEN
        RAISE EXCEPTION 'qc_void: of a piece that failed, by an inspector and a second who sign in for it'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER qc_void_guard BEFORE INSERT OR UPDATE OR DELETE ON qc_void
    FOR EACH ROW EXECUTE FUNCTION qc_void_guard()
--;
CREATE TRIGGER qc_void_no_truncate BEFORE TRUNCATE ON qc_void
    FOR EACH STATEMENT EXECUTE FUNCTION qc_void_guard()
--;
CREATE FUNCTION qc_view_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    clock_us bigint := extract(epoch FROM clock_timestamp()) * 1000000;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'qc_view: append-only' USING ERRCODE = 'check_violation';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM qc_hold WHERE hold_id = NEW.hold_id AND ended_us IS NULL
        AND taken_us <= NEW.viewed_us AND until_us > NEW.viewed_us AND until_us > clock_us) THEN
        RAISE EXCEPTION 'qc_view: of what somebody has in hand' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER qc_view_guard BEFORE INSERT OR UPDATE OR DELETE ON qc_view
    FOR EACH ROW EXECUTE FUNCTION qc_view_guard()
--;
CREATE TRIGGER qc_view_no_truncate BEFORE TRUNCATE ON qc_view
    FOR EACH STATEMENT EXECUTE FUNCTION qc_view_guard()
--;
CREATE FUNCTION inspection_as_decided() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- So that nobody undoes beside an open transaction what it books.
    PERFORM 1 FROM qc_decision WHERE document_unit = NEW.document_unit AND undone_us IS NULL FOR SHARE;
    IF EXISTS (SELECT 1 FROM qc_hold WHERE document_unit = NEW.document_unit AND ended_us IS NULL)
        OR EXISTS (SELECT 1 FROM qc_decision WHERE document_unit = NEW.document_unit AND undone_us IS NULL
            AND (inspector, outcome, codes) <> (NEW.inspector, NEW.outcome, NEW.codes)) THEN
        RAISE EXCEPTION 'inspection: as it was decided at the desk, and of nothing in somebody''s hand'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER inspection_as_decided BEFORE INSERT ON inspection
    FOR EACH ROW EXECUTE FUNCTION inspection_as_decided()
