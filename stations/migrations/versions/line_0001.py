"""Every line table of the stations, and the guards that hold a job's legal moves. Revision ID: line_0001."""

# ruff: noqa: E501 - the conditions are written as the models have them

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "line_0001"
down_revision = None
branch_labels = None
depends_on = None

SQL = Path(__file__).parent.parent / "sql" / "line_0001"
JOB_MOVES = (
    ("INTENT", "FED"),
    ("INTENT", "PREPARED"),
    ("INTENT", "STARTING"),
    ("INTENT", "RESULT"),
    ("INTENT", "UNCERTAIN"),
    ("FED", "PREPARED"),
    ("FED", "RESULT"),
    ("FED", "UNCERTAIN"),
    ("PREPARED", "RESULT"),
    ("PREPARED", "STARTING"),
    ("PREPARED", "UNCERTAIN"),
    ("STARTING", "RESULT"),
    ("STARTING", "UNCERTAIN"),
    ("RESULT", "RELEASED"),
    ("UNCERTAIN", "RESULT"),
)


def upgrade() -> None:
    """Create the tables, fill in the legal moves, then guard them."""
    create_tables()
    bind = op.get_bind()
    move = sa.table("job_move", sa.column("before", sa.String), sa.column("after", sa.String))
    op.bulk_insert(move, [{"before": before, "after": after} for before, after in JOB_MOVES])
    for statement in (SQL / f"guards.{bind.dialect.name}.sql").read_text(encoding="utf-8").split("--;\n"):
        bind.exec_driver_sql(statement)


def downgrade() -> None:
    """Refuse: jobs guard what exists outside the database; they are never dropped by a program."""
    raise RuntimeError("line tables are not dropped; restore a copy of the database instead")


