"""The tables of the log: custody (append-only) and line (mutable, rebuildable from custody).

The migrations create them, with guards that models can't express; a test holds the two equal.
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKeyConstraint, Index, Integer, UniqueConstraint, text
from sqlmodel import Field, SQLModel, String

from handoff_logs.records import ID_LENGTH

ID = String(ID_LENGTH)
HASH = String(64)
WORD = String(40)
"""Stations, places, machines, people, shifts, trays: short codes, never free text."""

NAME = String(80)
"""What a register speaks of, and the names of logs and witnesses."""

TWO_SIDED = "'offer', 'accept', 'refuse', 'withdraw', 'take_back'"
ANSWERS = "'accept', 'refuse', 'withdraw', 'take_back'"
OPEN_STATES = "'offered', 'refused', 'missing', 'void_offered', 'void_refused', 'void_missing'"

ODD_TIME = "written_us - happened_us > 60000000 OR happened_us - written_us > 2000000"
"""A record written more than a minute after the act, or more than two seconds before."""

OF_PARTS = frozenset({"uq_custody_unit_position", "fk_unit_previous_step", "fk_unit_event", "fk_event_last_position"})
"""Keys that the whole table has not on PostgreSQL, where its rows lie in parts by the month of birth: each part has the
first three for itself, and the trigger `custody_event_whole` stands for the last."""


def _partial(name: str, *columns: str, where: str) -> Index:
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


class CustodyEvent(SQLModel, table=True):
    """One act by one party. Append-only."""

    __tablename__ = "custody_event"
    __table_args__ = (
        UniqueConstraint("event_id", name="uq_custody_event_id"),
        UniqueConstraint("event_id", "person", name="uq_custody_event_person"),
        UniqueConstraint("event_id", "handoff_id", "from_station", "to_station", name="uq_custody_event_handoff"),
        UniqueConstraint("key_id", "key_number", name="uq_custody_event_key"),
        UniqueConstraint("second_key_id", "second_key_number", name="uq_custody_event_second_key"),
        UniqueConstraint("case_id", name="uq_custody_event_case"),
        Index(
            "uq_custody_event_answer",
            "handoff_id",
            "act",
            unique=True,
            sqlite_where=text(f"act IN ({TWO_SIDED})"),
            postgresql_where=text(f"act IN ({TWO_SIDED})"),
        ),
        Index("ix_custody_event_happened", "happened_us", "seq"),
        Index("ix_custody_event_person", "person", "happened_us"),
        _partial("ix_custody_event_second_person", "second_person", "happened_us", where="second_person IS NOT NULL"),
        _partial("ix_custody_event_machine", "machine", "shift", "happened_us", where="machine IS NOT NULL"),
        _partial("ix_custody_event_corrects", "corrects", where="corrects IS NOT NULL"),
        _partial("ix_custody_event_odd_time", "written_us", where=ODD_TIME),
        Index("ix_custody_event_written", "written_us", "seq"),
        _partial("ix_custody_event_tray", "tray", where="tray IS NOT NULL"),
        ForeignKeyConstraint(
            ["offer_id", "offer_person"],
            ["custody_event.event_id", "custody_event.person"],
            name="fk_event_offer_person",
        ),
        ForeignKeyConstraint(
            ["offer_id", "handoff_id", "from_station", "to_station"],
            [
                "custody_event.event_id",
                "custody_event.handoff_id",
                "custody_event.from_station",
                "custody_event.to_station",
            ],
            name="fk_event_offer",
        ),
        ForeignKeyConstraint(["corrects"], ["custody_event.event_id"], name="fk_event_corrects"),
        ForeignKeyConstraint(["case_id"], ["custody_case.case_id"], name="fk_event_case", use_alter=True),
        # At commit an event has all its unit rows: the last position it promises is there.
        ForeignKeyConstraint(
            ["event_id", "last_position"],
            ["custody_unit.event_id", "custody_unit.position"],
            name="fk_event_last_position",
            use_alter=True,
            deferrable=True,
            initially="DEFERRED",
        ),
        CheckConstraint(
            "act IN ('offer', 'accept', 'refuse', 'withdraw', 'take_back', 'receive', 'move', 'transform', 'split',"
            " 'merge', 'pack', 'unpack', 'void', 'destroy', 'dispatch', 'settle', 'correct', 'register')",
            name="ck_event_act",
        ),
        CheckConstraint(
            f"CASE WHEN act IN ({ANSWERS}) THEN handoff_id = offer_id ELSE handoff_id = event_id END",
            name="ck_event_handoff",
        ),
        CheckConstraint(
            f"(act IN ({ANSWERS})) = (offer_id IS NOT NULL) AND (offer_id IS NULL) = (offer_hash IS NULL)",
            name="ck_event_answers_an_offer",
        ),
        CheckConstraint(
            "(act IN ('accept', 'refuse')) = (offer_person IS NOT NULL)", name="ck_event_answer_names_the_offerer"
        ),
        CheckConstraint("person <> offer_person", name="ck_event_same_person"),
        CheckConstraint("person <> second_person", name="ck_event_same_two_people"),
        CheckConstraint(
            "act NOT IN ('void', 'destroy', 'settle') OR second_person IS NOT NULL", name="ck_event_two_people"
        ),
        CheckConstraint(f"(act IN ({TWO_SIDED}, 'dispatch')) = (to_station IS NOT NULL)", name="ck_event_to_station"),
        CheckConstraint("(act = 'offer') = (priority IS NOT NULL)", name="ck_event_priority"),
        CheckConstraint(
            "(act = 'correct') = (corrects IS NOT NULL) AND (corrects IS NULL) = (corrects_field IS NULL)"
            " AND (corrects IS NULL) = (corrects_value IS NULL)",
            name="ck_event_corrects",
        ),
        CheckConstraint("corrects_field IN ('reason', 'condition', 'happened_us')", name="ck_event_correctable"),
        CheckConstraint("act = 'settle' OR case_id IS NULL", name="ck_event_case"),
        CheckConstraint(
            "CASE WHEN last_position IS NULL THEN act IN ('settle', 'correct', 'register') ELSE last_position >= 1 END",
            name="ck_event_last_position",
        ),
        CheckConstraint("count_expected >= 0 AND count_counted >= 0", name="ck_event_counts"),
    )
    seq: int | None = Field(
        default=None, sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    )
    event_id: str = Field(sa_type=ID)
    handoff_id: str = Field(sa_type=ID)
    act: str = Field(sa_type=WORD)
    from_station: str = Field(sa_type=WORD)
    from_place: str | None = Field(default=None, sa_type=WORD)
    to_station: str | None = Field(default=None, sa_type=WORD)
    to_place: str | None = Field(default=None, sa_type=WORD)
    person: str = Field(sa_type=WORD)
    second_person: str | None = Field(default=None, sa_type=WORD)
    sign_in: str | None = Field(default=None, sa_type=ID)
    second_sign_in: str | None = Field(default=None, sa_type=ID)
    key_id: str | None = Field(default=None, sa_type=WORD)
    key_number: int | None = Field(default=None, sa_type=BigInteger)
    second_key_id: str | None = Field(default=None, sa_type=WORD)
    second_key_number: int | None = Field(default=None, sa_type=BigInteger)
    machine: str | None = Field(default=None, sa_type=WORD)
    shift: str = Field(sa_type=WORD)
    tray: str | None = Field(default=None, sa_type=WORD)
    priority: int | None = Field(default=None, sa_type=Integer)
    count_expected: int = Field(sa_type=Integer)
    count_counted: int = Field(sa_type=Integer)
    happened_us: int = Field(sa_type=BigInteger)
    due_us: int | None = Field(default=None, sa_type=BigInteger)
    written_us: int = Field(sa_type=BigInteger)
    reason: str | None = Field(default=None, sa_type=WORD)
    corrects: str | None = Field(default=None, sa_type=ID)
    corrects_field: str | None = Field(default=None, sa_type=WORD)
    corrects_value: str | None = Field(default=None, sa_type=WORD)
    offer_id: str | None = Field(default=None, sa_type=ID)
    offer_person: str | None = Field(default=None, sa_type=WORD)
    offer_hash: str | None = Field(default=None, sa_type=HASH)
    case_id: str | None = Field(default=None, sa_type=ID)
    last_position: int | None = Field(default=None, sa_type=Integer)
    units_root: str = Field(sa_type=HASH)
    schema_version: int = Field(sa_type=Integer)
    emulated: bool
    signature: str | None = Field(default=None, sa_type=String(128))
    second_signature: str | None = Field(default=None, sa_type=String(128))


class CustodyUnit(SQLModel, table=True):
    """One step of one unit, and who answers for it after that step. Append-only."""

    __tablename__ = "custody_unit"
    __table_args__ = (
        UniqueConstraint("event_id", "position", name="uq_custody_unit_position"),
        ForeignKeyConstraint(
            ["unit_id", "prev_step"], ["custody_unit.unit_id", "custody_unit.step"], name="fk_unit_previous_step"
        ),
        ForeignKeyConstraint(["event_id"], ["custody_event.event_id"], name="fk_unit_event"),
        CheckConstraint(
            "(step = 1 AND prev_step IS NULL) OR (step > 1 AND prev_step IS NOT NULL AND prev_step = step - 1)",
            name="ck_unit_step",
        ),
        CheckConstraint("position >= 1", name="ck_unit_position"),
        CheckConstraint("kind IN ('order', 'blank', 'document', 'tray', 'parcel')", name="ck_unit_kind"),
        CheckConstraint(
            f"state IN ('held', 'packed', 'outside', 'void', 'doubt', 'ended', {OPEN_STATES})", name="ck_unit_state"
        ),
        CheckConstraint(f"(state IN ({OPEN_STATES})) = (handoff_id IS NOT NULL)", name="ck_unit_handoff"),
        CheckConstraint("(state = 'packed') = (container IS NOT NULL)", name="ck_unit_container"),
        CheckConstraint(
            "state = 'ended' OR (state = 'outside')"
            " = (station IN ('carrier', 'supplier') OR substr(station, 1, 7) = 'office:')",
            name="ck_unit_outside",
        ),
        CheckConstraint("number_hash IS NULL OR step = 1", name="ck_unit_number"),
    )
    unit_id: str = Field(sa_type=ID, primary_key=True)
    step: int = Field(sa_type=Integer, primary_key=True)
    prev_step: int | None = Field(default=None, sa_type=Integer)
    event_id: str = Field(sa_type=ID)
    position: int = Field(sa_type=Integer)
    kind: str = Field(sa_type=WORD)
    state: str = Field(sa_type=WORD)
    station: str = Field(sa_type=WORD)
    place: str = Field(sa_type=WORD)
    person: str = Field(sa_type=WORD)
    handoff_id: str | None = Field(default=None, sa_type=ID)
    container: str | None = Field(default=None, sa_type=ID)
    condition: str | None = Field(default=None, sa_type=WORD)
    outcome: str | None = Field(default=None, sa_type=WORD)
    number_hash: str | None = Field(default=None, sa_type=HASH)


class CustodyCase(SQLModel, table=True):
    """A count difference about one unit, closed by one `settle`. Append-only."""

    __tablename__ = "custody_case"
    __table_args__ = (
        UniqueConstraint("event_id", "unit_id", name="uq_custody_case_unit"),
        Index("ix_custody_case_opened", "opened_us"),
        Index("ix_custody_case_unit", "unit_id"),
        ForeignKeyConstraint(["event_id"], ["custody_event.event_id"], name="fk_case_event"),
        CheckConstraint("kind IN ('missing', 'surplus', 'swapped')", name="ck_case_kind"),
    )
    case_id: str = Field(sa_type=ID, primary_key=True)
    event_id: str = Field(sa_type=ID)
    handoff_id: str = Field(sa_type=ID)
    unit_id: str = Field(sa_type=ID)
    kind: str = Field(sa_type=WORD)
    station: str = Field(sa_type=WORD)
    opened_us: int = Field(sa_type=BigInteger)


class CustodyRegister(SQLModel, table=True):
    """One fact of a register as one `register` act set it; the latest of each (register, subject, field) holds."""

    __tablename__ = "custody_register"
    __table_args__ = (
        ForeignKeyConstraint(["event_id"], ["custody_event.event_id"], name="fk_register_event"),
        CheckConstraint("position >= 1", name="ck_register_position"),
        Index("ix_custody_register_subject", "register", "subject", "field"),
    )
    event_id: str = Field(sa_type=ID, primary_key=True)
    position: int = Field(sa_type=Integer, primary_key=True)
    register_: str = Field(sa_column=Column("register", WORD, nullable=False))
    subject: str = Field(sa_type=NAME)
    field: str = Field(sa_type=WORD)
    value: str | None = Field(default=None, sa_type=String(400))


class SealOrigin(SQLModel, table=True):
    """The name of the log's tree; a declared loss opens the next one."""

    __tablename__ = "seal_origin"
    __table_args__ = (
        UniqueConstraint("origin", name="uq_seal_origin"),
        CheckConstraint("epoch >= 1", name="ck_seal_origin_epoch"),
    )
    epoch: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    origin: str = Field(sa_type=NAME)


