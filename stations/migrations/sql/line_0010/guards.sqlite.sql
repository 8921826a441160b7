-- INSERT OR REPLACE would delete the row in its way without any other trigger noticing.
CREATE TRIGGER terminal_session_no_replace BEFORE INSERT ON terminal_session
WHEN EXISTS (SELECT 1 FROM terminal_session WHERE session_id = NEW.session_id OR sign_in = NEW.sign_in)
BEGIN SELECT RAISE(ABORT, 'terminal_session: a sign-in begins one session'); END
--;
CREATE TRIGGER terminal_session_begun BEFORE INSERT ON terminal_session
WHEN NEW.ended_us IS NOT NULL OR NEW.seen_us <> NEW.begun_us
    OR NOT EXISTS (SELECT 1 FROM person WHERE code = NEW.code AND ended_us IS NULL)
    OR NOT EXISTS (SELECT 1 FROM person_password WHERE code = NEW.code AND set_us = NEW.password_us)
    OR NOT EXISTS (SELECT 1 FROM sign_in_attempt WHERE attempt_id = NEW.sign_in AND code = NEW.code
        AND outcome = 'accepted' AND abs(NEW.begun_us - at_us) <= 60000000)
BEGIN SELECT RAISE(ABORT, 'terminal_session: begun by a sign-in accepted just now'); END
--;
CREATE TRIGGER terminal_session_keeps BEFORE UPDATE ON terminal_session
WHEN OLD.ended_us IS NOT NULL OR NEW.session_id IS NOT OLD.session_id OR NEW.code IS NOT OLD.code
    OR NEW.sign_in IS NOT OLD.sign_in OR NEW.password_us IS NOT OLD.password_us OR NEW.begun_us IS NOT OLD.begun_us
    OR NEW.until_us IS NOT OLD.until_us OR NEW.computer IS NOT OLD.computer OR NEW.account IS NOT OLD.account
    OR NEW.terminal IS NOT OLD.terminal OR NEW.mac IS NOT OLD.mac
    OR NEW.seen_us < OLD.seen_us OR NEW.seen_us - OLD.seen_us >= 1800000000
BEGIN SELECT RAISE(ABORT, 'terminal_session: is seen in time or ended once, and otherwise never changed'); END
--;
CREATE TRIGGER terminal_session_no_delete BEFORE DELETE ON terminal_session
BEGIN SELECT RAISE(ABORT, 'terminal_session: never deleted'); END
