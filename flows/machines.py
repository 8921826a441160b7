"""The personalizers of a line: which makes what, opened and reconciled once, then worked, one thread each."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final

from devices.errors import DeviceError
from devices.roles import Personalizer
from stations.climate import bar
from stations.personalization import activity, draws, rules
from stations.personalization.desk import MachineDesk
from stations.personalization.errors import ForeignBlankError
from stations.personalization.production import MachineRun, run_machine
from stations.personalization.recovery import Session, begin
from stations.personalization.setup import Setup
from stations.personalization.tables import Activity
from stations.workplace import Workplace

STATION: Final = rules.STATION

GIVE_UP_S: Final = 30.0
"""How long all machines that could make what waits may stand before the run ends and leaves it to people."""


@dataclass
class Machine:
    """One personalizer: its driver, how it is worked, and its session once it is reconciled."""

    driver: Personalizer
    setup: Setup
    session: Session | None = None


class Machines:
    """All personalizers of a line; `make` opens the drivers when they are first asked for."""

    def __init__(
        self, workplace: Workplace, desk: Callable[[], MachineDesk | None], make: Callable[[], dict[str, Machine]]
    ) -> None:
        self._workplace, self._desk, self._make = workplace, desk, make
        self._each: dict[str, Machine] | None = None
        self._standing_since_s: float | None = None
        self.stop = threading.Event()

    @property
    def each(self) -> dict[str, Machine]:
        """The machines by name; the first call opens their drivers."""
        if self._each is None:
            self._each = self._make()
        return self._each

    def open(self, machine: str) -> str | None:
        """Open, claim and reconcile one machine before anything is drawn; why it is held, None where it may draw."""
        one = self.each[machine]
        try:
            one.session = begin(self._workplace, one.driver, one.setup, self._desk(), self.stop)
        except (DeviceError, ForeignBlankError) as error:
            # Its thread tries again; until then the others take what has not been drawn.
            one.driver.close()
            return type(error).__name__
        return one.session.held

    def work(self, machine: str) -> MachineRun:
        """Work one machine until told to stop; blocks."""
        one = self.each[machine]
        session, one.session = one.session, None
        return run_machine(
            self._workplace,
            machine,
            one.driver,
            self.stop,
            setup=one.setup,
            desk=self._desk(),
            session=session,
        )

    def held(self) -> dict[str, str]:
        """The machines that are held now, and why."""
        return {machine: reason or "held" for machine, (now, reason) in self._shown().items() if now is Activity.HELD}

    def stuck(self) -> bool:
        """Whether everything that waits has waited `GIVE_UP_S` for machines that are all held or without blanks.

        The air is put right and a lead resumes while the line waits: whoever stands for that is waited for. So are the
        people at the machines' own desk.
        """
        if self._desk() is None or not self._all_stand():
            self._standing_since_s = None
            return False
        self._standing_since_s = self._standing_since_s or monotonic()
        return monotonic() - self._standing_since_s > GIVE_UP_S

    def _all_stand(self) -> bool:
        shown = self._shown()
        if any(now is Activity.EXECUTE for now, _ in shown.values()):
            return False
        standing = {
            machine
            for machine, (now, reason) in shown.items()
            if now in (Activity.HELD, Activity.SUSPENDED) and reason not in (bar.SUSPENDED, bar.UNWATCHED)
        }
        able = {one.setup.products for machine, one in self.each.items() if machine not in standing}
        with self._workplace.database.read() as connection:
            return not any(draws.waiting(connection, products) for products in able)

    def _shown(self) -> dict[str, tuple[Activity, str | None]]:
        with self._workplace.database.read() as connection:
            shown = activity.all_shown(connection)
        return {machine: now for machine, now in shown.items() if machine in self.each}
