-- Engineers mend machines.
CREATE OR REPLACE FUNCTION patrol_step_follows() RETURNS trigger LANGUAGE plpgsql AS $$
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
            AND person_role.role IN ('operator', 'lead', 'administrator', 'engineer'))) THEN
        RAISE EXCEPTION 'patrol_step: by an operator, lead, administrator or engineer who signed in just now'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
