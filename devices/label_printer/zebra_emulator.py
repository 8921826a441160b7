"""Emulator of a Zebra label printer."""

from __future__ import annotations

from devices.emulation.emulator import EmulatorSetup
from devices.label_printer import zpl
from devices.label_printer.emulator import Fields, LabelPrinterEmulator, Mechanism, take_label, take_request
from devices.roles import PrinterCondition

IDENTITY = zpl.Identity(f"{zpl.EMULATED}-ZPL", "V1.0.0")


class ZplSpeech:
    """Answers ~HS, unless something is wrong, and ~HI; takes labels without a word, and drops them where it is full."""

    ends = bytes(request[-1] for request in (zpl.IDENTITY_REQUEST, zpl.STATUS_REQUEST, zpl.END))

    def hear(self, heard: bytearray, mechanism: Mechanism) -> bytes | None:
        """Act on what `heard` ends with."""
        if take_request(heard, zpl.IDENTITY_REQUEST):
            return IDENTITY.encode()
        if take_request(heard, zpl.STATUS_REQUEST):
            return _status(mechanism).encode() if mechanism.condition is PrinterCondition.READY else None
        label = take_label(heard, zpl.BEGIN, zpl.END, _fields)
        if label is not None:
            mechanism.put(label)
        return None


def _status(mechanism: Mechanism) -> zpl.Status:
    waiting = len(mechanism.waiting)
    return zpl.Status(formats=max(waiting - 1, 0), remaining=min(waiting, 1), buffer_full=mechanism.full)


def _fields(label: bytes) -> Fields:
    found = zpl.decode(label)
    return {"job": found.comment, "texts": found.texts, "barcodes": found.barcodes}


def emulate(setup: EmulatorSetup) -> LabelPrinterEmulator:
    """Make an emulated Zebra label printer."""
    return LabelPrinterEmulator(setup, ZplSpeech())
