CREATE FUNCTION patrol_round_signed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.sign_in IS NOT NULL AND (NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in
            AND code = NEW.person AND outcome = 'accepted' AND abs(NEW.walked_us - at_us) <= 28800000000)
        OR NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
            WHERE person.code = NEW.person AND person.ended_us IS NULL AND person_role.role IN ('operator', 'lead'))) THEN
        RAISE EXCEPTION 'patrol_round: signed by an operator or a lead who signed in in this shift'
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.shift_id IS DISTINCT FROM (SELECT shift_id FROM shift WHERE NOT closed)
        OR (NEW.shift_id IS NOT NULL AND NEW.sign_in IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM shift_person WHERE shift_id = NEW.shift_id AND code = NEW.person)
            AND NOT EXISTS (SELECT 1 FROM person_role WHERE code = NEW.person AND role = 'lead')) THEN
        RAISE EXCEPTION 'patrol_round: in the shift that is open, by somebody of it or a lead'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER patrol_round_signed BEFORE INSERT ON patrol_round
    FOR EACH ROW EXECUTE FUNCTION patrol_round_signed()
--;
CREATE FUNCTION patrol_answer_whole() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM patrol_answer WHERE round_id = NEW.round_id)
            >= (SELECT answers FROM patrol_round WHERE round_id = NEW.round_id) THEN
        RAISE EXCEPTION 'patrol_answer: a round is whole' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER patrol_answer_whole BEFORE INSERT ON patrol_answer
    FOR EACH ROW EXECUTE FUNCTION patrol_answer_whole()
--;
CREATE FUNCTION patrol_finding_begins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.ended
        OR NOT EXISTS (SELECT 1 FROM patrol_round WHERE round_id = NEW.round_id AND walked_us = NEW.found_us
            AND emulated = NEW.emulated)
        OR NOT EXISTS (SELECT 1 FROM patrol_answer WHERE round_id = NEW.round_id AND point = NEW.point
            AND item = NEW.item AND answer = 'bad') THEN
        RAISE EXCEPTION 'patrol_finding: begins open, one for what a round found bad' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER patrol_finding_begins BEFORE INSERT ON patrol_finding
    FOR EACH ROW EXECUTE FUNCTION patrol_finding_begins()
--;
CREATE FUNCTION patrol_finding_ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.ended OR NOT NEW.ended
        OR (NEW.finding_id, NEW.round_id, NEW.point, NEW.item, NEW.kind, NEW.what, NEW.what_sha256, NEW.machine,
            NEW.photo, NEW.found_us, NEW.emulated)
        IS DISTINCT FROM (OLD.finding_id, OLD.round_id, OLD.point, OLD.item, OLD.kind, OLD.what, OLD.what_sha256,
            OLD.machine, OLD.photo, OLD.found_us, OLD.emulated)
        OR NOT EXISTS (SELECT 1 FROM patrol_step WHERE finding_id = NEW.finding_id AND step = 'checked') THEN
        RAISE EXCEPTION 'patrol_finding: ends once, by the look of a second person, and otherwise never changes'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER patrol_finding_ends BEFORE UPDATE ON patrol_finding
    FOR EACH ROW EXECUTE FUNCTION patrol_finding_ends()
--;
CREATE FUNCTION patrol_step_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.position <> (SELECT coalesce(max(position), 0) + 1 FROM patrol_step WHERE finding_id = NEW.finding_id)
        OR NOT EXISTS (SELECT 1 FROM patrol_finding WHERE finding_id = NEW.finding_id AND NOT ended
            AND (emulated OR NEW.sign_in IS NOT NULL))
        OR NOT coalesce((SELECT CASE NEW.step
                WHEN 'taken' THEN step = 'returned' OR (step = 'taken' AND person <> NEW.person)
                WHEN 'mended' THEN step = 'taken' AND person = NEW.person
                ELSE step = 'mended' AND person <> NEW.person END
            FROM patrol_step WHERE finding_id = NEW.finding_id AND position = NEW.position - 1), NEW.step = 'taken') THEN
        RAISE EXCEPTION 'patrol_step: mended by who took it, looked at by another' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.sign_in IS NOT NULL AND (NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in
            AND code = NEW.person AND outcome = 'accepted'
            AND abs(NEW.at_us - at_us) <= CASE NEW.step WHEN 'taken' THEN 28800000000 ELSE 300000000 END)
        OR NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
            WHERE person.code = NEW.person AND person.ended_us IS NULL
            AND person_role.role IN ('operator', 'lead', 'administrator'))) THEN
        RAISE EXCEPTION 'patrol_step: by an operator, lead or administrator who signed in just now'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
--;
CREATE TRIGGER patrol_step_follows BEFORE INSERT ON patrol_step
    FOR EACH ROW EXECUTE FUNCTION patrol_step_follows()
--;
CREATE FUNCTION patrols_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'patrol: append-only' USING ERRCODE = 'check_violation';
END $$
--;
CREATE TRIGGER patrol_round_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON patrol_round
    FOR EACH STATEMENT EXECUTE FUNCTION patrols_kept()
--;
CREATE TRIGGER patrol_answer_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON patrol_answer
    FOR EACH STATEMENT EXECUTE FUNCTION patrols_kept()
--;
CREATE TRIGGER patrol_photo_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON patrol_photo
    FOR EACH STATEMENT EXECUTE FUNCTION patrols_kept()
--;
CREATE TRIGGER patrol_finding_no_delete BEFORE DELETE OR TRUNCATE ON patrol_finding
    FOR EACH STATEMENT EXECUTE FUNCTION patrols_kept()
--;
CREATE TRIGGER patrol_step_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON patrol_step
    FOR EACH STATEMENT EXECUTE FUNCTION patrols_kept()
