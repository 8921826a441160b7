-- Engineers mend machines.
DROP TRIGGER patrol_step_signed
--;
CREATE TRIGGER patrol_step_signed BEFORE INSERT ON patrol_step
WHEN NEW.sign_in IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in
        AND code = NEW.person AND outcome = 'accepted'
        AND abs(NEW.at_us - at_us) <= CASE NEW.step WHEN 'taken' THEN 28800000000 ELSE 300000000 END)
    OR NEW.sign_in IS NOT NULL AND NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
        WHERE person.code = NEW.person AND person.ended_us IS NULL
        AND person_role.role IN ('operator', 'lead', 'administrator', 'engineer'))
BEGIN SELECT RAISE(ABORT, 'patrol_step: by an operator, lead, administrator or engineer who signed in just now'); END
