"""What mailing keeps: tracking numbers, consignments with their parcels, what the carrier says of those; and what
people weighed and signed at the desk before it is booked.
"""

from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, String, Text, UniqueConstraint, text
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
    """A parcel on a manifest with its weight and, for the post, its tracking number.

    `taken_us`: when the carrier, who counted it, accepted it; such a row stays. A parcel that came back and is sent
    again has a further row, on another manifest and under another number.
    """

    __tablename__ = "consigned_parcel"

    parcel_unit: str = Field(sa_type=String(32), foreign_key="parcel.parcel_unit", primary_key=True)
    consignment_id: str = Field(
        sa_type=String(32), foreign_key="consignment.consignment_id", primary_key=True, index=True
    )
    weight_g: int
    tracking: str | None = Field(default=None, sa_type=String(40), unique=True)
    taken_us: int | None = Field(default=None, sa_type=BigInteger)


class DeliveryKind(StrEnum):
    """What a carrier says became of what it took."""

    DELIVERED = "delivered"
    RETURNED = "returned"
    LOST = "lost"


class Decision(StrEnum):
    """What two people decide of a parcel that came back."""

    SENT = "sent"
    DESTROYED = "destroyed"


def _one_of(column: str, words: type[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(word.value) for word in words)})"


class DeliveryEvent(SQLModel, table=True):
    """One event of the carrier, by its own id, as two people loaded it; written once.

    `sha256` is of what the carrier said (`deliveries.Told.sha256`), and stands in the log's register `delivery` beside
    each parcel; `record` is that entry's act.
    """

    __tablename__ = "delivery_event"
    __table_args__ = (
        CheckConstraint(_one_of("kind", DeliveryKind), name="ck_delivery_event_kind"),
        CheckConstraint("(tracking IS NULL) <> (consignment_id IS NULL)", name="ck_delivery_event_item"),
        CheckConstraint("kind = 'returned' OR note IS NULL", name="ck_delivery_event_note"),
        CheckConstraint("loaded_by <> loaded_second", name="ck_delivery_event_two_people"),
        Index("ix_delivery_event_undelivered", "kind", "at_us", sqlite_where=text("kind <> 'delivered'"),
              postgresql_where=text("kind <> 'delivered'")),
        Index("ix_delivery_event_note", "note", sqlite_where=text("note IS NOT NULL"),
              postgresql_where=text("note IS NOT NULL")),
    )  # fmt: skip

    event_id: str = Field(sa_type=String(40), primary_key=True)
    kind: str = Field(sa_type=String(10))
    tracking: str | None = Field(default=None, sa_type=String(40))
    consignment_id: str | None = Field(default=None, sa_type=String(32))
    note: str | None = Field(default=None, sa_type=String(40))
    at_us: int = Field(sa_type=BigInteger)
    sha256: str = Field(sa_type=String(64))
    record: str = Field(sa_type=String(32))
    loaded_us: int = Field(sa_type=BigInteger)
    loaded_by: str = Field(sa_type=String(64))
    loaded_second: str = Field(sa_type=String(64))
    emulated: bool


class DeliveredParcel(SQLModel, table=True):
    """A parcel, as it was sent on one manifest, that an event of the carrier is about; written once."""

    __tablename__ = "delivered_parcel"
    __table_args__ = (
        ForeignKeyConstraint(
            ["parcel_unit", "consignment_id"],
            ["consigned_parcel.parcel_unit", "consigned_parcel.consignment_id"],
            name="fk_delivered_parcel_sent",
        ),
        Index("ix_delivered_parcel_sent", "parcel_unit", "consignment_id"),
    )

    event_id: str = Field(sa_type=String(40), foreign_key="delivery_event.event_id", primary_key=True)
    parcel_unit: str = Field(sa_type=String(32), primary_key=True)
    consignment_id: str = Field(sa_type=String(32))


