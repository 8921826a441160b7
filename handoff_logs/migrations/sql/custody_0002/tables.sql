-- Registers, and the seals: the same on SQLite and PostgreSQL.
ALTER TABLE custody_event ADD COLUMN sign_in VARCHAR(32)
--;
ALTER TABLE custody_event ADD COLUMN second_sign_in VARCHAR(32)
--;
CREATE TABLE custody_register (
    event_id VARCHAR(32) NOT NULL,
    position INTEGER NOT NULL,
    register VARCHAR(40) NOT NULL,
    subject VARCHAR(80) NOT NULL,
    field VARCHAR(40) NOT NULL,
    value VARCHAR(400),
    PRIMARY KEY (event_id, position),
    CONSTRAINT fk_register_event FOREIGN KEY(event_id) REFERENCES custody_event (event_id),
    CONSTRAINT ck_register_position CHECK (position >= 1)
)
--;
CREATE INDEX ix_custody_register_subject ON custody_register (register, subject, field)
--;
CREATE TABLE seal_origin (
    epoch INTEGER NOT NULL,
    origin VARCHAR(80) NOT NULL,
    PRIMARY KEY (epoch),
    CONSTRAINT uq_seal_origin UNIQUE (origin),
    CONSTRAINT ck_seal_origin_epoch CHECK (epoch >= 1)
)
--;
CREATE TABLE seal_leaf (
    epoch INTEGER NOT NULL,
    leaf_index BIGINT NOT NULL,
    event_seq BIGINT NOT NULL,
    leaf_hash VARCHAR(64) NOT NULL,
    PRIMARY KEY (epoch, leaf_index),
    CONSTRAINT uq_seal_leaf_event UNIQUE (event_seq),
    CONSTRAINT fk_leaf_origin FOREIGN KEY(epoch) REFERENCES seal_origin (epoch),
    CONSTRAINT fk_leaf_event FOREIGN KEY(event_seq) REFERENCES custody_event (seq),
    CONSTRAINT ck_leaf_index CHECK (leaf_index >= 0)
)
--;
CREATE TABLE seal_node (
    epoch INTEGER NOT NULL,
    level INTEGER NOT NULL,
    node_index BIGINT NOT NULL,
    hash VARCHAR(64) NOT NULL,
    PRIMARY KEY (epoch, level, node_index),
    CONSTRAINT fk_node_origin FOREIGN KEY(epoch) REFERENCES seal_origin (epoch),
    CONSTRAINT ck_node_level CHECK (level IN (8, 16, 24, 32) AND node_index >= 0)
)
--;
CREATE TABLE seal_checkpoint (
    epoch INTEGER NOT NULL,
    size BIGINT NOT NULL,
    root VARCHAR(64) NOT NULL,
    key_id VARCHAR(40) NOT NULL,
    signature VARCHAR(128) NOT NULL,
    PRIMARY KEY (epoch, size),
    CONSTRAINT fk_checkpoint_origin FOREIGN KEY(epoch) REFERENCES seal_origin (epoch),
    CONSTRAINT ck_checkpoint_size CHECK (size >= 1)
)
--;
CREATE TABLE seal_cosignature (
    epoch INTEGER NOT NULL,
    size BIGINT NOT NULL,
    witness VARCHAR(80) NOT NULL,
    time_s BIGINT NOT NULL,
    signature VARCHAR(128) NOT NULL,
    PRIMARY KEY (epoch, size, witness, time_s),
    CONSTRAINT fk_cosignature_checkpoint FOREIGN KEY(epoch, size) REFERENCES seal_checkpoint (epoch, size)
)