def create_tables() -> None:
    """Create every table and index."""
    op.create_table(
        "consignment",
        sa.Column("consignment_id", sa.String(length=32), nullable=False),
        sa.Column("grouping", sa.String(length=8), nullable=False),
        sa.Column("office", sa.String(length=64), nullable=True),
        sa.Column("tray", sa.String(length=32), nullable=False),
        sa.Column("handoff_id", sa.String(length=32), nullable=False),
        sa.Column("parcels", sa.Integer(), nullable=False),
        sa.Column("documents", sa.Integer(), nullable=False),
        sa.Column("weight_g", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("mailer", sa.String(length=64), nullable=False),
        sa.Column("offered_us", sa.BigInteger(), nullable=False),
        sa.Column("accepted_us", sa.BigInteger(), nullable=True),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("(grouping = 'office') = (office IS NOT NULL)", name="consignment_office"),
        sa.CheckConstraint("grouping IN ('office', 'single')", name="consignment_grouping"),
        sa.CheckConstraint("state IN ('offered', 'dispatched', 'emptied')", name="consignment_state"),
        sa.PrimaryKeyConstraint("consignment_id"),
    )
    op.create_index(op.f("ix_consignment_handoff_id"), "consignment", ["handoff_id"], unique=False)
    op.create_index(op.f("ix_consignment_tray"), "consignment", ["tray"], unique=False)
    op.create_table(
        "intake_batch",
        sa.Column("batch_id", sa.String(length=32), nullable=False),
        sa.Column("manifest_sha256", sa.String(length=64), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("lines_read", sa.Integer(), nullable=False),
        sa.Column("loaded", sa.Integer(), nullable=False),
        sa.Column("set_aside", sa.Integer(), nullable=False),
        sa.Column("started_us", sa.BigInteger(), nullable=False),
        sa.Column("finished_us", sa.BigInteger(), nullable=True),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("lines_read BETWEEN 0 AND lines", name="ck_intake_batch_lines"),
        sa.CheckConstraint("loaded + set_aside <= lines_read", name="ck_intake_batch_counts"),
        sa.PrimaryKeyConstraint("batch_id"),
        sa.UniqueConstraint("manifest_sha256"),
    )
    op.create_table(
        "job_move",
        sa.Column("before", sa.String(length=10), nullable=False),
        sa.Column("after", sa.String(length=10), nullable=False),
        sa.PrimaryKeyConstraint("before", "after"),
    )
    op.create_table(
        "machine_baseline",
        sa.Column("machine_serial", sa.String(length=40), nullable=False),
        sa.Column("machine", sa.String(length=40), nullable=False),
        sa.Column("fed", sa.BigInteger(), nullable=False),
        sa.Column("since_us", sa.BigInteger(), nullable=False),
        sa.Column("counted_by", sa.String(length=40), nullable=True),
        sa.Column("counted_second", sa.String(length=40), nullable=True),
        sa.CheckConstraint(
            "(counted_by IS NULL AND counted_second IS NULL) OR (counted_by IS NOT NULL AND counted_second IS NOT NULL AND counted_by <> counted_second)",
            name="ck_machine_baseline_two_people",
        ),
        sa.PrimaryKeyConstraint("machine_serial"),
    )
    op.create_table(
        "machine_lease",
        sa.Column("machine", sa.String(length=40), nullable=False),
        sa.Column("worker", sa.String(length=80), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("fence > 0", name="ck_machine_lease_fence"),
        sa.PrimaryKeyConstraint("machine"),
    )
    op.create_table(
        "machine_state",
        sa.Column("machine", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=60), nullable=True),
        sa.Column("since_us", sa.BigInteger(), nullable=False),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("state IN ('idle', 'execute', 'suspended', 'held', 'stopped')", name="ck_machine_state"),
        sa.CheckConstraint("state NOT IN ('held', 'suspended') OR reason IS NOT NULL", name="ck_machine_state_reason"),
        sa.PrimaryKeyConstraint("machine"),
    )
    op.create_table(
        "number_range",
        sa.Column("product", sa.String(length=20), nullable=False),
        sa.Column("prefix", sa.String(length=4), nullable=False),
        sa.Column("digits", sa.Integer(), nullable=False),
        sa.Column("next_number", sa.BigInteger(), nullable=False),
        sa.Column("last_number", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("digits BETWEEN 1 AND 9", name="ck_number_range_digits"),
        sa.CheckConstraint("next_number >= 0 AND next_number <= last_number + 1", name="ck_number_range"),
        sa.PrimaryKeyConstraint("product", "prefix"),
    )
    op.create_table(
        "packing_mismatch",
        sa.Column("mismatch_id", sa.String(length=32), nullable=False),
        sa.Column("document_unit", sa.String(length=32), nullable=False),
        sa.Column("part", sa.String(length=8), nullable=False),
        sa.Column("scanned_document", sa.String(length=64), nullable=False),
        sa.Column("scanned_order", sa.String(length=64), nullable=False),
        sa.Column("scanned_envelope", sa.String(length=96), nullable=False),
        sa.Column("packer", sa.String(length=64), nullable=False),
        sa.Column("written_us", sa.BigInteger(), nullable=False),
        sa.Column("resolution", sa.String(length=8), nullable=True),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("part IN ('document', 'order', 'envelope')", name="packing_mismatch_part"),
        sa.CheckConstraint(
            "resolution IS NULL OR resolution IN ('repack', 'void')", name="packing_mismatch_resolution"
        ),
        sa.PrimaryKeyConstraint("mismatch_id"),
    )
    op.create_index(op.f("ix_packing_mismatch_document_unit"), "packing_mismatch", ["document_unit"], unique=False)
    op.create_table(
        "parcel",
        sa.Column("parcel_unit", sa.String(length=32), nullable=False),
        sa.Column("label", sa.String(length=32), nullable=False),
        sa.Column("grouping", sa.String(length=8), nullable=False),
        sa.Column("office", sa.String(length=64), nullable=True),
        sa.Column("tray", sa.String(length=32), nullable=False),
        sa.Column("documents", sa.Integer(), nullable=False),
        sa.Column("expected_g", sa.Integer(), nullable=False),
        sa.Column("packer", sa.String(length=64), nullable=False),
        sa.Column("packed_us", sa.BigInteger(), nullable=False),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("(grouping = 'office') = (office IS NOT NULL)", name="parcel_office"),
        sa.CheckConstraint("documents >= 1 AND (grouping = 'office' OR documents = 1)", name="parcel_documents"),
        sa.CheckConstraint("grouping IN ('office', 'single')", name="parcel_grouping"),
        sa.PrimaryKeyConstraint("parcel_unit"),
        sa.UniqueConstraint("label"),
    )
    op.create_index(op.f("ix_parcel_office"), "parcel", ["office"], unique=False)
    op.create_index(op.f("ix_parcel_tray"), "parcel", ["tray"], unique=False)
    op.create_table(
        "tracking_range",
        sa.Column("range_id", sa.String(length=32), nullable=False),
        sa.Column("form", sa.String(length=8), nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("suffix", sa.String(length=16), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("first_serial", sa.BigInteger(), nullable=False),
        sa.Column("last_serial", sa.BigInteger(), nullable=False),
        sa.Column("next_serial", sa.BigInteger(), nullable=False),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("form IN ('s10', 'opaque')", name="tracking_range_form"),
        sa.CheckConstraint("first_serial <= last_serial", name="tracking_range_order"),
        sa.CheckConstraint("next_serial BETWEEN first_serial AND last_serial + 1", name="tracking_range_next"),
        sa.PrimaryKeyConstraint("range_id"),
    )
    op.create_table(
        "application",
        sa.Column("application_id", sa.String(length=32), nullable=False),
        sa.Column("application_key", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("product", sa.String(length=20), nullable=False),
        sa.Column("service_class", sa.String(length=12), nullable=False),
        sa.Column("delivery", sa.String(length=12), nullable=False),
        sa.Column("office", sa.String(length=20), nullable=False),
        sa.Column("accepted_us", sa.BigInteger(), nullable=False),
        sa.Column("deadline_us", sa.BigInteger(), nullable=False),
        sa.Column("provisional", sa.Boolean(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("person_key", sa.String(length=64), nullable=False),
        sa.Column("applicant", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("order_unit", sa.String(length=32), nullable=False),
        sa.Column("batch_id", sa.String(length=32), nullable=False),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "(state IN ('returned', 'dispatched') AND NOT live) OR state = 'stopped' OR (state IN ('waiting', 'passed', 'held', 'in_production') AND live)",
            name="ck_application_live",
        ),
        sa.CheckConstraint("delivery IN ('collection', 'post')", name="ck_application_delivery"),
        sa.CheckConstraint(
            "product IN ('passport', 'hk_macau_permit', 'taiwan_permit')", name="ck_application_product"
        ),
        sa.CheckConstraint("service_class IN ('normal', 'expedited', 'emergency')", name="ck_application_class"),
        sa.CheckConstraint(
            "state IN ('waiting', 'passed', 'returned', 'held', 'stopped', 'in_production', 'dispatched')",
            name="ck_application_state",
        ),
        sa.CheckConstraint("priority BETWEEN 0 AND 2", name="ck_application_priority"),
        sa.CheckConstraint("revision >= 1", name="ck_application_revision"),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["intake_batch.batch_id"],
        ),
        sa.PrimaryKeyConstraint("application_id"),
        sa.UniqueConstraint("application_key", "revision", name="uq_application_revision"),
        sa.UniqueConstraint("order_unit", name="uq_application_order"),
    )
    op.create_index(op.f("ix_application_batch_id"), "application", ["batch_id"], unique=False)
    op.create_index(op.f("ix_application_office"), "application", ["office"], unique=False)
    op.create_index("ix_application_person", "application", ["person_key", "product"], unique=False)
    op.create_index("ix_application_state", "application", ["state", "emulated"], unique=False)
    op.create_index(
        "uq_application_live",
        "application",
        ["application_key"],
        unique=True,
        sqlite_where=sa.text("live"),
        postgresql_where=sa.text("live"),
    )
    op.create_index(
        "uq_application_person_live",
        "application",
        ["person_key", "product"],
        unique=True,
        sqlite_where=sa.text("live"),
        postgresql_where=sa.text("live"),
    )
    op.create_table(
        "consigned_parcel",
        sa.Column("parcel_unit", sa.String(length=32), nullable=False),
        sa.Column("consignment_id", sa.String(length=32), nullable=False),
        sa.Column("weight_g", sa.Integer(), nullable=False),
        sa.Column("tracking", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(
            ["consignment_id"],
            ["consignment.consignment_id"],
        ),
        sa.ForeignKeyConstraint(
            ["parcel_unit"],
            ["parcel.parcel_unit"],
        ),
        sa.PrimaryKeyConstraint("parcel_unit"),
        sa.UniqueConstraint("tracking"),
    )
    op.create_index(op.f("ix_consigned_parcel_consignment_id"), "consigned_parcel", ["consignment_id"], unique=False)
    op.create_table(
        "set_aside",
        sa.Column("batch_id", sa.String(length=32), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("field", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("number", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["intake_batch.batch_id"],
        ),
        sa.PrimaryKeyConstraint("batch_id", "line"),
    )
    op.create_table(
        "application_image",
        sa.Column("application_id", sa.String(length=32), nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("media_type", sa.String(length=20), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("image", sa.LargeBinary(), nullable=False),
        sa.Column("measures", sa.JSON(), nullable=False),
        sa.CheckConstraint("role IN ('photo', 'signature')", name="ck_application_image_role"),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["application.application_id"],
        ),
        sa.PrimaryKeyConstraint("application_id", "role"),
    )
    op.create_table(
        "application_stop",
        sa.Column("stop_id", sa.String(length=32), nullable=False),
        sa.Column("application_id", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("state_before", sa.String(length=16), nullable=False),
        sa.Column("stopped_by", sa.String(length=40), nullable=False),
        sa.Column("stopped_us", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=True),
        sa.Column("ended_by", sa.String(length=40), nullable=True),
        sa.Column("ended_second", sa.String(length=40), nullable=True),
        sa.Column("ended_us", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("outcome IS NULL OR outcome IN ('released', 'closed')", name="ck_application_stop_outcome"),
        sa.CheckConstraint(
            "outcome IS NULL OR (ended_by IS NOT NULL AND ended_second IS NOT NULL AND ended_us IS NOT NULL AND ended_by <> ended_second)",
            name="ck_application_stop_two_people",
        ),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["application.application_id"],
        ),
        sa.PrimaryKeyConstraint("stop_id"),
    )
    op.create_index(op.f("ix_application_stop_application_id"), "application_stop", ["application_id"], unique=False)
    op.create_index(
        "uq_application_stop_open",
        "application_stop",
        ["application_id"],
        unique=True,
        sqlite_where=sa.text("outcome IS NULL"),
        postgresql_where=sa.text("outcome IS NULL"),
    )
    op.create_table(
        "job",
        sa.Column("job_id", sa.String(length=32), nullable=False),
        sa.Column("application_id", sa.String(length=32), nullable=False),
        sa.Column("product", sa.String(length=20), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("previous_attempt", sa.Integer(), nullable=True),
        sa.Column("order_unit", sa.String(length=32), nullable=False),
        sa.Column("machine", sa.String(length=40), nullable=False),
        sa.Column("machine_serial", sa.String(length=40), nullable=False),
        sa.Column("journal_id", sa.String(length=40), nullable=False),
        sa.Column("journal_position", sa.BigInteger(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("worker", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("unfinished", sa.Boolean(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("blank_serial", sa.String(length=40), nullable=True),
        sa.Column("blank_unit", sa.String(length=32), nullable=True),
        sa.Column("document_number", sa.String(length=20), nullable=True),
        sa.Column("document_unit", sa.String(length=32), nullable=True),
        sa.Column("data_sha256", sa.String(length=64), nullable=True),
        sa.Column("outcome", sa.String(length=10), nullable=True),
        sa.Column("doubt", sa.String(length=80), nullable=True),
        sa.Column("code", sa.String(length=40), nullable=True),
        sa.Column("result_hash", sa.String(length=64), nullable=True),
        sa.Column("settlement", sa.String(length=12), nullable=True),
        sa.Column("settled_by", sa.String(length=40), nullable=True),
        sa.Column("settled_second", sa.String(length=40), nullable=True),
        sa.Column("intent_us", sa.BigInteger(), nullable=False),
        sa.Column("fed_us", sa.BigInteger(), nullable=True),
        sa.Column("starting_us", sa.BigInteger(), nullable=True),
        sa.Column("result_us", sa.BigInteger(), nullable=True),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "(document_unit IS NOT NULL) = (outcome IS NOT NULL AND outcome = 'good')", name="ck_job_good"
        ),
        sa.CheckConstraint("(outcome IS NOT NULL) = (state IN ('RESULT', 'RELEASED'))", name="ck_job_result"),
        sa.CheckConstraint("NOT live OR outcome IS NULL OR outcome IN ('good', 'failed')", name="ck_job_live"),
        sa.CheckConstraint(
            "doubt IS NULL OR state NOT IN ('INTENT', 'FED', 'PREPARED', 'STARTING')", name="ck_job_doubt"
        ),
        sa.CheckConstraint(
            "outcome IS NULL OR outcome IN ('good', 'failed', 'returned', 'void')", name="ck_job_outcome"
        ),
        sa.CheckConstraint(
            "state IN ('INTENT', 'FED', 'PREPARED', 'STARTING', 'RESULT', 'RELEASED', 'UNCERTAIN')", name="ck_job_state"
        ),
        sa.CheckConstraint(
            "state NOT IN ('FED', 'PREPARED', 'STARTING') OR blank_serial IS NOT NULL", name="ck_job_fed_blank"
        ),
        sa.CheckConstraint(
            "state NOT IN ('PREPARED', 'STARTING') OR (document_number IS NOT NULL AND data_sha256 IS NOT NULL)",
            name="ck_job_prepared_data",
        ),
        sa.CheckConstraint("unfinished = NOT (state IN ('RESULT', 'RELEASED'))", name="ck_job_unfinished"),
        sa.CheckConstraint(
            "(attempt = 1 AND previous_attempt IS NULL) OR (attempt > 1 AND previous_attempt IS NOT NULL AND previous_attempt = attempt - 1)",
            name="ck_job_attempt",
        ),
        sa.CheckConstraint("(blank_serial IS NULL) = (blank_unit IS NULL)", name="ck_job_blank"),
        sa.CheckConstraint("live OR NOT unfinished", name="ck_job_unfinished_is_live"),
        sa.CheckConstraint(
            "settled_by IS NULL OR (settled_second IS NOT NULL AND settled_by <> settled_second)",
            name="ck_job_settled_by_two",
        ),
        sa.ForeignKeyConstraint(
            ["application_id", "product", "previous_attempt"],
            ["job.application_id", "job.product", "job.attempt"],
            name="fk_job_previous_attempt",
        ),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["application.application_id"],
        ),
        sa.PrimaryKeyConstraint("job_id"),
        sa.UniqueConstraint("application_id", "product", "attempt", name="uq_job_attempt"),
        sa.UniqueConstraint("document_unit", name="uq_job_document"),
    )
    op.create_index("ix_job_machine", "job", ["machine", "unfinished"], unique=False)
    op.create_index(
        "ix_job_open",
        "job",
        ["state"],
        unique=False,
        sqlite_where=sa.text("unfinished"),
        postgresql_where=sa.text("unfinished"),
    )
    op.create_index("ix_job_order", "job", ["order_unit"], unique=False)
    op.create_index(
        "uq_job_blank",
        "job",
        ["blank_serial"],
        unique=True,
        sqlite_where=sa.text("blank_serial IS NOT NULL AND (outcome IS NULL OR outcome <> 'returned')"),
        postgresql_where=sa.text("blank_serial IS NOT NULL AND (outcome IS NULL OR outcome <> 'returned')"),
    )
    op.create_index(
        "uq_job_live",
        "job",
        ["application_id", "product"],
        unique=True,
        sqlite_where=sa.text("live"),
        postgresql_where=sa.text("live"),
    )
    op.create_index(
        "uq_job_number",
        "job",
        ["product", "document_number"],
        unique=True,
        sqlite_where=sa.text("document_number IS NOT NULL AND (outcome IS NULL OR outcome <> 'returned')"),
        postgresql_where=sa.text("document_number IS NOT NULL AND (outcome IS NULL OR outcome <> 'returned')"),
    )
    op.create_index(
        "uq_job_unfinished",
        "job",
        ["application_id", "product"],
        unique=True,
        sqlite_where=sa.text("unfinished"),
        postgresql_where=sa.text("unfinished"),
    )
    op.create_table(
        "review_verdict",
        sa.Column("application_id", sa.String(length=32), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("reviewer", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.String(length=8), nullable=False),
        sa.Column("reasons", sa.String(length=200), nullable=False),
        sa.Column("written_us", sa.BigInteger(), nullable=False),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("(outcome = 'pass') = (reasons = '')", name="review_verdict_reasons"),
        sa.CheckConstraint("outcome IN ('pass', 'return', 'hold')", name="review_verdict_outcome"),
        sa.CheckConstraint("round >= 1", name="review_verdict_round"),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["application.application_id"],
        ),
        sa.PrimaryKeyConstraint("application_id", "revision", "round"),
        sa.UniqueConstraint("application_id", "revision", "round", "reviewer", "outcome", name="review_verdict_signed"),
    )
    op.create_index(op.f("ix_review_verdict_reviewer"), "review_verdict", ["reviewer"], unique=False)
    op.create_table(
        "inspection",
        sa.Column("document_unit", sa.String(length=32), nullable=False),
        sa.Column("application_id", sa.String(length=32), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("reviewer", sa.String(length=64), nullable=False),
        sa.Column("review_outcome", sa.String(length=8), nullable=False),
        sa.Column("inspector", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.String(length=8), nullable=False),
        sa.Column("codes", sa.String(length=200), nullable=False),
        sa.Column("reader", sa.String(length=64), nullable=False),
        sa.Column("written_us", sa.BigInteger(), nullable=False),
        sa.Column("emulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("(outcome = 'pass') = (codes = '')", name="inspection_codes"),
        sa.CheckConstraint("outcome IN ('pass', 'fail')", name="inspection_outcome"),
        sa.CheckConstraint("review_outcome = 'pass'", name="inspection_passed_review"),
        sa.CheckConstraint("inspector <> reviewer", name="inspection_two_people"),
        sa.ForeignKeyConstraint(
            ["application_id", "revision", "round", "reviewer", "review_outcome"],
            [
                "review_verdict.application_id",
                "review_verdict.revision",
                "review_verdict.round",
                "review_verdict.reviewer",
                "review_verdict.outcome",
            ],
            name="inspection_verdict",
        ),
        sa.PrimaryKeyConstraint("document_unit"),
    )
    op.create_index(op.f("ix_inspection_application_id"), "inspection", ["application_id"], unique=False)
    op.create_index(op.f("ix_inspection_inspector"), "inspection", ["inspector"], unique=False)
