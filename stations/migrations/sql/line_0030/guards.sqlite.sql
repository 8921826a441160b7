-- INSERT OR REPLACE would delete the row in its way without any other trigger noticing: each insert looks for one.
CREATE TRIGGER qc_reading_read BEFORE INSERT ON qc_reading
WHEN NEW.turn <> 1 + coalesce((SELECT max(turn) FROM qc_reading WHERE document_unit = NEW.document_unit), 0)
    OR (NEW.turn > 1 AND NOT EXISTS (SELECT 1 FROM qc_hold WHERE document_unit = NEW.document_unit
        AND turn = NEW.turn - 1 AND ended_how = 'read_again'))
    OR EXISTS (SELECT 1 FROM qc_decision WHERE document_unit = NEW.document_unit AND undone_us IS NULL)
    OR EXISTS (SELECT 1 FROM inspection WHERE document_unit = NEW.document_unit)
    OR NOT EXISTS (SELECT 1 FROM job WHERE document_unit = NEW.document_unit AND application_id = NEW.application_id)
BEGIN SELECT RAISE(ABORT, 'qc_reading: of a document that was made and is not inspected; again where an inspector asks'); END
--;
CREATE TRIGGER qc_reading_no_update BEFORE UPDATE ON qc_reading
BEGIN SELECT RAISE(ABORT, 'qc_reading: append-only'); END
--;
CREATE TRIGGER qc_reading_no_delete BEFORE DELETE ON qc_reading
BEGIN SELECT RAISE(ABORT, 'qc_reading: append-only'); END
--;
-- The database's clock here is in milliseconds: what it says is over is over.
CREATE TRIGGER qc_hold_begins BEFORE INSERT ON qc_hold
WHEN NEW.ended_us IS NOT NULL
    OR abs(NEW.taken_us - CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)) > 60000000
    OR EXISTS (SELECT 1 FROM qc_hold WHERE hold_id = NEW.hold_id)
    OR EXISTS (SELECT 1 FROM qc_hold WHERE document_unit = NEW.document_unit AND ended_us IS NULL)
    OR EXISTS (SELECT 1 FROM qc_hold WHERE inspector = NEW.inspector AND ended_us IS NULL)
    OR EXISTS (SELECT 1 FROM qc_decision WHERE document_unit = NEW.document_unit AND undone_us IS NULL)
    OR EXISTS (SELECT 1 FROM inspection WHERE document_unit = NEW.document_unit)
    OR EXISTS (SELECT 1 FROM qc_hold WHERE document_unit = NEW.document_unit AND turn = NEW.turn
        AND ended_how = 'read_again')
    OR NOT EXISTS (SELECT 1 FROM qc_reading AS r JOIN application AS a ON a.application_id = r.application_id
        WHERE r.document_unit = NEW.document_unit AND r.turn = NEW.turn AND a.state = 'in_production')
    OR NOT EXISTS (SELECT 1 FROM whereabouts WHERE unit_id = NEW.document_unit AND station = 'qc' AND state = 'held'
        AND place = 'input')
BEGIN SELECT RAISE(ABORT, 'qc_hold: of a piece that was read, waits at QC, is undecided and in nobody''s hand'); END
--;
CREATE TRIGGER qc_hold_of_another BEFORE INSERT ON qc_hold
WHEN EXISTS (SELECT 1 FROM qc_reading AS r JOIN review_verdict AS v ON v.application_id = r.application_id
    WHERE r.document_unit = NEW.document_unit AND v.reviewer = NEW.inspector)
BEGIN SELECT RAISE(ABORT, 'qc_hold: by nobody who reviewed the application'); END
--;
CREATE TRIGGER qc_hold_signed BEFORE INSERT ON qc_hold
WHEN NEW.sign_in IS NOT NULL AND (
    NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in AND code = NEW.inspector
        AND outcome = 'accepted' AND NEW.taken_us - at_us BETWEEN -60000000 AND 28860000000)
    OR NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
        WHERE person.code = NEW.inspector AND person.ended_us IS NULL AND person_role.role = 'inspector'))
BEGIN SELECT RAISE(ABORT, 'qc_hold: by an inspector who signed in within a shift'); END
--;
CREATE TRIGGER qc_hold_ends BEFORE UPDATE ON qc_hold
WHEN OLD.ended_us IS NOT NULL OR NEW.ended_us IS NULL
    OR NEW.hold_id <> OLD.hold_id OR NEW.document_unit <> OLD.document_unit OR NEW.turn <> OLD.turn
    OR NEW.inspector <> OLD.inspector OR NEW.sign_in IS NOT OLD.sign_in OR NEW.taken_us <> OLD.taken_us OR NEW.until_us <> OLD.until_us
    OR NEW.emulated <> OLD.emulated
    OR (NEW.ended_how = 'decided' AND OLD.until_us <= CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER))
BEGIN SELECT RAISE(ABORT, 'qc_hold: ends once, decided before its time is over; all else is written once'); END
--;
CREATE TRIGGER qc_hold_no_delete BEFORE DELETE ON qc_hold
BEGIN SELECT RAISE(ABORT, 'qc_hold: never deleted'); END
--;
CREATE TRIGGER qc_decision_stored BEFORE INSERT ON qc_decision
WHEN NEW.undone_us IS NOT NULL
    OR EXISTS (SELECT 1 FROM qc_decision WHERE decision_id = NEW.decision_id OR hold_id = NEW.hold_id)
    OR EXISTS (SELECT 1 FROM qc_decision WHERE document_unit = NEW.document_unit AND undone_us IS NULL)
    OR EXISTS (SELECT 1 FROM inspection WHERE document_unit = NEW.document_unit)
    OR NOT EXISTS (SELECT 1 FROM qc_hold WHERE hold_id = NEW.hold_id AND ended_how = 'decided'
        AND ended_us = NEW.stored_us)
    OR EXISTS (SELECT 1 FROM qc_reading AS r JOIN review_verdict AS v ON v.application_id = r.application_id
        WHERE r.document_unit = NEW.document_unit AND v.reviewer = NEW.inspector)
