-- Nothing is written to a part but through the whole: what is guarded there is not asked of a statement that names the
-- part itself. TRUNCATE of a part, too, walks past the guards of the whole.
CREATE TRIGGER custody_unit_append_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {name}
    FOR EACH STATEMENT EXECUTE FUNCTION custody_append_only()
--;
ALTER TABLE {name} ENABLE ALWAYS TRIGGER custody_unit_append_only
