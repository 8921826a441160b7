"""`passline mailing`: manifests, what carriers say, and what comes back; each command loaded only when it is called."""

from cyclopts import App

app = App(name="mailing", help="What is handed to the carrier, what it says became of it, and what comes back.")
deliveries = App(name="deliveries", help="What a carrier says became of what it took.")
returns = App(name="returns", help="What comes back: received by two people, and decided by two.")
app.command(deliveries)
app.command(returns)
app.command(
    "flows.manifest_command:manifests_command",
    name="manifests",
    help="List the manifests of the latest days with their ids, the latest first.",
)
app.command(
    "flows.manifest_command:manifest_command",
    name="manifest",
    help="""Print a manifest for the carrier: as an A4 paper in Chinese and English, or as a table.

Labels, tracking numbers, documents, weights, totals, and what the carrier did not find. No person, no address, no
number of a document or application.
""",
)
deliveries.command(
    "flows.delivery_commands:load_command",
    name="load",
    help="""Load a carrier's file of delivery events; two people sign in, since custody ends by it.

A delivered parcel ends with all that is in it. A lost one is a case until two people explain it. One that comes back is
announced, and received when it is here. Lines that are not believed are set aside with number, field and reason; ends
with 1 where there are any. The same file again changes nothing.
""",
)
deliveries.command(
    "flows.delivery_commands:schema_command", name="schema", help="Print the JSON Schema of one delivery event."
)
deliveries.command(
    "flows.delivery_commands:open_command",
    name="open",
    help="List what waits: open cases of parcels, what is said to come back, what came back undecided.",
)
deliveries.command(
    "flows.delivery_commands:settle_command",
    name="settle",
    help="""Close a parcel's open case by what two people found, who sign in.

`lost`: it ends, and nothing in it is ever made again. `delivered`: the carrier shows that it was. `with-carrier`: it
has it still. `here`: a count at the door had missed it; it is offered anew. `explained`: why it was one too many.
""",
)
returns.command(
    "flows.return_commands:receive_command",
    name="receive",
    help="""Receive what came back by a blind scan; two people sign in.

Held against the carrier's return note, where one is named. What the note says and is not here stays the carrier's, and
what is here unsaid is received: each a case. Ends with 3 where there are any. Scanned again, nothing changes.
""",
)
returns.command(
    "flows.return_commands:send_again_command",
    name="send-again",
    help="Send a parcel that came back again, under a new number; two people sign in.",
)
returns.command(
    "flows.return_commands:destroy_command",
    name="destroy",
    help="""Record that two people opened what came back and defaced what was in it; both sign in.

The documents are then offered to the vault for their destruction (`passline blanks return --voided --station mailing`).
With --remake their applications are made again, each once.
""",
)
