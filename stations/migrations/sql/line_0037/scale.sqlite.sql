CREATE TRIGGER mailing_scale_ask_begins BEFORE INSERT ON mailing_scale_ask
WHEN NEW.told_us IS NOT NULL OR EXISTS (SELECT 1 FROM mailing_scale_ask WHERE ask_id = NEW.ask_id)
    OR abs(NEW.asked_us - CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)) > 60000000
    OR EXISTS (SELECT 1 FROM mailing_scale_ask WHERE scale = NEW.scale AND told_us IS NULL)
    OR NOT EXISTS (SELECT 1 FROM whereabouts WHERE unit_id = NEW.parcel_unit AND station = 'mailing' AND state = 'held'
        AND place = 'input' AND tray = NEW.tray)
BEGIN SELECT RAISE(ABORT, 'mailing_scale_ask: of a parcel that lies in an accepted tray'); END
--;
CREATE TRIGGER mailing_scale_ask_signed BEFORE INSERT ON mailing_scale_ask
WHEN NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in AND code = NEW.mailer
        AND outcome = 'accepted' AND NEW.asked_us - at_us BETWEEN -60000000 AND 28860000000)
    OR NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
        WHERE person.code = NEW.mailer AND person.ended_us IS NULL AND person_role.role = 'mailer')
BEGIN SELECT RAISE(ABORT, 'mailing_scale_ask: by a mailer who signed in within a shift'); END
--;
CREATE TRIGGER mailing_scale_ask_told BEFORE UPDATE ON mailing_scale_ask
WHEN OLD.told_us IS NOT NULL OR NEW.told_us IS NULL OR NEW.ask_id <> OLD.ask_id
    OR NEW.parcel_unit <> OLD.parcel_unit OR NEW.tray <> OLD.tray OR NEW.scale <> OLD.scale
    OR NEW.mailer <> OLD.mailer OR NEW.sign_in <> OLD.sign_in OR NEW.asked_us <> OLD.asked_us
    OR NEW.emulated <> OLD.emulated
    OR abs(NEW.told_us - CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)) > 60000000
BEGIN SELECT RAISE(ABORT, 'mailing_scale_ask: told once; all else of it is written once'); END
--;
CREATE TRIGGER mailing_scale_ask_no_delete BEFORE DELETE ON mailing_scale_ask
BEGIN SELECT RAISE(ABORT, 'mailing_scale_ask: never deleted'); END
--;
CREATE TRIGGER mailing_weighing_by_scale BEFORE INSERT ON mailing_weighing
WHEN NEW.ask_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM mailing_scale_ask WHERE ask_id = NEW.ask_id
        AND parcel_unit = NEW.parcel_unit AND tray = NEW.tray AND mailer = NEW.mailer AND grams = NEW.grams)
    OR NEW.ask_id IS NULL AND EXISTS (SELECT 1 FROM mailing_scale_ask AS a WHERE a.parcel_unit = NEW.parcel_unit
        AND a.tray = NEW.tray AND a.grams IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM mailing_weighing AS w WHERE w.ask_id = a.ask_id)
        AND NOT EXISTS (SELECT 1 FROM mailing_scale_ask AS later WHERE later.parcel_unit = a.parcel_unit
            AND later.tray = a.tray AND later.asked_us > a.asked_us AND later.fault = 'stands'))
BEGIN SELECT RAISE(ABORT, 'mailing_weighing: what the scale told is not typed over'); END
