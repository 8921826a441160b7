"""What the gate needs of those who pass it: nothing of real people, who open the doors themselves."""

from devices.roles import ShowerState
from stations.gate.rules import Direction


class GateDesk:
    """Real people at the gate: machines that stand are switched on by somebody, and doors are theirs to open."""

    def act(self, shower: str, direction: Direction | None, state: ShowerState) -> None:
        """Go through a door that is released, or close one; `direction` None: out of the shower to the outside."""

    def machine_stands(self, machine: str) -> None:
        """Somebody sees that a machine does not answer."""
