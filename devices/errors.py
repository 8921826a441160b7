"""Typed refusals of the device layer. Facts are positional attributes, so that every error survives pickling."""


class DeviceError(Exception):
    """Anything a machine, its link or its port can refuse or fail at."""


class PortUnavailableError(DeviceError):
    """The port could not be opened: absent, not permitted, or in use by another process."""

    def __init__(self, port: str, reason: str) -> None:
        super().__init__(port, reason)
        self.port, self.reason = port, reason

    def __str__(self) -> str:
        return (
            f"port {self.port} can't be opened ({self.reason}); nothing was sent; check the cable and who else uses it"
        )


class TapTakenError(DeviceError):
    """Somebody listens at the machine's port already."""

    def __init__(self, machine: str) -> None:
        super().__init__(machine)
        self.machine = machine

    def __str__(self) -> str:
        return f"another trace or capture listens to {self.machine} already; end that one first"


class UnknownDeviceError(DeviceError):
    """The line has no device of that name."""

    def __init__(self, device: str, known: tuple[str, ...]) -> None:
        super().__init__(device, known)
        self.device, self.known = device, known

    def __str__(self) -> str:
        known = f"it has {', '.join(self.known)}" if self.known else "it has none; name its folder by --dir"
        return f"the line has no device {self.device!r}; {known}"


class CaptureRefusedError(DeviceError):
    """The bytes of a device that isn't emulated are not stored: they may hold what is in people's documents."""

    def __init__(self, device: str, mode: str) -> None:
        super().__init__(device, mode)
        self.device, self.mode = device, mode

    def __str__(self) -> str:
        return (
            f"{self.device} is in mode {self.mode}: its bytes may hold personal data, so they are not stored; "
            "watch it by trace, which shows none, or capture an emulated device"
        )


class CaptureUnreadableError(DeviceError):
    """A file that is no capture, or can't be made one; it was not used and not changed."""

    def __init__(self, file: str, why: str) -> None:
        super().__init__(file, why)
        self.file, self.why = file, why

    def __str__(self) -> str:
        return f"{self.file} is no capture that can be used: {self.why}; nothing was done with it"


class ReplayRefusedError(DeviceError):
    """A capture can't be sent to that port; nothing of it was sent."""

    def __init__(self, port: str, why: str) -> None:
        super().__init__(port, why)
        self.port, self.why = port, why

    def __str__(self) -> str:
        return f"the capture is not sent to {self.port}: {self.why}; nothing of it was sent"


class PortLostError(DeviceError):
    """The port hung up under an open session; every unanswered request has an unknown outcome."""

    def __init__(self, port: str, reason: str) -> None:
        super().__init__(port, reason)
        self.port, self.reason = port, reason

    def __str__(self) -> str:
        return f"port {self.port} was lost ({self.reason}); reopen it and reconcile before anything is drawn"


class LinkError(DeviceError):
    """A misuse or a breakdown of the link below the messages."""


class LinkDownError(LinkError):
    """The peer acknowledged nothing through every retransmission, or began another session."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"the link is down ({self.reason}); open the session again and reconcile"


class PayloadTooLargeError(LinkError):
    """A payload exceeds what the two sides agreed on, in bytes."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(size, limit)
        self.size, self.limit = size, limit

    def __str__(self) -> str:
        return f"a payload of {self.size} bytes exceeds the agreed {self.limit}; nothing was sent"


class LinkFullError(LinkError):
    """More bytes wait to be sent than the link may hold."""

    def __init__(self, waiting: int, limit: int) -> None:
        super().__init__(waiting, limit)
        self.waiting, self.limit = waiting, limit

    def __str__(self) -> str:
        return f"{self.waiting} bytes wait to be sent, of {self.limit} at most; nothing was added"


class MalformedError(DeviceError):
    """Bytes that passed the checksum but are no message or piece; the whole of them was ignored."""

    def __init__(self, what: str, reason: str, at: int) -> None:
        super().__init__(what, reason, at)
        self.what, self.reason, self.at = what, reason, at

    def __str__(self) -> str:
        return f"malformed {self.what}: {self.reason} at byte {self.at}; it was ignored as a whole"


class IllegalMoveError(DeviceError):
    """A job was asked to take a step that its state does not allow."""

    def __init__(self, job_id: str, state: str, wanted: str) -> None:
        super().__init__(job_id, state, wanted)
        self.job_id, self.state, self.wanted = job_id, state, wanted

    def __str__(self) -> str:
        return f"job {self.job_id} is {self.state} and can't become {self.wanted}"