class ReturnedParcel(SQLModel, table=True):
    """A parcel that came back from one sending, received by two people (`record`), and what two decided of it.

    `announced`: the carrier had said so. Of one parcel at most one waits for its decision.
    """

    __tablename__ = "returned_parcel"
    __table_args__ = (
        ForeignKeyConstraint(
            ["parcel_unit", "consignment_id"],
            ["consigned_parcel.parcel_unit", "consigned_parcel.consignment_id"],
            name="fk_returned_parcel_sent",
        ),
        CheckConstraint("received_by <> received_second", name="ck_returned_parcel_two_receive"),
        CheckConstraint(
            f"decision IS NULL OR ({_one_of('decision', Decision)} AND decided_by <> decided_second)",
            name="ck_returned_parcel_two_decide",
        ),
        CheckConstraint(
            "(decision IS NULL) = (decided_us IS NULL) AND (decision IS NULL) = (decided_by IS NULL)"
            " AND (decision IS NULL) = (decided_second IS NULL)",
            name="ck_returned_parcel_decided",
        ),
        Index("uq_returned_parcel_open", "parcel_unit", unique=True, sqlite_where=text("decision IS NULL"),
              postgresql_where=text("decision IS NULL")),
    )  # fmt: skip

    parcel_unit: str = Field(sa_type=String(32), primary_key=True)
    consignment_id: str = Field(sa_type=String(32), primary_key=True)
    note: str | None = Field(default=None, sa_type=String(40))
    announced: bool
    record: str = Field(sa_type=String(32))
    received_us: int = Field(sa_type=BigInteger)
    received_by: str = Field(sa_type=String(64))
    received_second: str = Field(sa_type=String(64))
    decision: str | None = Field(default=None, sa_type=String(10))
    decided_us: int | None = Field(default=None, sa_type=BigInteger)
    decided_by: str | None = Field(default=None, sa_type=String(64))
    decided_second: str | None = Field(default=None, sa_type=String(64))
    emulated: bool


class ReturnRemake(SQLModel, table=True):
    """An application whose document came back, was voided, and is made again: once, whatever comes back after."""

    __tablename__ = "return_remake"

    application_id: str = Field(sa_type=String(32), foreign_key="application.application_id", primary_key=True)
    document_unit: str = Field(sa_type=String(32), unique=True)
    order_unit: str = Field(sa_type=String(32), unique=True)
    remade_us: int = Field(sa_type=BigInteger)


class Weighing(SQLModel, table=True):
    """What the scale showed for a parcel of an accepted tray, as a mailer stored it at the desk; written once.

    `weighing_id` is the desk's own, so that one that is sent again is the same. A weight that differs is believed when
    it is seen twice: `attempt` is 1, or 2 after it. `ask_id`: mailing's own scale told it; empty where it was typed.
    """

    __tablename__ = "mailing_weighing"
    __table_args__ = (
        UniqueConstraint("parcel_unit", "tray", "attempt", name="uq_mailing_weighing_attempt"),
        Index("ix_mailing_weighing_mailer", "mailer", "stored_us"),
        Index("uq_mailing_weighing_ask", "ask_id", unique=True, sqlite_where=text("ask_id IS NOT NULL"),
              postgresql_where=text("ask_id IS NOT NULL")),
        CheckConstraint("length(weighing_id) = 32", name="ck_mailing_weighing_id"),
        CheckConstraint("attempt IN (1, 2)", name="ck_mailing_weighing_attempt"),
        CheckConstraint("grams BETWEEN 1 AND 100000", name="ck_mailing_weighing_grams"),
    )  # fmt: skip

    weighing_id: str = Field(sa_type=String(32), primary_key=True)
    parcel_unit: str = Field(sa_type=String(32), foreign_key="parcel.parcel_unit")
    tray: str = Field(sa_type=String(32))
    attempt: int
    grams: int
    mailer: str = Field(sa_type=String(64))
    sign_in: str = Field(sa_type=String(32), foreign_key="sign_in_attempt.attempt_id")
    stored_us: int = Field(sa_type=BigInteger)
    emulated: bool
    ask_id: str | None = Field(default=None, sa_type=String(32), foreign_key="mailing_scale_ask.ask_id")


class ScaleFault(StrEnum):
    """Why the scale told no weight."""

    STANDS = "stands"
    """It did not come back; the weight may be typed."""
    EMPTY = "empty"
    """Nothing, or too much, lies on it."""
    LEFT = "left"
    """Somebody asked for another parcel."""


