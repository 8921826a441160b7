-- INSERT OR REPLACE would delete the row in its way without any other trigger noticing: each insert looks for one.
CREATE TRIGGER delivery_event_once BEFORE INSERT ON delivery_event
WHEN EXISTS (SELECT 1 FROM delivery_event WHERE event_id = NEW.event_id)
BEGIN SELECT RAISE(ABORT, 'delivery_event: append-only'); END
--;
CREATE TRIGGER delivery_event_no_update BEFORE UPDATE ON delivery_event
BEGIN SELECT RAISE(ABORT, 'delivery_event: append-only'); END
--;
CREATE TRIGGER delivery_event_no_delete BEFORE DELETE ON delivery_event
BEGIN SELECT RAISE(ABORT, 'delivery_event: append-only'); END
--;
CREATE TRIGGER delivered_parcel_once BEFORE INSERT ON delivered_parcel
WHEN EXISTS (SELECT 1 FROM delivered_parcel WHERE event_id = NEW.event_id AND parcel_unit = NEW.parcel_unit)
BEGIN SELECT RAISE(ABORT, 'delivered_parcel: append-only'); END
--;
CREATE TRIGGER delivered_parcel_no_update BEFORE UPDATE ON delivered_parcel
BEGIN SELECT RAISE(ABORT, 'delivered_parcel: append-only'); END
--;
CREATE TRIGGER delivered_parcel_no_delete BEFORE DELETE ON delivered_parcel
BEGIN SELECT RAISE(ABORT, 'delivered_parcel: append-only'); END
--;
CREATE TRIGGER return_remake_once BEFORE INSERT ON return_remake
WHEN EXISTS (SELECT 1 FROM return_remake WHERE application_id = NEW.application_id OR document_unit = NEW.document_unit OR order_unit = NEW.order_unit)
BEGIN SELECT RAISE(ABORT, 'return_remake: append-only'); END
--;
CREATE TRIGGER return_remake_no_update BEFORE UPDATE ON return_remake
BEGIN SELECT RAISE(ABORT, 'return_remake: append-only'); END
--;
CREATE TRIGGER return_remake_no_delete BEFORE DELETE ON return_remake
BEGIN SELECT RAISE(ABORT, 'return_remake: append-only'); END
--;
CREATE TRIGGER returned_parcel_once BEFORE INSERT ON returned_parcel
WHEN NEW.decision IS NOT NULL OR EXISTS (SELECT 1 FROM returned_parcel WHERE parcel_unit = NEW.parcel_unit
    AND (consignment_id = NEW.consignment_id OR decision IS NULL))
BEGIN SELECT RAISE(ABORT, 'returned_parcel: received once, and decided later'); END
--;
CREATE TRIGGER returned_parcel_no_delete BEFORE DELETE ON returned_parcel
BEGIN SELECT RAISE(ABORT, 'returned_parcel: append-only'); END
--;
CREATE TRIGGER returned_parcel_decided BEFORE UPDATE ON returned_parcel
WHEN OLD.decision IS NOT NULL OR NEW.decision IS NULL
    OR NEW.parcel_unit IS NOT OLD.parcel_unit OR NEW.consignment_id IS NOT OLD.consignment_id OR NEW.note IS NOT OLD.note OR NEW.announced IS NOT OLD.announced
    OR NEW.record IS NOT OLD.record OR NEW.received_us IS NOT OLD.received_us OR NEW.received_by IS NOT OLD.received_by OR NEW.received_second IS NOT OLD.received_second OR NEW.emulated IS NOT OLD.emulated
BEGIN SELECT RAISE(ABORT, 'returned_parcel: decided once'); END
--;
CREATE TRIGGER consigned_parcel_taken BEFORE UPDATE ON consigned_parcel
WHEN OLD.taken_us IS NOT NULL OR NEW.parcel_unit <> OLD.parcel_unit OR NEW.consignment_id <> OLD.consignment_id
    OR NEW.tracking IS NOT OLD.tracking OR NEW.weight_g <> OLD.weight_g
BEGIN SELECT RAISE(ABORT, 'consigned_parcel: what the carrier took is never changed'); END
--;
CREATE TRIGGER consigned_parcel_stays BEFORE DELETE ON consigned_parcel WHEN OLD.taken_us IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'consigned_parcel: what the carrier took is never taken off'); END
--;
CREATE TRIGGER consigned_parcel_once BEFORE INSERT ON consigned_parcel
WHEN EXISTS (SELECT 1 FROM consigned_parcel WHERE (parcel_unit = NEW.parcel_unit
    AND consignment_id = NEW.consignment_id) OR tracking = NEW.tracking)
BEGIN SELECT RAISE(ABORT, 'consigned_parcel: once on a manifest, and a number once'); END
--;
CREATE TRIGGER application_comes_back BEFORE UPDATE OF state ON application
WHEN OLD.state = 'dispatched' AND NEW.state <> 'dispatched' AND NOT EXISTS (
    SELECT 1 FROM job JOIN whereabouts AS inside ON inside.unit_id = job.document_unit
        JOIN returned_parcel AS back ON back.parcel_unit = inside.container
        WHERE job.application_id = OLD.application_id AND job.live AND back.decision IS NULL)
BEGIN SELECT RAISE(ABORT, 'application: dispatched, and its document did not come back'); END
--;
-- As line_0021 made it, and back from the carrier: application_comes_back says when.
DROP TRIGGER application_moves
--;
CREATE TRIGGER application_moves BEFORE UPDATE OF state, live ON application
WHEN NEW.state <> OLD.state OR NEW.live <> OLD.live
BEGIN SELECT CASE
    WHEN NEW.state <> OLD.state AND NOT (
        (OLD.state = 'waiting' AND NEW.state IN ('passed', 'returned', 'held', 'stopped'))
        OR (OLD.state = 'held' AND NEW.state IN ('waiting', 'passed', 'returned', 'stopped'))
        OR (OLD.state = 'passed' AND NEW.state IN ('in_production', 'stopped'))
        OR (OLD.state = 'in_production' AND NEW.state IN ('dispatched', 'passed', 'stopped'))
        OR (OLD.state = 'dispatched' AND NEW.state IN ('in_production', 'passed'))
        OR OLD.state = 'stopped')
        THEN RAISE(ABORT, 'application: illegal move')
    WHEN NEW.state = 'stopped' AND OLD.state <> 'stopped'
        AND NOT EXISTS (SELECT 1 FROM application_stop
            WHERE application_id = OLD.application_id AND outcome IS NULL AND state_before = OLD.state)
        THEN RAISE(ABORT, 'application: stopped only by a stop on record')
    WHEN OLD.state = 'stopped' AND NEW.state <> 'stopped'
        AND (NOT EXISTS (SELECT 1 FROM application_stop
                WHERE application_id = OLD.application_id AND outcome = 'released' AND state_before = NEW.state)
            OR EXISTS (SELECT 1 FROM application_stop
                WHERE application_id = OLD.application_id AND (outcome IS NULL OR outcome = 'closed')))
        THEN RAISE(ABORT, 'application: goes on where it was stopped, as two people released it')
    WHEN NEW.live <> OLD.live AND ((NEW.live AND (OLD.state <> 'dispatched' OR NEW.state = 'dispatched')) OR (NEW.state = 'stopped'
        AND NOT EXISTS (SELECT 1 FROM application_stop
            WHERE application_id = OLD.application_id AND outcome = 'closed')))
        THEN RAISE(ABORT, 'application: ends once, and a stopped one as two people closed it')
END; END
