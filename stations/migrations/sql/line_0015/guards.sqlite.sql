-- Whoever writes it: no machine of a suspended zone begins a job.
CREATE TRIGGER job_in_suspended_zone BEFORE INSERT ON job
WHEN EXISTS (SELECT 1 FROM climate_machine AS stands JOIN climate_suspension AS open ON open.zone = stands.zone
    WHERE stands.machine = NEW.machine AND open.resumed_us IS NULL)
BEGIN SELECT RAISE(ABORT, 'job: nothing is drawn in a zone that is suspended for its climate'); END
--;
CREATE TRIGGER climate_machine_stays BEFORE UPDATE ON climate_machine
BEGIN SELECT RAISE(ABORT, 'climate_machine: taken out and put in, never changed'); END
--;
CREATE TRIGGER climate_machine_taken_out BEFORE DELETE ON climate_machine
WHEN EXISTS (SELECT 1 FROM climate_suspension WHERE zone = OLD.zone AND resumed_us IS NULL)
BEGIN SELECT RAISE(ABORT, 'climate_machine: stays in its zone while that is suspended'); END
--;
CREATE TRIGGER climate_machine_no_replace BEFORE INSERT ON climate_machine
WHEN EXISTS (SELECT 1 FROM climate_machine WHERE machine = NEW.machine)
BEGIN SELECT RAISE(ABORT, 'climate_machine: stands in one zone'); END
--;
CREATE TRIGGER climate_suspension_begins BEFORE INSERT ON climate_suspension
WHEN NEW.resumed_us IS NOT NULL OR EXISTS (SELECT 1 FROM climate_suspension
    WHERE suspension_id = NEW.suspension_id OR (zone = NEW.zone AND resumed_us IS NULL))
BEGIN SELECT RAISE(ABORT, 'climate_suspension: begins open, and one of a zone at a time'); END
--;
CREATE TRIGGER climate_suspension_ends BEFORE UPDATE ON climate_suspension
WHEN OLD.resumed_us IS NOT NULL OR NEW.resumed_us IS NULL
    OR NEW.suspension_id IS NOT OLD.suspension_id OR NEW.zone IS NOT OLD.zone OR NEW.sensor IS NOT OLD.sensor
    OR NEW.figure IS NOT OLD.figure OR NEW.value IS NOT OLD.value OR NEW.out_since_us IS NOT OLD.out_since_us
    OR NEW.suspended_us IS NOT OLD.suspended_us OR NEW.emulated IS NOT OLD.emulated
    OR NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
        WHERE person.code = NEW.resumed_by AND person.ended_us IS NULL AND person_role.role = 'lead')
    OR NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in AND code = NEW.resumed_by
        AND outcome = 'accepted' AND abs(NEW.resumed_us - at_us) <= 300000000)
BEGIN SELECT RAISE(ABORT, 'climate_suspension: ended once, by a lead who signed in just now, and never changed'); END
--;
CREATE TRIGGER climate_suspension_ends_within BEFORE UPDATE ON climate_suspension
WHEN CASE WHEN NEW.resumed_second IS NULL
    THEN NOT EXISTS (SELECT 1 FROM climate_zone WHERE zone = NEW.zone AND out_since_us IS NULL
        AND looked_us >= NEW.resumed_us - holds_us)
    ELSE NOT EXISTS (SELECT 1 FROM person WHERE code = NEW.resumed_second AND ended_us IS NULL)
        OR NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.second_sign_in
            AND code = NEW.resumed_second AND outcome = 'accepted' AND abs(NEW.resumed_us - at_us) <= 300000000)
    END
BEGIN SELECT RAISE(ABORT, 'climate_suspension: ended in air within its limits, or by two who signed in just now'); END
--;
CREATE TRIGGER climate_suspension_no_delete BEFORE DELETE ON climate_suspension
BEGIN SELECT RAISE(ABORT, 'climate_suspension: never deleted'); END
--;
CREATE TRIGGER climate_reading_no_update BEFORE UPDATE ON climate_reading
BEGIN SELECT RAISE(ABORT, 'climate_reading: append-only'); END
--;
CREATE TRIGGER climate_reading_no_replace BEFORE INSERT ON climate_reading
WHEN EXISTS (SELECT 1 FROM climate_reading WHERE sensor = NEW.sensor AND began_us = NEW.began_us)
BEGIN SELECT RAISE(ABORT, 'climate_reading: append-only'); END
--;
CREATE TRIGGER climate_reading_kept BEFORE DELETE ON climate_reading
WHEN OLD.began_us > (SELECT max(began_us) FROM climate_reading WHERE sensor = OLD.sensor) - 34560000000000
BEGIN SELECT RAISE(ABORT, 'climate_reading: kept for 400 days'); END
--;
CREATE TRIGGER climate_crossing_no_update BEFORE UPDATE ON climate_crossing
BEGIN SELECT RAISE(ABORT, 'climate_crossing: append-only'); END
--;
CREATE TRIGGER climate_crossing_no_replace BEFORE INSERT ON climate_crossing
WHEN EXISTS (SELECT 1 FROM climate_crossing WHERE crossing_id = NEW.crossing_id)
BEGIN SELECT RAISE(ABORT, 'climate_crossing: append-only'); END
--;
CREATE TRIGGER climate_crossing_kept BEFORE DELETE ON climate_crossing
WHEN OLD.at_us > (SELECT max(looked_us) FROM climate_zone WHERE zone = OLD.zone) - 34560000000000
BEGIN SELECT RAISE(ABORT, 'climate_crossing: kept for 400 days'); END
