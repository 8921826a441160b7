"""Ask one machine by hand: questions only. Nothing here moves a blank, claims a machine or prints."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, TypeAlias

from devices.errors import DeviceError, LinkDownError, NoAnswerError, PortLostError
from devices.link import LinkTimes
from devices.messages import Journal, JournalPage, Status, StatusReply
from devices.probe import PATIENCE, anybody
from devices.registry import DeviceEntry, link_times, make_driver, make_transport
from devices.session import Session
from devices.tracing import short_hash
from devices.transport import SerialTransport

WEIGH_S = 10.0
SWIPE_S = 30.0
_JOB_ID = re.compile(r"[0-9a-f]{32}")

Answer: TypeAlias = Iterable[str]


class BadQuestionError(DeviceError):
    """A question that can't be asked as it was typed."""

    def __init__(self, question: str, expected: str) -> None:
        super().__init__(question, expected)
        self.question, self.expected = question, expected

    def __str__(self) -> str:
        return f"{self.question} wants {self.expected}; nothing was asked"


class NobodyAnswersError(DeviceError):
    """The port opens, and nobody on it answers in the personalizers' protocol."""

    def __init__(self, machine: str) -> None:
        super().__init__(machine)
        self.machine = machine

    def __str__(self) -> str:
        return (
            f"nobody on {self.machine} answers in the personalizers' protocol, and nothing was asked; check cable,"
            " power and speed, or name a machine with another protocol by its id in line.toml"
        )


class LinkMachine:
    """A personalizer or document reader, whoever it is: nothing is expected of it, so it may be any."""

    def __init__(self, name: str, transport: SerialTransport, times: LinkTimes | None = None) -> None:
        self.name = name
        self._session = Session(transport, anybody(name), link_times=times, patience=PATIENCE)
        self.questions = {
            "hello": ("who it is and what it remembers", self._hello),
            "status": ("JOB: what it knows of the job with this id", self._status),
            "journal": ("[SINCE]: its journal from a position on, as much as one answer holds", self._journal),
        }

    def open(self) -> str:
        """Begin a session, which claims nothing; who answers, in its own words. Raises NobodyAnswersError."""
        try:
            who = self._session.open()
        except (NoAnswerError, LinkDownError) as error:
            raise NobodyAnswersError(self.name) from error
        return f"serial number {who.serial}, firmware {who.firmware}, {_mode_word(who.emulated)}"

    def close(self) -> None:
        """End the session."""
        self._session.close()

    def _hello(self, rest: str) -> Answer:
        del rest
        return _lines(self._session.say_hello())

    def _status(self, rest: str) -> Answer:
        if not _JOB_ID.fullmatch(rest):
            raise BadQuestionError("status", "a job's id, 32 hexadecimal characters")
        return _lines(self._ask(lambda number: Status(number, rest), StatusReply, rest))

    def _journal(self, rest: str) -> Answer:
        if rest and not (rest.isascii() and rest.isdigit() and len(rest) < 19):
            raise BadQuestionError("journal", "a position, a whole number, or nothing")
        since = int(rest or 0)
        page = self._ask(lambda number: Journal(number, since), JournalPage)
        held = f"positions {page.journal_first} to {page.journal_next - 1}" if page.entries else "nothing from there on"
        yield f"journal {page.journal_id}, {held}"
        for entry in page.entries:
            facts = [entry.state.name, "released" if entry.released else "", entry.blank_serial, entry.cause.name]
            told = "  ".join(fact for fact in facts if fact not in ("", "NONE"))
            yield f"{entry.position:>6}  {entry.job_id}  {told}"
        if page.entries and (following := page.entries[-1].position + 1) < page.journal_next:
            yield f"there is more: journal {following}"

    def _ask(self, build: Callable[[int], Any], answer: type[Any], job_id: str = "") -> Any:
        return self._session.ask(build, answer, PATIENCE.reply_s, job_id=job_id)


