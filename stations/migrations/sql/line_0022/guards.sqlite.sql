-- INSERT OR REPLACE would delete the row in its way without any other trigger noticing: each insert looks for one.
-- The database's clock here is in milliseconds: what it says is over is over.
CREATE TRIGGER review_lease_begins BEFORE INSERT ON review_lease
WHEN NEW.ended_us IS NOT NULL
    OR abs(NEW.leased_us - CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)) > 60000000
    OR EXISTS (SELECT 1 FROM review_lease WHERE lease_id = NEW.lease_id)
    OR EXISTS (SELECT 1 FROM review_lease WHERE application_id = NEW.application_id AND ended_us IS NULL)
    OR EXISTS (SELECT 1 FROM review_lease WHERE reviewer = NEW.reviewer AND place = NEW.place AND ended_us IS NULL)
    OR NOT EXISTS (SELECT 1 FROM application WHERE application_id = NEW.application_id AND revision = NEW.revision
        AND state = 'waiting')
    OR NEW.round <> 1 + coalesce((SELECT max(round) FROM review_verdict WHERE application_id = NEW.application_id), 0)
    OR EXISTS (SELECT 1 FROM review_decision WHERE application_id = NEW.application_id AND undone_us IS NULL
        AND round = NEW.round)
BEGIN SELECT RAISE(ABORT, 'review_lease: of an application that waits, is undecided and in nobody''s hands'); END
--;
CREATE TRIGGER review_lease_not_again BEFORE INSERT ON review_lease
WHEN EXISTS (SELECT 1 FROM review_lease WHERE application_id = NEW.application_id AND reviewer = NEW.reviewer
        AND ended_how IN ('lapsed', 'given_up'))
    OR EXISTS (SELECT 1 FROM review_decision WHERE application_id = NEW.application_id AND reviewer = NEW.reviewer
        AND undone_us IS NULL AND outcome = 'hold')
BEGIN SELECT RAISE(ABORT, 'review_lease: what somebody let lapse, gave up or held goes to another'); END
--;
CREATE TRIGGER review_lease_signed BEFORE INSERT ON review_lease
WHEN NEW.sign_in IS NOT NULL AND (
    NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in AND code = NEW.reviewer
        AND outcome = 'accepted' AND NEW.leased_us - at_us BETWEEN -60000000 AND 28860000000)
    OR NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
        WHERE person.code = NEW.reviewer AND person.ended_us IS NULL AND person_role.role = 'reviewer'))
BEGIN SELECT RAISE(ABORT, 'review_lease: to a reviewer who signed in within a shift'); END
--;
CREATE TRIGGER review_lease_ends BEFORE UPDATE ON review_lease
WHEN OLD.ended_us IS NOT NULL OR NEW.ended_us IS NULL
    OR NEW.lease_id <> OLD.lease_id OR NEW.application_id <> OLD.application_id OR NEW.revision <> OLD.revision
    OR NEW.round <> OLD.round OR NEW.reviewer <> OLD.reviewer OR NEW.sign_in IS NOT OLD.sign_in
    OR NEW.place <> OLD.place OR NEW.leased_us <> OLD.leased_us OR NEW.until_us <> OLD.until_us
    OR NEW.emulated <> OLD.emulated
BEGIN SELECT RAISE(ABORT, 'review_lease: ends once; all else of it is written once'); END
--;
CREATE TRIGGER review_lease_decided BEFORE UPDATE ON review_lease
WHEN NEW.ended_how = 'decided' AND (
    OLD.until_us <= CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)
    OR EXISTS (SELECT 1 FROM review_lease WHERE reviewer = OLD.reviewer AND ended_us IS NULL AND place < OLD.place
        AND until_us > NEW.ended_us))
BEGIN SELECT RAISE(ABORT, 'review_lease: decided in its turn, before its time is over'); END
--;
CREATE TRIGGER review_lease_no_delete BEFORE DELETE ON review_lease
BEGIN SELECT RAISE(ABORT, 'review_lease: never deleted'); END
--;
CREATE TRIGGER review_decision_stored BEFORE INSERT ON review_decision
WHEN NEW.undone_us IS NOT NULL
    OR EXISTS (SELECT 1 FROM review_decision WHERE decision_id = NEW.decision_id OR lease_id = NEW.lease_id)
    OR EXISTS (SELECT 1 FROM review_decision WHERE application_id = NEW.application_id AND revision = NEW.revision
        AND round = NEW.round AND undone_us IS NULL)
    OR NOT EXISTS (SELECT 1 FROM review_lease WHERE lease_id = NEW.lease_id AND ended_how = 'decided'
        AND ended_us = NEW.stored_us)
    OR NOT EXISTS (SELECT 1 FROM application WHERE application_id = NEW.application_id AND state = 'waiting')
    OR EXISTS (SELECT 1 FROM review_verdict WHERE application_id = NEW.application_id AND revision = NEW.revision
        AND round = NEW.round)
BEGIN SELECT RAISE(ABORT, 'review_decision: one stands, on a lease that it ends'); END
--;
CREATE TRIGGER review_decision_undone BEFORE UPDATE ON review_decision
WHEN OLD.undone_us IS NOT NULL OR NEW.undone_us IS NULL
    OR NEW.decision_id <> OLD.decision_id OR NEW.lease_id <> OLD.lease_id OR NEW.application_id <> OLD.application_id
    OR NEW.revision <> OLD.revision OR NEW.round <> OLD.round OR NEW.reviewer <> OLD.reviewer
    OR NEW.outcome <> OLD.outcome OR NEW.reasons <> OLD.reasons OR NEW.stored_us <> OLD.stored_us
    OR NEW.emulated <> OLD.emulated
    OR EXISTS (SELECT 1 FROM review_verdict WHERE application_id = OLD.application_id AND revision = OLD.revision
        AND round = OLD.round)
BEGIN SELECT RAISE(ABORT, 'review_decision: undone once, before its tray is booked; all else is written once'); END
--;
CREATE TRIGGER review_decision_no_delete BEFORE DELETE ON review_decision
BEGIN SELECT RAISE(ABORT, 'review_decision: never deleted'); END
--;
CREATE TRIGGER review_view_held BEFORE INSERT ON review_view
WHEN EXISTS (SELECT 1 FROM review_view WHERE view_id = NEW.view_id)
    OR NOT EXISTS (SELECT 1 FROM review_lease WHERE lease_id = NEW.lease_id AND ended_us IS NULL
        AND leased_us <= NEW.viewed_us AND until_us > NEW.viewed_us
        AND until_us > CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER))
BEGIN SELECT RAISE(ABORT, 'review_view: of what somebody holds'); END
--;
CREATE TRIGGER review_view_no_update BEFORE UPDATE ON review_view
BEGIN SELECT RAISE(ABORT, 'review_view: append-only'); END
--;
CREATE TRIGGER review_view_no_delete BEFORE DELETE ON review_view
BEGIN SELECT RAISE(ABORT, 'review_view: append-only'); END
--;
CREATE TRIGGER review_verdict_as_decided BEFORE INSERT ON review_verdict
WHEN EXISTS (SELECT 1 FROM review_lease WHERE application_id = NEW.application_id AND ended_us IS NULL)
    OR EXISTS (SELECT 1 FROM review_decision WHERE application_id = NEW.application_id AND revision = NEW.revision
        AND round = NEW.round AND undone_us IS NULL
        AND (reviewer <> NEW.reviewer OR outcome <> NEW.outcome OR reasons <> NEW.reasons))
BEGIN SELECT RAISE(ABORT, 'review_verdict: as it was decided at the desk, and of nothing that somebody holds'); END
