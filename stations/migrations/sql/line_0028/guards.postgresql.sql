CREATE FUNCTION packing_box_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    clock_us bigint := extract(epoch FROM clock_timestamp()) * 1000000;
BEGIN
    IF TG_OP = 'DELETE' OR TG_OP = 'TRUNCATE' THEN
        RAISE EXCEPTION 'packing_box: never deleted' USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF OLD.closed_us IS NOT NULL OR NEW.closed_us IS NULL OR NEW.box_id <> OLD.box_id OR NEW.office <> OLD.office
        OR NEW.opened_us <> OLD.opened_us OR NEW.opened_by <> OLD.opened_by
        OR NEW.opened_sign_in IS DISTINCT FROM OLD.opened_sign_in OR NEW.emulated <> OLD.emulated
        OR abs(NEW.closed_us - clock_us) > 60000000 THEN
            RAISE EXCEPTION 'packing_box: closes once; all else of it is written once' USING ERRCODE = 'check_violation';
        END IF;
        IF NOT EXISTS (SELECT 1 FROM packing_match WHERE box_id = OLD.box_id) THEN
            RAISE EXCEPTION 'packing_box: an empty one is not closed' USING ERRCODE = 'check_violation';
        END IF;
        IF NEW.closed_sign_in IS NOT NULL AND (
        NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.closed_sign_in AND code = NEW.closed_by
            AND outcome = 'accepted' AND NEW.closed_us - at_us BETWEEN -60000000 AND 28860000000)
        OR NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
            WHERE person.code = NEW.closed_by AND person.ended_us IS NULL AND person_role.role = 'packer')) THEN
            RAISE EXCEPTION 'packing_box: by a packer who signed in within a shift' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.closed_us IS NOT NULL OR abs(NEW.opened_us - clock_us) > 60000000 THEN
        RAISE EXCEPTION 'packing_box: begins open' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.opened_sign_in IS NOT NULL AND (
        NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.opened_sign_in AND code = NEW.opened_by
            AND outcome = 'accepted' AND NEW.opened_us - at_us BETWEEN -60000000 AND 28860000000)
        OR NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
            WHERE person.code = NEW.opened_by AND person.ended_us IS NULL AND person_role.role = 'packer')) THEN
        RAISE EXCEPTION 'packing_box: by a packer who signed in within a shift' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER packing_box_guard BEFORE INSERT OR UPDATE OR DELETE ON packing_box
    FOR EACH ROW EXECUTE FUNCTION packing_box_guard()
--;
CREATE TRIGGER packing_box_no_truncate BEFORE TRUNCATE ON packing_box
    FOR EACH STATEMENT EXECUTE FUNCTION packing_box_guard()
