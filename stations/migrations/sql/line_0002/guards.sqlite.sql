-- A position once taken is not the next one, which also keeps INSERT OR REPLACE out.
CREATE TRIGGER machine_period_follows BEFORE INSERT ON machine_period BEGIN
    SELECT CASE
        WHEN NEW.position <> 1 + coalesce(last.position, 0)
            THEN RAISE(ABORT, 'machine period: positions are written once and in order')
        WHEN NEW.began_us < last.began_us
            THEN RAISE(ABORT, 'machine period: begins before the one in front of it')
        WHEN NEW.state = last.state AND NEW.reason IS last.reason AND NEW.shift = last.shift
            THEN RAISE(ABORT, 'machine period: repeats the one in front of it')
    END
    FROM (SELECT 1)
    LEFT JOIN machine_period AS last ON last.machine = NEW.machine
        AND last.position = (SELECT max(other.position) FROM machine_period AS other WHERE other.machine = NEW.machine);
END
--;
CREATE TRIGGER machine_period_no_update BEFORE UPDATE ON machine_period
BEGIN SELECT RAISE(ABORT, 'machine period: append-only'); END
--;
CREATE TRIGGER machine_period_no_delete BEFORE DELETE ON machine_period
BEGIN SELECT RAISE(ABORT, 'machine period: append-only'); END
