-- What the carrier accepted before, by the log: a manifest that it took may have lacked parcels.
UPDATE consigned_parcel SET taken_us = (
    SELECT consignment.accepted_us FROM consignment WHERE consignment.consignment_id = consigned_parcel.consignment_id)
WHERE EXISTS (SELECT 1 FROM custody_unit AS taken
    WHERE taken.unit_id = consigned_parcel.parcel_unit AND taken.state = 'outside')
