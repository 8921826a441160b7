-- INSERT OR REPLACE would delete the row in its way without any other trigger noticing.
CREATE TRIGGER green_channel_no_replace BEFORE INSERT ON green_channel
WHEN EXISTS (SELECT 1 FROM green_channel WHERE application_id = NEW.application_id)
BEGIN SELECT RAISE(ABORT, 'green_channel: an application is raised once'); END
--;
CREATE TRIGGER green_channel_begins BEFORE INSERT ON green_channel
WHEN NOT EXISTS (SELECT 1 FROM application WHERE application_id = NEW.application_id AND live
    AND state <> 'stopped' AND service_class = NEW.class_before AND priority = NEW.priority_before
    AND deadline_us = NEW.deadline_before_us)
BEGIN SELECT RAISE(ABORT, 'green_channel: begins with the application that is, on the line'); END
--;
CREATE TRIGGER green_channel_approved BEFORE INSERT ON green_channel
WHEN NOT EXISTS (SELECT 1 FROM person JOIN person_role ON person_role.code = person.code
        WHERE person.code = NEW.approver AND person.ended_us IS NULL AND person_role.role = 'lead')
    OR NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in AND code = NEW.approver
        AND outcome = 'accepted' AND abs(NEW.raised_us - at_us) <= 300000000)
BEGIN SELECT RAISE(ABORT, 'green_channel: approved by a lead who signed in just now'); END
--;
CREATE TRIGGER green_channel_no_update BEFORE UPDATE ON green_channel
BEGIN SELECT RAISE(ABORT, 'green_channel: append-only'); END
--;
CREATE TRIGGER green_channel_no_delete BEFORE DELETE ON green_channel
BEGIN SELECT RAISE(ABORT, 'green_channel: append-only'); END
--;
CREATE TRIGGER application_urgency BEFORE UPDATE OF service_class, priority ON application
WHEN (NEW.service_class IS NOT OLD.service_class OR NEW.priority IS NOT OLD.priority)
    AND (NEW.service_class <> 'emergency' OR NEW.priority <> 0
        OR NOT EXISTS (SELECT 1 FROM green_channel WHERE application_id = OLD.application_id
            AND class_before = OLD.service_class AND priority_before = OLD.priority))
BEGIN SELECT RAISE(ABORT, 'application: class and priority change only as a raise to the green channel says'); END
