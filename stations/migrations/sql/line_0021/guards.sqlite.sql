-- The log's own steps are asked, which nobody rewrites: whereabouts are a line's table. What is outside lives on.
CREATE TRIGGER job_lives_until_voided BEFORE UPDATE OF live ON job
WHEN OLD.live AND NOT NEW.live AND (NEW.outcome IS NULL OR NEW.outcome NOT IN ('returned', 'void'))
    AND NOT EXISTS (SELECT 1 FROM custody_unit WHERE unit_id = coalesce(NEW.document_unit, NEW.blank_unit)
        AND (state = 'void' OR (NEW.document_unit IS NULL AND state = 'ended' AND outcome = 'lost')))
BEGIN SELECT RAISE(ABORT, 'job: a document lives until the log has it voided'); END
--;
-- UPDATE OR REPLACE as well would delete the row in its way: another's job, and with it what it guards.
CREATE TRIGGER job_no_replace_by_change BEFORE UPDATE OF blank_serial, document_number, document_unit ON job
WHEN (NEW.blank_serial IS NOT OLD.blank_serial AND EXISTS (SELECT 1 FROM job WHERE blank_serial = NEW.blank_serial
        AND blank_serial IS NOT NULL AND (outcome IS NULL OR outcome <> 'returned')))
    OR (NEW.document_number IS NOT OLD.document_number AND EXISTS (SELECT 1 FROM job
        WHERE product = NEW.product AND document_number = NEW.document_number
        AND document_number IS NOT NULL AND (outcome IS NULL OR outcome <> 'returned')))
    OR (NEW.document_unit IS NOT OLD.document_unit
        AND EXISTS (SELECT 1 FROM job WHERE document_unit = NEW.document_unit))
BEGIN SELECT RAISE(ABORT, 'job: a blank, a number and a document are of one job'); END
--;
CREATE TRIGGER application_begins BEFORE INSERT ON application
WHEN NEW.state <> 'waiting' OR NOT NEW.live
BEGIN SELECT RAISE(ABORT, 'application: begins waiting for review'); END
--;
-- INSERT OR REPLACE would delete the row in its way without any other trigger noticing.
CREATE TRIGGER application_no_replace BEFORE INSERT ON application
WHEN EXISTS (SELECT 1 FROM application WHERE application_id = NEW.application_id)
    OR EXISTS (SELECT 1 FROM application WHERE order_unit = NEW.order_unit)
    OR EXISTS (SELECT 1 FROM application WHERE application_key = NEW.application_key AND revision = NEW.revision)
    OR EXISTS (SELECT 1 FROM application WHERE live AND application_key = NEW.application_key)
    OR EXISTS (SELECT 1 FROM application WHERE live AND person_key = NEW.person_key AND product = NEW.product)
BEGIN SELECT RAISE(ABORT, 'application: filed once, and a person has one live of a type'); END
--;
-- UPDATE OR REPLACE as well.
CREATE TRIGGER application_keeps BEFORE UPDATE OF application_id, application_key, revision, product, person_key, order_unit
    ON application
WHEN NEW.application_id IS NOT OLD.application_id OR NEW.application_key IS NOT OLD.application_key
    OR NEW.revision IS NOT OLD.revision OR NEW.product IS NOT OLD.product
    OR (NEW.person_key IS NOT OLD.person_key AND OLD.live)
    OR (NEW.order_unit IS NOT OLD.order_unit
        AND EXISTS (SELECT 1 FROM application WHERE order_unit = NEW.order_unit))
