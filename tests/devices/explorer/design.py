"""What may vary: the protocol's design decisions, one switch each, and the bounds of a search."""

from dataclasses import dataclass, fields
from typing import Literal

from tests.devices.explorer.world import Left


@dataclass(frozen=True, slots=True)
class Design:
    """The chosen protocol by default; every other value of a switch is a weaker design that was considered."""

    memory: Literal["journal", "ram", "none"] = "journal"  # where a machine keeps the jobs that it has seen
    restart: Literal["unknown", "not fed"] = "unknown"  # what a restarted machine says of a job in motion
    restart_fails_drawn: bool = True  # a restarted machine fails the job whose blank it purged, rather than keep FED
    return_journalled: bool = True  # RETURNING is written before the blank moves to the hold stack
    fence: Literal["equal", "at least", "none"] = "equal"  # which fences a machine obeys
    claim_names_journal: bool = True  # CLAIM is refused by another journal than the one that HELLO showed
    host_checks_journal: bool = True  # a job's fate is asked only of the journal named in its intent
    void_tombstone: bool = True  # VOID is journalled and refused for ever after
    release_remembers: bool = True  # RELEASE drops the latch and keeps the job
    commit_first: bool = True  # INTENT is committed before FEED is sent
    absent_is_a_hint: bool = True  # ABSENT never closes a job
    timeout_keeps_id: bool = True  # no answer never makes a new attempt
    unknown_needs_people: bool = True  # UNKNOWN is settled by people, not booked as a spoil unseen
    settle_after_claim: bool = True  # people are called only once the machine obeys a newer fence
    settle_after_booking: bool = True  # and once every other job of that machine is booked
    restore_lists: bool = True  # after a restoration every journal is listed before anything is drawn
    list_after_claim: bool = True  # and the listing counts only under a new claim
    restore_counts: bool = True  # and a machine with another journal than the backup's is counted by two people
    restore_ends_leases: bool = True  # a restored database knows no current worker
    fence_from_clock: bool = True  # fences rise above all that were ever issued, not only above the database's last
    people_right: bool = True  # two people hold the piece and say what it is

    def weakness(self) -> str:
        """The switches that differ from the chosen protocol."""
        chosen = Design()
        differing = [f.name for f in fields(self) if getattr(self, f.name) != getattr(chosen, f.name)]
        return ", ".join(f"{name}={getattr(self, name)}" for name in differing) or "chosen protocol"


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of everything a search may use. `opens` counts HELLO and CLAIM rounds, hence also worker take-overs."""

    applications: int = 1
    attempts: int = 2
    hosts: int = 1
    machines: int = 1
    blanks: int = 2  # loaded into each machine
    opens: int = 2
    host_crashes: int = 0
    machine_crashes: int = 0
    journal_losses: int = 0
    restores: int = 0
    failures: bool = False  # a machine may misfeed, jam or spoil
    gives_up: bool = False  # the host may take a job back by VOID or RETURN
    releases: bool = False  # RESULT is released, else it is the end

    @property
    def jobs(self) -> int:
        """How many different job ids there can be."""
        return self.applications * self.attempts

    @property
    def opens_needed(self) -> int:
        """How many opens the accidents can make necessary; more are for take-overs."""
        return self.machines * (1 + self.host_crashes + self.restores) + self.journal_losses

    def budget(self) -> Left:
        """The accidents that may happen."""
        return Left(self.host_crashes, self.machine_crashes, self.journal_losses, self.opens, self.restores)

    def __str__(self) -> str:
        return " ".join(f"{f.name}={getattr(self, f.name):d}" for f in fields(self))
