CREATE FUNCTION review_question_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'review_question: append-only' USING ERRCODE = 'check_violation';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM application AS a JOIN review_verdict AS v ON v.application_id = a.application_id
            AND v.revision = a.revision WHERE a.application_id = NEW.application_id AND a.state = 'held'
            AND v.round = NEW.round AND v.outcome = 'hold')
        OR NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in AND code = NEW.sent_by
            AND outcome = 'accepted') THEN
        RAISE EXCEPTION 'review_question: of an application that is held, by whoever signed in'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER review_question_guard BEFORE INSERT OR UPDATE OR DELETE ON review_question
    FOR EACH ROW EXECUTE FUNCTION review_question_guard()
--;
CREATE TRIGGER review_question_no_truncate BEFORE TRUNCATE ON review_question
    FOR EACH STATEMENT EXECUTE FUNCTION review_question_guard()
--;
CREATE FUNCTION review_answer_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'review_answer: append-only' USING ERRCODE = 'check_violation';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM review_question WHERE application_id = NEW.application_id AND round = NEW.round)
        OR NOT EXISTS (SELECT 1 FROM application WHERE application_id = NEW.application_id AND state = 'held')
        OR NEW.round IS DISTINCT FROM (SELECT max(round) FROM review_verdict
            WHERE application_id = NEW.application_id)
        OR NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in AND code = NEW.loaded_by
            AND outcome = 'accepted') THEN
        RAISE EXCEPTION 'review_answer: one, to the question that was sent, by whoever signed in'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER review_answer_guard BEFORE INSERT OR UPDATE OR DELETE ON review_answer
    FOR EACH ROW EXECUTE FUNCTION review_answer_guard()
--;
CREATE TRIGGER review_answer_no_truncate BEFORE TRUNCATE ON review_answer
    FOR EACH STATEMENT EXECUTE FUNCTION review_answer_guard()
--;
CREATE FUNCTION review_second_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'review_second: append-only' USING ERRCODE = 'check_violation';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM review_verdict WHERE application_id = NEW.application_id
            AND revision = NEW.revision AND round = NEW.round AND outcome = 'pass')
        OR NOT EXISTS (SELECT 1 FROM application WHERE application_id = NEW.application_id AND state = 'waiting') THEN
        RAISE EXCEPTION 'review_second: of a pass whose application still waits' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER review_second_guard BEFORE INSERT OR UPDATE OR DELETE ON review_second
    FOR EACH ROW EXECUTE FUNCTION review_second_guard()
--;
CREATE TRIGGER review_second_no_truncate BEFORE TRUNCATE ON review_second
    FOR EACH STATEMENT EXECUTE FUNCTION review_second_guard()
--;
CREATE FUNCTION review_by_another() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM review_verdict WHERE application_id = NEW.application_id AND reviewer = NEW.reviewer) THEN
        RAISE EXCEPTION 'review: each round of an application is another reviewer''s'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER review_verdict_by_another BEFORE INSERT ON review_verdict
    FOR EACH ROW EXECUTE FUNCTION review_by_another()
--;
CREATE TRIGGER review_lease_by_another BEFORE INSERT ON review_lease
    FOR EACH ROW EXECUTE FUNCTION review_by_another()
--;
CREATE FUNCTION application_reviewed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'held' AND (NEW.state = 'passed' OR NOT EXISTS (SELECT 1 FROM review_answer
            WHERE application_id = OLD.application_id
            AND round = (SELECT max(round) FROM review_verdict WHERE application_id = OLD.application_id))) THEN
        RAISE EXCEPTION 'application: goes back to review with the answer to its question'
            USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.state = 'waiting' AND EXISTS (SELECT 1 FROM review_second AS s WHERE s.application_id = OLD.application_id
            AND NOT EXISTS (SELECT 1 FROM review_verdict AS v WHERE v.application_id = s.application_id
                AND v.round > s.round AND v.outcome = 'pass')) THEN
        RAISE EXCEPTION 'application: is decided again by another reviewer before it passes'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER application_reviewed BEFORE UPDATE OF state ON application FOR EACH ROW
    WHEN (NEW.state IN ('waiting', 'passed') AND OLD.state IN ('waiting', 'held') AND NEW.state <> OLD.state)
    EXECUTE FUNCTION application_reviewed()
