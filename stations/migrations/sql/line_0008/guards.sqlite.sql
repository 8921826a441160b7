-- INSERT OR REPLACE would delete the row in its way without any other trigger noticing.
CREATE TRIGGER alarm_no_replace BEFORE INSERT ON alarm
WHEN EXISTS (SELECT 1 FROM alarm WHERE alarm_id = NEW.alarm_id
    OR (kind = NEW.kind AND subject = NEW.subject AND cleared_us IS NULL AND NEW.cleared_us IS NULL))
BEGIN SELECT RAISE(ABORT, 'alarm: one of a kind and subject is open'); END
--;
CREATE TRIGGER alarm_keeps BEFORE UPDATE ON alarm
WHEN NEW.alarm_id IS NOT OLD.alarm_id OR NEW.kind IS NOT OLD.kind OR NEW.subject IS NOT OLD.subject
    OR NEW.raised_us IS NOT OLD.raised_us OR NEW.emulated IS NOT OLD.emulated OR NEW.seen < OLD.seen
BEGIN SELECT RAISE(ABORT, 'alarm: what it is about never changes'); END
--;
CREATE TRIGGER alarm_no_delete BEFORE DELETE ON alarm
BEGIN SELECT RAISE(ABORT, 'alarm: never deleted'); END
--;
CREATE TRIGGER alarm_step_follows BEFORE INSERT ON alarm_step
WHEN NEW.position <> (SELECT coalesce(max(position), 0) + 1 FROM alarm_step WHERE alarm_id = NEW.alarm_id)
BEGIN SELECT RAISE(ABORT, 'alarm_step: follows the last'); END
--;
CREATE TRIGGER alarm_step_once BEFORE INSERT ON alarm_step
WHEN NEW.step IN ('acknowledged', 'escalated') AND (
    EXISTS (SELECT 1 FROM alarm WHERE alarm_id = NEW.alarm_id AND cleared_us IS NOT NULL)
    OR EXISTS (SELECT 1 FROM alarm_step WHERE alarm_id = NEW.alarm_id AND step = NEW.step AND role IS NEW.role))
BEGIN SELECT RAISE(ABORT, 'alarm_step: acknowledged once, escalated to a role once, and only while open'); END
--;
CREATE TRIGGER alarm_step_no_update BEFORE UPDATE ON alarm_step
BEGIN SELECT RAISE(ABORT, 'alarm_step: append-only'); END
--;
CREATE TRIGGER alarm_step_no_delete BEFORE DELETE ON alarm_step
BEGIN SELECT RAISE(ABORT, 'alarm_step: append-only'); END
--;
CREATE TRIGGER alarm_notice_keeps BEFORE UPDATE ON alarm_notice
WHEN OLD.ended IS NOT NULL OR NEW.alarm_id IS NOT OLD.alarm_id OR NEW.position IS NOT OLD.position
    OR NEW.due_us IS NOT OLD.due_us
BEGIN SELECT RAISE(ABORT, 'alarm_notice: ends once and otherwise never changes'); END
--;
CREATE TRIGGER alarm_notice_no_delete BEFORE DELETE ON alarm_notice
BEGIN SELECT RAISE(ABORT, 'alarm_notice: never deleted'); END
--;
CREATE TRIGGER alarm_delivery_keeps BEFORE UPDATE ON alarm_delivery
WHEN OLD.sent_us IS NOT NULL OR NEW.alarm_id IS NOT OLD.alarm_id OR NEW.position IS NOT OLD.position
    OR NEW.target IS NOT OLD.target
BEGIN SELECT RAISE(ABORT, 'alarm_delivery: is sent once'); END
--;
CREATE TRIGGER alarm_delivery_no_delete BEFORE DELETE ON alarm_delivery
BEGIN SELECT RAISE(ABORT, 'alarm_delivery: never deleted'); END
