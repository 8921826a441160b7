"""A machine's moves: what it does with a message, its motions, power loss, and coming back with an empty journal.

A motion and the journal record that follows it are separate steps, so power may be lost between any two of them.
"""

from collections.abc import Iterator

from tests.devices.explorer.design import Bounds, Design
from tests.devices.explorer.world import (
    BLANK,
    GOOD,
    HOLD,
    MARKED,
    NOBODY,
    PATH,
    REJECT,
    STOCK,
    Entry,
    Label,
    Machine,
    Message,
    Piece,
    Step,
    World,
    also,
    put,
)

IN_FEED = frozenset({"FEEDING", "FED", "PREPARED", "RETURNING"})
ENDED = frozenset({"DONE", "FAILED", "RETURNED", "UNKNOWN", "VOIDED"})
REPORTED = ENDED | {"FED", "PREPARED"}
FORGETTABLE = ("ram", "none")


def machine_steps(design: Design, bounds: Bounds, world: World) -> Iterator[Step]:
    """Every step that some machine can take next."""
    for message in world.sent:
        after = receive(design, bounds, world, message)
        if after is not None:
            which = "" if message.job == NOBODY else f" job={message.job}"
            yield Label("machine {0.machine} obeys {0.name}{1} fence={0.fence}", (message, which)), after
    for m, machine in enumerate(world.machines):
        for job, entry in enumerate(machine.journal):
            yield from _motions(design, bounds, world, m, job, entry)
        if world.left.machine_crashes:
            left = world.left._replace(machine_crashes=world.left.machine_crashes - 1)
            for how, after in restart(design, bounds, world, m):
                yield Label("machine {} loses power {}and restarts", (m, how)), after._replace(left=left)
        if world.left.journal_losses:
            left = world.left._replace(journal_losses=world.left.journal_losses - 1)
            empty = Machine(machine.journal_id + 1, 0, (Entry(),) * len(machine.journal))
            yield (
                Label("machine {} comes back with an empty journal", (m,)),
                world._replace(machines=put(world.machines, m, empty), pieces=_purge(bounds, world, m), left=left),
            )


def receive(design: Design, bounds: Bounds, world: World, message: Message) -> World | None:
    """The world after a machine has obeyed the message, or None if it refuses it or has obeyed it before."""
    m, machine = message.machine, world.machines[message.machine]
    if message.name == "CLAIM":
        return _claimed(design, world, message)
    if design.fence == "equal" and message.fence != machine.fence:
        return None
    if design.fence == "at least" and message.fence < machine.fence:
        return None
    entry = machine.journal[message.job]
    match message.name:
        case "FEED" if entry.state == "ABSENT" and not any(other.state in IN_FEED for other in machine.journal):
            if any(piece.place == STOCK for piece in _own(bounds, world, m)):
                return record(design, world, m, message.job, Entry("FEEDING"))
        case "PREPARE" if entry.state == "FED" and world.pieces[entry.piece].place == PATH:
            return record(design, world, m, message.job, Entry("PREPARED", entry.piece))
        case "START" if entry.state == "PREPARED" and world.pieces[entry.piece].place == PATH:
            if not any(other.state == "WORKING" for other in machine.journal):
                return record(design, world, m, message.job, Entry("WORKING", entry.piece))
        case "RETURN" if entry.state in ("FED", "PREPARED"):
            if design.return_journalled:
                return record(design, world, m, message.job, Entry("RETURNING", entry.piece))
            return _move(world, entry.piece, HOLD) if world.pieces[entry.piece].place == PATH else None
        case "VOID" if entry.state == "ABSENT":
            if design.void_tombstone:
                return record(design, world, m, message.job, Entry("VOIDED"))
            said = Message(m, "VOIDED", message.job, 0, machine.journal_id)
            return None if said in world.told else world._replace(told=also(world.told, said))
        case "RELEASE" if entry.state in ENDED and not entry.released:
            said = Message(m, "RELEASED", message.job, 0, machine.journal_id)
            kept = entry._replace(released=True) if design.release_remembers else Entry()
            return _write(world, m, message.job, kept)._replace(told=also(world.told, said))
    return None


def _claimed(design: Design, world: World, message: Message) -> World | None:
    machine = world.machines[message.machine]
    if design.claim_names_journal and message.journal_id != machine.journal_id:
        return None
    if message.fence <= machine.fence:
        return None
    sent = world.sent
    if design.fence == "equal" and not world.left.journal_losses:
        # Sound: a message below the stored fence is refused from now on, unless the machine can still forget its fence.
        sent = tuple(s for s in sent if s.machine != message.machine or s.fence >= message.fence)
    said = Message(message.machine, "CLAIMED", NOBODY, message.fence, machine.journal_id)
    return world._replace(
        machines=put(world.machines, message.machine, machine._replace(fence=message.fence)),
        sent=sent,
        told=also(world.told, said),
    )


def record(design: Design, world: World, m: int, job: int, entry: Entry) -> World:
    """The world after the machine has journalled a job's state; one that it can answer with is told from then on."""
    if entry.state in REPORTED:
        report = Message(m, entry.state, job, 0, world.machines[m].journal_id, entry.piece)
        world = world._replace(told=also(world.told, report))
    if design.memory == "none" and entry.state in ENDED:
        entry = Entry()
    return _write(world, m, job, entry)


