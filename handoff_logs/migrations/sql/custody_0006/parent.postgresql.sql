-- The table as it was becomes a part of the new one: no row is copied, and its own keys hold on.
DROP TRIGGER custody_unit_legal ON custody_unit
--;
DROP TRIGGER custody_unit_append_only ON custody_unit
--;
ALTER TABLE custody_unit RENAME TO {name}
--;
ALTER TABLE {name} RENAME CONSTRAINT custody_unit_pkey TO {name}_pkey
--;
ALTER TABLE {name} RENAME CONSTRAINT uq_custody_unit_position TO uq_{name}_position
--;
CREATE TABLE custody_unit (LIKE {name} INCLUDING CONSTRAINTS, PRIMARY KEY (unit_id, step)) PARTITION BY RANGE (unit_id)
--;
CREATE TRIGGER custody_unit_legal AFTER INSERT ON custody_unit
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION custody_unit_legal()
--;
CREATE TRIGGER custody_unit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON custody_unit
    FOR EACH STATEMENT EXECUTE FUNCTION custody_append_only()
--;
ALTER TABLE custody_unit ENABLE ALWAYS TRIGGER custody_unit_legal
--;
ALTER TABLE custody_unit ENABLE ALWAYS TRIGGER custody_unit_append_only
