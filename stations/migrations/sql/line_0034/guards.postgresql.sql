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