class IllegalCommandError(DeviceError):
    """A machine was told what its PackML state does not allow: a command, or to `complete` a state that waits."""

    def __init__(self, machine: str, command: str, state: str, legal: tuple[str, ...]) -> None:
        super().__init__(machine, command, state, legal)
        self.machine, self.command, self.state, self.legal = machine, command, state, legal

    def __str__(self) -> str:
        legal = ", ".join(self.legal) or "no command"
        return f"{self.machine} is {self.state} and can't {self.command}; nothing changed; legal now: {legal}"


class BackInTimeError(DeviceError):
    """Something lies before what it follows, in microseconds UTC; no time was counted."""

    def __init__(self, what: str, at_us: int, after_us: int) -> None:
        super().__init__(what, at_us, after_us)
        self.what, self.at_us, self.after_us = what, at_us, after_us

    def __str__(self) -> str:
        return f"{self.what} at {self.at_us} µs was given after {self.after_us} µs; give the oldest first"


class ImpossibleFigureError(DeviceError):
    """A figure lies outside its range; no effectiveness can be told from it."""

    def __init__(self, figure: str, value: float, allowed: str) -> None:
        super().__init__(figure, value, allowed)
        self.figure, self.value, self.allowed = figure, value, allowed

    def __str__(self) -> str:
        return f"{self.figure}: {self.value}, possible is {self.allowed}; nothing was reckoned; check the records"


class WrongMachineError(DeviceError):
    """What answers is not what the configuration names; nothing may be drawn on it."""

    def __init__(self, machine: str, fact: str, expected: str, found: str) -> None:
        super().__init__(machine, fact, expected, found)
        self.machine, self.fact, self.expected, self.found = machine, fact, expected, found

    def __str__(self) -> str:
        return f"{self.machine}: {self.fact} is {self.found!r}, expected {self.expected!r}; nothing is drawn on it"


class NoAnswerError(DeviceError):
    """A request stayed unanswered. Its outcome is unknown until STATUS tells; a new job id is never the remedy."""

    def __init__(self, machine: str, request: str, job_id: str, waited_s: float) -> None:
        super().__init__(machine, request, job_id, waited_s)
        self.machine, self.request, self.job_id, self.waited_s = machine, request, job_id, waited_s

    def __str__(self) -> str:
        job = f" for job {self.job_id}" if self.job_id else ""
        return f"{self.machine} did not answer {self.request}{job} in {self.waited_s:g} s; outcome unknown: ask STATUS"


class MachineRefusedError(DeviceError):
    """The machine refused a request: nothing moved for it. `code` is a name of `messages.RefusalCode`."""

    def __init__(self, machine: str, request: str, code: str, job_id: str, state: str, detail: int) -> None:
        super().__init__(machine, request, code, job_id, state, detail)
        self.machine, self.request, self.code = machine, request, code
        self.job_id, self.state, self.detail = job_id, state, detail

    def __str__(self) -> str:
        job = f" of job {self.job_id} ({self.state})" if self.job_id else ""
        return f"{self.machine} refused {self.request}{job}: {self.code} (detail {self.detail}); nothing moved"


class MachineFaultError(DeviceError):
    """A machine answered a request with a fault of its own; where a job's piece is then, only people can see."""

    def __init__(self, machine: str, request: str, job_id: str, fault: str) -> None:
        super().__init__(machine, request, job_id, fault)
        self.machine, self.request, self.job_id, self.fault = machine, request, job_id, fault

    def __str__(self) -> str:
        job = f" for job {self.job_id}" if self.job_id else ""
        return (
            f"{self.machine} answered {self.request}{job} with a fault ({self.fault}); nothing more is drawn: look "
            "where its piece is, put the machine right, open it again and reconcile"
        )


class SessionClosedError(DeviceError):
    """A request was made on a machine that is not open."""

    def __init__(self, machine: str) -> None:
        super().__init__(machine)
        self.machine = machine

    def __str__(self) -> str:
        return f"{self.machine} is not open; open it and reconcile first"


class UnexpectedAnswerError(DeviceError):
    """The machine answered a request with a message of another kind or about another job."""

    def __init__(self, machine: str, request: str, answer: str) -> None:
        super().__init__(machine, request, answer)
        self.machine, self.request, self.answer = machine, request, answer

    def __str__(self) -> str:
        return f"{self.machine} answered {self.request} with {self.answer}; hold the machine and ask STATUS"


class LabelRefusedError(DeviceError):
    """A label that could not be printed as it is meant; nothing was sent."""

    def __init__(self, field: str, value: str, rule: str) -> None:
        super().__init__(field, value, rule)
        self.field, self.value, self.rule = field, value, rule

    def __str__(self) -> str:
        return f"{self.field} of a label is {self.value!r}, but must be {self.rule}; nothing was sent"


