"""Emulator of a SATO label printer."""

from __future__ import annotations

from devices.emulation.emulator import EmulatorSetup
from devices.label_printer import sbpl
from devices.label_printer.emulator import Fields, LabelPrinterEmulator, Mechanism, take_label, take_request
from devices.roles import PrinterCondition

_OFFLINE = {PrinterCondition.COVER_OPEN: "b", PrinterCondition.PAPER_OUT: "c", PrinterCondition.RIBBON_OUT: "d"}
_PRINTING = "G"


class SbplSpeech:
    """Answers ENQ and labels; refuses a label while anything is wrong, and forgets a job once it is out."""

    ends = bytes(request[-1] for request in (sbpl.STATUS_REQUEST, sbpl.END))

    def hear(self, heard: bytearray, mechanism: Mechanism) -> bytes | None:
        """Act on what `heard` ends with."""
        if take_request(heard, sbpl.STATUS_REQUEST):
            return _status(mechanism).encode()
        label = take_label(heard, sbpl.BEGIN, sbpl.END, _fields)
        if label is None:
            return None
        taken = mechanism.condition is PrinterCondition.READY and mechanism.put(label)
        return bytes((sbpl.Receipt.TAKEN if taken else sbpl.Receipt.REFUSED,))


def _status(mechanism: Mechanism) -> sbpl.Status:
    code = _OFFLINE.get(mechanism.condition) or (_PRINTING if mechanism.waiting else sbpl.IDLE)
    if not mechanism.waiting:
        return sbpl.Status("", code, 0, sbpl.EMULATED)
    job = mechanism.waiting[0]
    return sbpl.Status(str(job["number"]), code, 1, sbpl.EMULATED + str(job["job"]))


def _fields(label: bytes) -> Fields:
    # What any bytes may say becomes what a status can hold.
    found = sbpl.decode(label)
    number = found.number if len(found.number) == 2 and found.number.isascii() and found.number.isdigit() else ""
    name = found.name[:8] if found.name.isascii() and found.name.isprintable() else ""
    return {"number": number, "job": name, "texts": found.texts, "barcodes": found.barcodes}


def emulate(setup: EmulatorSetup) -> LabelPrinterEmulator:
    """Make an emulated SATO label printer."""
    return LabelPrinterEmulator(setup, SbplSpeech())
