"""What is searched: the chosen protocol grown in one direction after the other, and weaker designs that must fail.

One search of everything at once would not end, so each growth has bounds of its own, in a small size for the suite and
a large one. The same step functions serve all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.devices.explorer.design import Bounds, Design
from tests.devices.explorer.search import Rule

GROWTHS: Mapping[str, Bounds] = {
    "restarts of host and machine, three attempts": Bounds(
        attempts=3, blanks=3, opens=2, host_crashes=1, machine_crashes=2
    ),
    "spoils, VOID, RETURN and RELEASE": Bounds(opens=2, machine_crashes=1, failures=True, gives_up=True, releases=True),
    "two hosts take over from each other": Bounds(hosts=2, opens=2, machine_crashes=1, gives_up=True),
    "two hosts, two machines": Bounds(hosts=2, machines=2, opens=3, machine_crashes=1),
    "an empty journal": Bounds(hosts=2, opens=3, machine_crashes=1, journal_losses=1),
    "an empty journal while jobs are taken back": Bounds(opens=2, journal_losses=1, gives_up=True, failures=True),
    "two applications in one machine": Bounds(applications=2, attempts=1, opens=1, gives_up=True),
    "two applications, two attempts each": Bounds(applications=2, blanks=4, opens=1, machine_crashes=1),
    "a restored database": Bounds(machines=2, opens=4, restores=1),
    "a restored database after a restart": Bounds(opens=2, restores=1, machine_crashes=1),
    "a restored database and an empty journal": Bounds(opens=3, restores=1, journal_losses=1),
}

LARGE: Mapping[str, Bounds] = {
    "restarts of host and machine, three attempts": Bounds(
        attempts=3, blanks=3, opens=3, host_crashes=2, machine_crashes=2
    ),
    "spoils, VOID, RETURN and RELEASE": Bounds(
        opens=2, host_crashes=1, machine_crashes=1, failures=True, gives_up=True, releases=True
    ),
    "two hosts take over from each other": Bounds(hosts=2, opens=3, machine_crashes=1, gives_up=True),
    "two hosts, two machines": Bounds(hosts=2, machines=2, blanks=1, opens=3, machine_crashes=1, gives_up=True),
    "an empty journal": Bounds(hosts=2, opens=4, host_crashes=1, machine_crashes=1, journal_losses=1),
    "an empty journal while jobs are taken back": Bounds(
        hosts=2, opens=3, journal_losses=1, machine_crashes=1, gives_up=True
    ),
    "two applications in one machine": Bounds(
        applications=2, attempts=1, opens=2, host_crashes=1, machine_crashes=1, gives_up=True
    ),
    "two applications, two attempts each": Bounds(applications=2, blanks=4, opens=1, machine_crashes=2),
    "a restored database": Bounds(attempts=1, hosts=2, machines=2, blanks=1, opens=4, restores=1),
    "a restored database after a restart": Bounds(machines=2, opens=4, restores=1, machine_crashes=1),
    "a restored database and an empty journal": Bounds(
        hosts=2, opens=4, restores=1, journal_losses=1, machine_crashes=1
    ),
}


@dataclass(frozen=True, slots=True)
class Weaker:
    """A design that was considered and why not: the rule that it breaks within the bounds."""

    name: str
    design: Design
    bounds: Bounds
    rule: Rule


_ONE = Bounds(opens=1)
_POWER_LOSS = Bounds(opens=1, machine_crashes=1)
_EMPTY_JOURNAL = Bounds(opens=2, journal_losses=1)
_RESTORED = Bounds(attempts=1, machines=2, opens=4, restores=1)
_TWO_MACHINES = Bounds(machines=2, opens=2, gives_up=True)

WEAKER: tuple[Weaker, ...] = (
    Weaker("the machine remembers nothing", Design(memory="none"), _ONE, Rule.ONE_DOCUMENT),
    Weaker("the machine remembers in RAM", Design(memory="ram"), _POWER_LOSS, Rule.ONE_DOCUMENT),
    Weaker("'not fed' after a restart", Design(restart="not fed"), _POWER_LOSS, Rule.ONE_DOCUMENT),
    Weaker("'not fed' after a restart, blanks", Design(restart="not fed"), _POWER_LOSS, Rule.ACCOUNTED),
    Weaker("FED stays FED after a restart", Design(restart_fails_drawn=False), _POWER_LOSS, Rule.NO_DEADLOCK),
    Weaker(
        "RETURN moves before it is journalled",
        Design(return_journalled=False),
        Bounds(opens=1, gives_up=True, machine_crashes=1),
        Rule.NO_DEADLOCK,
    ),
    Weaker(
        "the host sends before it commits",
        Design(commit_first=False),
        Bounds(machines=2, opens=4, host_crashes=1),
        Rule.ONE_DOCUMENT,
    ),
    Weaker("a new id after a time-out", Design(timeout_keeps_id=False), Bounds(machines=2), Rule.ONE_DOCUMENT),
    Weaker("ABSENT closes a job", Design(absent_is_a_hint=False), Bounds(machines=2), Rule.ONE_DOCUMENT),
    Weaker("VOID without a tombstone", Design(void_tombstone=False), _TWO_MACHINES, Rule.ONE_DOCUMENT),
    Weaker(
        "RELEASE forgets the job", Design(release_remembers=False), Bounds(opens=1, releases=True), Rule.ONE_DOCUMENT
    ),
    Weaker("no fence", Design(fence="none"), Bounds(hosts=2, machines=2, opens=3, journal_losses=1), Rule.ONE_DOCUMENT),
    Weaker("any higher fence is obeyed", Design(fence="at least"), _EMPTY_JOURNAL, Rule.ONE_DOCUMENT),
    Weaker("CLAIM names no journal", Design(claim_names_journal=False), _EMPTY_JOURNAL, Rule.ONE_DOCUMENT),
    Weaker("the host checks no journal", Design(host_checks_journal=False), _EMPTY_JOURNAL, Rule.ONE_DOCUMENT),
    Weaker("UNKNOWN is taken for a spoil", Design(unknown_needs_people=False), _POWER_LOSS, Rule.ONE_DOCUMENT),
    Weaker("people settle before a new claim", Design(settle_after_claim=False), Bounds(machines=2), Rule.ONE_DOCUMENT),
    Weaker(
        "people settle while other jobs are open",
        Design(settle_after_booking=False),
        Bounds(opens=2, restores=1, machine_crashes=1),
        Rule.ONE_BOOKING,
    ),
    Weaker("people answer wrongly", Design(people_right=False), _POWER_LOSS, Rule.ONE_DOCUMENT),
    Weaker("restored, journals not listed", Design(restore_lists=False), _RESTORED, Rule.ONE_DOCUMENT),
    Weaker("restored, listed under the old claim", Design(list_after_claim=False), _RESTORED, Rule.ONE_DOCUMENT),
    Weaker("restored with its leases", Design(restore_ends_leases=False), _RESTORED, Rule.ONE_DOCUMENT),
    Weaker(
        "restored, fences counted on from the backup",
        Design(fence_from_clock=False),
        Bounds(attempts=1, machines=2, blanks=1, opens=4, host_crashes=1, restores=1),
        Rule.ONE_DOCUMENT,
    ),
    Weaker(
        "restored, an unknown journal not counted",
        Design(restore_counts=False),
        Bounds(opens=3, restores=1, journal_losses=1),
        Rule.ONE_DOCUMENT,
    ),
)
