-- INSERT OR REPLACE would delete the row in its way without any other trigger noticing: each insert looks for one.
-- The database's clock here is in milliseconds.
CREATE TRIGGER packing_box_begins BEFORE INSERT ON packing_box
WHEN NEW.closed_us IS NOT NULL OR abs(NEW.opened_us - CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)) > 60000000
    OR EXISTS (SELECT 1 FROM packing_box WHERE box_id = NEW.box_id)
    OR EXISTS (SELECT 1 FROM packing_box WHERE office = NEW.office AND closed_us IS NULL)
BEGIN SELECT RAISE(ABORT, 'packing_box: begins open'); END
--;
CREATE TRIGGER packing_box_signed BEFORE INSERT ON packing_box
WHEN NEW.opened_sign_in IS NOT NULL AND (
    NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.opened_sign_in AND code = NEW.opened_by
        AND outcome = 'accepted' AND NEW.opened_us - at_us BETWEEN -60000000 AND 28860000000)
    OR NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
        WHERE person.code = NEW.opened_by AND person.ended_us IS NULL AND person_role.role = 'packer'))
BEGIN SELECT RAISE(ABORT, 'packing_box: by a packer who signed in within a shift'); END
--;
CREATE TRIGGER packing_box_closes BEFORE UPDATE ON packing_box
WHEN OLD.closed_us IS NOT NULL OR NEW.closed_us IS NULL OR NEW.box_id <> OLD.box_id OR NEW.office <> OLD.office
    OR NEW.opened_us <> OLD.opened_us OR NEW.opened_by <> OLD.opened_by
    OR NEW.opened_sign_in IS NOT OLD.opened_sign_in OR NEW.emulated <> OLD.emulated
    OR abs(NEW.closed_us - CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)) > 60000000
BEGIN SELECT RAISE(ABORT, 'packing_box: closes once; all else of it is written once'); END
--;
CREATE TRIGGER packing_box_filled BEFORE UPDATE ON packing_box
WHEN NOT EXISTS (SELECT 1 FROM packing_match WHERE box_id = OLD.box_id)
BEGIN SELECT RAISE(ABORT, 'packing_box: an empty one is not closed'); END
--;
CREATE TRIGGER packing_box_closed_signed BEFORE UPDATE ON packing_box
WHEN NEW.closed_sign_in IS NOT NULL AND (
    NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.closed_sign_in AND code = NEW.closed_by
        AND outcome = 'accepted' AND NEW.closed_us - at_us BETWEEN -60000000 AND 28860000000)
    OR NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
        WHERE person.code = NEW.closed_by AND person.ended_us IS NULL AND person_role.role = 'packer'))
BEGIN SELECT RAISE(ABORT, 'packing_box: by a packer who signed in within a shift'); END
--;
CREATE TRIGGER packing_match_stored BEFORE INSERT ON packing_match
WHEN abs(NEW.stored_us - CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)) > 60000000
    OR NEW.document_unit IS NOT NULL AND NOT EXISTS (SELECT 1 FROM whereabouts WHERE unit_id = NEW.document_unit AND station = 'packing'
        AND kind = 'document' AND state = 'held' AND (place = 'input' OR (place = 'box' AND NEW.outcome = 'stopped')) AND tray = NEW.tray)
    OR EXISTS (SELECT 1 FROM packing_match WHERE match_id = NEW.match_id)
BEGIN SELECT RAISE(ABORT, 'packing_match: now, of a piece that lies at packing'); END
--;
CREATE TRIGGER packing_match_once BEFORE INSERT ON packing_match
WHEN NEW.document_unit IS NOT NULL AND EXISTS (SELECT 1 FROM packing_match WHERE document_unit = NEW.document_unit
    AND tray = NEW.tray AND (outcome <> 'matched' OR NEW.outcome <> 'stopped'))
BEGIN SELECT RAISE(ABORT, 'packing_match: one of a piece, unless it is stopped after that'); END
--;
CREATE TRIGGER packing_match_as_it_stands BEFORE INSERT ON packing_match
WHEN NEW.outcome IN ('matched', 'unpaid') AND (SELECT a.state FROM job AS j JOIN application AS a ON a.application_id = j.application_id
        WHERE j.document_unit = NEW.document_unit) = 'stopped'
    OR NEW.outcome = 'stopped' AND (SELECT a.state FROM job AS j JOIN application AS a ON a.application_id = j.application_id
        WHERE j.document_unit = NEW.document_unit) <> 'stopped'
