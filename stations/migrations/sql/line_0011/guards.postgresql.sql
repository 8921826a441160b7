CREATE FUNCTION shift_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'shift: append-only' USING ERRCODE = 'check_violation';
END $$
--;
CREATE FUNCTION shift_count_signed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.sign_in IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in
            AND code = NEW.counted_by AND outcome = 'accepted' AND abs(NEW.counted_us - at_us) <= 300000000))
        OR (NEW.second_sign_in IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.second_sign_in
            AND code = NEW.counted_second AND outcome = 'accepted' AND abs(NEW.counted_us - at_us) <= 300000000))
        OR (NEW.sign_in IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM person_role WHERE code = NEW.counted_by AND role = 'lead')) THEN
        RAISE EXCEPTION 'shift_count: signed by a lead and a second person who signed in just now' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER shift_count_signed BEFORE INSERT ON shift_count
    FOR EACH ROW EXECUTE FUNCTION shift_count_signed()
--;
CREATE FUNCTION shift_count_whole() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM shift WHERE opening_count = NEW.count_id OR closing_count = NEW.count_id) THEN
        RAISE EXCEPTION 'a count that was used is whole' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER shift_counted_whole BEFORE INSERT ON shift_counted
    FOR EACH ROW EXECUTE FUNCTION shift_count_whole()
--;
CREATE TRIGGER shift_difference_whole BEFORE INSERT ON shift_difference
    FOR EACH ROW EXECUTE FUNCTION shift_count_whole()
--;
CREATE FUNCTION shift_of_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM shift WHERE shift_id = NEW.shift_id AND NOT closed) THEN
        RAISE EXCEPTION 'of an open shift, once' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE FUNCTION shift_person_opening() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM shift WHERE shift_id = NEW.shift_id AND NOT closed
        AND (emulated OR substr(NEW.code, 1, 2) <> 'e-')) THEN
        RAISE EXCEPTION 'shift_person: of an open shift, and emulated people on emulated lines alone' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER shift_person_opening BEFORE INSERT ON shift_person
    FOR EACH ROW EXECUTE FUNCTION shift_person_opening()
--;
CREATE TRIGGER shift_machine_opening BEFORE INSERT ON shift_machine
    FOR EACH ROW EXECUTE FUNCTION shift_of_open()
--;
CREATE TRIGGER shift_item_opening BEFORE INSERT ON shift_item
    FOR EACH ROW EXECUTE FUNCTION shift_of_open()
--;
CREATE FUNCTION shift_opens() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.closed OR NOT EXISTS (SELECT 1 FROM shift_count WHERE count_id = NEW.opening_count AND moment = 'opening'
            AND counted_us = NEW.opened_us AND emulated = NEW.emulated)
        OR 2 <> (SELECT count(DISTINCT station) FROM shift_counted WHERE count_id = NEW.opening_count
            AND station IN ('vault', 'personalization'))
        OR (NEW.opening_reason IS NOT NULL) <> EXISTS (SELECT 1 FROM shift_difference WHERE count_id = NEW.opening_count)
        OR EXISTS (SELECT 1 FROM shift WHERE NOT closed OR closed_us > NEW.opened_us) THEN
        RAISE EXCEPTION 'shift: opened by a whole count, forced on a difference, and one at a time' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER shift_opens BEFORE INSERT ON shift
    FOR EACH ROW EXECUTE FUNCTION shift_opens()