class SealLeaf(SQLModel, table=True):
    """An event's place in the log's tree. Append-only."""

    __tablename__ = "seal_leaf"
    __table_args__ = (
        UniqueConstraint("event_seq", name="uq_seal_leaf_event"),
        ForeignKeyConstraint(["epoch"], ["seal_origin.epoch"], name="fk_leaf_origin"),
        ForeignKeyConstraint(["event_seq"], ["custody_event.seq"], name="fk_leaf_event"),
        CheckConstraint("leaf_index >= 0", name="ck_leaf_index"),
    )
    epoch: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    leaf_index: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    event_seq: int = Field(sa_type=BigInteger)
    leaf_hash: str = Field(sa_type=HASH)


class SealNode(SQLModel, table=True):
    """The hash over 2**level leaves from `node_index` * 2**level on, so that a proof reads few leaves. Append-only."""

    __tablename__ = "seal_node"
    __table_args__ = (
        ForeignKeyConstraint(["epoch"], ["seal_origin.epoch"], name="fk_node_origin"),
        CheckConstraint("level IN (8, 16, 24, 32) AND node_index >= 0", name="ck_node_level"),
    )
    epoch: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    level: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    node_index: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    hash: str = Field(sa_type=HASH)


class SealCheckpoint(SQLModel, table=True):
    """The log's signed word on its first `size` leaves. Append-only."""

    __tablename__ = "seal_checkpoint"
    __table_args__ = (
        ForeignKeyConstraint(["epoch"], ["seal_origin.epoch"], name="fk_checkpoint_origin"),
        CheckConstraint("size >= 1", name="ck_checkpoint_size"),
    )
    epoch: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    size: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    root: str = Field(sa_type=HASH)
    key_id: str = Field(sa_type=WORD)
    signature: str = Field(sa_type=String(128))


