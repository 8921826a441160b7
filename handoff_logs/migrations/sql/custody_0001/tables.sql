-- The same on SQLite and PostgreSQL. What stands in braces differs: SQLite numbers rows by itself and can't add a
-- foreign key later; PostgreSQL can't name a table that isn't there yet.
CREATE TABLE custody_event (
    seq {seq_type} NOT NULL,
    event_id VARCHAR(32) NOT NULL,
    handoff_id VARCHAR(32) NOT NULL,
    act VARCHAR(40) NOT NULL,
    from_station VARCHAR(40) NOT NULL,
    from_place VARCHAR(40),
    to_station VARCHAR(40),
    to_place VARCHAR(40),
    person VARCHAR(40) NOT NULL,
    second_person VARCHAR(40),
    key_id VARCHAR(40),
    key_number BIGINT,
    second_key_id VARCHAR(40),
    second_key_number BIGINT,
    machine VARCHAR(40),
    shift VARCHAR(40) NOT NULL,
    tray VARCHAR(40),
    priority INTEGER,
    count_expected INTEGER NOT NULL,
    count_counted INTEGER NOT NULL,
    happened_us BIGINT NOT NULL,
    due_us BIGINT,
    written_us BIGINT NOT NULL,
    reason VARCHAR(40),
    corrects VARCHAR(32),
    corrects_field VARCHAR(40),
    corrects_value VARCHAR(40),
    offer_id VARCHAR(32),
    offer_person VARCHAR(40),
    offer_hash VARCHAR(64),
    case_id VARCHAR(32),
    last_position INTEGER,
    units_root VARCHAR(64) NOT NULL,
    schema_version INTEGER NOT NULL,
    emulated BOOLEAN NOT NULL,
    signature VARCHAR(128),
    second_signature VARCHAR(128),
    {late_keys}
    PRIMARY KEY (seq),
    CONSTRAINT uq_custody_event_id UNIQUE (event_id),
    CONSTRAINT uq_custody_event_person UNIQUE (event_id, person),
    CONSTRAINT uq_custody_event_handoff UNIQUE (event_id, handoff_id, from_station, to_station),
    CONSTRAINT uq_custody_event_key UNIQUE (key_id, key_number),
    CONSTRAINT uq_custody_event_second_key UNIQUE (second_key_id, second_key_number),
    CONSTRAINT uq_custody_event_case UNIQUE (case_id),
    CONSTRAINT fk_event_offer_person FOREIGN KEY(offer_id, offer_person) REFERENCES custody_event (event_id, person),
    CONSTRAINT fk_event_offer FOREIGN KEY(offer_id, handoff_id, from_station, to_station) REFERENCES
        custody_event (event_id, handoff_id, from_station, to_station),
    CONSTRAINT fk_event_corrects FOREIGN KEY(corrects) REFERENCES custody_event (event_id),
    CONSTRAINT ck_event_act CHECK (act IN ('offer', 'accept', 'refuse', 'withdraw', 'take_back', 'receive',
        'move', 'transform', 'split', 'merge', 'pack', 'unpack', 'void', 'destroy', 'dispatch', 'settle', 'correct',
        'register')),
    CONSTRAINT ck_event_handoff CHECK (CASE WHEN act IN ('accept', 'refuse', 'withdraw', 'take_back') THEN
        handoff_id = offer_id ELSE handoff_id = event_id END),
    CONSTRAINT ck_event_answers_an_offer CHECK ((act IN ('accept', 'refuse', 'withdraw', 'take_back')) =
        (offer_id IS NOT NULL) AND (offer_id IS NULL) = (offer_hash IS NULL)),
    CONSTRAINT ck_event_answer_names_the_offerer CHECK ((act IN ('accept', 'refuse')) = (offer_person IS NOT NULL)),
    CONSTRAINT ck_event_same_person CHECK (person <> offer_person),
    CONSTRAINT ck_event_same_two_people CHECK (person <> second_person),
    CONSTRAINT ck_event_two_people CHECK (act NOT IN ('void', 'destroy', 'settle') OR second_person IS NOT NULL),
    CONSTRAINT ck_event_to_station CHECK ((act IN ('offer', 'accept', 'refuse', 'withdraw', 'take_back',
        'dispatch')) = (to_station IS NOT NULL)),
    CONSTRAINT ck_event_priority CHECK ((act = 'offer') = (priority IS NOT NULL)),
    CONSTRAINT ck_event_corrects CHECK ((act = 'correct') = (corrects IS NOT NULL) AND (corrects IS NULL) =
        (corrects_field IS NULL) AND (corrects IS NULL) = (corrects_value IS NULL)),
    CONSTRAINT ck_event_correctable CHECK (corrects_field IN ('reason', 'condition', 'happened_us')),
    CONSTRAINT ck_event_case CHECK (act = 'settle' OR case_id IS NULL),
    CONSTRAINT ck_event_last_position CHECK (CASE WHEN last_position IS NULL THEN act IN ('settle', 'correct',
        'register') ELSE last_position >= 1 END),
    CONSTRAINT ck_event_counts CHECK (count_expected >= 0 AND count_counted >= 0)
)
--;
CREATE UNIQUE INDEX uq_custody_event_answer ON custody_event (handoff_id, act) WHERE act IN ('offer', 'accept', 'refuse', 'withdraw', 'take_back')
--;
CREATE TABLE custody_unit (
    unit_id VARCHAR(32) NOT NULL,
    step INTEGER NOT NULL,
    prev_step INTEGER,
    event_id VARCHAR(32) NOT NULL,
    position INTEGER NOT NULL,
    kind VARCHAR(40) NOT NULL,
    state VARCHAR(40) NOT NULL,
    station VARCHAR(40) NOT NULL,
    place VARCHAR(40) NOT NULL,
    person VARCHAR(40) NOT NULL,
    handoff_id VARCHAR(32),
    container VARCHAR(32),
    condition VARCHAR(40),
    outcome VARCHAR(40),
    number_hash VARCHAR(64),
    PRIMARY KEY (unit_id, step),
    CONSTRAINT uq_custody_unit_position UNIQUE (event_id, position),
    CONSTRAINT fk_unit_previous_step FOREIGN KEY(unit_id, prev_step) REFERENCES custody_unit (unit_id, step),
    CONSTRAINT fk_unit_event FOREIGN KEY(event_id) REFERENCES custody_event (event_id),
    CONSTRAINT ck_unit_step CHECK ((step = 1 AND prev_step IS NULL) OR (step > 1 AND prev_step IS NOT NULL AND
        prev_step = step - 1)),
    CONSTRAINT ck_unit_position CHECK (position >= 1),
    CONSTRAINT ck_unit_kind CHECK (kind IN ('order', 'blank', 'document', 'tray', 'parcel')),
    CONSTRAINT ck_unit_state CHECK (state IN ('held', 'packed', 'outside', 'void', 'doubt', 'ended', 'offered',
        'refused', 'missing', 'void_offered', 'void_refused', 'void_missing')),
    CONSTRAINT ck_unit_handoff CHECK ((state IN ('offered', 'refused', 'missing', 'void_offered',
        'void_refused', 'void_missing')) = (handoff_id IS NOT NULL)),
    CONSTRAINT ck_unit_container CHECK ((state = 'packed') = (container IS NOT NULL)),
    CONSTRAINT ck_unit_outside CHECK (state = 'ended' OR (state = 'outside') = (station IN ('carrier',
        'supplier') OR substr(station, 1, 7) = 'office:')),
    CONSTRAINT ck_unit_number CHECK (number_hash IS NULL OR step = 1)
)
--;
CREATE TABLE custody_case (
    case_id VARCHAR(32) NOT NULL,
    event_id VARCHAR(32) NOT NULL,
    handoff_id VARCHAR(32) NOT NULL,
    unit_id VARCHAR(32) NOT NULL,
    kind VARCHAR(40) NOT NULL,
    station VARCHAR(40) NOT NULL,
    opened_us BIGINT NOT NULL,
    PRIMARY KEY (case_id),
    CONSTRAINT uq_custody_case_unit UNIQUE (event_id, unit_id),
    CONSTRAINT fk_case_event FOREIGN KEY(event_id) REFERENCES custody_event (event_id),
    CONSTRAINT ck_case_kind CHECK (kind IN ('missing', 'surplus', 'swapped'))
)
--;
CREATE TABLE custody_move (
    act VARCHAR(40) NOT NULL,
    before VARCHAR(40) NOT NULL,
    after VARCHAR(40) NOT NULL,
    PRIMARY KEY (act, before, after)
)
--;
CREATE TABLE open_offer (
    handoff_id VARCHAR(32) NOT NULL,
    from_station VARCHAR(40) NOT NULL,
    to_station VARCHAR(40) NOT NULL,
    person VARCHAR(40) NOT NULL,
    kind VARCHAR(40) NOT NULL,
    unit_count INTEGER NOT NULL,
    tray VARCHAR(40),
    priority INTEGER NOT NULL,
    due_us BIGINT,
    offered_us BIGINT NOT NULL,
    emulated BOOLEAN NOT NULL,
    claimed_by VARCHAR(40),
    claimed_until_us BIGINT,
    PRIMARY KEY (handoff_id)
)
--;
CREATE INDEX ix_open_offer_to ON open_offer (to_station, priority, due_us)
--;
CREATE TABLE whereabouts (
    unit_id VARCHAR(32) NOT NULL,
    step INTEGER NOT NULL,
    kind VARCHAR(40) NOT NULL,
    state VARCHAR(40) NOT NULL,
    station VARCHAR(40) NOT NULL,
    place VARCHAR(40) NOT NULL,
    person VARCHAR(40) NOT NULL,
    handoff_id VARCHAR(32),
    container VARCHAR(32),
    tray VARCHAR(40),
    priority INTEGER,
    due_us BIGINT,
    since_us BIGINT NOT NULL,
    PRIMARY KEY (unit_id)
)
--;
CREATE INDEX ix_whereabouts_handoff ON whereabouts (handoff_id) WHERE handoff_id IS NOT NULL
--;
CREATE INDEX ix_whereabouts_station ON whereabouts (station, state, kind, priority, due_us)
--;
CREATE TABLE unit_number (
    unit_id VARCHAR(32) NOT NULL,
    kind VARCHAR(40) NOT NULL,
    number VARCHAR(40) NOT NULL,
    salt VARCHAR(40) NOT NULL,
    PRIMARY KEY (unit_id),
    CONSTRAINT uq_unit_number UNIQUE (kind, number)
)