--;
CREATE FUNCTION shift_closes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.closed OR NOT NEW.closed
        OR (NEW.shift_id, NEW.name, NEW.opening_count, NEW.opened_us, NEW.opening_reason, NEW.emulated)
            IS DISTINCT FROM (OLD.shift_id, OLD.name, OLD.opening_count, OLD.opened_us, OLD.opening_reason, OLD.emulated)
        OR NOT EXISTS (SELECT 1 FROM shift_count WHERE count_id = NEW.closing_count AND moment = 'close'
            AND counted_us = NEW.closed_us AND emulated = NEW.emulated)
        OR 2 <> (SELECT count(DISTINCT station) FROM shift_counted WHERE count_id = NEW.closing_count
            AND station IN ('vault', 'personalization'))
        OR (NEW.closed_how = 'balanced' AND (EXISTS (SELECT 1 FROM shift_difference WHERE count_id = NEW.closing_count)
            OR EXISTS (SELECT 1 FROM job WHERE unfinished)
            OR EXISTS (SELECT 1 FROM open_offer WHERE kind <> 'order' AND from_station IN ('intake', 'vault', 'review', 'personalization', 'qc', 'packing', 'mailing')
                AND to_station IN ('intake', 'vault', 'review', 'personalization', 'qc', 'packing', 'mailing'))
            OR EXISTS (SELECT 1 FROM whereabouts WHERE station IN ('intake', 'vault', 'review', 'personalization', 'qc', 'packing', 'mailing')
                AND state IN ('refused', 'void_refused'))
            OR EXISTS (SELECT 1 FROM custody_case WHERE NOT EXISTS (
                SELECT 1 FROM custody_event WHERE custody_event.case_id = custody_case.case_id)))) THEN
        RAISE EXCEPTION 'shift: is closed once, by a whole count and on nothing open unless forced, and never changed' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER shift_closes BEFORE UPDATE ON shift
    FOR EACH ROW EXECUTE FUNCTION shift_closes()
--;
CREATE TRIGGER shift_no_delete BEFORE DELETE OR TRUNCATE ON shift
    FOR EACH STATEMENT EXECUTE FUNCTION shift_append_only()
--;
CREATE FUNCTION shift_settlement_signed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.sign_in IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in
            AND code = NEW.settled_by AND outcome = 'accepted' AND abs(NEW.settled_us - at_us) <= 300000000))
        OR (NEW.second_sign_in IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.second_sign_in
            AND code = NEW.settled_second AND outcome = 'accepted' AND abs(NEW.settled_us - at_us) <= 300000000))
        OR NOT EXISTS (SELECT 1 FROM shift JOIN shift_count AS forced
            ON forced.count_id = CASE NEW.moment WHEN 'opening' THEN opening_count ELSE closing_count END
            WHERE shift_id = NEW.shift_id AND forced.counted_us <= NEW.settled_us
            AND CASE NEW.moment WHEN 'opening' THEN opening_reason ELSE closing_reason END IS NOT NULL
            AND NOT (NEW.settled_by IN (forced.counted_by, forced.counted_second)
                AND NEW.settled_second IN (forced.counted_by, forced.counted_second))) THEN
        RAISE EXCEPTION 'shift_settlement: of a shift that was forced, by two who are not the two who forced it' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER shift_settlement_signed BEFORE INSERT ON shift_settlement
    FOR EACH ROW EXECUTE FUNCTION shift_settlement_signed()
--;
CREATE TRIGGER shift_count_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON shift_count
    FOR EACH STATEMENT EXECUTE FUNCTION shift_append_only()
--;
CREATE TRIGGER shift_counted_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON shift_counted
    FOR EACH STATEMENT EXECUTE FUNCTION shift_append_only()
--;
CREATE TRIGGER shift_difference_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON shift_difference
    FOR EACH STATEMENT EXECUTE FUNCTION shift_append_only()
--;
CREATE TRIGGER shift_person_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON shift_person
    FOR EACH STATEMENT EXECUTE FUNCTION shift_append_only()
--;
CREATE TRIGGER shift_machine_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON shift_machine
    FOR EACH STATEMENT EXECUTE FUNCTION shift_append_only()
--;
CREATE TRIGGER shift_item_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON shift_item
    FOR EACH STATEMENT EXECUTE FUNCTION shift_append_only()
--;
CREATE TRIGGER shift_settlement_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON shift_settlement
    FOR EACH STATEMENT EXECUTE FUNCTION shift_append_only()