class SealCosignature(SQLModel, table=True):
    """A witness's word that it saw a checkpoint at `time_s` (seconds UTC), after every earlier one. Append-only."""

    __tablename__ = "seal_cosignature"
    __table_args__ = (
        ForeignKeyConstraint(
            ["epoch", "size"], ["seal_checkpoint.epoch", "seal_checkpoint.size"], name="fk_cosignature_checkpoint"
        ),
    )
    epoch: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    size: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    witness: str = Field(sa_column=Column(NAME, primary_key=True))
    time_s: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    signature: str = Field(sa_type=String(128))


class CustodyMove(SQLModel, table=True):
    """A legal move: this act takes a unit from one state (`none` before its birth) to another."""

    __tablename__ = "custody_move"
    act: str = Field(sa_type=WORD, primary_key=True)
    before: str = Field(sa_type=WORD, primary_key=True)
    after: str = Field(sa_type=WORD, primary_key=True)


class OpenOffer(SQLModel, table=True):
    """An offer without an answer: what the station it names has to do. `kind` is `mixed` for units of several kinds."""

    __tablename__ = "open_offer"
    __table_args__ = (Index("ix_open_offer_to", "to_station", "priority", "due_us"),)
    handoff_id: str = Field(sa_type=ID, primary_key=True)
    from_station: str = Field(sa_type=WORD)
    to_station: str = Field(sa_type=WORD)
    person: str = Field(sa_type=WORD)
    kind: str = Field(sa_type=WORD)
    unit_count: int = Field(sa_type=Integer)
    tray: str | None = Field(default=None, sa_type=WORD)
    priority: int = Field(sa_type=Integer)
    due_us: int | None = Field(default=None, sa_type=BigInteger)
    offered_us: int = Field(sa_type=BigInteger)
    emulated: bool
    claimed_by: str | None = Field(default=None, sa_type=WORD)
    claimed_until_us: int | None = Field(default=None, sa_type=BigInteger)


