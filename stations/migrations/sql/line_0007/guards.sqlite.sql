-- A position once taken is not the next one, which also keeps INSERT OR REPLACE out.
CREATE TRIGGER deadline_reckoning_begins BEFORE INSERT ON deadline_reckoning
WHEN NEW.finished_us IS NOT NULL
    OR NEW.position IS NOT 1 + coalesce((SELECT max(position) FROM deadline_reckoning), 0)
BEGIN SELECT RAISE(ABORT, 'deadline reckoning: begun once and in order'); END
--;
CREATE TRIGGER deadline_reckoning_finishes BEFORE UPDATE ON deadline_reckoning
WHEN OLD.finished_us IS NOT NULL OR NEW.finished_us IS NULL OR NEW.position IS NOT OLD.position
    OR NEW.digest IS NOT OLD.digest OR NEW.terms IS NOT OLD.terms OR NEW.began_us IS NOT OLD.began_us
    OR NEW.emulated IS NOT OLD.emulated
BEGIN SELECT RAISE(ABORT, 'deadline reckoning: is finished once and otherwise never changed'); END
--;
CREATE TRIGGER deadline_reckoning_no_delete BEFORE DELETE ON deadline_reckoning
BEGIN SELECT RAISE(ABORT, 'deadline reckoning: never deleted'); END
--;
CREATE TRIGGER deadline_change_follows BEFORE INSERT ON deadline_change
WHEN NEW.position IS NOT 1 + coalesce(
        (SELECT max(position) FROM deadline_change WHERE application_id = NEW.application_id), 0)
    OR NOT EXISTS (SELECT 1 FROM application WHERE application_id = NEW.application_id
        AND deadline_us = NEW.before_us AND provisional = NEW.before_provisional)
BEGIN SELECT RAISE(ABORT, 'deadline change: begins with the deadline that is, in order'); END
--;
CREATE TRIGGER deadline_change_no_update BEFORE UPDATE ON deadline_change
BEGIN SELECT RAISE(ABORT, 'deadline change: append-only'); END
--;
CREATE TRIGGER deadline_change_no_delete BEFORE DELETE ON deadline_change
BEGIN SELECT RAISE(ABORT, 'deadline change: append-only'); END
--;
CREATE TRIGGER application_deadline BEFORE UPDATE OF deadline_us, provisional ON application
WHEN (NEW.deadline_us IS NOT OLD.deadline_us OR NEW.provisional IS NOT OLD.provisional)
    AND NOT EXISTS (SELECT 1 FROM deadline_change AS change WHERE change.application_id = OLD.application_id
        AND change.position = (
            SELECT max(position) FROM deadline_change WHERE application_id = OLD.application_id)
        AND change.before_us = OLD.deadline_us AND change.before_provisional = OLD.provisional
        AND change.after_us = NEW.deadline_us AND change.after_provisional = NEW.provisional)
BEGIN SELECT RAISE(ABORT, 'application: a deadline changes only as its record says'); END
