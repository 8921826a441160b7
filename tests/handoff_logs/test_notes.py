"""Signed notes, checkpoints and cosignatures are C2SP's, and what is not written exactly so is refused whole."""

import base64
import dataclasses
import pickle
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from handoff_logs import cosignatures
from handoff_logs.checkpoints import Checkpoint
from handoff_logs.errors import ForgedNoteError, MalformedNoteError, UnsignedNoteError
from handoff_logs.notes import COSIGNATURE_V1, ED25519, Note, Signature, VerifierKey, signed

# The key and the note that implementations of signed notes test themselves with.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETER_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ENOCH_LINE = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
)

# The examples of the specifications.
SALVATORE = """\
Ognuno sta solo sul cuor della terra
trafitto da un raggio di sole:

ed è subito sera.

— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=
"""  # noqa: E501
SOFA = """\
example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
"""  # noqa: E501
WITNESS_IN_USE = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"

LOG = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
WITNESS = Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64)))
LOG_KEY = VerifierKey("passline.example/01234567", ED25519, LOG.public_key().public_bytes_raw())
WITNESS_KEY = VerifierKey("witness.example/w1", COSIGNATURE_V1, WITNESS.public_key().public_bytes_raw())

CONTROL = [chr(code) for code in range(32)]
SPACES = [chr(code) for code in range(0x11_0000) if chr(code).isspace()]
NAMES = st.text(st.characters(codec="utf-8", exclude_characters=[*CONTROL, *SPACES, "+"]), min_size=1, max_size=20)
LINES = st.text(st.characters(codec="utf-8", exclude_characters=CONTROL), max_size=20)
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
SIGNATURES = st.builds(Signature, NAMES, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=100))


def peter() -> VerifierKey:
    return VerifierKey.parse(PETER)


def refusal(data: bytes) -> MalformedNoteError:
    with pytest.raises(MalformedNoteError) as raised:
        Note.parse(data)
    return raised.value


def test_the_reference_key_signs_the_reference_note() -> None:
    signature = signed(TEXT, peter(), Ed25519PrivateKey.from_private_bytes(PETER_SEED).sign)
    assert Note(TEXT, (signature,)).encode().decode() == f"{TEXT}\n{PETER_LINE}"


def test_a_note_is_signed_by_the_keys_that_are_known_and_others_are_passed_over() -> None:
    note = Note.parse(f"{TEXT}\n{PETER_LINE}{ENOCH_LINE}".encode())
    enoch = VerifierKey.parse(ENOCH)
    assert [key.name for key, _ in note.signatures_of([peter()])] == ["PeterNeumann"]
    assert [key.name for key, _ in note.signatures_of([enoch, peter()])] == ["EnochRoot", "PeterNeumann"]
    same_name = dataclasses.replace(enoch, name="PeterNeumann")
    with pytest.raises(UnsignedNoteError, match="EnochRoot"):
        note.signatures_of([same_name])
    with pytest.raises(UnsignedNoteError):
        note.signatures_of([])


def test_one_signature_of_a_known_key_that_does_not_hold_condemns_the_note() -> None:
    note = Note.parse(f"{TEXT.replace('answer', 'question')}\n{PETER_LINE}".encode())
    with pytest.raises(ForgedNoteError, match=r"PeterNeumann\+c74f20a3") as raised:
        note.signatures_of([peter(), VerifierKey.parse(ENOCH)])
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)
    good, short = Signature.parse(PETER_LINE.rstrip("\n")), Signature("PeterNeumann", bytes.fromhex("c74f20a3"), b"x")
    with pytest.raises(ForgedNoteError):
        Note(TEXT, (good, short)).signatures_of([peter()])


def test_a_witness_key_is_no_key_for_a_plain_signature() -> None:
    key = dataclasses.replace(peter(), kind=COSIGNATURE_V1)
    signature = Signature(key.name, key.key_id, Ed25519PrivateKey.from_private_bytes(PETER_SEED).sign(TEXT.encode()))
    with pytest.raises(UnsignedNoteError):
        Note(TEXT, (signature,)).signatures_of([key])


