CREATE FUNCTION mailing_scale_ask_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    clock_us bigint := extract(epoch FROM clock_timestamp()) * 1000000;
BEGIN
    IF TG_OP = 'DELETE' OR TG_OP = 'TRUNCATE' THEN
        RAISE EXCEPTION 'mailing_scale_ask: never deleted' USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF OLD.told_us IS NOT NULL OR NEW.told_us IS NULL OR abs(NEW.told_us - clock_us) > 60000000
            OR (NEW.ask_id, NEW.parcel_unit, NEW.tray, NEW.scale, NEW.mailer, NEW.sign_in, NEW.asked_us, NEW.emulated)
            IS DISTINCT FROM (OLD.ask_id, OLD.parcel_unit, OLD.tray, OLD.scale, OLD.mailer, OLD.sign_in, OLD.asked_us,
                OLD.emulated) THEN
            RAISE EXCEPTION 'mailing_scale_ask: told once; all else of it is written once'
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.told_us IS NOT NULL OR abs(NEW.asked_us - clock_us) > 60000000
        OR NOT EXISTS (SELECT 1 FROM whereabouts WHERE unit_id = NEW.parcel_unit AND station = 'mailing'
            AND state = 'held' AND place = 'input' AND tray = NEW.tray) THEN
        RAISE EXCEPTION 'mailing_scale_ask: of a parcel that lies in an accepted tray' USING ERRCODE = 'check_violation';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in AND code = NEW.mailer
            AND outcome = 'accepted' AND NEW.asked_us - at_us BETWEEN -60000000 AND 28860000000)
        OR NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
            WHERE person.code = NEW.mailer AND person.ended_us IS NULL AND person_role.role = 'mailer') THEN
        RAISE EXCEPTION 'mailing_scale_ask: by a mailer who signed in within a shift' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER mailing_scale_ask_guard BEFORE INSERT OR UPDATE OR DELETE ON mailing_scale_ask
    FOR EACH ROW EXECUTE FUNCTION mailing_scale_ask_guard()
--;
CREATE TRIGGER mailing_scale_ask_no_truncate BEFORE TRUNCATE ON mailing_scale_ask
    FOR EACH STATEMENT EXECUTE FUNCTION mailing_scale_ask_guard()
--;
CREATE FUNCTION mailing_weighing_scale_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.ask_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM mailing_scale_ask WHERE ask_id = NEW.ask_id
            AND parcel_unit = NEW.parcel_unit AND tray = NEW.tray AND mailer = NEW.mailer AND grams = NEW.grams)
        OR NEW.ask_id IS NULL AND EXISTS (SELECT 1 FROM mailing_scale_ask AS a WHERE a.parcel_unit = NEW.parcel_unit
            AND a.tray = NEW.tray AND a.grams IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM mailing_weighing AS w WHERE w.ask_id = a.ask_id)
            AND NOT EXISTS (SELECT 1 FROM mailing_scale_ask AS later WHERE later.parcel_unit = a.parcel_unit
                AND later.tray = a.tray AND later.asked_us > a.asked_us AND later.fault = 'stands')) THEN
        RAISE EXCEPTION 'mailing_weighing: what the scale told is not typed over' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER mailing_weighing_scale_guard BEFORE INSERT ON mailing_weighing
    FOR EACH ROW EXECUTE FUNCTION mailing_weighing_scale_guard()
