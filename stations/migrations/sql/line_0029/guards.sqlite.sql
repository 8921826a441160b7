-- INSERT OR REPLACE would delete the row in its way without any other trigger noticing: each insert looks for one.
CREATE TRIGGER mailing_weighing_of_a_tray BEFORE INSERT ON mailing_weighing
WHEN EXISTS (SELECT 1 FROM mailing_weighing WHERE weighing_id = NEW.weighing_id
        OR (parcel_unit = NEW.parcel_unit AND tray = NEW.tray AND attempt = NEW.attempt))
    OR abs(NEW.stored_us - CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)) > 60000000
    OR NOT EXISTS (SELECT 1 FROM whereabouts WHERE unit_id = NEW.parcel_unit AND station = 'mailing' AND state = 'held'
        AND place = 'input' AND tray = NEW.tray)
    OR (NEW.attempt = 2 AND NOT EXISTS (SELECT 1 FROM mailing_weighing
        WHERE parcel_unit = NEW.parcel_unit AND tray = NEW.tray AND attempt = 1))
BEGIN SELECT RAISE(ABORT, 'mailing_weighing: of a parcel that lies in an accepted tray, once and once more'); END
--;
CREATE TRIGGER mailing_weighing_signed BEFORE INSERT ON mailing_weighing
WHEN NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in AND code = NEW.mailer
        AND outcome = 'accepted' AND NEW.stored_us - at_us BETWEEN -60000000 AND 28860000000)
    OR NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
        WHERE person.code = NEW.mailer AND person.ended_us IS NULL AND person_role.role = 'mailer')
BEGIN SELECT RAISE(ABORT, 'mailing_weighing: by a mailer who signed in within a shift'); END
--;
CREATE TRIGGER mailing_weighing_no_update BEFORE UPDATE ON mailing_weighing
BEGIN SELECT RAISE(ABORT, 'mailing_weighing: append-only'); END
--;
CREATE TRIGGER mailing_weighing_no_delete BEFORE DELETE ON mailing_weighing
BEGIN SELECT RAISE(ABORT, 'mailing_weighing: append-only'); END
--;
CREATE TRIGGER mailing_act_begins BEFORE INSERT ON mailing_act
WHEN NEW.booked_us IS NOT NULL OR EXISTS (SELECT 1 FROM mailing_act WHERE act_id = NEW.act_id)
    OR abs(NEW.stored_us - CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)) > 60000000
BEGIN SELECT RAISE(ABORT, 'mailing_act: signed once, and booked later'); END
--;
-- A count at the door is the driver's word, and a recount one's own: there a mailer stays signed in. All else is signed by
-- two passwords at that moment.
CREATE TRIGGER mailing_act_signed BEFORE INSERT ON mailing_act
WHEN NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.first_sign_in AND code = NEW.first
        AND outcome = 'accepted' AND NEW.stored_us - at_us BETWEEN -60000000
            AND CASE WHEN NEW.kind IN ('door', 'retake') THEN 28860000000 ELSE 300000000 END)
    OR (NEW.second IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.second_sign_in
        AND code = NEW.second AND outcome = 'accepted' AND NEW.stored_us - at_us BETWEEN -60000000 AND 300000000))
BEGIN SELECT RAISE(ABORT, 'mailing_act: by people who signed in at that moment'); END
--;
CREATE TRIGGER mailing_act_roles BEFORE INSERT ON mailing_act
WHEN NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
        WHERE person.code = NEW.first AND person.ended_us IS NULL AND person_role.role IN ('mailer', 'lead'))
    OR (NEW.second IS NOT NULL AND NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
        WHERE person.code = NEW.second AND person.ended_us IS NULL
        AND ((NEW.kind = 'door' AND person_role.role = 'driver')
            OR (NEW.kind <> 'door' AND person_role.role IN ('mailer', 'lead')))))
BEGIN SELECT RAISE(ABORT, 'mailing_act: by mailers or leads, and at the door by the driver'); END
--;
CREATE TRIGGER mailing_act_booked BEFORE UPDATE ON mailing_act
WHEN OLD.booked_us IS NOT NULL OR NEW.booked_us IS NULL OR NEW.act_id IS NOT OLD.act_id OR NEW.kind IS NOT OLD.kind
    OR NEW.subject IS NOT OLD.subject OR NEW.detail IS NOT OLD.detail OR NEW.first IS NOT OLD.first
    OR NEW.first_sign_in IS NOT OLD.first_sign_in OR NEW.second IS NOT OLD.second
    OR NEW.second_sign_in IS NOT OLD.second_sign_in OR NEW.stored_us IS NOT OLD.stored_us
    OR NEW.emulated IS NOT OLD.emulated
BEGIN SELECT RAISE(ABORT, 'mailing_act: booked once; all else of it is written once'); END
--;
CREATE TRIGGER mailing_act_no_delete BEFORE DELETE ON mailing_act
BEGIN SELECT RAISE(ABORT, 'mailing_act: never deleted'); END
--;
CREATE TRIGGER manifest_print_once BEFORE INSERT ON manifest_print
WHEN EXISTS (SELECT 1 FROM manifest_print WHERE print_id = NEW.print_id)
    OR NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in AND code = NEW.person
        AND outcome = 'accepted')
BEGIN SELECT RAISE(ABORT, 'manifest_print: once, by whoever signed in'); END
--;
CREATE TRIGGER manifest_print_no_update BEFORE UPDATE ON manifest_print
BEGIN SELECT RAISE(ABORT, 'manifest_print: append-only'); END
--;
CREATE TRIGGER manifest_print_no_delete BEFORE DELETE ON manifest_print
BEGIN SELECT RAISE(ABORT, 'manifest_print: append-only'); END