@pytest.mark.parametrize("example", [SALVATORE, SOFA])
def test_the_specifications_own_examples_are_read_and_written_back(example: str) -> None:
    note = Note.parse(example.encode())
    assert note.encode().decode() == example
    assert note.text == example.rpartition("\n\n")[0] + "\n"


@pytest.mark.parametrize("vkey", [PETER, ENOCH, WITNESS_IN_USE, str(LOG_KEY), str(WITNESS_KEY)])
def test_a_verifier_key_is_read_and_written_back(vkey: str) -> None:
    assert str(VerifierKey.parse(vkey)) == vkey


def test_no_other_text_is_taken_for_a_verifier_key() -> None:
    mangled = {PETER[begin:end] for begin in range(len(PETER)) for end in range(begin, len(PETER) + 1)} - {PETER}
    mangled |= {PETER[:i] + chr(ord(PETER[i]) + 1) + PETER[i + 1 :] for i in range(len(PETER))}
    mangled |= {f"{PETER} ", f"{PETER}\n", PETER.replace("c74f", "C74F"), PETER.replace("Peter", "Peter ")}
    mangled |= {
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    }
    for vkey in mangled:
        with pytest.raises(MalformedNoteError, match="verifier key"):
            VerifierKey.parse(vkey)


@pytest.mark.parametrize(
    ("note", "place"),
    [
        (TEXT, "its end"),
        (f"{TEXT}\n", "its end"),
        (f"{TEXT}\n{PETER_LINE[:-1]}", "its end"),
        (f"{TEXT}\n{PETER_LINE}\n", "its end"),
        (f"{TEXT}{PETER_LINE}", "its end"),
        ("", "its end"),
        (f"\x01{TEXT}\n{PETER_LINE}", "character 0"),
        (f"{TEXT}\n{PETER_LINE}\t\n", "character"),
        (f"{TEXT}\n{PETER_LINE}".replace("\n", "\r\n"), "character 56"),
        (f"{TEXT}\n{PETER_LINE}Unexpected line.\n", "line 5"),
        (f"{TEXT}\n{PETER_LINE.replace('PeterNeumann', 'Peter Neumann')}", "line 4"),
        (f"{TEXT}\n{PETER_LINE.replace('PeterNeumann', 'Peter+Neumann')}", "line 4"),
        (f"{TEXT}\n{PETER_LINE.replace('PeterNeumann', NO_BREAK_SPACE + 'Neumann')}", "line 4"),
        (f"{TEXT}\n{PETER_LINE.replace('PeterNeumann ', ' ')}", "line 4"),
        (f"{TEXT}\n{PETER_LINE.replace('—', '-')}", "line 4"),
        (f"{TEXT}\n{PETER_LINE.replace('AM=', 'AN=')}", "line 4"),
        (f"{TEXT}\n{PETER_LINE.replace('AM=', 'AM')}", "line 4"),
        (f"{TEXT}\n— PeterNeumann x08gow==\n", "line 4"),
        (f"{TEXT}\n— PeterNeumann\n", "line 4"),
        (f"{TEXT}\n{PETER_LINE * 65}", "its signatures"),
    ],
)
def test_a_malformed_note_is_refused_whole_and_says_where(note: str, place: str) -> None:
    error = refusal(note.encode())
    assert error.place.startswith(place)
    assert "nothing of it was used" in str(error)


def test_what_is_no_utf_8_is_no_note() -> None:
    assert refusal(b"\xff" + f"{TEXT}\n{PETER_LINE}".encode()).place == "byte 0"


def test_sixteen_signatures_as_long_as_post_quantum_ones_are_read() -> None:
    many = tuple(Signature(f"key-{i}", bytes(4), bytes(5_000)) for i in range(16))
    note = Note.parse(Note(TEXT, (*many, Signature.parse(PETER_LINE[:-1]))).encode())
    assert len(note.signatures_of([peter()])) == 1


@given(st.lists(LINES), st.lists(SIGNATURES, min_size=1, max_size=5))
def test_every_note_is_read_as_it_was_written(lines: list[str], signatures: list[Signature]) -> None:
    note = Note("".join(f"{line}\n" for line in [*lines, "end"]), tuple(signatures))
    assert Note.parse(note.encode()) == note


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: f"{text}\n\n{PETER_LINE}".encode()))
def test_any_bytes_are_a_note_or_refused(data: bytes) -> None:
    try:
        note = Note.parse(data)
    except MalformedNoteError:
        return
    assert note.encode() == data


