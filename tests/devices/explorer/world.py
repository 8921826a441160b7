"""The world of the model as plain tuples: what the database, the machines, the link and the pieces are at one instant.

Everything is hashable and small, because a search holds hundreds of thousands of these. A job is a small number:
application * attempts + attempt. Pieces are numbered machine by machine and drawn lowest first, which loses nothing:
blanks in one stack are alike until they are drawn.
"""

from typing import Any, NamedTuple

NOBODY = -1
"""No job, or no piece, or a serial that could not be read."""

# Places of a piece. Each piece stays with the machine that it was loaded into.
STOCK, PATH, GOOD, REJECT, HOLD = "stock", "path", "good stack", "reject bin", "hold stack"
BINS = (GOOD, REJECT, HOLD)

# Marks on a piece.
BLANK, MARKED, DEFACED = "blank", "marked", "defaced"


class Piece(NamedTuple):
    """One blank, physically: where it is, the job that it was last drawn for and what is on it."""

    place: str = STOCK
    job: int = NOBODY
    mark: str = BLANK


class Entry(NamedTuple):
    """One job in a machine's journal, named as in devices.jobs.MachineJobState."""

    state: str = "ABSENT"
    piece: int = NOBODY
    released: bool = False


class Machine(NamedTuple):
    """A machine's durable memory; what it holds in its path is told by the pieces."""

    journal_id: int
    fence: int
    journal: tuple[Entry, ...]


class Row(NamedTuple):
    """One job in the database, named as in devices.jobs.JobState; state '' means that there is no such row."""

    machine: int = NOBODY
    journal_id: int = 0
    state: str = ""
    piece: int = NOBODY
    outcome: str = ""


class Session(NamedTuple):
    """What one host process remembers of a machine that it opened; fence 0 means that it has not."""

    fence: int = 0
    journal_id: int = 0
    claimed: bool = False


class Message(NamedTuple):
    """A request (job and fence matter) or a report (job and piece matter), to or from one machine's journal."""

    machine: int
    name: str
    job: int = NOBODY
    fence: int = 0
    journal_id: int = 0
    piece: int = NOBODY


class Left(NamedTuple):
    """How many of each accident may still happen; the search is bounded by these and by nothing else."""

    host_crashes: int
    machine_crashes: int
    journal_losses: int
    opens: int
    restores: int


class World(NamedTuple):
    """Everything at one instant.

    `sent` and `told` are the link. What was once sent may arrive never, once or again and again, in any order, however
    late: that covers every loss, repetition and delay that a bounded link can produce.
    """

    rows: tuple[Row, ...]
    leases: tuple[int, ...]  # per machine, the fence that the database holds for current
    issued: tuple[int, ...]  # per machine, the highest fence ever given out: stands for the database's clock
    known: tuple[int, ...]  # per machine, the journal that the database knows it by
    unlisted: tuple[tuple[int, int], ...]  # since a restoration: (machine not listed yet, journal that it is known by)
    backup: tuple[tuple[Row, ...], tuple[int, ...]] | None  # rows and known journals
    hosts: tuple[tuple[Session, ...], ...]
    machines: tuple[Machine, ...]
    pieces: tuple[Piece, ...]
    sent: tuple[Message, ...]
    told: tuple[Message, ...]
    left: Left


class Label(NamedTuple):
    """What a step did, rendered only for a trace: a text with places for the facts."""

    text: str
    facts: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return self.text.format(*self.facts)


Step = tuple[Label, World]


def put(row: tuple[Any, ...], index: int, value: Any) -> tuple[Any, ...]:
    """The tuple with one element exchanged."""
    return (*row[:index], value, *row[index + 1 :])


def also(messages: tuple[Message, ...], *new: Message) -> tuple[Message, ...]:
    """The messages with some more among them, sorted, so that equal links are equal tuples."""
    fresh = [message for message in new if message not in messages]
    return tuple(sorted((*messages, *fresh))) if fresh else messages
