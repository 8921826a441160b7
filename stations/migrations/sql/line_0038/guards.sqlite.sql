CREATE TRIGGER number_range_apart BEFORE INSERT ON number_range
WHEN EXISTS (SELECT 1 FROM number_range AS had WHERE had.prefix = NEW.prefix AND had.digits = NEW.digits
    AND had.first_number <= NEW.last_number AND NEW.first_number <= had.last_number)
BEGIN SELECT RAISE(ABORT, 'number_range: no number is given to a line twice'); END
--;
CREATE TRIGGER number_range_only_used BEFORE UPDATE ON number_range
WHEN NEW.next_number < OLD.next_number OR NEW.product <> OLD.product OR NEW.prefix <> OLD.prefix
    OR NEW.digits <> OLD.digits OR NEW.first_number <> OLD.first_number OR NEW.last_number <> OLD.last_number
BEGIN SELECT RAISE(ABORT, 'number_range: a number is given out once'); END
--;
CREATE TRIGGER number_range_no_delete BEFORE DELETE ON number_range
BEGIN SELECT RAISE(ABORT, 'number_range: what was given out stays known'); END
--;
CREATE TRIGGER tracking_range_apart BEFORE INSERT ON tracking_range
WHEN EXISTS (SELECT 1 FROM tracking_range AS had WHERE had.prefix = NEW.prefix AND had.suffix = NEW.suffix
    AND had.width = NEW.width AND had.first_serial <= NEW.last_serial AND NEW.first_serial <= had.last_serial)
BEGIN SELECT RAISE(ABORT, 'tracking_range: no number is given to a line twice'); END
--;
CREATE TRIGGER tracking_range_only_used BEFORE UPDATE ON tracking_range
WHEN NEW.next_serial < OLD.next_serial OR NEW.range_id <> OLD.range_id OR NEW.form <> OLD.form
    OR NEW.prefix <> OLD.prefix OR NEW.suffix <> OLD.suffix OR NEW.width <> OLD.width
    OR NEW.first_serial <> OLD.first_serial OR NEW.last_serial <> OLD.last_serial OR NEW.emulated <> OLD.emulated
BEGIN SELECT RAISE(ABORT, 'tracking_range: a number is given out once'); END
--;
CREATE TRIGGER tracking_range_no_delete BEFORE DELETE ON tracking_range
BEGIN SELECT RAISE(ABORT, 'tracking_range: what was given out stays known'); END
