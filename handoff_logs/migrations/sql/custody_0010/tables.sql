-- Follows the records, by the guards alone: the cases that nothing has settled, so that nobody reads every case ever.
CREATE TABLE open_case (
    case_id VARCHAR(32) NOT NULL,
    kind VARCHAR(40) NOT NULL,
    unit_id VARCHAR(32) NOT NULL,
    station VARCHAR(40) NOT NULL,
    opened_us BIGINT NOT NULL,
    PRIMARY KEY (case_id)
)
--;
INSERT INTO open_case (case_id, kind, unit_id, station, opened_us)
SELECT case_id, kind, unit_id, station, opened_us FROM custody_case AS opened
WHERE NOT EXISTS (SELECT 1 FROM custody_event AS settle WHERE settle.case_id = opened.case_id)
