"""The line on paper: heard, typed and compared without a mistake going unseen."""

import contextlib
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff_logs.checkpoints import Checkpoint
from handoff_logs.proofs.errors import LineNotContainedError, MistypedLineError
from handoff_logs.proofs.spoken_line import SpokenLine

ORIGIN = "passline.example/00c0ffee"
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def checkpoint(size: int = 1_234, history: str = "a") -> Checkpoint:
    return Checkpoint(ORIGIN, size, hashlib.sha256(history.encode()).digest())


@given(st.integers(1, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_what_is_printed_is_read_back(size: int, root: bytes) -> None:
    line = SpokenLine.of(Checkpoint(ORIGIN, size, root))
    assert SpokenLine.parse(str(line)) == line
    value = sum(
        ALPHABET.index(character) << 5 * place for place, character in enumerate(reversed(line.characters[:24]))
    )
    assert value == int.from_bytes(root[:15])


def test_case_spaces_and_letters_that_look_like_digits_do_not_matter() -> None:
    line = SpokenLine.of(checkpoint())
    origin, size, groups = str(line).split()
    for written in (
        str(line).lower(),
        f"  {origin}   {size}  {groups.replace('-', ' ')}\n",
        f"{origin} {size} {groups.replace('-', '').replace('0', 'o').replace('1', 'l')}",
    ):
        assert SpokenLine.parse(written) == line


def test_one_wrong_or_two_swapped_characters_are_a_slip_and_no_other_log() -> None:
    printed = str(SpokenLine.of(checkpoint()))
    slips = [printed[:at] + one + printed[at + 1 :] for at in range(len(printed)) for one in ALPHABET]
    slips += [printed[:at] + printed[at + 1] + printed[at] + printed[at + 2 :] for at in range(len(printed) - 1)]
    for slip in slips:
        with contextlib.suppress(MistypedLineError):
            assert SpokenLine.parse(slip) == SpokenLine.parse(printed), slip


@pytest.mark.parametrize(
    "text", ["", ORIGIN, f"{ORIGIN} 12", f"{ORIGIN} x 0000", f"{ORIGIN} 012 {'0000-' * 7}", f"{ORIGIN} {'9' * 19} 0000"]
)
def test_what_is_no_line_is_said_to_be_none(text: str) -> None:
    with pytest.raises(MistypedLineError, match="letter by letter"):
        SpokenLine.parse(text)


def test_another_history_a_shorter_log_and_another_log_do_not_contain_it() -> None:
    line = SpokenLine.of(checkpoint())
    line.expect(checkpoint(), ORIGIN)
    for log, origin, word in (
        (checkpoint(history="b"), ORIGIN, "others"),
        (None, ORIGIN, "fewer"),
        (checkpoint(), "passline.example/00000000", "passline.example/00000000"),
    ):
        with pytest.raises(LineNotContainedError, match=word):
            line.expect(log, origin)