--;
CREATE FUNCTION packing_match_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    clock_us bigint := extract(epoch FROM clock_timestamp()) * 1000000;
BEGIN
    IF TG_OP = 'DELETE' OR TG_OP = 'TRUNCATE' THEN
        RAISE EXCEPTION 'packing_match: never deleted' USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'UPDATE' THEN
        RAISE EXCEPTION 'packing_match: append-only' USING ERRCODE = 'check_violation';
    END IF;
    IF abs(NEW.stored_us - clock_us) > 60000000
        OR NEW.document_unit IS NOT NULL AND NOT EXISTS (SELECT 1 FROM whereabouts WHERE unit_id = NEW.document_unit AND station = 'packing'
            AND kind = 'document' AND state = 'held' AND (place = 'input' OR (place = 'box' AND NEW.outcome = 'stopped')) AND tray = NEW.tray) THEN
        RAISE EXCEPTION 'packing_match: now, of a piece that lies at packing' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.document_unit IS NOT NULL AND EXISTS (SELECT 1 FROM packing_match WHERE document_unit = NEW.document_unit
        AND tray = NEW.tray AND (outcome <> 'matched' OR NEW.outcome <> 'stopped')) THEN
        RAISE EXCEPTION 'packing_match: one of a piece, unless it is stopped after that' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.outcome IN ('matched', 'unpaid') AND (SELECT a.state FROM job AS j JOIN application AS a ON a.application_id = j.application_id
            WHERE j.document_unit = NEW.document_unit) = 'stopped'
        OR NEW.outcome = 'stopped' AND (SELECT a.state FROM job AS j JOIN application AS a ON a.application_id = j.application_id
            WHERE j.document_unit = NEW.document_unit) <> 'stopped' THEN
        RAISE EXCEPTION 'packing_match: of a stopped application nothing else' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.outcome = 'matched' AND (
        NEW.box_id IS NULL AND (SELECT a.delivery FROM job AS j JOIN application AS a ON a.application_id = j.application_id
                WHERE j.document_unit = NEW.document_unit) <> 'post'
        OR NEW.box_id IS NOT NULL AND ((SELECT a.delivery FROM job AS j JOIN application AS a ON a.application_id = j.application_id
                WHERE j.document_unit = NEW.document_unit) <> 'collection'
            OR NOT EXISTS (SELECT 1 FROM packing_box WHERE box_id = NEW.box_id AND closed_us IS NULL
                AND office = (SELECT a.office FROM job AS j JOIN application AS a ON a.application_id = j.application_id
                WHERE j.document_unit = NEW.document_unit)))) THEN
        RAISE EXCEPTION 'packing_match: into the open box of its office, or for the post' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.sign_in IS NOT NULL AND (
        NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in AND code = NEW.packer
            AND outcome = 'accepted' AND NEW.stored_us - at_us BETWEEN -60000000 AND 28860000000)
        OR NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
            WHERE person.code = NEW.packer AND person.ended_us IS NULL AND person_role.role = 'packer')) THEN
        RAISE EXCEPTION 'packing_match: by a packer who signed in within a shift' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER packing_match_guard BEFORE INSERT OR UPDATE OR DELETE ON packing_match
    FOR EACH ROW EXECUTE FUNCTION packing_match_guard()
--;
CREATE TRIGGER packing_match_no_truncate BEFORE TRUNCATE ON packing_match
    FOR EACH STATEMENT EXECUTE FUNCTION packing_match_guard()
--;
CREATE FUNCTION packing_ask_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    clock_us bigint := extract(epoch FROM clock_timestamp()) * 1000000;
BEGIN
    IF TG_OP = 'DELETE' OR TG_OP = 'TRUNCATE' THEN
        RAISE EXCEPTION 'packing_ask: never deleted' USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF OLD.answer IS NOT NULL OR NEW.answer IS NULL OR NEW.ask_id <> OLD.ask_id OR NEW.parcel_unit <> OLD.parcel_unit
        OR NEW.what <> OLD.what OR NEW.machine <> OLD.machine OR NEW.asked_us <> OLD.asked_us OR NEW.emulated <> OLD.emulated
        OR abs(NEW.answered_us - clock_us) > 60000000 THEN
            RAISE EXCEPTION 'packing_ask: answered once; all else of it is written once' USING ERRCODE = 'check_violation';
        END IF;
        IF NEW.sign_in IS NOT NULL AND (
        NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in AND code = NEW.answered_by
            AND outcome = 'accepted' AND NEW.answered_us - at_us BETWEEN -60000000 AND 28860000000)
        OR NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
            WHERE person.code = NEW.answered_by AND person.ended_us IS NULL AND person_role.role = 'packer')) THEN
            RAISE EXCEPTION 'packing_ask: by a packer who signed in within a shift' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.answer IS NOT NULL OR abs(NEW.asked_us - clock_us) > 60000000 THEN
        RAISE EXCEPTION 'packing_ask: begins unanswered' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER packing_ask_guard BEFORE INSERT OR UPDATE OR DELETE ON packing_ask
    FOR EACH ROW EXECUTE FUNCTION packing_ask_guard()
--;
CREATE TRIGGER packing_ask_no_truncate BEFORE TRUNCATE ON packing_ask
    FOR EACH STATEMENT EXECUTE FUNCTION packing_ask_guard()
