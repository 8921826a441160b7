CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION custody_append_only()
--;
ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_append_only
