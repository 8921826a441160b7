-- What a second look caught is a reviewer's to write.
DROP TRIGGER casebook_entry_signed
--;
CREATE TRIGGER casebook_entry_signed BEFORE INSERT ON casebook_entry
WHEN NEW.sign_in IS NOT NULL AND (
    NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in AND code = NEW.writer
        AND outcome = 'accepted'
        AND CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER) - at_us BETWEEN -60000000 AND 28860000000)
    OR NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
        WHERE person.code = NEW.writer AND person.ended_us IS NULL
        AND person_role.role IN ('lead', CASE WHEN NEW.caught_at IN ('review', 'second') THEN 'reviewer'
            WHEN NEW.caught_at = 'qc' THEN 'inspector' ELSE 'packer' END)))
BEGIN SELECT RAISE(ABORT, 'casebook_entry: by somebody of its station, or a lead, who signed in within a shift'); END
--;
DROP TRIGGER packing_match_stored
--;
CREATE TRIGGER packing_match_stored BEFORE INSERT ON packing_match
WHEN abs(NEW.stored_us - CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)) > 60000000
    OR NEW.document_unit IS NOT NULL AND NOT EXISTS (SELECT 1 FROM whereabouts WHERE unit_id = NEW.document_unit AND station = 'packing'
        AND kind = 'document' AND state = 'held' AND (tray = NEW.tray AND (place = 'input' OR (place = 'box' AND NEW.outcome = 'stopped'))
            OR NEW.outcome = 'undone' AND place = 'box' AND tray = (SELECT m.box_id FROM packing_match AS m
                WHERE m.document_unit = NEW.document_unit AND m.tray = NEW.tray AND m.outcome = 'matched')))
    OR EXISTS (SELECT 1 FROM packing_match WHERE match_id = NEW.match_id)
BEGIN SELECT RAISE(ABORT, 'packing_match: now, of a piece that lies at packing'); END
--;
DROP TRIGGER packing_match_once
--;
CREATE TRIGGER packing_match_once BEFORE INSERT ON packing_match
WHEN NEW.document_unit IS NOT NULL AND EXISTS (SELECT 1 FROM packing_match WHERE document_unit = NEW.document_unit
    AND tray = NEW.tray AND (outcome <> 'matched' OR NEW.outcome NOT IN ('stopped', 'undone')))
BEGIN SELECT RAISE(ABORT, 'packing_match: one of a piece, unless it is stopped or undone after that'); END
--;
DROP TRIGGER packing_match_as_it_stands
--;
CREATE TRIGGER packing_match_as_it_stands BEFORE INSERT ON packing_match
WHEN NEW.outcome IN ('matched', 'unpaid', 'undone') AND (SELECT a.state FROM job AS j JOIN application AS a ON a.application_id = j.application_id
        WHERE j.document_unit = NEW.document_unit) = 'stopped'
    OR NEW.outcome = 'stopped' AND (SELECT a.state FROM job AS j JOIN application AS a ON a.application_id = j.application_id
        WHERE j.document_unit = NEW.document_unit) <> 'stopped'
BEGIN SELECT RAISE(ABORT, 'packing_match: of a stopped application nothing else'); END
--;
CREATE TRIGGER packing_match_undone BEFORE INSERT ON packing_match
WHEN NEW.outcome = 'undone' AND NOT EXISTS (SELECT 1 FROM packing_match AS m WHERE m.document_unit = NEW.document_unit
    AND m.outcome = 'matched' AND m.packer = NEW.packer AND m.tray = NEW.tray
    AND NOT EXISTS (SELECT 1 FROM packing_box AS box WHERE box.box_id = m.box_id AND box.closed_us IS NOT NULL))
BEGIN SELECT RAISE(ABORT, 'packing_match: undone by its own packer, before its box is closed'); END
--;
CREATE TRIGGER packing_mismatch_resolved BEFORE UPDATE ON packing_mismatch
WHEN OLD.resolution IS NOT NULL OR NEW.resolution IS NULL OR NEW.mismatch_id <> OLD.mismatch_id
    OR NEW.document_unit <> OLD.document_unit OR NEW.part <> OLD.part OR NEW.packer <> OLD.packer
    OR NEW.scanned_document <> OLD.scanned_document OR NEW.scanned_order <> OLD.scanned_order
    OR NEW.scanned_envelope <> OLD.scanned_envelope OR NEW.written_us <> OLD.written_us
    OR NEW.emulated <> OLD.emulated
    OR NOT EXISTS (SELECT 1 FROM packing_release WHERE unit_id = OLD.document_unit AND resolution = NEW.resolution
        AND stored_us >= OLD.written_us)
BEGIN SELECT RAISE(ABORT, 'packing_mismatch: resolved once, as two people decided'); END
--;
CREATE TRIGGER packing_mismatch_no_delete BEFORE DELETE ON packing_mismatch
BEGIN SELECT RAISE(ABORT, 'packing_mismatch: never deleted'); END
--;
CREATE TRIGGER packing_release_of_the_shelf BEFORE INSERT ON packing_release
WHEN abs(NEW.stored_us - CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)) > 60000000
    OR EXISTS (SELECT 1 FROM packing_release WHERE release_id = NEW.release_id)
    OR EXISTS (SELECT 1 FROM packing_release WHERE unit_id = NEW.unit_id AND step = NEW.step)
    OR NOT EXISTS (SELECT 1 FROM whereabouts WHERE unit_id = NEW.unit_id AND step = NEW.step AND station = 'packing'
        AND state = 'doubt' AND place = 'hold' AND (kind = 'parcel') = (NEW.resolution = 'opened'))
BEGIN SELECT RAISE(ABORT, 'packing_release: once of what lies on the hold shelf'); END
--;
CREATE TRIGGER packing_release_signed BEFORE INSERT ON packing_release
WHEN (SELECT count(DISTINCT s.code) FROM sign_in_attempt AS s JOIN person AS p ON p.code = s.code
        JOIN person_role AS o ON o.code = s.code
        WHERE ((s.attempt_id = NEW.first_sign_in AND s.code = NEW.first)
            OR (s.attempt_id = NEW.second_sign_in AND s.code = NEW.second))
        AND s.outcome = 'accepted' AND NEW.stored_us - s.at_us BETWEEN -60000000 AND 300000000
        AND p.ended_us IS NULL AND o.role IN ('packer', 'lead')) <> 2
BEGIN SELECT RAISE(ABORT, 'packing_release: by two packers or leads who sign in for it'); END
--;
CREATE TRIGGER packing_release_no_update BEFORE UPDATE ON packing_release
BEGIN SELECT RAISE(ABORT, 'packing_release: append-only'); END
--;
CREATE TRIGGER packing_release_no_delete BEFORE DELETE ON packing_release
BEGIN SELECT RAISE(ABORT, 'packing_release: append-only'); END
