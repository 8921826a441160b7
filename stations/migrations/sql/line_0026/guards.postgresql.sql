CREATE FUNCTION casebook_entry_guard() RETURNS trigger LANGUAGE plpgsql AS $$
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
            AND person_role.role IN ('lead', CASE NEW.caught_at WHEN 'review' THEN 'reviewer'
                WHEN 'qc' THEN 'inspector' ELSE 'packer' END))) THEN
        RAISE EXCEPTION 'casebook_entry: by somebody of its station, or a lead, who signed in within a shift'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER casebook_entry_guard BEFORE INSERT OR UPDATE OR DELETE ON casebook_entry
    FOR EACH ROW EXECUTE FUNCTION casebook_entry_guard()
--;
CREATE TRIGGER casebook_entry_no_truncate BEFORE TRUNCATE ON casebook_entry
    FOR EACH STATEMENT EXECUTE FUNCTION casebook_entry_guard()
--;
CREATE FUNCTION casebook_attachment_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    clock_us bigint := extract(epoch FROM clock_timestamp()) * 1000000;
    today date := (clock_timestamp() AT TIME ZONE 'UTC' + interval '8 hours')::date;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'casebook_attachment: append-only' USING ERRCODE = 'check_violation';
    END IF;
    -- One of a case that is corrected at the same moment counts no more than one of a case that was corrected before.
    IF NOT EXISTS (SELECT 1 FROM casebook_entry WHERE case_id = NEW.case_id AND figures <> '' AND NOT withdrawn)
        OR EXISTS (SELECT 1 FROM casebook_entry WHERE corrects = NEW.case_id)
        OR NEW.day NOT BETWEEN to_char(today - 1, 'YYYY-MM-DD') AND to_char(today + 1, 'YYYY-MM-DD') THEN
        RAISE EXCEPTION 'casebook_attachment: written once, today, of a case that stands and kept its figures'
            USING ERRCODE = 'check_violation';
    END IF;
    IF (SELECT count(DISTINCT a.code) FROM sign_in_attempt AS a
            WHERE ((a.attempt_id = NEW.first_sign_in AND a.code = NEW.first)
                OR (a.attempt_id = NEW.second_sign_in AND a.code = NEW.second))
            AND a.outcome = 'accepted' AND clock_us - a.at_us BETWEEN -60000000 AND 900000000
            AND EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
                WHERE person.code = a.code AND person.ended_us IS NULL AND (person_role.role = 'lead'
                    OR (NEW.second IS NOT NULL AND person_role.role IN ('reviewer', 'engineer')))))
        <> (CASE WHEN NEW.second IS NULL THEN 1 ELSE 2 END) THEN
        RAISE EXCEPTION 'casebook_attachment: by a lead, or two people, who have just signed in'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER casebook_attachment_guard BEFORE INSERT OR UPDATE OR DELETE ON casebook_attachment
    FOR EACH ROW EXECUTE FUNCTION casebook_attachment_guard()
--;
CREATE TRIGGER casebook_attachment_no_truncate BEFORE TRUNCATE ON casebook_attachment
    FOR EACH STATEMENT EXECUTE FUNCTION casebook_attachment_guard()
