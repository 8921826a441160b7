"""The machines that packing has: a scale and a label printer, either, or none."""

from dataclasses import dataclass, replace

from devices.roles import LabelPrinter, Scale
from stations.kept_machine import KeptMachine
from stations.packing.rules import USUAL, Tolerance


@dataclass(frozen=True, slots=True)
class PackingMachines:
    """Without a scale parcels are not weighed here; without a printer people stick labels that they have.

    `tolerance`: what a parcel on the scale may differ by.
    """

    scale: KeptMachine[Scale] | None = None
    printer: KeptMachine[LabelPrinter] | None = None
    tolerance: Tolerance = USUAL

    def first(self) -> "PackingMachines":
        """The same machines for documents of the green channel, before all others that wait for them."""
        return replace(self, scale=self.scale and self.scale.first(), printer=self.printer and self.printer.first())

    def open(self) -> None:
        """Open them before the first parcel needs them."""
        for machine in (self.scale, self.printer):
            if machine is not None:
                machine.open()

    def close(self) -> None:
        """Close their ports."""
        for machine in (self.scale, self.printer):
            if machine is not None:
                machine.close()


BY_HAND = PackingMachines()
