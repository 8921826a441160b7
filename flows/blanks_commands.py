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