BEGIN SELECT RAISE(ABORT, 'application: stays the application that was filed, with an order of its own'); END
--;
-- One trigger for all, which is quicker than one each.
CREATE TRIGGER application_moves BEFORE UPDATE OF state, live ON application
WHEN NEW.state <> OLD.state OR NEW.live <> OLD.live
BEGIN SELECT CASE
    WHEN NEW.state <> OLD.state AND NOT (
        (OLD.state = 'waiting' AND NEW.state IN ('passed', 'returned', 'held', 'stopped'))
        OR (OLD.state = 'held' AND NEW.state IN ('waiting', 'passed', 'returned', 'stopped'))
        OR (OLD.state = 'passed' AND NEW.state IN ('in_production', 'stopped'))
        OR (OLD.state = 'in_production' AND NEW.state IN ('dispatched', 'passed', 'stopped'))
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
    WHEN NEW.live <> OLD.live AND (NEW.live OR (NEW.state = 'stopped'
        AND NOT EXISTS (SELECT 1 FROM application_stop
            WHERE application_id = OLD.application_id AND outcome = 'closed')))
        THEN RAISE(ABORT, 'application: ends once, and a stopped one as two people closed it')
END; END
--;
CREATE TRIGGER application_no_delete BEFORE DELETE ON application
BEGIN SELECT RAISE(ABORT, 'application: never deleted'); END
--;
CREATE TRIGGER application_stop_begins BEFORE INSERT ON application_stop
WHEN NEW.outcome IS NOT NULL OR NEW.ended_by IS NOT NULL OR NEW.ended_second IS NOT NULL OR NEW.ended_us IS NOT NULL
    OR NOT EXISTS (SELECT 1 FROM application
        WHERE application_id = NEW.application_id AND live AND state <> 'stopped' AND state = NEW.state_before)
    OR EXISTS (SELECT 1 FROM application_stop WHERE stop_id = NEW.stop_id)
    OR EXISTS (SELECT 1 FROM application_stop WHERE application_id = NEW.application_id AND outcome IS NULL)
BEGIN SELECT RAISE(ABORT, 'application_stop: begins open, once, where the application stands'); END
--;
CREATE TRIGGER application_stop_ends BEFORE UPDATE ON application_stop
WHEN OLD.outcome IS NOT NULL OR NEW.outcome IS NULL OR NEW.stop_id IS NOT OLD.stop_id
    OR NEW.application_id IS NOT OLD.application_id OR NEW.reason IS NOT OLD.reason
    OR NEW.state_before IS NOT OLD.state_before OR NEW.stopped_by IS NOT OLD.stopped_by
    OR NEW.stopped_us IS NOT OLD.stopped_us
BEGIN SELECT RAISE(ABORT, 'application_stop: is ended once and otherwise never changed'); END
--;
CREATE TRIGGER application_stop_no_delete BEFORE DELETE ON application_stop
BEGIN SELECT RAISE(ABORT, 'application_stop: never deleted'); END
--;
CREATE TRIGGER review_verdict_given BEFORE INSERT ON review_verdict
BEGIN SELECT CASE
    WHEN EXISTS (SELECT 1 FROM review_verdict
        WHERE application_id = NEW.application_id AND revision = NEW.revision AND round = NEW.round)
        THEN RAISE(ABORT, 'review_verdict: one a round')
    WHEN NOT EXISTS (SELECT 1 FROM application
            WHERE application_id = NEW.application_id AND revision = NEW.revision AND state = 'waiting')
        OR EXISTS (SELECT 1 FROM inspection WHERE application_id = NEW.application_id)
        THEN RAISE(ABORT, 'review_verdict: on an application that waits for review, of which nothing was inspected')
END; END
--;
CREATE TRIGGER review_verdict_no_update BEFORE UPDATE ON review_verdict
BEGIN SELECT RAISE(ABORT, 'review_verdict: append-only'); END
--;
CREATE TRIGGER review_verdict_no_delete BEFORE DELETE ON review_verdict
BEGIN SELECT RAISE(ABORT, 'review_verdict: append-only'); END
--;
CREATE TRIGGER inspection_made BEFORE INSERT ON inspection
BEGIN SELECT CASE
    WHEN EXISTS (SELECT 1 FROM inspection WHERE document_unit = NEW.document_unit)
        THEN RAISE(ABORT, 'inspection: one a document')
    WHEN NOT EXISTS (SELECT 1 FROM application
        WHERE application_id = NEW.application_id AND (state = 'in_production' OR state = 'stopped'))
        THEN RAISE(ABORT, 'inspection: of an application that is being made')
    WHEN EXISTS (SELECT 1 FROM review_verdict
        WHERE application_id = NEW.application_id AND reviewer = NEW.inspector AND outcome = 'pass')
        THEN RAISE(ABORT, 'inspection: by nobody who passed the application')
END; END
--;
CREATE TRIGGER inspection_no_update BEFORE UPDATE ON inspection
BEGIN SELECT RAISE(ABORT, 'inspection: append-only'); END
--;
CREATE TRIGGER inspection_no_delete BEFORE DELETE ON inspection
BEGIN SELECT RAISE(ABORT, 'inspection: append-only'); END
