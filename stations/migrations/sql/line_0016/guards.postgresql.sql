CREATE FUNCTION gate_passage_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.number <> 1 + coalesce((SELECT max(number) FROM gate_passage), 0)
        OR (NEW.number > 1 AND NOT EXISTS (SELECT 1 FROM gate_ending WHERE number = NEW.number - 1)) THEN
        RAISE EXCEPTION 'gate_passage: numbered without a gap, and begun when the one before has ended'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER gate_passage_follows BEFORE INSERT ON gate_passage
    FOR EACH ROW EXECUTE FUNCTION gate_passage_follows()
--;
CREATE FUNCTION gate_step_legal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM gate_ending WHERE number = NEW.number)
        OR EXISTS (SELECT 1 FROM gate_step WHERE number = NEW.number AND step IN (NEW.step, 'unknown'))
        OR (NEW.step = 'second-door' AND NOT EXISTS (SELECT 1 FROM gate_passage AS its WHERE its.number = NEW.number
            AND its.person IS NOT NULL AND its.cycles IS NOT NULL
            AND NEW.cycles = its.cycles + CASE its.direction WHEN 'in' THEN 1 ELSE 0 END)) THEN
        RAISE EXCEPTION 'gate_step: each once, of a passage under way, the inner door after one whole cycle'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER gate_step_legal BEFORE INSERT ON gate_step
    FOR EACH ROW EXECUTE FUNCTION gate_step_legal()
--;
CREATE FUNCTION gate_ending_legal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM gate_ending WHERE number = NEW.number)
        OR (NEW.settled_by IS NOT NULL) <> EXISTS (SELECT 1 FROM gate_step WHERE number = NEW.number AND step = 'unknown')
        OR (NEW.outcome IN ('entered', 'left') AND NOT EXISTS (SELECT 1 FROM gate_step WHERE number = NEW.number))
        OR (NEW.outcome = 'refused' AND EXISTS (SELECT 1 FROM gate_step WHERE number = NEW.number))
        OR NOT EXISTS (SELECT 1 FROM gate_passage AS its WHERE its.number = NEW.number AND NEW.ended_us >= its.begun_us
            AND (NEW.outcome = 'refused' OR (its.person IS NOT NULL AND CASE its.direction
                WHEN 'in' THEN NEW.outcome IN ('entered', 'turned-back') ELSE NEW.outcome IN ('left', 'stayed') END))
            AND coalesce(NEW.settled_by <> its.person AND NEW.settled_second <> its.person, TRUE)
            AND (its.emulated OR NEW.settled_by IS NULL OR (NEW.sign_in IS NOT NULL AND NEW.second_sign_in IS NOT NULL))) THEN
        RAISE EXCEPTION 'gate_ending: once, as the passage went, and by two people where nobody could tell'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER gate_ending_legal BEFORE INSERT ON gate_ending
    FOR EACH ROW EXECUTE FUNCTION gate_ending_legal()
--;
CREATE FUNCTION gate_ending_signed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.sign_in IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in
            AND code = NEW.settled_by AND outcome = 'accepted' AND abs(NEW.ended_us - at_us) <= 300000000))
        OR (NEW.second_sign_in IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sign_in_attempt
            WHERE attempt_id = NEW.second_sign_in AND code = NEW.settled_second AND outcome = 'accepted'
            AND abs(NEW.ended_us - at_us) <= 300000000))
        OR (NEW.sign_in IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM person_role WHERE code = NEW.settled_by AND role = 'lead')) THEN
        RAISE EXCEPTION 'gate_ending: settled by a lead and a second person who signed in just now'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER gate_ending_signed BEFORE INSERT ON gate_ending
    FOR EACH ROW EXECUTE FUNCTION gate_ending_signed()
--;
CREATE FUNCTION gate_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'gate: append-only' USING ERRCODE = 'check_violation';
END $$
--;
CREATE TRIGGER gate_passage_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON gate_passage
    FOR EACH STATEMENT EXECUTE FUNCTION gate_append_only()
--;
CREATE TRIGGER gate_step_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON gate_step
    FOR EACH STATEMENT EXECUTE FUNCTION gate_append_only()
--;
CREATE TRIGGER gate_ending_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON gate_ending
    FOR EACH STATEMENT EXECUTE FUNCTION gate_append_only()
