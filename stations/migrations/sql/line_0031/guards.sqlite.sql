CREATE TRIGGER review_question_sent BEFORE INSERT ON review_question
WHEN EXISTS (SELECT 1 FROM review_question WHERE sending_id = NEW.sending_id AND application_id = NEW.application_id)
    OR NOT EXISTS (SELECT 1 FROM application AS a JOIN review_verdict AS v ON v.application_id = a.application_id
        AND v.revision = a.revision WHERE a.application_id = NEW.application_id AND a.state = 'held'
        AND v.round = NEW.round AND v.outcome = 'hold')
    OR NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in AND code = NEW.sent_by
        AND outcome = 'accepted')
BEGIN SELECT RAISE(ABORT, 'review_question: of an application that is held, by whoever signed in'); END
--;
CREATE TRIGGER review_question_no_update BEFORE UPDATE ON review_question
BEGIN SELECT RAISE(ABORT, 'review_question: append-only'); END
--;
CREATE TRIGGER review_question_no_delete BEFORE DELETE ON review_question
BEGIN SELECT RAISE(ABORT, 'review_question: append-only'); END
--;
CREATE TRIGGER review_answer_loaded BEFORE INSERT ON review_answer
WHEN EXISTS (SELECT 1 FROM review_answer WHERE application_id = NEW.application_id AND revision = NEW.revision
        AND round = NEW.round)
    OR NOT EXISTS (SELECT 1 FROM review_question WHERE application_id = NEW.application_id AND round = NEW.round)
    OR NOT EXISTS (SELECT 1 FROM application WHERE application_id = NEW.application_id AND state = 'held')
    OR NEW.round <> (SELECT max(round) FROM review_verdict WHERE application_id = NEW.application_id)
    OR NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in AND code = NEW.loaded_by
        AND outcome = 'accepted')
BEGIN SELECT RAISE(ABORT, 'review_answer: one, to the question that was sent, by whoever signed in'); END
--;
CREATE TRIGGER review_answer_no_update BEFORE UPDATE ON review_answer
BEGIN SELECT RAISE(ABORT, 'review_answer: append-only'); END
--;
CREATE TRIGGER review_answer_no_delete BEFORE DELETE ON review_answer
BEGIN SELECT RAISE(ABORT, 'review_answer: append-only'); END
--;
CREATE TRIGGER review_second_chosen BEFORE INSERT ON review_second
WHEN EXISTS (SELECT 1 FROM review_second WHERE application_id = NEW.application_id AND revision = NEW.revision
        AND round = NEW.round)
    OR NOT EXISTS (SELECT 1 FROM review_verdict WHERE application_id = NEW.application_id
        AND revision = NEW.revision AND round = NEW.round AND outcome = 'pass')
    OR NOT EXISTS (SELECT 1 FROM application WHERE application_id = NEW.application_id AND state = 'waiting')
BEGIN SELECT RAISE(ABORT, 'review_second: of a pass whose application still waits'); END
--;
CREATE TRIGGER review_second_no_update BEFORE UPDATE ON review_second
BEGIN SELECT RAISE(ABORT, 'review_second: append-only'); END
--;
CREATE TRIGGER review_second_no_delete BEFORE DELETE ON review_second
BEGIN SELECT RAISE(ABORT, 'review_second: append-only'); END
--;
CREATE TRIGGER review_verdict_by_another BEFORE INSERT ON review_verdict
WHEN EXISTS (SELECT 1 FROM review_verdict WHERE application_id = NEW.application_id AND reviewer = NEW.reviewer)
BEGIN SELECT RAISE(ABORT, 'review: each round of an application is another reviewer''s'); END
--;
CREATE TRIGGER review_lease_by_another BEFORE INSERT ON review_lease
WHEN EXISTS (SELECT 1 FROM review_verdict WHERE application_id = NEW.application_id AND reviewer = NEW.reviewer)
BEGIN SELECT RAISE(ABORT, 'review: each round of an application is another reviewer''s'); END
--;
CREATE TRIGGER application_reviewed BEFORE UPDATE OF state ON application
WHEN NEW.state IN ('waiting', 'passed') AND OLD.state IN ('waiting', 'held') AND NEW.state <> OLD.state
BEGIN SELECT CASE
    WHEN OLD.state = 'held' AND (NEW.state = 'passed' OR NOT EXISTS (SELECT 1 FROM review_answer
            WHERE application_id = OLD.application_id
            AND round = (SELECT max(round) FROM review_verdict WHERE application_id = OLD.application_id)))
        THEN RAISE(ABORT, 'application: goes back to review with the answer to its question')
    WHEN OLD.state = 'waiting' AND EXISTS (SELECT 1 FROM review_second AS s WHERE s.application_id = OLD.application_id
            AND NOT EXISTS (SELECT 1 FROM review_verdict AS v WHERE v.application_id = s.application_id
                AND v.round > s.round AND v.outcome = 'pass'))
        THEN RAISE(ABORT, 'application: is decided again by another reviewer before it passes')
END; END
