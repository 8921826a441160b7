CREATE FUNCTION alarm_keeps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.alarm_id, NEW.kind, NEW.subject, NEW.raised_us, NEW.emulated)
            IS DISTINCT FROM (OLD.alarm_id, OLD.kind, OLD.subject, OLD.raised_us, OLD.emulated)
        OR NEW.seen < OLD.seen THEN
        RAISE EXCEPTION 'alarm: what it is about never changes' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER alarm_keeps BEFORE UPDATE ON alarm FOR EACH ROW EXECUTE FUNCTION alarm_keeps()
--;
CREATE FUNCTION alarm_step_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.position <> (SELECT coalesce(max(position), 0) + 1 FROM alarm_step WHERE alarm_id = NEW.alarm_id) THEN
        RAISE EXCEPTION 'alarm_step: follows the last' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.step IN ('acknowledged', 'escalated')
        AND EXISTS (SELECT 1 FROM alarm WHERE alarm_id = NEW.alarm_id AND cleared_us IS NOT NULL) THEN
        RAISE EXCEPTION 'alarm_step: acknowledged once, escalated to a role once, and only while open'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER alarm_step_follows BEFORE INSERT ON alarm_step
    FOR EACH ROW EXECUTE FUNCTION alarm_step_follows()
--;
CREATE FUNCTION alarm_notice_keeps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.ended IS NOT NULL OR (NEW.alarm_id, NEW.position, NEW.due_us)
            IS DISTINCT FROM (OLD.alarm_id, OLD.position, OLD.due_us) THEN
        RAISE EXCEPTION 'alarm_notice: ends once and otherwise never changes' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER alarm_notice_keeps BEFORE UPDATE ON alarm_notice FOR EACH ROW EXECUTE FUNCTION alarm_notice_keeps()
--;
CREATE FUNCTION alarm_delivery_keeps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.sent_us IS NOT NULL OR (NEW.alarm_id, NEW.position, NEW.target)
            IS DISTINCT FROM (OLD.alarm_id, OLD.position, OLD.target) THEN
        RAISE EXCEPTION 'alarm_delivery: is sent once' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER alarm_delivery_keeps BEFORE UPDATE ON alarm_delivery
    FOR EACH ROW EXECUTE FUNCTION alarm_delivery_keeps()
--;
CREATE FUNCTION alarms_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'alarms: never deleted' USING ERRCODE = 'check_violation';
END $$
--;
CREATE TRIGGER alarm_no_delete BEFORE DELETE OR TRUNCATE ON alarm FOR EACH STATEMENT EXECUTE FUNCTION alarms_kept()
--;
CREATE TRIGGER alarm_step_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON alarm_step
    FOR EACH STATEMENT EXECUTE FUNCTION alarms_kept()
--;
CREATE TRIGGER alarm_notice_no_delete BEFORE DELETE OR TRUNCATE ON alarm_notice
    FOR EACH STATEMENT EXECUTE FUNCTION alarms_kept()
--;
CREATE TRIGGER alarm_delivery_no_delete BEFORE DELETE OR TRUNCATE ON alarm_delivery
    FOR EACH STATEMENT EXECUTE FUNCTION alarms_kept()
