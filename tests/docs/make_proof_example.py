"""Makes docs/proof-example anew, after a change of the format: `python tests/docs/make_proof_example.py`.

One order, received, offered and accepted, in a log that begins with the keys that sign here; a witness has seen it.
"""

import sys
import tempfile
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from handoff_logs import log, log_key, migrations, register
from handoff_logs.cosignatures import cosign
from handoff_logs.database import Database
from handoff_logs.keyring import Keyring, station_owner
from handoff_logs.notes import COSIGNATURE_V1, VerifierKey
from handoff_logs.proofs.making import prove
from handoff_logs.reading import open_reading
from handoff_logs.records import ADMINISTRATION, Birth, Kind, Party, new_id
from handoff_logs.sealing import Sealer

FOLDER = Path(__file__).parents[2] / "docs" / "proof-example"


def make(folder: Path) -> None:
    """Write `A1.proof.json`, `log.pub` and `witness.pub`."""
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        url = f"sqlite:///{home}/passline.db"
        migrations.upgrade(url)
        key = log_key.create(Path(home) / "log", "example")
        keyring = Keyring.create(Path(home) / "signing", map(station_owner, (ADMINISTRATION, "review", "qc")))
        with Database(url, keyring=keyring) as database:
            record(database, (*keyring.public_keys, key.public))
            sealer = Sealer(database, key)
            sealed = sealer.seal()
            if sealed is None:
                sys.exit("nothing was sealed")
            private = Ed25519PrivateKey.generate()
            public = private.public_key().public_bytes_raw()
            witness = VerifierKey("ministry.example/witness", COSIGNATURE_V1, public)
            time_s = int(time.time())
            cosignature = cosign(sealed.note.text, witness, private.sign, time_s)
            sealer.cosigned(sealed, witness.name, time_s, cosignature.signature.value)
        with open_reading(url) as reading:
            (folder / "A1.proof.json").write_bytes(prove(reading, "A1").encode())
    (folder / "log.pub").write_text(f"{key.verifier}\n")
    (folder / "witness.pub").write_text(f"{witness}\n")


def record(database: Database, keys: tuple[register.PublicKey, ...]) -> None:
    """Register the keys, and let an order pass from review to QC."""
    review, qc = Party("review", "e-rev-1", "day"), Party("qc", "e-qc-1", "day")
    order = Birth(new_id(), Kind.ORDER, "A1")

    def stamp() -> log.Stamp:
        return log.Stamp(time.time_ns() // 1000, True)

    database.write(lambda tx: register.begin(tx, keys, stamp()))
    database.write(lambda tx: log.receive(tx, review, None, [order], "in", stamp()))
    offer = database.write(lambda tx: log.offer(tx, review, "out", "qc", [order.unit_id], priority=2, stamp=stamp()))
    database.write(lambda tx: log.accept(tx, qc, offer.handoff_id, [order.unit_id], "in", stamp()))


if __name__ == "__main__":
    make(FOLDER)