class Whereabouts(SQLModel, table=True):
    """Where each unit stands now: its latest step, with the tray, priority and time node it last moved under."""

    __tablename__ = "whereabouts"
    __table_args__ = (
        Index("ix_whereabouts_station", "station", "state", "kind", "priority", "due_us"),
        _partial("ix_whereabouts_handoff", "handoff_id", where="handoff_id IS NOT NULL"),
        _partial("ix_whereabouts_container", "container", where="container IS NOT NULL"),
    )
    unit_id: str = Field(sa_type=ID, primary_key=True)
    step: int = Field(sa_type=Integer)
    kind: str = Field(sa_type=WORD)
    state: str = Field(sa_type=WORD)
    station: str = Field(sa_type=WORD)
    place: str = Field(sa_type=WORD)
    person: str = Field(sa_type=WORD)
    handoff_id: str | None = Field(default=None, sa_type=ID)
    container: str | None = Field(default=None, sa_type=ID)
    tray: str | None = Field(default=None, sa_type=WORD)
    priority: int | None = Field(default=None, sa_type=Integer)
    due_us: int | None = Field(default=None, sa_type=BigInteger)
    since_us: int = Field(sa_type=BigInteger)


class OpenCase(SQLModel, table=True):
    """A case that nothing has settled, of which few are open at a time. By the records."""

    __tablename__ = "open_case"
    case_id: str = Field(sa_type=ID, primary_key=True)
    kind: str = Field(sa_type=WORD)
    unit_id: str = Field(sa_type=ID)
    station: str = Field(sa_type=WORD)
    opened_us: int = Field(sa_type=BigInteger)


