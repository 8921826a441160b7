CREATE TRIGGER audit_lookup_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_lookup
    FOR EACH STATEMENT EXECUTE FUNCTION custody_append_only()
--;
ALTER TABLE audit_lookup ENABLE ALWAYS TRIGGER audit_lookup_append_only
