"""What packing keeps: the parcels it closed and the mismatches that stopped a piece."""

from sqlalchemy import BigInteger, CheckConstraint, String
from sqlmodel import Field, SQLModel


class Parcel(SQLModel, table=True):
    """A closed parcel: one office's documents of a tray, or one document for the post. Its contents are custody's."""

    __tablename__ = "parcel"
    __table_args__ = (
        CheckConstraint("grouping IN ('office', 'single')", name="parcel_grouping"),
        CheckConstraint("(grouping = 'office') = (office IS NOT NULL)", name="parcel_office"),
        CheckConstraint("documents >= 1 AND (grouping = 'office' OR documents = 1)", name="parcel_documents"),
    )

    parcel_unit: str = Field(sa_type=String(32), primary_key=True)
    label: str = Field(sa_type=String(32), unique=True)
    grouping: str = Field(sa_type=String(8))
    office: str | None = Field(default=None, sa_type=String(64), index=True)
    tray: str = Field(sa_type=String(32), index=True)
    documents: int
    expected_g: int
    packer: str = Field(sa_type=String(64))
    packed_us: int = Field(sa_type=BigInteger)
    emulated: bool


class PackingMismatch(SQLModel, table=True):
    """Three scans that did not belong together; the piece waits in the hold place for two people.

    The scans are the codes as read: an unknown or foreign code is evidence and is kept as it was.
    """

    __tablename__ = "packing_mismatch"
    __table_args__ = (
        CheckConstraint("part IN ('document', 'order', 'envelope')", name="packing_mismatch_part"),
        CheckConstraint("resolution IS NULL OR resolution IN ('repack', 'void')", name="packing_mismatch_resolution"),
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
