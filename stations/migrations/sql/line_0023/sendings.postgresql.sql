ALTER TABLE consigned_parcel DROP CONSTRAINT consigned_parcel_pkey
--;
ALTER TABLE consigned_parcel ADD PRIMARY KEY (parcel_unit, consignment_id)
--;
ALTER TABLE consigned_parcel ADD COLUMN taken_us BIGINT