BEGIN SELECT RAISE(ABORT, 'packing_match: of a stopped application nothing else'); END
--;
CREATE TRIGGER packing_match_goes BEFORE INSERT ON packing_match
WHEN NEW.outcome = 'matched' AND (
    NEW.box_id IS NULL AND (SELECT a.delivery FROM job AS j JOIN application AS a ON a.application_id = j.application_id
            WHERE j.document_unit = NEW.document_unit) <> 'post'
    OR NEW.box_id IS NOT NULL AND ((SELECT a.delivery FROM job AS j JOIN application AS a ON a.application_id = j.application_id
            WHERE j.document_unit = NEW.document_unit) <> 'collection'
        OR NOT EXISTS (SELECT 1 FROM packing_box WHERE box_id = NEW.box_id AND closed_us IS NULL
            AND office = (SELECT a.office FROM job AS j JOIN application AS a ON a.application_id = j.application_id
            WHERE j.document_unit = NEW.document_unit))))
BEGIN SELECT RAISE(ABORT, 'packing_match: into the open box of its office, or for the post'); END
--;
CREATE TRIGGER packing_match_signed BEFORE INSERT ON packing_match
WHEN NEW.sign_in IS NOT NULL AND (
    NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in AND code = NEW.packer
        AND outcome = 'accepted' AND NEW.stored_us - at_us BETWEEN -60000000 AND 28860000000)
    OR NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
        WHERE person.code = NEW.packer AND person.ended_us IS NULL AND person_role.role = 'packer'))
BEGIN SELECT RAISE(ABORT, 'packing_match: by a packer who signed in within a shift'); END
--;
CREATE TRIGGER packing_ask_begins BEFORE INSERT ON packing_ask
WHEN NEW.answer IS NOT NULL OR abs(NEW.asked_us - CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)) > 60000000
    OR EXISTS (SELECT 1 FROM packing_ask WHERE ask_id = NEW.ask_id)
    OR EXISTS (SELECT 1 FROM packing_ask WHERE parcel_unit = NEW.parcel_unit AND what = NEW.what AND answer IS NULL)
BEGIN SELECT RAISE(ABORT, 'packing_ask: begins unanswered'); END
--;
CREATE TRIGGER packing_ask_answered BEFORE UPDATE ON packing_ask
WHEN OLD.answer IS NOT NULL OR NEW.answer IS NULL OR NEW.ask_id <> OLD.ask_id OR NEW.parcel_unit <> OLD.parcel_unit
    OR NEW.what <> OLD.what OR NEW.machine <> OLD.machine OR NEW.asked_us <> OLD.asked_us OR NEW.emulated <> OLD.emulated
    OR abs(NEW.answered_us - CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)) > 60000000
BEGIN SELECT RAISE(ABORT, 'packing_ask: answered once; all else of it is written once'); END
--;
CREATE TRIGGER packing_ask_answered_signed BEFORE UPDATE ON packing_ask
WHEN NEW.sign_in IS NOT NULL AND (
    NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in AND code = NEW.answered_by
        AND outcome = 'accepted' AND NEW.answered_us - at_us BETWEEN -60000000 AND 28860000000)
    OR NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
        WHERE person.code = NEW.answered_by AND person.ended_us IS NULL AND person_role.role = 'packer'))
BEGIN SELECT RAISE(ABORT, 'packing_ask: by a packer who signed in within a shift'); END
--;
CREATE TRIGGER packing_box_no_delete BEFORE DELETE ON packing_box
BEGIN SELECT RAISE(ABORT, 'packing_box: never deleted'); END
--;
CREATE TRIGGER packing_match_no_update BEFORE UPDATE ON packing_match
BEGIN SELECT RAISE(ABORT, 'packing_match: append-only'); END
--;
CREATE TRIGGER packing_match_no_delete BEFORE DELETE ON packing_match
BEGIN SELECT RAISE(ABORT, 'packing_match: never deleted'); END
--;
CREATE TRIGGER packing_ask_no_delete BEFORE DELETE ON packing_ask
BEGIN SELECT RAISE(ABORT, 'packing_ask: never deleted'); END
