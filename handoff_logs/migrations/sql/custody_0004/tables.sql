-- Who asked the log what. Written on a connection of its own before anything is answered.
CREATE TABLE audit_lookup (
    seq {seq_type} NOT NULL,
    asked_us BIGINT NOT NULL,
    reader VARCHAR(80) NOT NULL,
    question VARCHAR(40) NOT NULL,
    parameters VARCHAR(16384) NOT NULL,
    PRIMARY KEY (seq)
)
--;
-- The log in order of time, a page at a time.
CREATE INDEX ix_custody_event_written ON custody_event (written_us, seq)
--;
CREATE INDEX ix_custody_event_tray ON custody_event (tray) WHERE tray IS NOT NULL
