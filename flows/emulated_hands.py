"""The hands of an emulated line, for commands that people give: its pieces can be carried by nobody else."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING

from flows.run_folder import RunFolder

if TYPE_CHECKING:
    from stations.personalization.desk import MachineDesk


@contextmanager
def emulated_hands(folder: RunFolder, *, needed: bool) -> Iterator["MachineDesk | None"]:
    """The hands that move EMULATED pieces, which people can't carry; None where they aren't needed or there are none.

    A line that stands has its machines switched on for as long as it takes.
    """
    from flows.configuration import read_settings
    from flows.errors import LineRunsAlreadyError
    from flows.locks import line_lock
    from flows.parts import Parts
    from flows.settings import StaffKind

    settings = read_settings(folder)
    if not needed or settings.staff.kind is not StaffKind.EMULATED:
        yield None
        return
    with ExitStack() as opened:
        parts = opened.enter_context(closing(Parts(folder, settings)))
        try:
            opened.enter_context(line_lock(folder))
        except LineRunsAlreadyError:
            pass  # its machines are on
        else:
            parts.emulators()
        yield parts.operators()
