-- INSERT OR REPLACE would delete the row in its way without any other trigger noticing: each insert looks for one.
CREATE TRIGGER casebook_entry_written BEFORE INSERT ON casebook_entry
WHEN EXISTS (SELECT 1 FROM casebook_entry WHERE case_id = NEW.case_id)
    OR EXISTS (SELECT 1 FROM casebook_entry WHERE corrects = NEW.corrects)
    OR EXISTS (SELECT 1 FROM casebook_entry WHERE case_id = NEW.corrects AND withdrawn)
    OR NEW.day NOT BETWEEN date('now', '+8 hours', '-1 day') AND date('now', '+8 hours', '+1 day')
BEGIN SELECT RAISE(ABORT, 'casebook_entry: written once, today; one that stands is corrected once'); END
--;
CREATE TRIGGER casebook_entry_of_nobody BEFORE INSERT ON casebook_entry
WHEN NEW.words GLOB '*[0-9][0-9][0-9][0-9][0-9]*' OR NEW.taken_for GLOB '*[0-9]*' OR NEW.shown_character GLOB '[0-9]'
    OR (NEW.picture IS NOT NULL AND (hex(substr(NEW.picture, 1, 8)) <> '89504E470D0A1A0A'
        OR hex(substr(NEW.picture, 17, 3)) <> '000000' OR hex(substr(NEW.picture, 20, 1)) > '40'
        OR hex(substr(NEW.picture, 21, 3)) <> '000000' OR hex(substr(NEW.picture, 24, 1)) > '40'))
BEGIN SELECT RAISE(ABORT, 'casebook_entry: no number in its words, no picture of more than 64 by 64 pixels'); END
--;
CREATE TRIGGER casebook_entry_signed BEFORE INSERT ON casebook_entry
WHEN NEW.sign_in IS NOT NULL AND (
    NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in AND code = NEW.writer
        AND outcome = 'accepted'
        AND CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER) - at_us BETWEEN -60000000 AND 28860000000)
    OR NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
        WHERE person.code = NEW.writer AND person.ended_us IS NULL
        AND person_role.role IN ('lead', CASE NEW.caught_at WHEN 'review' THEN 'reviewer' WHEN 'qc' THEN 'inspector'
            ELSE 'packer' END)))
BEGIN SELECT RAISE(ABORT, 'casebook_entry: by somebody of its station, or a lead, who signed in within a shift'); END
--;
CREATE TRIGGER casebook_entry_no_update BEFORE UPDATE ON casebook_entry
BEGIN SELECT RAISE(ABORT, 'casebook_entry: append-only'); END
--;
CREATE TRIGGER casebook_entry_no_delete BEFORE DELETE ON casebook_entry
BEGIN SELECT RAISE(ABORT, 'casebook_entry: append-only'); END
--;
CREATE TRIGGER casebook_attachment_written BEFORE INSERT ON casebook_attachment
WHEN EXISTS (SELECT 1 FROM casebook_attachment WHERE case_id = NEW.case_id AND rule = NEW.rule)
    OR NOT EXISTS (SELECT 1 FROM casebook_entry WHERE case_id = NEW.case_id AND figures <> '' AND NOT withdrawn)
    OR EXISTS (SELECT 1 FROM casebook_entry WHERE corrects = NEW.case_id)
    OR NEW.day NOT BETWEEN date('now', '+8 hours', '-1 day') AND date('now', '+8 hours', '+1 day')
BEGIN SELECT RAISE(ABORT, 'casebook_attachment: written once, today, of a case that stands and kept its figures'); END
--;
CREATE TRIGGER casebook_attachment_signed BEFORE INSERT ON casebook_attachment
WHEN (SELECT count(DISTINCT a.code) FROM sign_in_attempt AS a
        WHERE ((a.attempt_id = NEW.first_sign_in AND a.code = NEW.first)
            OR (a.attempt_id = NEW.second_sign_in AND a.code = NEW.second))
        AND a.outcome = 'accepted'
        AND CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER) - a.at_us BETWEEN -60000000 AND 900000000
        AND EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
            WHERE person.code = a.code AND person.ended_us IS NULL AND (person_role.role = 'lead'
                OR (NEW.second IS NOT NULL AND person_role.role IN ('reviewer', 'engineer')))))
    <> CASE WHEN NEW.second IS NULL THEN 1 ELSE 2 END
BEGIN SELECT RAISE(ABORT, 'casebook_attachment: by a lead, or two people, who have just signed in'); END
--;
CREATE TRIGGER casebook_attachment_no_update BEFORE UPDATE ON casebook_attachment
BEGIN SELECT RAISE(ABORT, 'casebook_attachment: append-only'); END
--;
CREATE TRIGGER casebook_attachment_no_delete BEFORE DELETE ON casebook_attachment
BEGIN SELECT RAISE(ABORT, 'casebook_attachment: append-only'); END
