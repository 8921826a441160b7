-- INSERT OR REPLACE would delete the row in its way without any other trigger noticing.
CREATE TRIGGER issuer_sign_in_no_replace BEFORE INSERT ON issuer_sign_in
WHEN EXISTS (SELECT 1 FROM issuer_sign_in WHERE attempt_id = NEW.attempt_id)
BEGIN SELECT RAISE(ABORT, 'issuer_sign_in: append-only'); END
--;
CREATE TRIGGER issuer_sign_in_enrolled BEFORE INSERT ON issuer_sign_in
WHEN NEW.accepted AND NOT EXISTS (SELECT 1 FROM person WHERE code = NEW.code AND ended_us IS NULL)
BEGIN SELECT RAISE(ABORT, 'issuer_sign_in: only who is enrolled comes in'); END
--;
CREATE TRIGGER issuer_sign_in_relieved BEFORE INSERT ON issuer_sign_in
WHEN NEW.accepted AND EXISTS (SELECT 1 FROM shift_relief AS relief JOIN shift ON shift.shift_id = relief.shift_id
    WHERE relief.absent = NEW.code AND NOT shift.closed)
BEGIN SELECT RAISE(ABORT, 'issuer_sign_in: who was relieved comes in to nothing'); END
--;
CREATE TRIGGER issuer_sign_in_no_signature BEFORE INSERT ON issuer_sign_in
WHEN EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.attempt_id)
BEGIN SELECT RAISE(ABORT, 'issuer_sign_in: is no signature'); END
--;
CREATE TRIGGER issuer_sign_in_no_update BEFORE UPDATE ON issuer_sign_in
BEGIN SELECT RAISE(ABORT, 'issuer_sign_in: append-only'); END
--;
CREATE TRIGGER issuer_sign_in_no_delete BEFORE DELETE ON issuer_sign_in
BEGIN SELECT RAISE(ABORT, 'issuer_sign_in: append-only'); END
