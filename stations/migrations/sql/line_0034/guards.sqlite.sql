-- What a second look caught is a reviewer's to write.
DROP TRIGGER casebook_entry_signed
--;
CREATE TRIGGER casebook_entry_signed BEFORE INSERT ON casebook_entry
WHEN NEW.sign_in IS NOT NULL AND (
    NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in AND code = NEW.writer
        AND outcome = 'accepted'
        AND CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER) - at_us BETWEEN -60000000 AND 28860000000)
    OR NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
        WHERE person.code = NEW.writer AND person.ended_us IS NULL
        AND person_role.role IN ('lead', CASE WHEN NEW.caught_at IN ('review', 'second') THEN 'reviewer'
            WHEN NEW.caught_at = 'qc' THEN 'inspector' ELSE 'packer' END)))
BEGIN SELECT RAISE(ABORT, 'casebook_entry: by somebody of its station, or a lead, who signed in within a shift'); END
