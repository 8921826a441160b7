"""What mailing keeps: ranges of tracking numbers, consignments, and the parcels in them."""

from sqlalchemy import BigInteger, CheckConstraint, Index, String
from sqlmodel import Field, SQLModel


class TrackingRange(SQLModel, table=True):
    """Numbers a carrier gave out: `next_serial` is the next to use, above `last_serial` the range is spent.

    `form` is `s10` (international, UPU S10: prefix, eight digits, check digit, country) or `opaque` (the domestic
    form is not public: prefix, digits of `width`, suffix, exactly as the carrier wrote it down).
    """

    __tablename__ = "tracking_range"
    __table_args__ = (
        CheckConstraint("form IN ('s10', 'opaque')", name="tracking_range_form"),
        CheckConstraint("first_serial <= last_serial", name="tracking_range_order"),
        CheckConstraint("next_serial BETWEEN first_serial AND last_serial + 1", name="tracking_range_next"),
    )

    range_id: str = Field(sa_type=String(32), primary_key=True)
    form: str = Field(sa_type=String(8))
    prefix: str = Field(sa_type=String(16))
    suffix: str = Field(sa_type=String(16))
    width: int
    first_serial: int = Field(sa_type=BigInteger)
    last_serial: int = Field(sa_type=BigInteger)
    next_serial: int = Field(sa_type=BigInteger)
    emulated: bool


class Consignment(SQLModel, table=True):
    """One manifest: a courier's parcels of a tray, or one office's; offered to the carrier in `handoff_id`."""

    __tablename__ = "consignment"
    __table_args__ = (
        Index("ix_consignment_accepted", "accepted_us", "documents"),
        CheckConstraint("grouping IN ('office', 'single')", name="consignment_grouping"),
        CheckConstraint("(grouping = 'office') = (office IS NOT NULL)", name="consignment_office"),
        CheckConstraint("state IN ('offered', 'dispatched', 'emptied')", name="consignment_state"),
        CheckConstraint("emulated OR substr(mailer, 1, 2) <> 'e-'", name="consignment_emulated"),
    )

    consignment_id: str = Field(sa_type=String(32), primary_key=True)
    grouping: str = Field(sa_type=String(8))
    office: str | None = Field(default=None, sa_type=String(64))
    tray: str = Field(sa_type=String(32), index=True)
    handoff_id: str = Field(sa_type=String(32), index=True)
    parcels: int
    documents: int
    weight_g: int
    state: str = Field(sa_type=String(12))
    mailer: str = Field(sa_type=String(64))
    offered_us: int = Field(sa_type=BigInteger)
    accepted_us: int | None = Field(default=None, sa_type=BigInteger)
    emulated: bool


class ConsignedParcel(SQLModel, table=True):
    """A parcel on a manifest with its weight and, for the post, its tracking number."""

    __tablename__ = "consigned_parcel"

    parcel_unit: str = Field(sa_type=String(32), foreign_key="parcel.parcel_unit", primary_key=True)
    consignment_id: str = Field(sa_type=String(32), foreign_key="consignment.consignment_id", index=True)
    weight_g: int
    tracking: str | None = Field(default=None, sa_type=String(40), unique=True)
