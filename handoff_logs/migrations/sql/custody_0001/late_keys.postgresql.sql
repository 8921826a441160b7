ALTER TABLE custody_event ADD CONSTRAINT fk_event_case FOREIGN KEY (case_id) REFERENCES custody_case (case_id)
--;
ALTER TABLE custody_event ADD CONSTRAINT fk_event_last_position FOREIGN KEY (event_id, last_position)
    REFERENCES custody_unit (event_id, position) DEFERRABLE INITIALLY DEFERRED
