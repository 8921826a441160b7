"""What personalization refuses, with the facts as positional attributes."""

from datetime import UTC, datetime

from stations.errors import StationError


class LeaseHeldError(StationError):
    """Another worker has the machine."""

    def __init__(self, machine: str, worker: str, until_us: int) -> None:
        super().__init__(machine, worker, until_us)
        self.machine, self.worker, self.until_us = machine, worker, until_us

    def __str__(self) -> str:
        return f"{self.machine} is worked by {self.worker}; it is free when that worker ends or its lease lapses"


class FenceLostError(StationError):
    """Another worker took the machine over: this one's writes are refused and it must let go of the machine."""

    def __init__(self, machine: str, fence: int) -> None:
        super().__init__(machine, fence)
        self.machine, self.fence = machine, fence

    def __str__(self) -> str:
        return f"{self.machine} was taken over by another worker (our fence was {self.fence}); nothing was written"


class JobStateError(StationError):
    """A job is not in the state that a step needs; nothing was written."""

    def __init__(self, job_id: str, state: str, wanted: str) -> None:
        super().__init__(job_id, state, wanted)
        self.job_id, self.state, self.wanted = job_id, state, wanted

    def __str__(self) -> str:
        return f"job {self.job_id} is {self.state} and cannot become {self.wanted}; read it again"


class UnknownJobError(StationError):
    """There is no such job."""

    def __init__(self, job_id: str) -> None:
        super().__init__(job_id)
        self.job_id = job_id

    def __str__(self) -> str:
        return f"job {self.job_id} is not on file; `passline devices settle` lists the jobs in doubt"


class NotInDoubtError(JobStateError):
    """Two people can't settle a job that its machine answers for."""

    def __str__(self) -> str:
        return (
            f"job {self.job_id} is {self.state}, not in doubt: its machine answers for it and {self.wanted} is not "
            "recorded; settle one that `passline devices settle` lists"
        )


class AlreadySettledError(JobStateError):
    """Two people settled the job before; `at_us` is when."""

    def __init__(self, job_id: str, state: str, wanted: str, found: str, people: tuple[str, str], at_us: int) -> None:
        super().__init__(job_id, state, wanted)
        self.args = (job_id, state, wanted, found, people, at_us)
        self.found, self.people, self.at_us = found, people, at_us

    def __str__(self) -> str:
        at = datetime.fromtimestamp(self.at_us / 1_000_000, UTC).astimezone()
        return (
            f"job {self.job_id} is {self.state}: it was settled as {self.found} by {' and '.join(self.people)} on "
            f"{at:%Y-%m-%d at %H:%M:%S}; {self.wanted} is not recorded. If they were wrong, void the piece by two"
        )


class FindingRefusedError(StationError):
    """What two people say they found can't be true of the job; it stays in doubt."""

    def __init__(self, job_id: str, found: str, why: str) -> None:
        super().__init__(job_id, found, why)
        self.job_id, self.found, self.why = job_id, found, why

    def __str__(self) -> str:
        return f"job {self.job_id} stays in doubt, for {self.found} can't be recorded of it: {self.why}"


class NumbersExhaustedError(StationError):
    """No number is left for a product."""

    def __init__(self, product: str) -> None:
        super().__init__(product)
        self.product = product

    def __str__(self) -> str:
        return (
            f"no number is left for {self.product}; have two people give the line a range (passline numbers add "
            f"{self.product} FIRST LAST), then its orders go on by themselves"
        )


class ForeignBlankError(StationError):
    """A machine drew a blank that the log does not put into it."""

    def __init__(self, machine: str, serial: str, whereabouts: str) -> None:
        super().__init__(machine, serial, whereabouts)
        self.machine, self.serial, self.whereabouts = machine, serial, whereabouts

    def __str__(self) -> str:
        return (
            f"{self.machine} drew blank {self.serial}, which the log has at {self.whereabouts}; "
            "it was given back unmarked and the machine is held: count its stacks"
        )


