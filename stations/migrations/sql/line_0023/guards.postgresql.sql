CREATE FUNCTION deliveries_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'deliveries: append-only' USING ERRCODE = 'check_violation';
END $$
--;
CREATE TRIGGER delivery_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON delivery_event
    FOR EACH STATEMENT EXECUTE FUNCTION deliveries_append_only()
--;
CREATE TRIGGER delivered_parcel_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON delivered_parcel
    FOR EACH STATEMENT EXECUTE FUNCTION deliveries_append_only()
--;
CREATE TRIGGER return_remake_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON return_remake
    FOR EACH STATEMENT EXECUTE FUNCTION deliveries_append_only()
--;
CREATE FUNCTION returned_parcel_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.decision IS NOT NULL THEN
            RAISE EXCEPTION 'returned_parcel: received once, and decided later' USING ERRCODE = 'check_violation';
        END IF;
    ELSIF OLD.decision IS NOT NULL OR NEW.decision IS NULL
        OR (NEW.parcel_unit, NEW.consignment_id, NEW.note, NEW.announced, NEW.record, NEW.received_us, NEW.received_by, NEW.received_second, NEW.emulated) IS DISTINCT FROM
           (OLD.parcel_unit, OLD.consignment_id, OLD.note, OLD.announced, OLD.record, OLD.received_us, OLD.received_by, OLD.received_second, OLD.emulated) THEN
        RAISE EXCEPTION 'returned_parcel: decided once' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER returned_parcel_guard BEFORE INSERT OR UPDATE ON returned_parcel
    FOR EACH ROW EXECUTE FUNCTION returned_parcel_guard()
--;
CREATE TRIGGER returned_parcel_append_only BEFORE DELETE OR TRUNCATE ON returned_parcel
    FOR EACH STATEMENT EXECUTE FUNCTION deliveries_append_only()
--;
CREATE FUNCTION consigned_parcel_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.taken_us IS NOT NULL OR (TG_OP = 'UPDATE' AND (NEW.parcel_unit, NEW.consignment_id, NEW.tracking, NEW.weight_g)
            IS DISTINCT FROM (OLD.parcel_unit, OLD.consignment_id, OLD.tracking, OLD.weight_g)) THEN
        RAISE EXCEPTION 'consigned_parcel: what the carrier took is never changed' USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER consigned_parcel_guard BEFORE UPDATE OR DELETE ON consigned_parcel
    FOR EACH ROW EXECUTE FUNCTION consigned_parcel_guard()
--;
CREATE TRIGGER consigned_parcel_no_truncate BEFORE TRUNCATE ON consigned_parcel
    FOR EACH STATEMENT EXECUTE FUNCTION deliveries_append_only()
--;
CREATE FUNCTION application_comes_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM job JOIN whereabouts AS inside ON inside.unit_id = job.document_unit
        JOIN returned_parcel AS back ON back.parcel_unit = inside.container
        WHERE job.application_id = OLD.application_id AND job.live AND back.decision IS NULL) THEN
        RAISE EXCEPTION 'application: dispatched, and its document did not come back'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER application_comes_back BEFORE UPDATE OF state ON application
    FOR EACH ROW WHEN (OLD.state = 'dispatched' AND NEW.state <> 'dispatched')
    EXECUTE FUNCTION application_comes_back()
--;
-- As line_0021 made it, and back from the carrier: application_comes_back says when.
CREATE OR REPLACE FUNCTION application_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.application_id <> OLD.application_id OR NEW.application_key <> OLD.application_key
        OR NEW.revision <> OLD.revision OR NEW.product <> OLD.product
        OR (NEW.person_key <> OLD.person_key AND OLD.live) THEN
        RAISE EXCEPTION 'application: stays the application that was filed, with an order of its own'
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state <> OLD.state THEN
        IF NOT (
            (OLD.state = 'waiting' AND NEW.state IN ('passed', 'returned', 'held', 'stopped'))
            OR (OLD.state = 'held' AND NEW.state IN ('waiting', 'passed', 'returned', 'stopped'))
            OR (OLD.state = 'passed' AND NEW.state IN ('in_production', 'stopped'))
            OR (OLD.state = 'in_production' AND NEW.state IN ('dispatched', 'passed', 'stopped'))
            OR (OLD.state = 'dispatched' AND NEW.state IN ('in_production', 'passed'))
            OR OLD.state = 'stopped') THEN
            RAISE EXCEPTION 'application: illegal move' USING ERRCODE = 'check_violation';
        END IF;
        IF NEW.state = 'stopped' AND NOT EXISTS (SELECT 1 FROM application_stop
                WHERE application_id = OLD.application_id AND outcome IS NULL AND state_before = OLD.state) THEN
            RAISE EXCEPTION 'application: stopped only by a stop on record' USING ERRCODE = 'check_violation';
        END IF;
        IF OLD.state = 'stopped' AND (NOT EXISTS (SELECT 1 FROM application_stop
                WHERE application_id = OLD.application_id AND outcome = 'released' AND state_before = NEW.state)
            OR EXISTS (SELECT 1 FROM application_stop
                WHERE application_id = OLD.application_id AND (outcome IS NULL OR outcome = 'closed'))) THEN
            RAISE EXCEPTION 'application: goes on where it was stopped, as two people released it'
                USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    IF NEW.live <> OLD.live AND ((NEW.live AND (OLD.state <> 'dispatched' OR NEW.state = 'dispatched')) OR (NEW.state = 'stopped'
        AND NOT EXISTS (SELECT 1 FROM application_stop
            WHERE application_id = OLD.application_id AND outcome = 'closed'))) THEN
        RAISE EXCEPTION 'application: ends once, and a stopped one as two people closed it'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
