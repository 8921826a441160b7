-- What a second look caught is a reviewer's to write.
CREATE OR REPLACE FUNCTION casebook_entry_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    clock_us bigint := extract(epoch FROM clock_timestamp()) * 1000000;
    today date := (clock_timestamp() AT TIME ZONE 'UTC' + interval '8 hours')::date;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'casebook_entry: append-only' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (SELECT 1 FROM casebook_entry WHERE case_id = NEW.corrects AND withdrawn)
        OR NEW.day NOT BETWEEN to_char(today - 1, 'YYYY-MM-DD') AND to_char(today + 1, 'YYYY-MM-DD') THEN
        RAISE EXCEPTION 'casebook_entry: written once, today; one that stands is corrected once'
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.words ~ '[0-9]{5}' OR NEW.taken_for ~ '[0-9]' OR NEW.shown_character ~ '[0-9]'
        OR (NEW.picture IS NOT NULL AND (encode(substring(NEW.picture FROM 1 FOR 8), 'hex') <> '89504e470d0a1a0a'
            OR encode(substring(NEW.picture FROM 17 FOR 3), 'hex') <> '000000' OR get_byte(NEW.picture, 19) > 64
            OR encode(substring(NEW.picture FROM 21 FOR 3), 'hex') <> '000000' OR get_byte(NEW.picture, 23) > 64)) THEN
        RAISE EXCEPTION 'casebook_entry: no number in its words, no picture of more than 64 by 64 pixels'
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.sign_in IS NOT NULL AND (
        NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in AND code = NEW.writer
            AND outcome = 'accepted' AND clock_us - at_us BETWEEN -60000000 AND 28860000000)
        OR NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
            WHERE person.code = NEW.writer AND person.ended_us IS NULL
            AND person_role.role IN ('lead', CASE WHEN NEW.caught_at IN ('review', 'second') THEN 'reviewer'
                WHEN NEW.caught_at = 'qc' THEN 'inspector' ELSE 'packer' END))) THEN
        RAISE EXCEPTION 'casebook_entry: by somebody of its station, or a lead, who signed in within a shift'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
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
    IF NEW.document_unit IS NOT NULL AND EXISTS (SELECT 1 FROM packing_match WHERE document_unit = NEW.document_unit
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
--;
CREATE FUNCTION packing_mismatch_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' THEN
        RAISE EXCEPTION 'packing_mismatch: never deleted' USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.resolution IS NOT NULL OR NEW.resolution IS NULL
        OR (to_jsonb(NEW) - 'resolution') <> (to_jsonb(OLD) - 'resolution')
        OR NOT EXISTS (SELECT 1 FROM packing_release WHERE unit_id = OLD.document_unit AND resolution = NEW.resolution
            AND stored_us >= OLD.written_us) THEN
        RAISE EXCEPTION 'packing_mismatch: resolved once, as two people decided' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER packing_mismatch_guard BEFORE UPDATE OR DELETE ON packing_mismatch
    FOR EACH ROW EXECUTE FUNCTION packing_mismatch_guard()
--;
CREATE TRIGGER packing_mismatch_no_truncate BEFORE TRUNCATE ON packing_mismatch
    FOR EACH STATEMENT EXECUTE FUNCTION packing_mismatch_guard()
--;
CREATE FUNCTION packing_release_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    clock_us bigint := extract(epoch FROM clock_timestamp()) * 1000000;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'packing_release: append-only' USING ERRCODE = 'check_violation';
    END IF;
    IF abs(NEW.stored_us - clock_us) > 60000000 OR NOT EXISTS (SELECT 1 FROM whereabouts
            WHERE unit_id = NEW.unit_id AND step = NEW.step AND station = 'packing' AND state = 'doubt'
            AND place = 'hold' AND (kind = 'parcel') = (NEW.resolution = 'opened')) THEN
        RAISE EXCEPTION 'packing_release: once of what lies on the hold shelf' USING ERRCODE = 'check_violation';
    END IF;
    IF (SELECT count(DISTINCT s.code) FROM sign_in_attempt AS s JOIN person AS p ON p.code = s.code
            JOIN person_role AS o ON o.code = s.code
            WHERE ((s.attempt_id = NEW.first_sign_in AND s.code = NEW.first)
                OR (s.attempt_id = NEW.second_sign_in AND s.code = NEW.second))
            AND s.outcome = 'accepted' AND NEW.stored_us - s.at_us BETWEEN -60000000 AND 300000000
            AND p.ended_us IS NULL AND o.role IN ('packer', 'lead')) <> 2 THEN
        RAISE EXCEPTION 'packing_release: by two packers or leads who sign in for it' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER packing_release_guard BEFORE INSERT OR UPDATE OR DELETE ON packing_release
    FOR EACH ROW EXECUTE FUNCTION packing_release_guard()
--;
CREATE TRIGGER packing_release_no_truncate BEFORE TRUNCATE ON packing_release
    FOR EACH STATEMENT EXECUTE FUNCTION packing_release_guard()
