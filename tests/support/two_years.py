"""A log whose units were born in two years, mixed in trays, transforms and parcels, sealed and cosigned."""

import time
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from verified_log import WITNESS, by, cosign_newest, stamp

from handoff_logs import log, register
from handoff_logs.database import Database
from handoff_logs.keyring import Keyring, person_owner, public_of
from handoff_logs.log_key import LogKey
from handoff_logs.records import Birth, Kind, new_id
from handoff_logs.register import Entry, Register
from handoff_logs.sealing import Sealer

WITNESS_PRIVATE = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
FIRST, SECOND = 2023, 2024
LATER = 2025


def id_of(year: int) -> str:
    """A unit's id as it would have been made in the middle of a year."""
    ms = int(datetime(year, 7, 1, tzinfo=UTC).timestamp()) * 1_000 + time.time_ns() // 1_000_000 % 1_000_000
    return f"{ms:012x}{new_id()[12:]}"


def born(year: int, kind: Kind, number: str | None = None) -> Birth:
    """A unit born in a year."""
    return Birth(id_of(year), kind, number)


def fill_two_years(database: Database, keyring: Keyring, key: LogKey, more: int = 20) -> dict[str, str]:
    """Let units of two years be received, mixed, made, packed, sent, lost and found; return unit ids by name.

    All of FIRST have ended or gone; of SECOND one is still held. `more` records of neither year lie between.
    """
    do = database.write
    own, witness = keyring.of(person_owner("vault-2")).public, public_of(WITNESS_PRIVATE, f"witness:{WITNESS}")
    entries = [*register.key_entries([own, witness]), Entry(Register.THRESHOLD, "lost", "units", "3")]
    do(lambda tx: register.record(tx, register.administration(), None, entries, stamp()))
    sealer = Sealer(database, key)
    units: dict[str, str] = {}

    def receive(station: str, second: str | None, births: dict[str, Birth], **facts: Any) -> None:
        units.update({name: birth.unit_id for name, birth in births.items()})
        do(lambda tx: log.receive(tx, by(station), second, list(births.values()), "in", stamp(**facts)))

    def hand(names: list[str], source: str, to: str, counted: list[str] | None = None) -> log.Acceptance:
        sent = [units[name] for name in names]
        offered = do(lambda tx: log.offer(tx, by(source), "out", to, sent, priority=2, stamp=stamp(tray="T1")))
        found = sent if counted is None else [units[name] for name in counted]
        return do(lambda tx: log.accept(tx, by(to), offered.handoff_id, found, "in", stamp()))

    def others() -> None:
        def receive_more(tx: Any) -> None:
            for _ in range(more):
                log.receive(tx, by("review"), None, [born(LATER, Kind.ORDER)], "in", stamp())

        do(receive_more)
        sealer.seal()
        cosign_newest(sealer)

    others()
    # One record receives orders of both years, another blanks of the first alone.
    receive("review", None, {
        "A1": born(FIRST, Kind.ORDER, "A1"), "A2": born(FIRST, Kind.ORDER, "A2"),
        "B1": born(SECOND, Kind.ORDER, "B1"), "B2": born(SECOND, Kind.ORDER, "B2"),
        "A3": born(FIRST, Kind.ORDER, "A3"), "B3": born(SECOND, Kind.ORDER, "B3"),
    }, tray="T1")  # fmt: skip
    receive("review", "review-2", {f"E{n}": born(FIRST, Kind.BLANK, f"E{n}") for n in (1, 2)})
    receive("vault", "vault-2", {"F1": born(SECOND, Kind.BLANK, "F1")})
    others()
    # A document of the first year alone; one born in the second of an order and a blank of the first.
    for order, blank, name, year in (("A1", "E1", "D1", FIRST), ("A2", "E2", "D2", SECOND)):
        document = born(year, Kind.DOCUMENT, blank)
        units[name] = document.unit_id
        o, b = units[order], units[blank]
        do(lambda tx, o=o, b=b, d=document: log.transform(tx, by("review"), o, b, d, "good", stamp(machine="B1")))
    # A mixed tray; an order of each year is missing, one is found and one is lost; one is corrected.
    accepted = hand(["D1", "A3", "D2", "B1", "B2"], "review", "qc", ["D1", "D2", "B1"])
    others()
    for name, outcome in (("A3", "lost"), ("B2", "found-at-sender")):
        settled = [units[name]]
        case_id = next(
            row.case_id
            for row in do(lambda tx: tx.exec_driver_sql("SELECT case_id, unit_id FROM custody_case").fetchall())
            if row.unit_id == units[name]
        )
        do(
            lambda tx, s=settled, o=outcome, c=case_id: log.settle(
                tx, by("review"), "review-2", s, o, "shelf", stamp(), case_id=c
            )
        )
    assert len(accepted.cases) == 2
    do(lambda tx: log.correct(tx, by("qc"), accepted.event_id, "reason", "hurried", stamp()))
    # A parcel of the second year goes out with documents of both.
    parcel = born(SECOND, Kind.PARCEL, "P1")
    units["P1"] = parcel.unit_id
    packed = [units["D1"], units["D2"]]
    do(lambda tx: log.pack(tx, by("qc"), {parcel: packed}, "shelf", stamp()))
    hand(["P1"], "qc", "carrier")
    others()
    return units