class DriverMachine:
    """A machine with a protocol of its own, asked by its driver, which checks who answers when it opens."""

    def __init__(self, entry: DeviceEntry, machines: Path) -> None:
        """Raises UnknownDriverError."""
        self.name = entry.id
        self._emulated = entry.emulated
        self._driver = make_driver(entry, make_transport(entry, machines))
        known = {
            "weigh": ("the stable weight of what lies on it", self._weigh),
            "condition": ("whether it can take a label now", self._condition),
            "swipe": ("wait for a document to be drawn through, and say what was read", self._swipe),
        }
        self.questions = {word: question for word, question in known.items() if hasattr(self._driver, word)}

    def open(self) -> str:
        """Open its port; what it is configured as. Raises as the driver."""
        self._driver.open()
        return f"{self._driver.model}, {_mode_word(self._emulated)}"

    def close(self) -> None:
        """Close its port."""
        self._driver.close()

    def _weigh(self, rest: str) -> Answer:
        del rest
        return [f"{self._driver.weigh(WEIGH_S)} g"]

    def _condition(self, rest: str) -> Answer:
        del rest
        return [str(self._driver.condition())]

    def _swipe(self, rest: str) -> Answer:
        del rest
        lines = self._driver.swipe(SWIPE_S)
        # A zone names its holder: only an emulated one may be shown.
        return [line if self._emulated else f"{len(line)} characters, {short_hash(line.encode())}" for line in lines]


Machine: TypeAlias = LinkMachine | DriverMachine
"""What can be asked: `questions` has, by its first word, what a question is for and how it is asked."""


def converse(machine: Machine, typed: Iterable[str]) -> Iterator[str]:
    """The answers, line by line, to what is typed, until `quit`. Refusals and time-outs are answers.

    The machine is open. A port that is lost is opened again before the next question.
    """
    is_open = True
    for line in typed:
        word, _, rest = line.strip().partition(" ")
        if word == "quit":
            return
        if not word or word.startswith("#"):
            continue
        if word not in machine.questions:
            yield from _help(machine) if word == "help" else [f"no question {word!r}; {_known(machine)}"]
            continue
        try:
            if not is_open:
                machine.open()
                is_open = True
            yield from machine.questions[word][1](rest.strip())
        except (PortLostError, LinkDownError) as error:
            is_open = False
            yield f"! {error}"
        except DeviceError as error:
            yield f"! {error}"


def _known(machine: Machine) -> str:
    return f"{machine.name} can be asked {', '.join(machine.questions)}; help says more, quit ends"


def _help(machine: Machine) -> Answer:
    for word, (purpose, _) in machine.questions.items():
        yield f"{word:10} {purpose}"
    yield f"{'help':10} this"
    yield f"{'quit':10} close the port and end"
    yield "Nothing asked here moves, claims or prints anything."


def _lines(record: Any, prefix: str = "") -> Iterator[str]:
    """A message's fields, one a line."""
    for field in fields(record):
        name, value = prefix + field.name, getattr(record, field.name)
        if name == "request":
            continue
        if is_dataclass(value):
            yield from _lines(value, f"{field.name}.")
        elif isinstance(value, tuple):
            yield f"{name:19} {len(value)}"
            for item in value:
                yield f"{'':19} " + ", ".join(_word(getattr(item, part.name)) for part in fields(item))
        elif name == "emulated":
            yield f"{'mode':19} {_mode_word(value)}"
        else:
            yield f"{name:19} {_word(value)}"


def _mode_word(emulated: bool) -> str:
    """What a machine's mode is called on a screen."""
    return "EMULATED" if emulated else "production"


def _word(value: object) -> str:
    if isinstance(value, Enum):
        return value.name
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def port_machine(port: str, machines: Path) -> Machine:
    """Whoever speaks the personalizers' protocol on `port`."""
    return LinkMachine(port, SerialTransport(port, machines=machines))


def named_machine(entry: DeviceEntry, machines: Path, *, link: bool) -> Machine:
    """The machine of an entry; `link`: it speaks the personalizers' protocol."""
    if link:
        return LinkMachine(entry.id, make_transport(entry, machines), link_times(entry))
    return DriverMachine(entry, machines)
