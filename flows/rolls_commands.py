"""`passline rolls`: rolls of laminate, each command loaded only when it is called."""

from cyclopts import App

app = App(name="rolls", help="Rolls of laminate: where each is, and what was used of it.")
app.command(
    "flows.roll_list_command:list_command",
    name="list",
    help="""List the rolls: where each is, who answers for it, and what was used of it against the documents made.

What a machine counted itself while a roll was on is held against the booked documents, what two people counted on it
at its end against both, and every row against the sealed log. Ends with 1 where they do not agree.
""",
)
app.command(
    "flows.roll_act_commands:receive_command",
    name="receive",
    help="""Receive a supplier's rolls; two keepers, who counted them, sign in with their own passwords.

All of them or none. The same delivery again changes nothing.
""",
)
app.command(
    "flows.roll_act_commands:issue_command",
    name="issue",
    help="Give rolls from the vault to personalization: a keeper gives, an operator takes over, both sign in.",
)
app.command(
    "flows.roll_act_commands:mount_command",
    name="mount",
    help="""Record that a roll is on a machine, with the machine's own counters at that moment; an operator signs in.

The line stands meanwhile, so that nothing is made. Refused while the machine has a roll on, or a piece in work whose
outcome is not booked.
""",
)
app.command(
    "flows.roll_act_commands:take_off_command",
    name="take-off",
    help="""Record that a roll is off its machine, with the machine's own counters at that moment; an operator signs in.

The line stands meanwhile. What the machine counted since the roll was mounted is held against what is booked.
""",
)
app.command(
    "flows.roll_act_commands:return_command",
    name="return",
    help="Give rolls, used up or not, back to the vault: an operator gives, a keeper takes over, both sign in.",
)
app.command(
    "flows.roll_act_commands:destroy_command",
    name="destroy",
    help="""Record that two people destroyed a roll, used up or not, and how many pieces both counted on it before.

Each is a keeper or a lead. The roll is in the vault. What is gone from it is held against the documents made.
""",
)
app.command(
    "flows.roll_act_commands:lost_command",
    name="report-lost",
    help="Report a roll as lost or stolen, which ends it; two keepers, operators or leads sign in.",
)
