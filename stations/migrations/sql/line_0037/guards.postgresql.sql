CREATE OR REPLACE FUNCTION packing_match_guard() RETURNS trigger LANGUAGE plpgsql AS $$
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
            AND kind = 'document' AND state = 'held' AND (tray = NEW.tray AND (place = 'input' OR (place = 'box' AND NEW.outcome = 'stopped'))
            OR NEW.outcome = 'undone' AND place = 'box' AND tray = (SELECT m.box_id FROM packing_match AS m
                WHERE m.document_unit = NEW.document_unit AND m.tray = NEW.tray AND m.outcome = 'matched'))) THEN
        RAISE EXCEPTION 'packing_match: now, of a piece that lies at packing' USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.takes_out IS NOT NULL) <> (NEW.outcome = 'stopped' AND EXISTS (SELECT 1 FROM whereabouts
            WHERE unit_id = NEW.document_unit AND place = 'box'))
        OR NEW.takes_out IS NOT NULL AND NOT EXISTS (SELECT 1 FROM packing_match AS m WHERE m.match_id = NEW.takes_out
            AND m.document_unit = NEW.document_unit AND m.outcome = 'matched' AND m.box_id = NEW.tray
            AND NOT EXISTS (SELECT 1 FROM packing_match AS later WHERE later.document_unit = m.document_unit
                AND later.stored_us > m.stored_us AND (later.box_id = NEW.tray
                OR later.outcome = 'stopped' AND later.tray = NEW.tray))) THEN
        RAISE EXCEPTION 'packing_match: out of a box once after each match into it' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.takes_out IS NULL AND NEW.document_unit IS NOT NULL AND EXISTS (SELECT 1 FROM packing_match WHERE document_unit = NEW.document_unit
        AND tray = NEW.tray AND (outcome <> 'matched' OR NEW.outcome NOT IN ('stopped', 'undone'))) THEN
        RAISE EXCEPTION 'packing_match: one of a piece, unless it is stopped or undone after that' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.outcome IN ('matched', 'unpaid', 'undone') AND (SELECT a.state FROM job AS j JOIN application AS a ON a.application_id = j.application_id
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
    IF NEW.outcome = 'undone' AND NOT EXISTS (SELECT 1 FROM packing_match AS m WHERE m.document_unit = NEW.document_unit
        AND m.outcome = 'matched' AND m.packer = NEW.packer AND m.tray = NEW.tray
        AND NOT EXISTS (SELECT 1 FROM packing_box AS box WHERE box.box_id = m.box_id AND box.closed_us IS NOT NULL)) THEN
        RAISE EXCEPTION 'packing_match: undone by its own packer, before its box is closed' USING ERRCODE = 'check_violation';
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
