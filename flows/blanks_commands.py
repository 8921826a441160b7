"""`passline blanks`: the keepers' commands, each loaded only when it is called."""

from cyclopts import App

app = App(name="blanks", help="Blanks and the vault: where each one is, and what becomes of it.")
app.command(
    "flows.balance_command:balance_command",
    name="balance",
    help="""Balance the blanks of every kind, station and machine, from the handoff log's rows alone.

Carried over + received = made into documents + handed on + returned + destroyed + lost by case + still here. Each
blank is in one term of either side; `difference` counts those that are not. A station's row includes its machines.
Ends with 1 if there is a difference.
""",
)
app.command(
    "flows.receive_command:receive_command",
    name="receive",
    help="""Receive a supplier's blanks FIRST to LAST; two keepers, who counted them, sign in with their own passwords.

Refused whole where count, range and kind do not agree, or where the log has one of the serials already. The same
delivery again changes nothing.
""",
)
app.command(
    "flows.issue_commands:issue_command",
    name="issue",
    help="""Offer blanks from the vault to personalization, never more than it needs; a keeper signs.

It needs one for each order that waits or is in work, and a few for what is spoiled, less what lies there.
""",
)
app.command(
    "flows.issue_commands:accept_command",
    name="accept",
    help="""Accept offered blanks or voided pieces by a blind count; an operator, or at the vault a keeper, signs.

Ends with 3 where the count differs: what is missing stays its sender's until two people settle it.
""",
)
app.command(
    "flows.issue_commands:return_command",
    name="return",
    help="Offer unmarked blanks or voided pieces of a station back to the vault; one of its people signs.",
)
app.command(
    "flows.destroy_commands:destroy_command",
    name="destroy",
    help="""Record the destruction of voided pieces, and print its certificate; a keeper and a witness sign in.

Both with their own passwords, each a keeper or a lead. Refused whole where one of the pieces is not voided, or not in
the vault. The same lot again changes nothing and prints the same certificate.
""",
)
app.command(
    "flows.destroy_commands:certificate_command",
    name="certificate",
    help="List the destructions, or print the certificate of one again, byte for byte; the log has its SHA-256.",
)
app.command(
    "flows.lost_commands:report_lost_command",
    name="report-lost",
    help="""Report a blank as lost or stolen: number, place, time and circumstances; two people sign in.

Its custody ends. A blank that a job drew is looked for first (`passline devices settle`); once it is reported lost, its
application is made again. Reporting it again changes nothing.
""",
)
app.command(
    "flows.lost_commands:found_command",
    name="found",
    help="Receive a lost blank that turned up into the vault's quarantine; two keepers or leads sign in.",
)
app.command(
    "flows.lost_commands:void_command",
    name="void",
    help="""Record that two people defaced blanks from a shelf, a stock or quarantine; both sign in.

Not what a job drew, which is voided at its machine's bench, and no document, which QC voids.
""",
)
app.command(
    "flows.lost_commands:report_command",
    name="report",
    help="List the pieces that were lost, stolen, voided, destroyed or turned up, for the authority: JSON, CSV or PDF.",
)
app.command(
    "flows.stock_command:stock_command",
    name="stock",
    help="""Hold the blanks that are left against what the days ahead need; ends with 1 where they do not last.

Needed are the orders on the line, the mean of the latest days' intake for each day ahead, and a share for spoils.
""",
)
