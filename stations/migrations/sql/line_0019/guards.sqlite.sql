DROP TRIGGER job_no_replace
--;
DROP TRIGGER job_keeps
--;
-- As line_0001 made them; a specimen has neither application nor order, and stays one.
CREATE TRIGGER job_no_replace BEFORE INSERT ON job
WHEN EXISTS (
    SELECT 1 FROM job WHERE job_id = NEW.job_id
    OR (application_id = NEW.application_id AND product = NEW.product AND (live OR attempt = NEW.attempt))
    OR (specimen IS NOT NULL AND NEW.specimen IS NOT NULL
        AND machine = NEW.machine AND product = NEW.product AND attempt = NEW.attempt))
BEGIN SELECT RAISE(ABORT, 'job: an attempt is unique and the one before it must be over'); END
--;
CREATE TRIGGER job_keeps BEFORE UPDATE ON job
WHEN NEW.job_id <> OLD.job_id OR NEW.application_id IS NOT OLD.application_id OR NEW.product <> OLD.product
    OR NEW.attempt <> OLD.attempt OR NEW.order_unit IS NOT OLD.order_unit OR NEW.machine <> OLD.machine
    OR NEW.machine_serial <> OLD.machine_serial OR NEW.journal_id <> OLD.journal_id
    OR NEW.journal_position <> OLD.journal_position OR NEW.intent_us <> OLD.intent_us
    OR (OLD.blank_serial IS NOT NULL AND (NEW.blank_serial IS NOT OLD.blank_serial OR NEW.blank_unit IS NOT OLD.blank_unit))
    OR (OLD.data_sha256 IS NOT NULL AND NEW.data_sha256 IS NOT OLD.data_sha256)
    OR (OLD.document_number IS NOT NULL AND NEW.document_number <> OLD.document_number)
    OR (OLD.outcome IS NOT NULL AND NEW.outcome IS NOT OLD.outcome)
    OR (OLD.outcome IS NOT NULL AND NEW.document_unit IS NOT OLD.document_unit)
    OR (NEW.live AND NOT OLD.live) OR NEW.specimen IS NOT OLD.specimen
BEGIN SELECT RAISE(ABORT, 'job: what is committed before an act is not changed after it'); END
