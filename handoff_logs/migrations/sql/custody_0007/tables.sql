-- Both follow the registers, by the guards alone: the stations of the core area, and who is inside it.
CREATE TABLE core_station (
    station VARCHAR(40) NOT NULL,
    emulated BOOLEAN NOT NULL,
    PRIMARY KEY (station)
)
--;
CREATE TABLE inside (
    person VARCHAR(40) NOT NULL,
    stay VARCHAR(40) NOT NULL,
    since_us BIGINT NOT NULL,
    PRIMARY KEY (person)
)
