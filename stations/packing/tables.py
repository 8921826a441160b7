"""What packing keeps: the parcels it closed, their labels, the mismatches that stopped a piece; and what people did at
the packing desk before the run booked it: each match, the offices' open boxes, what they were asked and answered.

Migrations add the guards. Times are integer microseconds UTC, by the database's clock.
"""

from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, String, UniqueConstraint, text
from sqlmodel import Field, SQLModel


class MatchOutcome(StrEnum):
    """What became of a piece that was scanned at the desk."""

    MATCHED = "matched"
    MISMATCH = "mismatch"
    """Something scanned with it does not belong; it goes to the hold place."""
    UNPAID = "unpaid"
    """It is to be posted and its postage was not paid; it goes to the hold place."""
    STOPPED = "stopped"
    """Its application is stopped; it goes into quarantine, also out of a box."""
    UNDONE = "undone"
    """Its packer took their match back before a parcel was made of it; it is scanned anew, in a tray of its own."""


class Resolution(StrEnum):
    """What two people made of what lies on the hold shelf."""

    RIGHT = "right"
    """The piece was put right: slip and envelope are its own again. It is scanned anew."""
    ENVELOPE = "envelope"
    """What is its own was found with another envelope. It is scanned anew."""
    OPENED = "opened"
    """A parcel was opened and emptied; its documents are scanned anew."""
    APART = "apart"
    """It can't go on: into quarantine, where a lead stops its application."""


class Asked(StrEnum):
    """What the run asks of whoever is at the desk, for machines that can't tell and hands that only people have."""

    LAID = "laid"
    """To lay a parcel on the scale, alone."""
    LABELLED = "labelled"
    """To print a parcel's label and stick it on, where the line has no printer."""
    CAME_OUT = "came_out"
    """To look whether a parcel's label ever came out of the printer."""


