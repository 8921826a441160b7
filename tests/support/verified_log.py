"""A log in which one of everything happened: for tests of what reads, proves and verifies it."""

import time
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from handoff_logs import log, register
from handoff_logs.cosignatures import cosign
from handoff_logs.database import Database
from handoff_logs.keyring import Keyring, person_owner, public_of
from handoff_logs.log_key import LogKey
from handoff_logs.notes import COSIGNATURE_V1, VerifierKey
from handoff_logs.records import Birth, Kind, Party, new_id
from handoff_logs.register import Entry, Register
from handoff_logs.sealing import Sealer

WITNESS = "witness.example/test"
_PRIVATE = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
WITNESS_KEY = VerifierKey(WITNESS, COSIGNATURE_V1, _PRIVATE.public_key().public_bytes_raw())


def stamp(**facts: Any) -> log.Stamp:
    """An act that happens now."""
    return log.Stamp(time.time_ns() // 1000, True, **facts)


def by(station: str, index: int = 1) -> Party:
    """One of a station's people."""
    return Party(station, f"{station}-{index}", "day", new_id())


def cosign_newest(sealer: Sealer, time_s: int | None = None) -> None:
    """Let the test's witness cosign the newest checkpoint."""
    sealed = sealer.latest()
    assert sealed is not None
    line = cosign(sealed.checkpoint.text, WITNESS_KEY, _PRIVATE.sign, time_s or int(time.time()))
    sealer.cosigned(sealed, WITNESS, line.time_s, line.signature.value)


def fill(database: Database, keyring: Keyring, key: LogKey, leaves: int = 260) -> None:
    """Let one of everything happen, some of it signed by a person's own key (vault-2), in two cosigned checkpoints.

    Of more than 256 `leaves`, a hash over the first 256 is kept.
    """
    do = database.write
    own = keyring.of(person_owner("vault-2")).public
    witness = public_of(_PRIVATE, f"witness:{WITNESS}")
    entries = [*register.key_entries([own, witness]), Entry(Register.THRESHOLD, "lost", "units", "3")]
    do(lambda tx: register.record(tx, register.administration(), None, entries, stamp()))
    sealer = Sealer(database, key)
    sealer.seal()
    cosign_newest(sealer)
    births = {name: Birth(new_id(), Kind.ORDER, name) for name in ("A1", "A2", "A3", "A4")}
    blanks = {name: Birth(new_id(), Kind.BLANK, name) for name in ("E1", "E2", "E3", "E4", "E5")}
    review, vault = by("review"), by("vault")
    do(lambda tx: log.receive(tx, review, None, list(births.values()), "in", stamp(tray="T1")))
    do(lambda tx: log.receive(tx, review, "review-2", list(blanks.values()), "shelf", stamp(second_sign_in=new_id())))
    do(lambda tx: log.receive(tx, vault, "vault-2", [Birth(new_id(), Kind.BLANK, "V1")], "shelf", stamp()))
    documents = [Birth(new_id(), Kind.DOCUMENT, f"E{n}") for n in (1, 2, 3)]
    for n, document in enumerate(documents, start=1):
        order, blank = births[f"A{n}"].unit_id, blanks[f"E{n}"].unit_id
        do(lambda tx, o=order, b=blank, d=document: log.transform(tx, review, o, b, d, "good", stamp(machine="B1")))
    spoiled, kept = blanks["E4"].unit_id, blanks["E5"].unit_id
    do(lambda tx: log.void(tx, review, "review-2", [spoiled], "reject", stamp(reason="jam")))
    do(lambda tx: log.destroy(tx, review, "review-2", [spoiled], stamp()))
    do(lambda tx: log.move(tx, review, [kept], "drawer", stamp()))
    first, second, third = (document.unit_id for document in documents)
    missing = births["A4"].unit_id
    offered = do(
        lambda tx: log.offer(
            tx, review, "out", "qc", [first, missing], priority=2, stamp=stamp(tray="T1", due_us=1_900_000_000_000_000)
        )
    )
    found = do(lambda tx: log.accept(tx, by("qc"), offered.handoff_id, [first], "in", stamp()))
    do(
        lambda tx: log.settle(
            tx, review, "review-2", [missing], "found-at-sender", "shelf", stamp(), case_id=found.cases[0]
        )
    )
    do(lambda tx: log.correct(tx, review, offered.event_id, "reason", "hurried", stamp()))
    parcel = Birth(new_id(), Kind.PARCEL, "P1")
    do(lambda tx: log.pack(tx, by("qc"), {parcel: [first]}, "shelf", stamp()))
    sent = do(lambda tx: log.offer(tx, by("qc"), "out", "carrier", [parcel.unit_id], priority=2, stamp=stamp()))
    do(lambda tx: log.accept(tx, by("carrier"), sent.handoff_id, [parcel.unit_id], "van", stamp()))
    opened = Birth(new_id(), Kind.PARCEL, "P2")
    do(lambda tx: log.pack(tx, review, {opened: [second]}, "shelf", stamp()))
    do(lambda tx: log.unpack(tx, review, opened.unit_id, "shelf", stamp()))
    do(lambda tx: log.offer(tx, review, "out", "qc", [second, third], priority=1, stamp=stamp()))

    def many(tx: Any) -> None:
        for _ in range(leaves - 25):
            log.receive(tx, review, None, [Birth(new_id(), Kind.ORDER)], "in", stamp())

    do(many)
    sealer.seal()
    cosign_newest(sealer)
