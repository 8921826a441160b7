-- A part of custody_unit by itself. Its keys are its own, and hold of the whole: all steps of a unit lie in one part, so
-- (unit, step - 1) does, and every part's rows have their event. So a part is attached and detached without a lock on
-- custody_event, for which a writer might wait who holds what attaching waits for.
CREATE TABLE {name} (
    LIKE custody_unit INCLUDING CONSTRAINTS,
    CONSTRAINT {name}_pkey PRIMARY KEY (unit_id, step),
    CONSTRAINT uq_{name}_position UNIQUE (event_id, position),
    CONSTRAINT fk_unit_previous_step FOREIGN KEY (unit_id, prev_step) REFERENCES {name} (unit_id, step),
    CONSTRAINT fk_unit_event FOREIGN KEY (event_id) REFERENCES custody_event (event_id)
)
