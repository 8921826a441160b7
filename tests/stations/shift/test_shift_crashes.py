"""Killed at any instant, an act on the shift is whole or never was; done again, it ends as it would have."""

from pathlib import Path

import pytest
from killed_everywhere import swept
from small_shift import BOOKS

HOST = Path(__file__).parent / "shift_host.py"


@pytest.fixture
def killed(shift, tmp_path, database_url):
    """Acts on the shift in processes killed at every `stride`-th boundary; what was found after each."""

    def sweep(act, stride=1):
        shift.database.close()
        return swept(HOST, tmp_path / "signing", database_url, act, stride, timeout_s=110)

    return sweep


@pytest.mark.crash
@pytest.mark.timeout(120)
def test_a_hand_over_killed_at_any_statement_or_commit_leaves_one_open_shift(shift, killed):
    """Either the old one with all it had, or the new one with all of it: never none, never two, never half."""
    shift.open()
    status, found, said = killed("hand-over")
    before = {"open": [["early"]], "closed": [[0]], "counts": [[1]], "acts": [[0]], "people": [[1]]}
    after = {"open": [["late"]], "closed": [[1]], "counts": [[2]], "acts": [[1]], "people": [[1]]}
    seen = [{name: each[name] for name in before} for each in found]
    assert all(each in (before, after) for each in seen), seen
    assert (seen[0], seen[-1]) == (before, after)
    # Killed after its commit it had been whole, and the next one, of the same name, was refused.
    assert status == 1 and "SameShiftNameError" in said
    assert len(seen) > len(BOOKS) * 3


@pytest.mark.crash
@pytest.mark.timeout(120)
def test_a_relief_killed_at_any_statement_or_commit_is_whole_or_never_was(shift, killed):
    shift.open()
    status, found, said = killed("relieve", 4)
    before = {"open": [["early"]], "counts": [[1]], "acts": [[0]], "reliefs": [[0]], "people": [[1]]}
    after = {"open": [["early"]], "counts": [[2]], "acts": [[1]], "reliefs": [[1]], "people": [[1]]}
    seen = [{name: each[name] for name in before} for each in found]
    assert all(each in (before, after) for each in seen), seen
    assert (seen[0], seen[-1]) == (before, after)
    assert status == 0 or "NothingToRelieveError" in said


@pytest.mark.crash
@pytest.mark.timeout(120)
def test_an_evacuation_and_a_return_killed_at_any_instant_are_whole_or_never_were(shift, killed):
    """The row, the log and the alarm say the same: frozen or not."""
    shift.open()
    for act, before, after, refusal in (
        ("evacuate", [0, 0, None], [1, 1, "evacuated"], "LineEvacuatedError"),
        ("return", [1, 1, "evacuated"], [0, 0, "returned"], "NotEvacuatedError"),
    ):
        status, found, said = killed(act, 3)
        seen = [each["evacuated"][0] for each in found]
        assert all(each in (before, after) for each in seen), seen
        assert (seen[0], seen[-1]) == (before, after)
        assert status == 0 or refusal in said
