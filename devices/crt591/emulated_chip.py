"""The chip on an emulated card: what it holds is in the emulated world after every command that changes it."""

from __future__ import annotations

from collections.abc import Callable

from devices.crt591 import chip
from devices.crt591.chip import ChipAnswer, ChipCommand
from devices.emulation.world import World
from devices.errors import MalformedError
from devices.piece import PieceData


class EmulatedChip:
    """A chip with its card's number, and an application that can be written until it is activated.

    `mark` is called before the first change. A `spoiled` chip takes nothing, an `unreadable` one can't tell its number.
    """

    def __init__(
        self, world: World, serial: str, mark: Callable[[str], None], *, spoiled: bool, unreadable: bool
    ) -> None:
        self._world, self._serial, self._mark = world, serial, mark
        self._spoiled, self._unreadable = spoiled, unreadable
        found = world.piece(serial)
        self._changed = found is not None
        self._locked = found is not None and found.locked
        contents = found.data.chip if found is not None else {}
        self._files = {chip.FILES[name]: bytearray(content) for name, content in contents.items()}
        self._in_application = False
        self._chosen: int | None = None

    def answer(self, command: bytes) -> bytes:
        """The answer to any bytes."""
        try:
            return self._do(ChipCommand.decode(command)).encode()
        except MalformedError:
            return ChipAnswer(b"", chip.WRONG_LENGTH).encode()

    def _do(self, command: ChipCommand) -> ChipAnswer:
        match command.instruction:
            case chip.SELECT:
                return ChipAnswer(b"", self._select(command))
            case chip.READ:
                return self._read(command)
            case chip.CREATE | chip.UPDATE | chip.ACTIVATE if not self._in_application or self._locked:
                return ChipAnswer(b"", chip.NOT_ALLOWED)
            case chip.CREATE:
                return ChipAnswer(b"", self._create(command))
            case chip.UPDATE:
                return ChipAnswer(b"", self._update(command))
            case chip.ACTIVATE:
                return ChipAnswer(b"", self._activate())
        return ChipAnswer(b"", chip.UNKNOWN_INSTRUCTION)

    def _select(self, command: ChipCommand) -> int:
        if command == chip.select_application():
            self._in_application, self._chosen = True, None
            return chip.DONE
        if command == chip.select_number_file():
            self._in_application, self._chosen = False, chip.NUMBER_FILE
            return chip.DONE
        file = int.from_bytes(command.data, "big")
        if self._in_application and file in self._files and command == chip.select_file(file):
            self._chosen = file
            return chip.DONE
        return chip.FILE_NOT_FOUND

    def _read(self, command: ChipCommand) -> ChipAnswer:
        if self._chosen is None or command.expected is None:
            return ChipAnswer(b"", chip.NO_FILE_SELECTED)
        if self._chosen == chip.NUMBER_FILE and self._unreadable:
            return ChipAnswer(b"", chip.MEMORY_FAILURE)
        content = self._serial.encode() if self._chosen == chip.NUMBER_FILE else bytes(self._files[self._chosen])
        if command.offset > len(content):
            return ChipAnswer(b"", chip.WRONG_OFFSET)
        found = content[command.offset :][: command.expected]
        whole = command.expected in (256, len(found))
        return ChipAnswer(found, chip.DONE if whole else chip.END_OF_FILE)

    def _create(self, command: ChipCommand) -> int:
        file, size = chip.created(command)
        if file not in chip.NAMES:
            return chip.NOT_ALLOWED
        if file in self._files:
            return chip.FILE_EXISTS
        self._files[file] = bytearray(size)
        self._chosen = file
        return self._keep()

    def _update(self, command: ChipCommand) -> int:
        content = self._files.get(self._chosen) if self._chosen is not None else None
        if content is None:
            return chip.NO_FILE_SELECTED
        end = command.offset + len(command.data)
        if end > len(content):
            return chip.WRONG_OFFSET
        content[command.offset : end] = command.data
        return self._keep()

    def _activate(self) -> int:
        self._locked = True
        return self._keep()

    def _keep(self) -> int:
        if not self._changed:
            self._changed = True
            self._mark(self._serial)
        files = {chip.NAMES[file]: bytes(content) for file, content in self._files.items()}
        data = PieceData("", self._serial, (), chip=files).encode()
        if self._spoiled:
            self._world.spoil(self._serial, data)
            return chip.MEMORY_FAILURE
        self._world.write_chip(self._serial, data, locked=self._locked)
        return chip.DONE
