CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} BEGIN
    SELECT RAISE(ABORT, 'custody: append-only: {table}');
END
--;
CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} BEGIN
    SELECT RAISE(ABORT, 'custody: append-only: {table}');
END
--;
-- Against `INSERT OR REPLACE`.
CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} BEGIN
    SELECT RAISE(ABORT, 'custody: append-only: {table}') WHERE EXISTS (
        SELECT 1 FROM {table} AS other WHERE {same});
END
