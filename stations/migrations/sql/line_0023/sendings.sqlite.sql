-- SQLite can't change a key: the rows move to a table of the same name.
CREATE TABLE consigned_parcel_sent (
    parcel_unit VARCHAR(32) NOT NULL,
    consignment_id VARCHAR(32) NOT NULL,
    weight_g INTEGER NOT NULL,
    tracking VARCHAR(40),
    taken_us BIGINT,
    PRIMARY KEY (parcel_unit, consignment_id),
    FOREIGN KEY(consignment_id) REFERENCES consignment (consignment_id),
    FOREIGN KEY(parcel_unit) REFERENCES parcel (parcel_unit),
    UNIQUE (tracking)
)
--;
INSERT INTO consigned_parcel_sent (parcel_unit, consignment_id, weight_g, tracking)
    SELECT parcel_unit, consignment_id, weight_g, tracking FROM consigned_parcel
--;
DROP TABLE consigned_parcel
--;
ALTER TABLE consigned_parcel_sent RENAME TO consigned_parcel
--;
CREATE INDEX ix_consigned_parcel_consignment_id ON consigned_parcel (consignment_id)