@given(NAMES, st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32), st.lists(LINES.filter(bool)))
def test_every_checkpoint_is_read_as_it_was_written(origin: str, size: int, root: bytes, more: list[str]) -> None:
    checkpoint = Checkpoint(origin, size, root, tuple(more))
    assert Checkpoint.parse(checkpoint.text) == checkpoint


def test_the_specifications_checkpoint_is_read() -> None:
    checkpoint = Checkpoint.parse(Note.parse(SOFA.encode()).text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.root.hex() == "0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "its end"),
        ("a\n1\n", "its end"),
        ("a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", "its end"),
        ("\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n", "line 1"),
        *(
            (f"a\n{size}\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n", "line 2")
            for size in ("", "01", "00", "-1", "+1", " 1", "1 ", "0x1", "1.0", "1_0", "١", str(2**63), "9" * 5_000)
        ),
        ("a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n", "line 3"),
        ("a\n1\nCsUYapGGPo4dkMgIAUqom_Xajj7h2fB2MPA3j2jxq2I=\n", "line 3"),
        ("a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxqw==\n", "line 3"),
        ("a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\nb\n", "line 4"),
    ],
)
def test_a_malformed_checkpoint_is_refused_whole_and_says_where(text: str, place: str) -> None:
    with pytest.raises(MalformedNoteError) as raised:
        Checkpoint.parse(text)
    assert raised.value.place == place


def test_a_cosignature_holds_for_its_text_its_time_and_its_witness() -> None:
    text = Note.parse(SOFA.encode()).text
    made = cosignatures.cosign(text, WITNESS_KEY, WITNESS.sign, 1_679_315_147)
    # The message as the specification writes it out.
    message = f"cosignature/v1\ntime 1679315147\n{text}".encode()
    assert made.signature.value == (1_679_315_147).to_bytes(8, "big") + WITNESS.sign(message)
    assert cosignatures.verified(text, Signature.parse(made.line), WITNESS_KEY) == made
    later = (1_679_315_148).to_bytes(8, "big") + made.signature.value[8:]
    for other_text, signature, key in (
        (text.replace("20852163", "20852164"), made.signature, WITNESS_KEY),
        (f"{text}more\n", made.signature, WITNESS_KEY),
        (text, dataclasses.replace(made.signature, value=later), WITNESS_KEY),
        (text, dataclasses.replace(made.signature, name="witness.example/w2"), WITNESS_KEY),
        (text, made.signature, dataclasses.replace(WITNESS_KEY, public=LOG_KEY.public)),
    ):
        with pytest.raises(ForgedNoteError):
            cosignatures.verified(other_text, signature, key)


def test_the_specifications_cosignature_says_when() -> None:
    _, cosignature = Note.parse(SOFA.encode()).signatures
    assert int.from_bytes(cosignature.value[:8], "big") == 1_679_315_147
    assert len(cosignature.value) == 72


@pytest.mark.parametrize("value", [b"x", bytes(72), bytes([255]) * 72, bytes(7) + b"\1" + bytes(65)])
def test_what_is_no_cosignature_is_refused(value: bytes) -> None:
    with pytest.raises(MalformedNoteError, match="cosignature"):
        cosignatures.verified("a\n", Signature(WITNESS_KEY.name, WITNESS_KEY.key_id, value), WITNESS_KEY)


def test_a_logs_key_cosigns_nothing() -> None:
    """Nor is its signature taken for a witness's: the key's type keeps what both sign apart."""
    with pytest.raises(MalformedNoteError, match="0x04"):
        cosignatures.cosign("a\n", LOG_KEY, LOG.sign, 1)
    with pytest.raises(MalformedNoteError, match="0x04"):
        cosignatures.verified("a\n", signed("a\n", LOG_KEY, LOG.sign), LOG_KEY)


def test_reading_a_note_does_not_wait_for_cryptography() -> None:
    check = "import sys, handoff_logs.cosignatures, handoff_logs.checkpoints; print('cryptography' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"
