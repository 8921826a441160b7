"""The `line.toml` that a demonstration starts with: every part emulated, every setting shown with what it means."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

from flows.errors import FlowError
from flows.run_folder import RunFolder
from stations.deadlines import ALLOWANCES

KINDS: Final = (
    ("book", "book-personalizer"),
    ("card", "card-personalizer"),
    ("reader", "document-reader"),
    ("scale", "mt-sics-scale"),
    ("label", "sato-label-printer"),
    ("swipe", "rte-mrz-reader"),
)
"""Prefix of the machine's id, and its driver."""

HEAD: Final = """\
# The line of one document centre. Every key can be overridden by the environment: PASSLINE_TRAY_SIZE=50,
# PASSLINE_PREFECT__PORT=4300. A wrong key or value is refused with its line.

mode = "emulated"        # "production" refuses every emulator and emulated staff
centre = "{centre}"          # goes into every job's identity: never change it while documents are under way
tray_size = {tray_size}           # applications that travel together, 1 to 1000
speed = {speed:g}               # the emulators' time is divided by this; 1 = real time, 0 = no machine time
seed = {seed}                 # where emulated chance starts

[database]
# url = "postgresql+psycopg://passline@localhost/passline"   # left out: passline.db in this folder

[prefect]
own_server = true        # started and stopped with the line
port = 0                 # 0 = any free one
# api_url = "http://127.0.0.1:4200/api"                      # with own_server = false

[staff]
kind = "emulated"        # "desks": people at their screens
people_per_station = 3   # at least 2: two hands deface, destroy and settle
shift = "day"

# Hours of working time that each station may take; time nodes are set backwards from the deadline with them.
{allowances}
[acceptance]             # an acceptance after the offices close, or on a day off, counts as of the next working day
closes = "18:00"
later_is_next_day = true # false: every acceptance counts as of its own day

[thresholds]             # from where on the board raises an alarm
offer_age_min = 30       # minutes that an offer stays unanswered
blanks_low = 20          # blanks left in a machine

[vault]
reserve_share = 0.05     # of the orders, issued besides them for what is spoiled, 0 to 1
reserve = 10             # blanks issued besides that
days_ahead = 5           # working days that the stock must last for
[alarms]                 # docs/running-the-line.md, Alarms
look_every_s = 5.0       # 0.1 to 60
discrepancy_min = 60     # minutes that a count difference stays open before it is an alarm
stock_days = 2.0         # days that blanks must last beyond what waits
# [[alarms.targets]]     # who is told outside; the address is a secret and never in this file
# name = "duty"
# file = "keys/duty.target"   # or environment = "DUTY_TARGET": wecombot://…, dingtalk://…, mailtos://…, jsons://…

# [on_call]              # who comes when an emergency waits and no shift is open: docs/running-the-line.md
# keeper = ["p-0101", "p-0102"]        # at least two keepers, operators and inspectors,
# operator = ["p-0201", "p-0202"]      # one reviewer, packer and mailer; more of them: [on_call.least], keeper = 3
# inspector = ["p-0401", "p-0402"]
# reviewer = ["p-0501"]
# packer = ["p-0601"]
# mailer = ["p-0701"]

[qc]
swipe_share = 1.0        # share of the documents that are drawn through the swipe reader too, 0 to 1

[log]                    # the handoff log's seals
own_sealer = true        # started and stopped with the line
seal_every_s = 2.0       # 0.1 to 4
heartbeat_s = 60.0       # the witness says this often that it still sees the same log
witness = "emulated"     # a real one, under another administration: "http://10.0.0.9:8474", and its key
# witness_key = "ministry.example/witness+…"
keep_numbers_years = 11  # after its last record, before an application's numbers may be erased; 10 to 100

[emulation]
spoil_rate = 0.01        # share of the documents that emulated machines spoil, 0 to 1

[logging]
level = "warning"        # debug, info, warning, error
form = "auto"            # terminal, json; auto = readable on a terminal, JSON otherwise
"""

DEVICE: Final = """
[[devices]]
id = "{id}"
driver = "{driver}"
port = "emulator://{id}"   # a real one: /dev/serial/by-id/…, socket://10.0.0.5:4001
serial = "{serial}"      # refused if the machine says another
mode = "emulated"
"""


class LineExistsError(FlowError):
    """A line.toml is there already; it is never written over."""

    def __init__(self, file: Path) -> None:
        super().__init__(file)
        self.file = file
        self.next_step = f"Go on with `passline run --dir {file.parent}`, or name a new folder."

    def __str__(self) -> str:
        return f"{self.file} is there already and is not written over."


def write_default(
    folder: RunFolder,
    *,
    centre: str = "demo",
    books: int = 2,
    cards: int = 2,
    readers: int = 1,
    small: int = 1,
    tray_size: int = 25,
    speed: float = 60.0,
    seed: int = 0,
) -> Path:
    """Write an emulated line's `line.toml` and return its path; `small` scales, label printers and swipe readers each.

    Raises LineExistsError rather than write over one.
    """
    folder.make()
    head = HEAD.format(centre=centre, tray_size=tray_size, speed=speed, seed=seed, allowances=_allowances())
    counts = {"book": books, "card": cards, "reader": readers, "scale": small, "label": small, "swipe": small}
    text = head + "".join(_devices(counts))
    # Whole or not there: who writes it may be killed.
    begun = folder.configuration.with_suffix(".new")
    begun.write_text(text, encoding="utf-8")
    try:
        folder.configuration.hardlink_to(begun)
    except FileExistsError as error:
        raise LineExistsError(folder.configuration) from error
    finally:
        begun.unlink()
    return folder.configuration


def emulated_serial(device_id: str) -> str:
    """The serial number that the emulator of `device_id` says it has.

    >>> emulated_serial("book-01")
    'EMU-BOOK-01'
    """
    return f"EMU-{device_id.upper()}"


def _devices(counts: dict[str, int]) -> Iterator[str]:
    for prefix, driver in KINDS:
        for number in range(1, counts[prefix] + 1):
            device_id = f"{prefix}-{number:02}"
            yield DEVICE.format(id=device_id, driver=driver, serial=emulated_serial(device_id))


def _allowances() -> str:
    tables = []
    for service_class, usual in ALLOWANCES.items():
        lines = [f"{station} = {allowance / timedelta(hours=1):g}" for station, allowance in usual.items()]
        tables.append("\n".join([f"[allowances.{service_class}]", *lines, ""]))
    return "\n".join(tables)