def _write(world: World, m: int, job: int, entry: Entry) -> World:
    machine = world.machines[m]
    return world._replace(machines=put(world.machines, m, machine._replace(journal=put(machine.journal, job, entry))))


def _motions(design: Design, bounds: Bounds, world: World, m: int, job: int, entry: Entry) -> Iterator[Step]:
    """The motions and records that a job's journalled state allows."""
    if entry.state == "FEEDING":
        yield from _feeding(design, bounds, world, m, job)
        return
    if entry.piece == NOBODY or entry.state in ENDED:
        return
    piece = world.pieces[entry.piece]
    facts = (m, entry.piece, job)
    if entry.state == "WORKING":
        if piece.place == GOOD:
            yield (
                Label("machine {0} journals DONE({1}) job={2}", facts),
                record(design, world, m, job, Entry("DONE", entry.piece)),
            )
        elif piece.place == REJECT:
            yield (
                Label("machine {0} journals FAILED({1}) job={2}", facts),
                record(design, world, m, job, Entry("FAILED", entry.piece)),
            )
        elif piece.mark == BLANK:
            marked = piece._replace(mark=MARKED)
            yield (
                Label("machine {} personalizes piece {} job={}", facts),
                world._replace(pieces=put(world.pieces, entry.piece, marked)),
            )
        else:
            yield Label("machine {} ejects piece {} to the good stack job={}", facts), _move(world, entry.piece, GOOD)
        if piece.place == PATH and bounds.failures:
            yield Label("machine {} ejects piece {} to the reject bin job={}", facts), _move(world, entry.piece, REJECT)
    elif piece.place == HOLD:
        yield (
            Label("machine {0} journals RETURNED({1}) job={2}", facts),
            record(design, world, m, job, Entry("RETURNED", entry.piece)),
        )
    elif entry.state == "RETURNING":
        yield Label("machine {} ejects piece {} to the hold stack job={}", facts), _move(world, entry.piece, HOLD)
        if bounds.failures:
            rejected = _move(world, entry.piece, REJECT)
            yield (
                Label("machine {} jams on piece {}, rejects it job={}", facts),
                record(design, rejected, m, job, Entry("FAILED", entry.piece)),
            )


def _feeding(design: Design, bounds: Bounds, world: World, m: int, job: int) -> Iterator[Step]:
    drawn = [p for p in _range(bounds, m) if world.pieces[p].place == PATH and world.pieces[p].job == job]
    if not drawn:
        stock = [p for p in _range(bounds, m) if world.pieces[p].place == STOCK]
        for p in stock[:1]:
            pieces = put(world.pieces, p, Piece(PATH, job, BLANK))
            yield Label("machine {} draws piece {} job={}", (m, p, job)), world._replace(pieces=pieces)
        return
    p = drawn[0]
    yield Label("machine {} journals FED({}) job={}", (m, p, job)), record(design, world, m, job, Entry("FED", p))
    if bounds.failures:
        rejected = _move(world, p, REJECT)
        yield (
            Label("machine {} misfeeds, rejects piece {} job={}", (m, p, job)),
            record(design, rejected, m, job, Entry("FAILED", p)),
        )


def restart(design: Design, bounds: Bounds, world: World, m: int) -> Iterator[tuple[str, World]]:
    """The worlds after power came back: the path purged to the reject bin, jobs in motion named as the design says.

    FED and PREPARED need not be on stable storage before they are told, so the second world has lost those lines.
    """
    machine = world.machines[m]
    world = world._replace(pieces=_purge(bounds, world, m))
    if design.memory in FORGETTABLE:
        forgotten = machine._replace(journal=(Entry(),) * len(machine.journal))
        yield "", world._replace(machines=put(world.machines, m, forgotten))
        return
    drawn = any(entry.state in ("FED", "PREPARED") for entry in machine.journal)
    for lines_lost in (False, True) if drawn else (False,):
        after = world
        for job, entry in enumerate(machine.journal):
            if lines_lost and entry.state in ("FED", "PREPARED"):
                entry = Entry("FEEDING")
            if entry.state == "ABSENT" or entry.state in ENDED:
                continue
            if design.restart == "not fed":
                after = record(design, after, m, job, Entry())
            elif entry.state in ("FEEDING", "WORKING", "RETURNING"):
                after = record(design, after, m, job, Entry("UNKNOWN", entry.piece))
            elif design.restart_fails_drawn:
                after = record(design, after, m, job, Entry("FAILED", entry.piece))
        yield "with its last lines " if lines_lost else "", after


def _range(bounds: Bounds, m: int) -> range:
    return range(m * bounds.blanks, (m + 1) * bounds.blanks)


def _own(bounds: Bounds, world: World, m: int) -> tuple[Piece, ...]:
    return world.pieces[m * bounds.blanks : (m + 1) * bounds.blanks]


def _move(world: World, p: int, place: str) -> World:
    return world._replace(pieces=put(world.pieces, p, world.pieces[p]._replace(place=place)))


def _purge(bounds: Bounds, world: World, m: int) -> tuple[Piece, ...]:
    mine = _range(bounds, m)
    return tuple(
        piece._replace(place=REJECT) if piece.place == PATH and p in mine else piece
        for p, piece in enumerate(world.pieces)
    )
