CREATE TRIGGER audit_lookup_no_replace BEFORE INSERT ON audit_lookup BEGIN
    SELECT RAISE(ABORT, 'custody: append-only: audit_lookup') WHERE new.seq > 0 AND EXISTS (
        SELECT 1 FROM audit_lookup AS other WHERE other.seq = new.seq);
END
--;
CREATE TRIGGER audit_lookup_no_update BEFORE UPDATE ON audit_lookup BEGIN
    SELECT RAISE(ABORT, 'custody: append-only: audit_lookup');
END
--;
CREATE TRIGGER audit_lookup_no_delete BEFORE DELETE ON audit_lookup BEGIN
    SELECT RAISE(ABORT, 'custody: append-only: audit_lookup');
END