class NotVoidedError(StationError):
    """A job stays live because the log does not have its piece voided."""

    def __init__(self, unit_id: str) -> None:
        super().__init__(unit_id)
        self.unit_id = unit_id

    def __str__(self) -> str:
        return (
            f"unit {self.unit_id} is not voided in the log, so its application is not made again; void it by two first"
        )


class TrayNotReadyError(StationError):
    """A tray still has orders that no machine has finished."""

    def __init__(self, tray: str, orders: int) -> None:
        super().__init__(tray, orders)
        self.tray, self.orders = tray, orders

    def __str__(self) -> str:
        return f"tray {self.tray} still has {self.orders} orders to make; finish it when they are made"


class HeldByFindingError(StationError):
    """People hold this machine until what a patrol found on it is mended; nothing was drawn."""

    def __init__(self, machine: str, finding: int) -> None:
        super().__init__(machine, finding)
        self.machine, self.finding = machine, finding

    def __str__(self) -> str:
        return f"{self.machine} is held by finding {self.finding}; nothing was drawn, see passline patrol findings"


class SpecimenReasonError(StationError):
    """Why a specimen is made goes into custody records for good, and is no sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return (
            "why a specimen is made is a code: set-up, new-ribbon, after-repair; 20 characters at most. None was drawn"
        )


class SpecimenRefusedError(StationError):
    """No specimen may be made on a machine now."""

    def __init__(self, machine: str, why: str) -> None:
        super().__init__(machine, why)
        self.machine, self.why = machine, why

    def __str__(self) -> str:
        return f"no specimen is made on {self.machine}, and none was drawn: {self.why}"


class SpecimenUncertainError(StationError):
    """A machine does not know what became of a specimen."""

    def __init__(self, machine: str, job_id: str) -> None:
        super().__init__(machine, job_id)
        self.machine, self.job_id = machine, job_id

    def __str__(self) -> str:
        return (
            f"{self.machine} does not know what became of its specimen, job {self.job_id}, which stays open and is "
            "made no second time; give the command again, which asks the machine, then settle what is in doubt"
        )


class BadActIdError(StationError):
    """An act at the operators' desk came without an id of the desk's own."""

    def __str__(self) -> str:
        return "this form has no id that its page made; load the page again. Nothing was stored"


class ActTakenError(StationError):
    """Another act was stored under this id."""

    def __init__(self, act_id: str) -> None:
        super().__init__(act_id)
        self.act_id = act_id

    def __str__(self) -> str:
        return f"something else was signed under {self.act_id}; load the page again. Nothing was stored"


class UnknownMachineError(StationError):
    """The line has no such machine."""

    def __init__(self, machine: str) -> None:
        super().__init__(machine)
        self.machine = machine

    def __str__(self) -> str:
        return f"{self.machine} is no machine of this line; choose one that the page shows. Nothing was stored"


class NoPieceScannedError(StationError):
    """An act on pieces without any."""

    def __str__(self) -> str:
        return "nothing was scanned; scan what you hold, each once. Nothing was stored"


class NotThereError(StationError):
    """Pieces were scanned that the log does not have where they are said to come from."""

    def __init__(self, place: str, serials: tuple[str, ...]) -> None:
        super().__init__(place, serials)
        self.place, self.serials = place, serials

    def __str__(self) -> str:
        return (
            f"{len(self.serials)} pieces are not at {self.place} by the log (first: {self.serials[0]}); lay them aside "
            "and scan the others again. Nothing was recorded"
        )


class CountDiffersError(StationError):
    """What was scanned of a finished tray is not what the log has of it; `machines` still hold documents of it."""

    def __init__(self, tray: str, machines: tuple[str, ...]) -> None:
        super().__init__(tray, machines)
        self.tray, self.machines = tray, machines

    def __str__(self) -> str:
        inside = f"; empty the good stacks of {', '.join(self.machines)}" if self.machines else ""
        return (
            f"the count of tray {self.tray} does not agree{inside}; look on the rack and scan again, or sign that you "
            "looked and the rest is missing. Nothing was recorded"
        )
