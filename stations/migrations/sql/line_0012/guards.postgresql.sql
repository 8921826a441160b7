CREATE FUNCTION green_channel_raised() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM application WHERE application_id = NEW.application_id AND live
            AND state <> 'stopped' AND service_class = NEW.class_before AND priority = NEW.priority_before
            AND deadline_us = NEW.deadline_before_us) THEN
        RAISE EXCEPTION 'green_channel: begins with the application that is, on the line'
            USING ERRCODE = 'check_violation';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
            WHERE person.code = NEW.approver AND person.ended_us IS NULL AND person_role.role = 'lead')
        OR NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in AND code = NEW.approver
            AND outcome = 'accepted' AND abs(NEW.raised_us - at_us) <= 300000000) THEN
        RAISE EXCEPTION 'green_channel: approved by a lead who signed in just now' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER green_channel_raised BEFORE INSERT ON green_channel
    FOR EACH ROW EXECUTE FUNCTION green_channel_raised()
--;
CREATE FUNCTION green_channel_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'green_channel: append-only' USING ERRCODE = 'check_violation';
END $$
--;
CREATE TRIGGER green_channel_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON green_channel
    FOR EACH STATEMENT EXECUTE FUNCTION green_channel_append_only()
--;
CREATE FUNCTION application_urgency() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.service_class <> 'emergency' OR NEW.priority <> 0
        OR NOT EXISTS (SELECT 1 FROM green_channel WHERE application_id = OLD.application_id
            AND class_before = OLD.service_class AND priority_before = OLD.priority) THEN
        RAISE EXCEPTION 'application: class and priority change only as a raise to the green channel says'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER application_urgency BEFORE UPDATE ON application FOR EACH ROW
    WHEN (NEW.service_class <> OLD.service_class OR NEW.priority <> OLD.priority)
    EXECUTE FUNCTION application_urgency()