class PrinterNotReadyError(DeviceError):
    """A label printer that can't print now; `condition` is a `roles.PrinterCondition`, `state` the job's LabelState."""

    def __init__(self, machine: str, condition: str, job_id: str, state: str) -> None:
        super().__init__(machine, condition, job_id, state)
        self.machine, self.condition, self.job_id, self.state = machine, condition, job_id, state

    def __str__(self) -> str:
        return (
            f"{self.machine} is {self.condition}; the label of job {self.job_id} is {self.state}; "
            "put the printer right and ask its status"
        )


class PrinterSilentError(DeviceError):
    """A label printer that answers nothing readable, as some do when out of media; `state` is the job's LabelState."""

    def __init__(self, machine: str, request: str, job_id: str, state: str, waited_s: float) -> None:
        super().__init__(machine, request, job_id, state, waited_s)
        self.machine, self.request, self.job_id = machine, request, job_id
        self.state, self.waited_s = state, waited_s

    def __str__(self) -> str:
        label = f"the label of job {self.job_id} is {self.state}; " if self.job_id else ""
        return (
            f"{self.machine} stayed silent on {self.request} for {self.waited_s:g} s: out of media or ribbon, head "
            f"open, or not connected; {label}look at the printer, then ask its status; a label is not sent twice"
        )


class UnknownDriverError(DeviceError):
    """`line.toml` names a driver that is neither built in nor installed."""

    def __init__(self, driver: str, known: tuple[str, ...]) -> None:
        super().__init__(driver, known)
        self.driver, self.known = driver, known

    def __str__(self) -> str:
        return f"no driver is called {self.driver!r}; known are {', '.join(self.known)}"


class NoEmulatorError(DeviceError):
    """No emulator is built in or installed for a driver's name."""

    def __init__(self, driver: str, known: tuple[str, ...]) -> None:
        super().__init__(driver, known)
        self.driver, self.known = driver, known

    def __str__(self) -> str:
        return f"no emulator is there for driver {self.driver!r}; there are those of {', '.join(self.known)}"


class NotEmulatedError(DeviceError):
    """Faults are set on emulators that run, and this device is none."""

    def __init__(self, device: str, what_it_is: str) -> None:
        super().__init__(device, what_it_is)
        self.device, self.what_it_is = device, what_it_is

    def __str__(self) -> str:
        return f"{self.device} is {self.what_it_is}: faults are set on emulators that run; nothing was changed"


class WeighingError(DeviceError):
    """A scale that answers, but with no weight that may be used."""


class OverloadError(WeighingError):
    """More lies on the scale than it can weigh."""

    def __init__(self, machine: str) -> None:
        super().__init__(machine)
        self.machine = machine

    def __str__(self) -> str:
        return f"{self.machine} is overloaded; take something off and weigh again"


class UnderloadError(WeighingError):
    """The scale is lighter than its zero allows: the pan is off, or it was zeroed under load."""

    def __init__(self, machine: str) -> None:
        super().__init__(machine)
        self.machine = machine

    def __str__(self) -> str:
        return f"{self.machine} is underloaded; put its pan on, zero it empty and weigh again"


class NotStableError(WeighingError):
    """The weight did not come to rest in time."""

    def __init__(self, machine: str, waited_s: float) -> None:
        super().__init__(machine, waited_s)
        self.machine, self.waited_s = machine, waited_s

    def __str__(self) -> str:
        return f"{self.machine} showed no stable weight in {self.waited_s:g} s; keep draught and hands off, weigh again"


class ScaleSilentError(DeviceError):
    """The scale answered nothing in time. Asking moves nothing, so it may be asked again."""

    def __init__(self, machine: str, request: str, waited_s: float) -> None:
        super().__init__(machine, request, waited_s)
        self.machine, self.request, self.waited_s = machine, request, waited_s

    def __str__(self) -> str:
        return f"{self.machine} did not answer {self.request} in {self.waited_s:g} s; check its power, cable and menu"


class NoSwipeError(DeviceError):
    """No whole zone came in time; `damaged` counts frames that came damaged meanwhile."""

    def __init__(self, machine: str, waited_s: float, damaged: int) -> None:
        super().__init__(machine, waited_s, damaged)
        self.machine, self.waited_s, self.damaged = machine, waited_s, damaged

    def __str__(self) -> str:
        damaged = f" ({self.damaged} damaged)" if self.damaged else ""
        return f"{self.machine} read no document in {self.waited_s:g} s{damaged}; swipe it once more"


class UnitNumberError(DeviceError):
    """A machine's serial number that names no unit on the bus, from `first` to `last`."""

    def __init__(self, serial: str, last: int, first: int = 1) -> None:
        super().__init__(serial, last, first)
        self.serial, self.last, self.first = serial, last, first

    def __str__(self) -> str:
        return (
            f"serial {self.serial!r} names no unit; nothing was opened; write its number on the bus, "
            f"{self.first} to {self.last}, behind the last '/', as in 'XY-0031/3', or no '/' at all for {self.first}"
        )


