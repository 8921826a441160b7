"""What packing keeps: the parcels it closed, their labels, and the mismatches that stopped a piece."""

from sqlalchemy import BigInteger, CheckConstraint, Index, String, text
from sqlmodel import Field, SQLModel


class Parcel(SQLModel, table=True):
    """A closed parcel: one office's documents of a tray, or one document for the post. Its contents are custody's.

    `weighed_g` and `scale` stay empty where it was not weighed here.
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
        CheckConstraint("resolution IS NULL OR resolution IN ('repack', 'void')", name="packing_mismatch_resolution"),
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