class ScaleAsk(SQLModel, table=True):
    """A parcel that a mailer laid on mailing's own scale, and what the run says that it weighs; told once.

    At most one of a scale waits.
    """

    __tablename__ = "mailing_scale_ask"
    __table_args__ = (
        Index("uq_mailing_scale_ask_open", "scale", unique=True, sqlite_where=text("told_us IS NULL"),
              postgresql_where=text("told_us IS NULL")),
        Index("ix_mailing_scale_ask_parcel", "parcel_unit", "tray"),
        CheckConstraint("length(ask_id) = 32", name="ck_mailing_scale_ask_id"),
        CheckConstraint("grams IS NULL OR grams BETWEEN 1 AND 100000", name="ck_mailing_scale_ask_grams"),
        CheckConstraint(f"fault IS NULL OR {_one_of('fault', ScaleFault)}", name="ck_mailing_scale_ask_fault"),
        CheckConstraint(
            "(told_us IS NULL AND grams IS NULL AND fault IS NULL)"
            " OR (told_us IS NOT NULL AND (grams IS NULL) <> (fault IS NULL))",
            name="ck_mailing_scale_ask_told",
        ),
    )  # fmt: skip

    ask_id: str = Field(sa_type=String(32), primary_key=True)
    parcel_unit: str = Field(sa_type=String(32), foreign_key="parcel.parcel_unit")
    tray: str = Field(sa_type=String(32))
    scale: str = Field(sa_type=String(32))
    mailer: str = Field(sa_type=String(64))
    sign_in: str = Field(sa_type=String(32), foreign_key="sign_in_attempt.attempt_id")
    asked_us: int = Field(sa_type=BigInteger)
    grams: int | None = None
    fault: str | None = Field(default=None, sa_type=String(8))
    told_us: int | None = Field(default=None, sa_type=BigInteger)
    emulated: bool


class ActKind(StrEnum):
    """What was signed at mailing's desk."""

    DOOR = "door"
    """The carrier's driver counted what stood at the door, and took it."""
    RETAKE = "retake"
    """A tray that the carrier refused was counted back."""
    RECEIVE = "receive"
    SEND_AGAIN = "send_again"
    DESTROY = "destroy"
    REMAKE = "remake"
    """Destroyed, and made again."""
    SETTLE = "settle"
    LOAD = "load"
    """A carrier's file of delivery events."""


class DeskAct(SQLModel, table=True):
    """One act as it was signed at the desk, until the run books it: once, or refused with `refusal`.

    `act_id` is the desk's own. `subject`: the label, the return note, the refused handoff, or the file's digest that it
    is about. `content`: the labels that were scanned, or a file's lines, as JSON; empty once it is booked. `told`: what
    the booking came to, as JSON. A recount of one's own tray has one hand; all else has two.
    """

    __tablename__ = "mailing_act"
    __table_args__ = (
        Index("ix_mailing_act_open", "stored_us", "act_id", sqlite_where=text("booked_us IS NULL"),
              postgresql_where=text("booked_us IS NULL")),
        Index("ix_mailing_act_stored", "stored_us"),
        CheckConstraint("length(act_id) = 32", name="ck_mailing_act_id"),
        CheckConstraint(_one_of("kind", ActKind), name="ck_mailing_act_kind"),
        CheckConstraint(
            "(kind = 'retake') = (second IS NULL) AND (second IS NULL) = (second_sign_in IS NULL)",
            name="ck_mailing_act_hands",
        ),
        CheckConstraint("second IS NULL OR first <> second", name="ck_mailing_act_two_people"),
        CheckConstraint(
            "(booked_us IS NULL) = (told IS NULL) AND (booked_us IS NOT NULL OR refusal IS NULL)"
            " AND (booked_us IS NULL OR content = '')",
            name="ck_mailing_act_booked",
        ),
    )  # fmt: skip

    act_id: str = Field(sa_type=String(32), primary_key=True)
    kind: str = Field(sa_type=String(12))
    subject: str = Field(sa_type=String(64))
    detail: str = Field(sa_type=String(16))
    content: str = Field(sa_type=Text)
    first: str = Field(sa_type=String(64))
    first_sign_in: str = Field(sa_type=String(32), foreign_key="sign_in_attempt.attempt_id")
    second: str | None = Field(default=None, sa_type=String(64))
    second_sign_in: str | None = Field(default=None, sa_type=String(32), foreign_key="sign_in_attempt.attempt_id")
    stored_us: int = Field(sa_type=BigInteger)
    booked_us: int | None = Field(default=None, sa_type=BigInteger)
    refusal: str | None = Field(default=None, sa_type=String(40))
    told: str | None = Field(default=None, sa_type=Text)
    emulated: bool


class ManifestPrint(SQLModel, table=True):
    """A manifest that somebody printed at the desk: all but the first are marked as reprints. Written once."""

    __tablename__ = "manifest_print"
    __table_args__ = (Index("ix_manifest_print_of", "consignment_id"),)

    print_id: str = Field(sa_type=String(32), primary_key=True)
    consignment_id: str = Field(sa_type=String(32), foreign_key="consignment.consignment_id")
    person: str = Field(sa_type=String(64))
    sign_in: str = Field(sa_type=String(32), foreign_key="sign_in_attempt.attempt_id")
    printed_us: int = Field(sa_type=BigInteger)
