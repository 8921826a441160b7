"""Whether the machine that answers HELLO is the one that the configuration names."""

from dataclasses import dataclass

from devices.errors import WrongMachineError
from devices.messages import PROTOCOL_VERSION, HelloReply
from devices.roles import MachineIdentity


@dataclass(frozen=True, slots=True)
class Expected:
    """What must answer. `machine` is the line's name for it, `model` its driver's name."""

    machine: str
    model: str
    serial: str
    emulated: bool

    def check(self, reply: HelloReply) -> None:
        """Raise WrongMachineError for another protocol, model, serial or mode."""
        facts = (
            ("protocol", str(PROTOCOL_VERSION), str(reply.version)),
            ("model", self.model, reply.model),
            ("serial", self.serial, reply.serial),
            ("mode", _mode(self.emulated), _mode(reply.emulated)),
        )
        for fact, expected, found in facts:
            if expected != found:
                raise WrongMachineError(self.machine, fact, expected, found)

    def identify(self, reply: HelloReply) -> MachineIdentity:
        """The identity in a HELLO's answer; raises WrongMachineError as `check`."""
        self.check(reply)
        return MachineIdentity(
            machine=self.machine,
            serial=reply.serial,
            firmware=reply.firmware,
            boot_id=reply.boot_id,
            emulated=reply.emulated,
            journal_id=reply.journal_id,
            journal_first=reply.journal_first,
            journal_next=reply.journal_next,
            fence=reply.fence,
            counters=reply.counters,
            open_jobs=reply.open_jobs,
        )


def _mode(emulated: bool) -> str:
    return "emulated" if emulated else "production"
