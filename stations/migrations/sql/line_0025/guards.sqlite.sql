-- INSERT OR REPLACE would delete the row in its way without any other trigger noticing: each insert looks for one.
CREATE TRIGGER tray_count_begins BEFORE INSERT ON tray_count
WHEN NEW.ended_us IS NOT NULL
    OR abs(NEW.begun_us - CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)) > 60000000
    OR EXISTS (SELECT 1 FROM tray_count WHERE count_id = NEW.count_id)
    OR EXISTS (SELECT 1 FROM tray_count WHERE handoff_id = NEW.handoff_id
        AND (ended_how IS NULL OR ended_how = 'counted'))
    OR EXISTS (SELECT 1 FROM tray_count WHERE person = NEW.person AND ended_us IS NULL)
    OR NOT EXISTS (SELECT 1 FROM whereabouts WHERE handoff_id = NEW.handoff_id AND state = 'offered')
BEGIN SELECT RAISE(ABORT, 'tray_count: of an offer that is open and that nobody else counts'); END
--;
CREATE TRIGGER tray_count_signed BEFORE INSERT ON tray_count
WHEN NEW.sign_in IS NOT NULL AND (
    NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in AND code = NEW.person
        AND outcome = 'accepted' AND NEW.begun_us - at_us BETWEEN -60000000 AND 28860000000)
    OR NOT EXISTS (SELECT 1 FROM person WHERE code = NEW.person AND ended_us IS NULL))
BEGIN SELECT RAISE(ABORT, 'tray_count: by somebody who signed in within a shift'); END
--;
CREATE TRIGGER tray_count_ends BEFORE UPDATE ON tray_count
WHEN OLD.ended_us IS NOT NULL OR NEW.ended_us IS NULL
    OR NEW.count_id <> OLD.count_id OR NEW.station <> OLD.station OR NEW.handoff_id <> OLD.handoff_id
    OR NEW.tray <> OLD.tray OR NEW.person <> OLD.person OR NEW.sign_in IS NOT OLD.sign_in
    OR NEW.begun_us <> OLD.begun_us OR NEW.until_us <> OLD.until_us OR NEW.emulated <> OLD.emulated
BEGIN SELECT RAISE(ABORT, 'tray_count: ends once; all else of it is written once'); END
--;
CREATE TRIGGER tray_count_no_delete BEFORE DELETE ON tray_count
BEGIN SELECT RAISE(ABORT, 'tray_count: never deleted'); END
--;
CREATE TRIGGER tray_scan_open BEFORE INSERT ON tray_scan
WHEN EXISTS (SELECT 1 FROM tray_scan WHERE count_id = NEW.count_id AND number = NEW.number)
    OR NOT EXISTS (SELECT 1 FROM tray_count WHERE count_id = NEW.count_id AND ended_us IS NULL
        AND begun_us <= NEW.scanned_us AND until_us > NEW.scanned_us)
BEGIN SELECT RAISE(ABORT, 'tray_scan: once, in a count that is open'); END
--;
CREATE TRIGGER tray_scan_once BEFORE UPDATE ON tray_scan
BEGIN SELECT RAISE(ABORT, 'tray_scan: written once'); END
--;
CREATE TRIGGER tray_scan_no_delete BEFORE DELETE ON tray_scan
BEGIN SELECT RAISE(ABORT, 'tray_scan: never deleted'); END
