CREATE FUNCTION mailing_weighing_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    clock_us bigint := extract(epoch FROM clock_timestamp()) * 1000000;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'mailing_weighing: append-only' USING ERRCODE = 'check_violation';
    END IF;
    IF abs(NEW.stored_us - clock_us) > 60000000
        OR NOT EXISTS (SELECT 1 FROM whereabouts WHERE unit_id = NEW.parcel_unit AND station = 'mailing'
            AND state = 'held' AND place = 'input' AND tray = NEW.tray)
        OR (NEW.attempt = 2 AND NOT EXISTS (SELECT 1 FROM mailing_weighing
            WHERE parcel_unit = NEW.parcel_unit AND tray = NEW.tray AND attempt = 1)) THEN
        RAISE EXCEPTION 'mailing_weighing: of a parcel that lies in an accepted tray, once and once more'
            USING ERRCODE = 'check_violation';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in AND code = NEW.mailer
            AND outcome = 'accepted' AND NEW.stored_us - at_us BETWEEN -60000000 AND 28860000000)
        OR NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
            WHERE person.code = NEW.mailer AND person.ended_us IS NULL AND person_role.role = 'mailer') THEN
        RAISE EXCEPTION 'mailing_weighing: by a mailer who signed in within a shift' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER mailing_weighing_guard BEFORE INSERT OR UPDATE OR DELETE ON mailing_weighing
    FOR EACH ROW EXECUTE FUNCTION mailing_weighing_guard()
--;
CREATE TRIGGER mailing_weighing_no_truncate BEFORE TRUNCATE ON mailing_weighing
    FOR EACH STATEMENT EXECUTE FUNCTION mailing_weighing_guard()
--;
-- A count at the door is the driver's word, and a recount one's own: there a mailer stays signed in. All else is signed by
-- two passwords at that moment.
CREATE FUNCTION mailing_act_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    clock_us bigint := extract(epoch FROM clock_timestamp()) * 1000000;
BEGIN
    IF TG_OP = 'DELETE' OR TG_OP = 'TRUNCATE' THEN
        RAISE EXCEPTION 'mailing_act: never deleted' USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF OLD.booked_us IS NOT NULL OR NEW.booked_us IS NULL
            OR (NEW.act_id, NEW.kind, NEW.subject, NEW.detail, NEW.first, NEW.first_sign_in, NEW.second,
                NEW.second_sign_in, NEW.stored_us, NEW.emulated)
            IS DISTINCT FROM (OLD.act_id, OLD.kind, OLD.subject, OLD.detail, OLD.first, OLD.first_sign_in, OLD.second,
                OLD.second_sign_in, OLD.stored_us, OLD.emulated) THEN
            RAISE EXCEPTION 'mailing_act: booked once; all else of it is written once'
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.booked_us IS NOT NULL OR abs(NEW.stored_us - clock_us) > 60000000 THEN
        RAISE EXCEPTION 'mailing_act: signed once, and booked later' USING ERRCODE = 'check_violation';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.first_sign_in AND code = NEW.first
            AND outcome = 'accepted' AND NEW.stored_us - at_us BETWEEN -60000000
                AND CASE WHEN NEW.kind IN ('door', 'retake') THEN 28860000000 ELSE 300000000 END)
        OR (NEW.second IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sign_in_attempt
            WHERE attempt_id = NEW.second_sign_in AND code = NEW.second AND outcome = 'accepted'
            AND NEW.stored_us - at_us BETWEEN -60000000 AND 300000000)) THEN
        RAISE EXCEPTION 'mailing_act: by people who signed in at that moment' USING ERRCODE = 'check_violation';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
            WHERE person.code = NEW.first AND person.ended_us IS NULL AND person_role.role IN ('mailer', 'lead'))
        OR (NEW.second IS NOT NULL AND NOT EXISTS (SELECT 1 FROM person
            JOIN person_role ON person_role.code = person.code
            WHERE person.code = NEW.second AND person.ended_us IS NULL
            AND ((NEW.kind = 'door' AND person_role.role = 'driver')
                OR (NEW.kind <> 'door' AND person_role.role IN ('mailer', 'lead'))))) THEN
        RAISE EXCEPTION 'mailing_act: by mailers or leads, and at the door by the driver'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER mailing_act_guard BEFORE INSERT OR UPDATE OR DELETE ON mailing_act
    FOR EACH ROW EXECUTE FUNCTION mailing_act_guard()
--;
CREATE TRIGGER mailing_act_no_truncate BEFORE TRUNCATE ON mailing_act
    FOR EACH STATEMENT EXECUTE FUNCTION mailing_act_guard()
--;
CREATE FUNCTION manifest_print_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'manifest_print: append-only' USING ERRCODE = 'check_violation';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in AND code = NEW.person
        AND outcome = 'accepted') THEN
        RAISE EXCEPTION 'manifest_print: once, by whoever signed in' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER manifest_print_guard BEFORE INSERT OR UPDATE OR DELETE ON manifest_print
    FOR EACH ROW EXECUTE FUNCTION manifest_print_guard()
--;
CREATE TRIGGER manifest_print_no_truncate BEFORE TRUNCATE ON manifest_print
    FOR EACH STATEMENT EXECUTE FUNCTION manifest_print_guard()
