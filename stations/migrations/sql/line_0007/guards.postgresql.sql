CREATE FUNCTION deadline_reckoning_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR TG_OP = 'TRUNCATE' THEN
        RAISE EXCEPTION 'deadline reckoning: never deleted' USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.finished_us IS NOT NULL
            OR NEW.position <> 1 + coalesce((SELECT max(position) FROM deadline_reckoning), 0) THEN
            RAISE EXCEPTION 'deadline reckoning: begun once and in order' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.finished_us IS NOT NULL OR NEW.finished_us IS NULL
        OR (NEW.position, NEW.digest, NEW.terms, NEW.began_us, NEW.emulated)
            IS DISTINCT FROM (OLD.position, OLD.digest, OLD.terms, OLD.began_us, OLD.emulated) THEN
        RAISE EXCEPTION 'deadline reckoning: is finished once and otherwise never changed'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER deadline_reckoning_guard BEFORE INSERT OR UPDATE OR DELETE ON deadline_reckoning
    FOR EACH ROW EXECUTE FUNCTION deadline_reckoning_guard()
--;
CREATE TRIGGER deadline_reckoning_no_truncate BEFORE TRUNCATE ON deadline_reckoning
    FOR EACH STATEMENT EXECUTE FUNCTION deadline_reckoning_guard()
--;
CREATE FUNCTION deadline_change_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'deadline change: append-only' USING ERRCODE = 'check_violation';
END $$
--;
CREATE FUNCTION deadline_change_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.position <> 1 + coalesce(
            (SELECT max(position) FROM deadline_change WHERE application_id = NEW.application_id), 0)
        OR NOT EXISTS (SELECT 1 FROM application WHERE application_id = NEW.application_id
            AND deadline_us = NEW.before_us AND provisional = NEW.before_provisional) THEN
        RAISE EXCEPTION 'deadline change: begins with the deadline that is, in order'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER deadline_change_follows BEFORE INSERT ON deadline_change
    FOR EACH ROW EXECUTE FUNCTION deadline_change_follows()
--;
CREATE TRIGGER deadline_change_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON deadline_change
    FOR EACH STATEMENT EXECUTE FUNCTION deadline_change_append_only()
--;
CREATE FUNCTION application_deadline() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM deadline_change AS change WHERE change.application_id = OLD.application_id
        AND change.position = (
            SELECT max(position) FROM deadline_change WHERE application_id = OLD.application_id)
        AND change.before_us = OLD.deadline_us AND change.before_provisional = OLD.provisional
        AND change.after_us = NEW.deadline_us AND change.after_provisional = NEW.provisional) THEN
        RAISE EXCEPTION 'application: a deadline changes only as its record says' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER application_deadline BEFORE UPDATE ON application FOR EACH ROW
    WHEN (NEW.deadline_us <> OLD.deadline_us OR NEW.provisional <> OLD.provisional)
    EXECUTE FUNCTION application_deadline()