BEGIN SELECT RAISE(ABORT, 'qc_decision: one stands, on a piece in hand, by nobody who reviewed the application'); END
--;
CREATE TRIGGER qc_decision_barred BEFORE INSERT ON qc_decision
WHEN NEW.outcome = 'pass' AND EXISTS (SELECT 1 FROM qc_hold AS h
    JOIN qc_reading AS r ON r.document_unit = h.document_unit AND r.turn = h.turn
    WHERE h.hold_id = NEW.hold_id AND (instr(r.codes, 'chip') > 0 OR instr(r.codes, 'unreadable') > 0))
BEGIN SELECT RAISE(ABORT, 'qc_decision: no person passes what only a reader can see'); END
--;
CREATE TRIGGER qc_decision_undone BEFORE UPDATE ON qc_decision
WHEN OLD.undone_us IS NOT NULL OR NEW.undone_us IS NULL
    OR NEW.decision_id <> OLD.decision_id OR NEW.hold_id <> OLD.hold_id OR NEW.document_unit <> OLD.document_unit
    OR NEW.inspector <> OLD.inspector OR NEW.outcome <> OLD.outcome OR NEW.codes <> OLD.codes
    OR NEW.stored_us <> OLD.stored_us OR NEW.emulated <> OLD.emulated
    OR EXISTS (SELECT 1 FROM inspection WHERE document_unit = OLD.document_unit)
    OR EXISTS (SELECT 1 FROM qc_void WHERE document_unit = OLD.document_unit)
BEGIN SELECT RAISE(ABORT, 'qc_decision: undone once, before it is booked or signed for; all else is written once'); END
--;
CREATE TRIGGER qc_decision_no_delete BEFORE DELETE ON qc_decision
BEGIN SELECT RAISE(ABORT, 'qc_decision: never deleted'); END
--;
CREATE TRIGGER qc_void_signed BEFORE INSERT ON qc_void
WHEN EXISTS (SELECT 1 FROM qc_void WHERE document_unit = NEW.document_unit)
    OR abs(NEW.signed_us - CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)) > 60000000
    OR NOT EXISTS (SELECT 1 FROM qc_decision WHERE decision_id = NEW.decision_id
        AND document_unit = NEW.document_unit AND outcome = 'fail' AND undone_us IS NULL)
    OR EXISTS (SELECT 1 FROM inspection WHERE document_unit = NEW.document_unit)
    OR NOT EXISTS (SELECT 1 FROM sign_in_attempt AS s
        JOIN person AS p ON p.code = s.code JOIN person_role AS o ON o.code = s.code
        WHERE s.attempt_id = NEW.first_sign_in AND s.code = NEW.first AND s.outcome = 'accepted'
        AND NEW.signed_us - s.at_us BETWEEN -60000000 AND 120000000 AND p.ended_us IS NULL AND o.role = 'inspector')
    OR NOT EXISTS (SELECT 1 FROM sign_in_attempt AS s
        JOIN person AS p ON p.code = s.code JOIN person_role AS o ON o.code = s.code
        WHERE s.attempt_id = NEW.second_sign_in AND s.code = NEW.second AND s.outcome = 'accepted'
        AND NEW.signed_us - s.at_us BETWEEN -60000000 AND 120000000 AND p.ended_us IS NULL
        AND o.role IN ('inspector', 'lead'))
BEGIN SELECT RAISE(ABORT, 'qc_void: of a piece that failed, by an inspector and a second who sign in for it'); END
--;
CREATE TRIGGER qc_void_no_update BEFORE UPDATE ON qc_void
BEGIN SELECT RAISE(ABORT, 'qc_void: append-only'); END
--;
CREATE TRIGGER qc_void_no_delete BEFORE DELETE ON qc_void
BEGIN SELECT RAISE(ABORT, 'qc_void: append-only'); END
--;
CREATE TRIGGER qc_view_held BEFORE INSERT ON qc_view
WHEN EXISTS (SELECT 1 FROM qc_view WHERE view_id = NEW.view_id)
    OR NOT EXISTS (SELECT 1 FROM qc_hold WHERE hold_id = NEW.hold_id AND ended_us IS NULL
        AND taken_us <= NEW.viewed_us AND until_us > NEW.viewed_us
        AND until_us > CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER))
BEGIN SELECT RAISE(ABORT, 'qc_view: of what somebody has in hand'); END
--;
CREATE TRIGGER qc_view_no_update BEFORE UPDATE ON qc_view
BEGIN SELECT RAISE(ABORT, 'qc_view: append-only'); END
--;
CREATE TRIGGER qc_view_no_delete BEFORE DELETE ON qc_view
BEGIN SELECT RAISE(ABORT, 'qc_view: append-only'); END
--;
CREATE TRIGGER inspection_as_decided BEFORE INSERT ON inspection
WHEN EXISTS (SELECT 1 FROM qc_hold WHERE document_unit = NEW.document_unit AND ended_us IS NULL)
    OR EXISTS (SELECT 1 FROM qc_decision WHERE document_unit = NEW.document_unit AND undone_us IS NULL
        AND (inspector <> NEW.inspector OR outcome <> NEW.outcome OR codes <> NEW.codes))
BEGIN SELECT RAISE(ABORT, 'inspection: as it was decided at the desk, and of nothing in somebody''s hand'); END
