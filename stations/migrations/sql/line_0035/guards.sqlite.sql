CREATE TRIGGER shift_stood_open BEFORE INSERT ON shift_stood
WHEN NOT EXISTS (SELECT 1 FROM shift WHERE shift_id = NEW.shift_id AND NOT closed)
    OR EXISTS (SELECT 1 FROM shift_stood WHERE shift_id = NEW.shift_id)
BEGIN SELECT RAISE(ABORT, 'shift_stood: of a shift that ends, once'); END
--;
CREATE TRIGGER shift_stood_no_update BEFORE UPDATE ON shift_stood
BEGIN SELECT RAISE(ABORT, 'shift_stood: append-only'); END
--;
CREATE TRIGGER shift_stood_no_delete BEFORE DELETE ON shift_stood
BEGIN SELECT RAISE(ABORT, 'shift_stood: append-only'); END