class SensorSilentError(DeviceError):
    """A sensor sent no sound reply in time, but `unread` bytes that are none. It may be asked again."""

    def __init__(self, machine: str, request: str, waited_s: float, unread: int) -> None:
        super().__init__(machine, request, waited_s, unread)
        self.machine, self.request, self.waited_s, self.unread = machine, request, waited_s, unread

    def __str__(self) -> str:
        unread = f" ({self.unread} bytes came that are none)" if self.unread else ""
        return (
            f"{self.machine} sent no reply to {self.request} in {self.waited_s:g} s{unread}; nothing was read; "
            "check its power, both wires, the unit number and the line's speed, then read again"
        )


class ImpossibleReadingError(DeviceError):
    """A sensor says what it can't measure, as with a torn probe; `value` and `allowed` bear the unit."""

    def __init__(self, machine: str, figure: str, value: str, allowed: str) -> None:
        super().__init__(machine, figure, value, allowed)
        self.machine, self.figure, self.value, self.allowed = machine, figure, value, allowed

    def __str__(self) -> str:
        return (
            f"{self.machine} says its {self.figure} is {self.value}, possible is {self.allowed}; nothing was read; "
            "look at its probe, then read again"
        )


class ReaderSilentError(DeviceError):
    """A face reader answered nothing sound: the link is lost. It may be asked again."""

    def __init__(self, machine: str, request: str, waited_s: float) -> None:
        super().__init__(machine, request, waited_s)
        self.machine, self.request, self.waited_s = machine, request, waited_s

    def __str__(self) -> str:
        return (
            f"{self.machine} did not answer {self.request} in {self.waited_s:g} s and is offline; whom it recognises "
            "now is told later, or counted as missed; check its power, both wires, its address and the line's speed, "
            "then ask again"
        )


class NoRecognitionError(DeviceError):
    """The reader answers, but recognised nobody in time."""

    def __init__(self, machine: str, waited_s: float) -> None:
        super().__init__(machine, waited_s)
        self.machine, self.waited_s = machine, waited_s

    def __str__(self) -> str:
        return f"{self.machine} recognised nobody in {self.waited_s:g} s; stand before it once more"


class RecognitionFormatError(DeviceError):
    """A reader sent something else than a recognition as passline reads it; nobody was recognised by it."""

    def __init__(self, machine: str, found: str, expected: str) -> None:
        super().__init__(machine, found, expected)
        self.machine, self.found, self.expected = machine, found, expected

    def __str__(self) -> str:
        return (
            f"{self.machine} sent {self.found}, expected {self.expected}; nobody was recognised by it; set the "
            "reader's output format"
        )


class AirShowerError(DeviceError):
    """An air shower through which nobody may go now."""


class InterlockError(AirShowerError):
    """A door was asked to be released against the interlock; it stays locked."""

    def __init__(self, machine: str, door: str, reason: str) -> None:
        super().__init__(machine, door, reason)
        self.machine, self.door, self.reason = machine, door, reason

    def __str__(self) -> str:
        return f"{self.machine}: the {self.door} door stays locked: {self.reason}; ask its state and release it then"


class CycleAbortedError(AirShowerError):
    """A cycle began and was not completed; it is not counted. `fault` is a `roles.ShowerFault`."""

    def __init__(self, machine: str, fault: str) -> None:
        super().__init__(machine, fault)
        self.machine, self.fault = machine, fault

    def __str__(self) -> str:
        return (
            f"{self.machine}: the cycle is not whole and doesn't count ({self.fault}); the inner door stays locked: "
            "release the outer door, go out and in again"
        )


class CycleNotEndedError(AirShowerError):
    """No cycle was completed in time. `phase` is a `roles.ShowerPhase`."""

    def __init__(self, machine: str, phase: str, waited_s: float) -> None:
        super().__init__(machine, phase, waited_s)
        self.machine, self.phase, self.waited_s = machine, phase, waited_s

    def __str__(self) -> str:
        return (
            f"{self.machine} completed no cycle in {self.waited_s:g} s and is {self.phase}; the inner door stays "
            "locked; wait on, or look whether both doors are closed"
        )


class CountWentBackError(AirShowerError):
    """A count of cycles that lies before one told earlier, or is another memory's: nothing follows from it."""

    def __init__(self, machine: str, memory: int, number: int, known_memory: int, known_number: int) -> None:
        super().__init__(machine, memory, number, known_memory, known_number)
        self.machine, self.memory, self.number = machine, memory, number
        self.known_memory, self.known_number = known_memory, known_number

    def __str__(self) -> str:
        return (
            f"{self.machine} counts {self.number} cycles in memory {self.memory:08x}, known are {self.known_number} in "
            f"{self.known_memory:08x}; no cycle is taken as completed; find out who changed or reset the controller, "
            "then open it from its own count"
        )