def _one_of(column: str, values: type[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


def _signed(who: str, sign_in: str) -> str:
    """Emulated staff has no sign-in, everybody else has; and on a real line nobody is emulated."""
    return f"(substr({who}, 1, 2) = 'e-') = ({sign_in} IS NULL) AND (emulated OR {sign_in} IS NOT NULL)"


class Parcel(SQLModel, table=True):
    """A closed parcel: one office's documents of a tray, or one document for the post. Its contents are custody's.

    `weighed_g` and `scale` stay empty where it was not weighed here. `postage_cny` is what was paid for sending it, 0
    where it goes free; empty for an office's.
    """

    __tablename__ = "parcel"
    __table_args__ = (
        Index("ix_parcel_packed", "packed_us", "documents"),
        CheckConstraint("grouping IN ('office', 'single')", name="parcel_grouping"),
        CheckConstraint("(grouping = 'office') = (office IS NOT NULL)", name="parcel_office"),
        CheckConstraint("documents >= 1 AND (grouping = 'office' OR documents = 1)", name="parcel_documents"),
        CheckConstraint("emulated OR substr(packer, 1, 2) <> 'e-'", name="parcel_emulated"),
    )

    parcel_unit: str = Field(sa_type=String(32), primary_key=True)
    label: str = Field(sa_type=String(32), unique=True)
    grouping: str = Field(sa_type=String(8))
    office: str | None = Field(default=None, sa_type=String(64), index=True)
    tray: str = Field(sa_type=String(32), index=True)
    documents: int
    expected_g: int
    weighed_g: int | None = None
    scale: str | None = Field(default=None, sa_type=String(32))
    postage_cny: int | None = None
    packer: str = Field(sa_type=String(64))
    packed_us: int = Field(sa_type=BigInteger)
    emulated: bool


class LabelJob(SQLModel, table=True):
    """One label of a parcel, from before it is sent to a printer until it is known whether it came out.

    `state`: `intent` (it may have been sent), `printed`, or `absent` (people looked, and it never came out: only then
    may a next attempt begin). `settled_by` is whoever looked; empty where the printer's word was enough. The printer
    knows the job by an id that parcel and attempt give (`labels.job_id`).
    """

    __tablename__ = "label_job"
    __table_args__ = (
        CheckConstraint("state IN ('intent', 'printed', 'absent')", name="label_job_state"),
        CheckConstraint("(state = 'intent') = (told_us IS NULL)", name="label_job_told"),
        CheckConstraint("state <> 'absent' OR settled_by IS NOT NULL", name="label_job_absent_by_people"),
        CheckConstraint("attempt >= 1", name="label_job_attempt"),
        Index(
            "uq_label_job_live",
            "parcel_unit",
            unique=True,
            sqlite_where=text("state <> 'absent'"),
            postgresql_where=text("state <> 'absent'"),
        ),
    )

    parcel_unit: str = Field(sa_type=String(32), foreign_key="parcel.parcel_unit", primary_key=True)
    attempt: int = Field(primary_key=True)
    printer: str = Field(sa_type=String(32))
    state: str = Field(sa_type=String(8))
    settled_by: str | None = Field(default=None, sa_type=String(64))
    intent_us: int = Field(sa_type=BigInteger)
    told_us: int | None = Field(default=None, sa_type=BigInteger)
    emulated: bool


class PackingMismatch(SQLModel, table=True):
    """Three scans that did not belong together; the piece waits in the hold place for two people.

    The scans are the codes as read: an unknown or foreign code is evidence and is kept as it was.
    """

    __tablename__ = "packing_mismatch"
    __table_args__ = (
        CheckConstraint("part IN ('document', 'order', 'envelope')", name="packing_mismatch_part"),
        CheckConstraint(
            "resolution IS NULL OR resolution IN ('right', 'envelope', 'apart')", name="packing_mismatch_resolution"
        ),
        CheckConstraint("emulated OR substr(packer, 1, 2) <> 'e-'", name="packing_mismatch_emulated"),
    )

    mismatch_id: str = Field(sa_type=String(32), primary_key=True)
    document_unit: str = Field(sa_type=String(32), index=True)
    part: str = Field(sa_type=String(8))
    scanned_document: str = Field(sa_type=String(64))
    scanned_order: str = Field(sa_type=String(64))
    scanned_envelope: str = Field(sa_type=String(96))
    packer: str = Field(sa_type=String(64))
    written_us: int = Field(sa_type=BigInteger)
    resolution: str | None = Field(default=None, sa_type=String(8))
    emulated: bool


class PackingRelease(SQLModel, table=True):
    """What two people decided of a piece or parcel on the hold shelf, each by a sign-in of that moment; written once.

    `release_id` is the desk's own, so that one that is sent again is the same. `step`: the unit's step in custody by
    which it came to the shelf, so that each stay there ends by one decision.
    """

    __tablename__ = "packing_release"
    __table_args__ = (
        UniqueConstraint("unit_id", "step", name="uq_packing_release_stay"),
        Index("ix_packing_release_stored", "stored_us"),
        CheckConstraint("length(release_id) = 32", name="ck_packing_release_id"),
        CheckConstraint("first <> second", name="ck_packing_release_two"),
        CheckConstraint(_one_of("resolution", Resolution), name="ck_packing_release_resolution"),
    )

    release_id: str = Field(sa_column=Column(String(32), primary_key=True))
    unit_id: str = Field(sa_column=Column(String(32), nullable=False))
    step: int
    resolution: str = Field(sa_column=Column(String(8), nullable=False))
    first: str = Field(sa_column=Column(String(64), nullable=False))
    first_sign_in: str = Field(sa_column=Column(String(32), ForeignKey("sign_in_attempt.attempt_id"), nullable=False))
    second: str = Field(sa_column=Column(String(64), nullable=False))
    second_sign_in: str = Field(sa_column=Column(String(32), ForeignKey("sign_in_attempt.attempt_id"), nullable=False))
    stored_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    emulated: bool


class PackingBox(SQLModel, table=True):
    """An office's box at the desk, from its first piece until somebody closes it: at most one of an office is open.

    Its pieces are in the log at the place `box` of packing, with its id as their tray.
    """

    __tablename__ = "packing_box"
    __table_args__ = (
        Index(
            "uq_packing_box_open",
            "office",
            unique=True,
            sqlite_where=text("closed_us IS NULL"),
            postgresql_where=text("closed_us IS NULL"),
        ),
        CheckConstraint("length(box_id) = 32", name="ck_packing_box_id"),
        CheckConstraint(_signed("opened_by", "opened_sign_in"), name="ck_packing_box_opened"),
        CheckConstraint(
            "(closed_us IS NULL AND closed_by IS NULL AND closed_sign_in IS NULL) OR (closed_us IS NOT NULL"
            f" AND closed_by IS NOT NULL AND closed_us >= opened_us AND {_signed('closed_by', 'closed_sign_in')})",
            name="ck_packing_box_closed",
        ),
    )

    box_id: str = Field(sa_column=Column(String(32), primary_key=True))
    office: str = Field(sa_column=Column(String(20), nullable=False))
    opened_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    opened_by: str = Field(sa_column=Column(String(64), nullable=False))
    opened_sign_in: str | None = Field(
        default=None, sa_column=Column(String(32), ForeignKey("sign_in_attempt.attempt_id"))
    )
    closed_us: int | None = Field(default=None, sa_column=Column(BigInteger))
    closed_by: str | None = Field(default=None, sa_column=Column(String(64)))
    closed_sign_in: str | None = Field(
        default=None, sa_column=Column(String(32), ForeignKey("sign_in_attempt.attempt_id"))
    )
    emulated: bool


class PackingMatch(SQLModel, table=True):
    """One document that a packer scanned with order and envelope, and what came of it; written once.

    `match_id` is the desk's own, so that one that is sent again is the same. `document_unit` and `tray` name the piece
    that lies at packing and that this decides; both empty where the codes decide none (a document unknown, elsewhere or
    decided before). The codes are as they were read; `scanned_again` is the second of a kind, where two came.
    `part` and `reason` say of a mismatch which of the three does not belong, and why. `box_id`: the box that a matched
    piece goes into; one for the post has `postage_cny` instead. `takes_out` names the match of a stopped piece that is
    taken out of a box again.
    """

    __tablename__ = "packing_match"
    __table_args__ = (
        Index(
            "uq_packing_match_matched",
            "document_unit",
            "tray",
            unique=True,
            sqlite_where=text("outcome = 'matched'"),
            postgresql_where=text("outcome = 'matched'"),
        ),
        Index(
            "uq_packing_match_aside",
            "document_unit",
            "tray",
            unique=True,
            sqlite_where=text("outcome <> 'matched' AND document_unit IS NOT NULL AND takes_out IS NULL"),
            postgresql_where=text("outcome <> 'matched' AND document_unit IS NOT NULL AND takes_out IS NULL"),
        ),
        Index(
            "uq_packing_match_takes_out",
            "takes_out",
            unique=True,
            sqlite_where=text("takes_out IS NOT NULL"),
            postgresql_where=text("takes_out IS NOT NULL"),
        ),
        Index("ix_packing_match_document", "document_unit"),
        Index("ix_packing_match_tray", "tray"),
        Index("ix_packing_match_box", "box_id"),
        Index("ix_packing_match_stored", "stored_us"),
        CheckConstraint("length(match_id) = 32", name="ck_packing_match_id"),
        CheckConstraint(_one_of("outcome", MatchOutcome), name="ck_packing_match_outcome"),
        CheckConstraint(
            "(outcome = 'mismatch') = (part IS NOT NULL) AND (part IS NULL) = (reason IS NULL)",
            name="ck_packing_match_why",
        ),
        CheckConstraint("part IS NULL OR part IN ('document', 'order', 'envelope')", name="ck_packing_match_part"),
        CheckConstraint(
            "(document_unit IS NULL) = (tray IS NULL) AND (outcome = 'mismatch' OR document_unit IS NOT NULL)",
            name="ck_packing_match_piece",
        ),
        CheckConstraint(
            "outcome <> 'matched' OR (scanned_document IS NOT NULL AND scanned_order IS NOT NULL"
            " AND scanned_envelope IS NOT NULL AND scanned_again IS NULL)",
            name="ck_packing_match_three",
        ),
        CheckConstraint(
            "(outcome = 'matched') = ((box_id IS NULL) <> (postage_cny IS NULL))", name="ck_packing_match_goes"
        ),
        CheckConstraint(_signed("packer", "sign_in"), name="ck_packing_match_signed"),
    )

    match_id: str = Field(sa_column=Column(String(32), primary_key=True))
    document_unit: str | None = Field(default=None, sa_column=Column(String(32)))
    tray: str | None = Field(default=None, sa_column=Column(String(32)))
    outcome: str = Field(sa_column=Column(String(8), nullable=False))
    part: str | None = Field(default=None, sa_column=Column(String(8)))
    reason: str | None = Field(default=None, sa_column=Column(String(12)))
    scanned_document: str | None = Field(default=None, sa_column=Column(String(96)))
    scanned_order: str | None = Field(default=None, sa_column=Column(String(96)))
    scanned_envelope: str | None = Field(default=None, sa_column=Column(String(96)))
    scanned_again: str | None = Field(default=None, sa_column=Column(String(96)))
    box_id: str | None = Field(default=None, sa_column=Column(String(32), ForeignKey("packing_box.box_id")))
    postage_cny: int | None = None
    packer: str = Field(sa_column=Column(String(64), nullable=False))
    sign_in: str | None = Field(default=None, sa_column=Column(String(32), ForeignKey("sign_in_attempt.attempt_id")))
    stored_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    emulated: bool
    takes_out: str | None = Field(default=None, sa_column=Column(String(32), ForeignKey("packing_match.match_id")))


class PackingAsk(SQLModel, table=True):
    """One thing that the run asked at the desk about a parcel, and who answered what; answered once."""

    __tablename__ = "packing_ask"
    __table_args__ = (
        Index(
            "uq_packing_ask_open",
            "parcel_unit",
            "what",
            unique=True,
            sqlite_where=text("answer IS NULL"),
            postgresql_where=text("answer IS NULL"),
        ),
        Index("ix_packing_ask_parcel", "parcel_unit", "what"),
        CheckConstraint("length(ask_id) = 32", name="ck_packing_ask_id"),
        CheckConstraint(_one_of("what", Asked), name="ck_packing_ask_what"),
        CheckConstraint(
            "(answer IS NULL AND answered_us IS NULL AND answered_by IS NULL AND sign_in IS NULL) OR ("
            "answer IS NOT NULL AND answer IN ('yes', 'no') AND (answer = 'yes' OR what = 'came_out')"
            " AND answered_us IS NOT NULL AND answered_by IS NOT NULL AND answered_us >= asked_us"
            f" AND {_signed('answered_by', 'sign_in')})",
            name="ck_packing_ask_answered",
        ),
    )

    ask_id: str = Field(sa_column=Column(String(32), primary_key=True))
    parcel_unit: str = Field(sa_column=Column(String(32), ForeignKey("parcel.parcel_unit"), nullable=False))
    what: str = Field(sa_column=Column(String(10), nullable=False))
    machine: str = Field(sa_column=Column(String(32), nullable=False))
    asked_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    answer: str | None = Field(default=None, sa_column=Column(String(3)))
    answered_us: int | None = Field(default=None, sa_column=Column(BigInteger))
    answered_by: str | None = Field(default=None, sa_column=Column(String(64)))
    sign_in: str | None = Field(default=None, sa_column=Column(String(32), ForeignKey("sign_in_attempt.attempt_id")))
    emulated: bool
