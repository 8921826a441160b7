"""docs/proofs.md is enough to write a verifier: its own is run, on the example and on fresh proofs."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from proof_forge import leaves_of
from signing_keys import log_key_of

from handoff_logs import log_key
from handoff_logs.key_register import Reason, Signers, rotate_log
from handoff_logs.keyring import Keyring, person_owner, write_new
from handoff_logs.log import accept, offer, receive
from handoff_logs.notes import VerifierKey
from handoff_logs.proofs.making import prove
from handoff_logs.proofs.verifying import Verified, verify
from handoff_logs.reading import open_reading
from handoff_logs.records import Birth, Kind, Party, new_id
from handoff_logs.register import administration, key_entries, record
from handoff_logs.sealing import Sealer
from handoff_logs.writing import Stamp

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLE = DOCS / "proof-example"
PAGE = (DOCS / "proofs.md").read_text("utf-8")


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's program, as a reader would copy it."""
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path_factory.mktemp("page") / "verifier.py"
    path.write_text(program, "utf-8")
    return path


def run(verifier: Path, proof: Path, key: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(verifier), str(proof), str(key)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_pages_program_prints_what_the_page_says(verifier: Path) -> None:
    answer = run(verifier, EXAMPLE / "A1.proof.json", EXAMPLE / "log.pub")
    assert answer.stderr == ""
    assert f"```\n{answer.stdout}```" in PAGE


def test_the_example_holds_and_was_witnessed() -> None:
    key, witness = (VerifierKey.parse((EXAMPLE / f"{name}.pub").read_text().strip()) for name in ("log", "witness"))
    told = verify((EXAMPLE / "A1.proof.json").read_bytes(), key, [witness])
    assert isinstance(told, Verified)
    assert [one.witness for one in told.witnessed] == ["ministry.example/witness"]
    assert [step["act"] for step in told.steps] == ["receive", "offer", "accept"]


def test_every_member_of_a_file_is_named_on_the_page() -> None:
    proof = json.loads((EXAMPLE / "A1.proof.json").read_text("utf-8"))
    columns = {"event", "row"}
    names = {
        name
        for path, _ in leaves_of(proof)
        for before, name in zip(("", *path), path, strict=False)
        if isinstance(name, str) and before not in columns
    }
    assert {name for name in names if f"`{name}`" not in PAGE} == set()


@pytest.mark.parametrize(("number", "old", "new"), [(1, '"e-rev-1"', '"thief"'), (2, '"order"', '"blank"')])
def test_the_pages_program_refuses_what_was_changed(
    verifier: Path, tmp_path: Path, number: int, old: str, new: str
) -> None:
    text = (EXAMPLE / "A1.proof.json").read_text("utf-8")
    (tmp_path / "forged.json").write_text(text.replace(old, new, number), "utf-8")
    assert run(verifier, tmp_path / "forged.json", EXAMPLE / "log.pub").returncode == 1


def test_the_pages_program_follows_the_log_s_keys_from_any_of_them(
    verifier: Path, database: Any, database_url: str, signing_keys: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(log_key_of(signing_keys), tmp_path / "log")
    stamp = Stamp(1_764_000_000_000_000, True)
    order = Birth(new_id(), Kind.ORDER, "A1")
    database.write(lambda tx: receive(tx, Party("review", "review-1", "day"), None, [order], "in", stamp))
    keys = [log_key.read(folder).verifier]
    for _ in range(2):
        signers = Signers(administration("p-0001"), "p-0002", None)
        keys.append(rotate_log(database, folder, Reason.RETIRED, signers, emulated=True))
        sealer = Sealer(database, log_key.read(folder))
        while (sealed := sealer.seal()) and sealed.more:
            pass
    other = Birth(new_id(), Kind.ORDER, "A2")
    database.write(lambda tx: receive(tx, Party("review", "review-1", "day"), None, [other], "in", stamp))
    sealer.seal()
    with open_reading(database_url) as reading:
        proof = json.loads(prove(reading, "A2").encode())
    file, key_file = tmp_path / "proof.json", tmp_path / "key.pub"
    for key in keys:
        file.write_text(json.dumps(proof))
        key_file.write_text(f"{key}\n")
        assert run(verifier, file, key_file).stderr == ""
    assert {name for name in proof if f"`{name}`" not in PAGE} == set()
    for change in (
        lambda forged: forged["handovers"].reverse(),
        lambda forged: forged["handovers"].pop(),
        lambda forged: forged["handovers"].append(forged["handovers"][0]),
        lambda forged: forged["events"].pop(1),
        lambda forged: forged.update(checkpoint=forged["handovers"][0]),
        lambda forged: forged["events"][1]["event"].update(second_person=None),
    ):
        forged = json.loads(json.dumps(proof))
        change(forged)
        file.write_text(json.dumps(forged))
        assert run(verifier, file, key_file).returncode == 1


def test_the_pages_program_and_ours_agree_on_a_fresh_proof(
    verifier: Path, database: Any, database_url: str, keyring: Keyring, tmp_path: Path, signing_keys: Path
) -> None:
    review, qc = Party("review", "review-1", "day"), Party("qc", "qc-1", "day")
    orders = [Birth(new_id(), Kind.ORDER, number) for number in ("晓1", "A2")]
    units = [order.unit_id for order in orders]
    own = write_new(tmp_path / "signing", person_owner("qc-1"))
    stamp = Stamp(1_764_000_000_000_000, True)
    database.write(lambda tx: record(tx, administration(), None, key_entries([own]), stamp))
    keyring.reload()
    database.write(lambda tx: receive(tx, review, None, orders, "in", stamp))
    made = database.write(lambda tx: offer(tx, review, "out", "qc", units, priority=2, stamp=stamp))
    sealer = Sealer(database, log_key.read(log_key_of(signing_keys)))
    sealer.seal()
    database.write(lambda tx: accept(tx, qc, made.handoff_id, units[:1], "in", stamp))
    for sealed in (False, True):
        if sealed:
            sealer.seal()
        for number in ("晓1", "A2"):
            with open_reading(database_url) as reading:
                data = prove(reading, number).encode()
            (tmp_path / "proof.json").write_bytes(data)
            answer = run(verifier, tmp_path / "proof.json", log_key_of(signing_keys) / "log.pub")
            assert answer.stderr == ""
            told = verify(data, log_key.read(log_key_of(signing_keys)).verifier)
            assert isinstance(told, Verified)
            ours = [
                f"{step['act']} {step['kind']} {step['state']} {step['station']} {step['person']} "
                + ("not sealed yet" if step["leaf"] is None else f"leaf {step['leaf']}")
                for step in told.steps
                if step["kind"] != "case"
            ]
            assert answer.stdout.splitlines()[:-1] == ours
            assert answer.stdout.splitlines()[-1].startswith(f"{number} is ")
