"""Which tables are written once, and which guards hold them so: by name, for those who write and those who verify."""

APPEND_ONLY = (
    "custody_event",
    "custody_unit",
    "custody_case",
    "custody_move",
    "custody_register",
    "seal_origin",
    "seal_leaf",
    "seal_node",
    "seal_checkpoint",
    "seal_cosignature",
)
"""Tables whose rows are written once and never changed, all of them under the seals."""
GUARDED = (*APPEND_ONLY, "audit_lookup")
"""Those, and what was looked up in them."""

_LEGAL = {
    "custody_event_legal",
    "custody_event_signed",
    "custody_unit_legal",
    "custody_register_legal",
    "custody_event_inside",
    "custody_event_sides",
    "custody_event_taken_back",
    "custody_event_settled",
    "custody_event_real",
    "custody_case_opened",
    "custody_move_no_insert",
}
_REPLACED_ELSEWHERE = {"custody_event", "custody_unit", "custody_move"}
SQLITE_GUARDS = frozenset(
    {
        *_LEGAL,
        *(f"custody_register_{what}" for what in ("core", "entered", "left")),
        *(f"{table}_no_{change}" for table in GUARDED for change in ("update", "delete")),
        *(f"{table}_no_replace" for table in GUARDED if table not in _REPLACED_ELSEWHERE),
    }
)
POSTGRESQL_GUARDS = frozenset(
    {*_LEGAL, "custody_event_whole", "custody_register_gate", *(f"{table}_append_only" for table in GUARDED)}
)

SQLITE_TRIGGERS = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
POSTGRESQL_TRIGGERS = (
    "SELECT tgname AS name FROM pg_trigger WHERE tgenabled = 'A' AND tgrelid IN"  # noqa: S608 own names
    f" ({', '.join(f'to_regclass({table!r})' for table in GUARDED)})"
)
PART_GUARD = "custody_unit_append_only"
POSTGRESQL_UNGUARDED_PARTS = (
    "SELECT CAST(part.relname AS text) AS name FROM pg_inherits"  # noqa: S608 own name
    " JOIN pg_class AS part ON part.oid = pg_inherits.inhrelid"
    " WHERE pg_inherits.inhparent = to_regclass('custody_unit') AND NOT EXISTS ("
    " SELECT 1 FROM pg_trigger AS guard JOIN pg_proc AS body ON body.oid = guard.tgfoid"
    " WHERE guard.tgrelid = part.oid AND guard.tgenabled = 'A' AND guard.tgtype = 62 AND guard.tgqual IS NULL"
    f" AND guard.tgname = '{PART_GUARD}' AND body.proname = 'custody_append_only') ORDER BY 1"
)
"""The parts of the custody units that a statement could change by naming them. 62: before statements of any kind."""