class BlankTally(SQLModel, table=True):
    """The records after `after_seq` and up to `upto_seq` are in the sums of `blank_change`. By the sealer."""

    __tablename__ = "blank_tally"
    after_seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    upto_seq: int = Field(sa_type=BigInteger)


class BlankChange(SQLModel, table=True):
    """How many blanks more or fewer stood at a station in a term after the eight hours from `since_us` on, as a portion
    of the records says.
    """

    __tablename__ = "blank_change"
    __table_args__ = (ForeignKeyConstraint(["after_seq"], ["blank_tally.after_seq"], name="fk_blank_change_tally"),)
    after_seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    since_us: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    station: str = Field(sa_type=WORD, primary_key=True)
    term: str = Field(sa_type=WORD, primary_key=True)
    emulated: bool = Field(primary_key=True)
    change: int = Field(sa_type=Integer)


class CoreStation(SQLModel, table=True):
    """A station of the core area; behind an `emulated` gate only emulated staff must be inside. By the register."""

    __tablename__ = "core_station"
    station: str = Field(sa_type=WORD, primary_key=True)
    emulated: bool


class Inside(SQLModel, table=True):
    """Who is inside the core area, each at most once, by which stay and since when. By the register."""

    __tablename__ = "inside"
    person: str = Field(sa_type=WORD, primary_key=True)
    stay: str = Field(sa_type=WORD)
    since_us: int = Field(sa_type=BigInteger)


class UnitNumber(SQLModel, table=True):
    """The number printed on a unit and its salt; erasing the salt leaves the log's hash unreadable."""

    __tablename__ = "unit_number"
    __table_args__ = (UniqueConstraint("kind", "number", name="uq_unit_number"),)
    unit_id: str = Field(sa_type=ID, primary_key=True)
    kind: str = Field(sa_type=WORD)
    number: str = Field(sa_type=WORD)
    salt: str = Field(sa_type=WORD)


class AuditLookup(SQLModel, table=True):
    """One question that somebody asked of the log, recorded before it was answered. Append-only."""

    __tablename__ = "audit_lookup"
    seq: int | None = Field(
        default=None, sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    )
    asked_us: int = Field(sa_type=BigInteger)
    reader: str = Field(sa_type=String(80))
    question: str = Field(sa_type=WORD)
    parameters: str = Field(sa_type=String(16_384))
