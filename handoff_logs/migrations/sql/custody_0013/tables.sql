-- Sums of where blanks stood, by the sealer: so that a past time needs no step since. The first are tallied when it runs.
CREATE TABLE blank_tally (
    after_seq BIGINT NOT NULL,
    upto_seq BIGINT NOT NULL,
    PRIMARY KEY (after_seq)
)
--;
CREATE TABLE blank_change (
    after_seq BIGINT NOT NULL,
    since_us BIGINT NOT NULL,
    station VARCHAR(40) NOT NULL,
    term VARCHAR(40) NOT NULL,
    emulated BOOLEAN NOT NULL,
    change INTEGER NOT NULL,
    PRIMARY KEY (after_seq, since_us, station, term, emulated),
    CONSTRAINT fk_blank_change_tally FOREIGN KEY (after_seq) REFERENCES blank_tally (after_seq)
)
