"""The emulated machine's journal on disk."""

from pathlib import Path

import pytest

from devices.emulation.memory import Journal
from devices.errors import IllegalMoveError
from devices.jobs import MachineJobState as State

JOB, OTHER = "0" * 31 + "1", "0" * 31 + "2"
END_BYTES = 300


def written(path: Path) -> tuple[str, int]:
    """A journal with one job made and released, one drawn, and fence 7; its identity and next position."""
    journal = Journal(path)
    journal.raise_fence(7)
    for state in (State.FEEDING, State.FED, State.PREPARED, State.WORKING, State.DONE):
        entry = journal.enter(JOB, state, blank_serial="E1")
    journal.release(entry)
    journal.enter(OTHER, State.FEEDING)
    journal.sync()
    identity = journal.journal_id, journal.next
    journal.close()
    return identity


def contents(path: Path) -> bytes:
    """The journal's records without the zeros behind them."""
    return path.read_bytes().rstrip(b"\0")


def test_a_reopened_journal_knows_all_it_knew(tmp_path: Path) -> None:
    identity = written(tmp_path / "journal")
    journal = Journal(tmp_path / "journal")
    assert (journal.journal_id, journal.next, journal.fence, journal.held) == (*identity, 7, False)
    assert list(journal.open_jobs) == [OTHER]
    released = journal.job(JOB)
    assert released is not None and released.released and released.state is State.DONE
    assert [entry.position for entry in journal.entries(1)] == list(range(1, 8))
    journal.close()


def test_a_released_job_never_moves_again(tmp_path: Path) -> None:
    written(tmp_path / "journal")
    journal = Journal(tmp_path / "journal")
    with pytest.raises(IllegalMoveError):
        journal.enter(JOB, State.FEEDING)
    assert journal.next == 8
    journal.close()


def test_power_loss_drops_exactly_what_was_not_synced(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.enter(JOB, State.FEEDING)
    journal.sync()
    journal.enter(JOB, State.FED, blank_serial="E1")
    journal.lose_power()
    journal.close()

    journal = Journal(tmp_path / "journal")
    last = journal.job(JOB)
    assert last is not None and last.state is State.FEEDING and not journal.held
    journal.close()


def test_a_killed_process_loses_nothing_that_was_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.enter(JOB, State.FEEDING)
    journal.close()
    journal = Journal(tmp_path / "journal")
    assert journal.job(JOB) is not None
    journal.close()


@pytest.mark.parametrize("how", ["cut", "zeroed", "flipped"])
def test_a_damaged_journal_is_cut_held_and_another_journal(tmp_path: Path, how: str) -> None:
    """Wherever it is damaged: sound records before it stay, nothing behind it is believed, the hold lasts."""
    path = tmp_path / "journal"
    identity, _ = written(path)
    sound = contents(path)
    for at in range(len(sound) - END_BYTES, len(sound) - 1, 7):
        damaged = {
            "cut": sound[:at],
            "zeroed": sound[:at] + b"\0" + sound[at + 1 :],
            "flipped": sound[:at] + bytes((sound[at] ^ 0x40,)) + sound[at + 1 :],
        }[how]
        if damaged == sound:
            continue
        path.write_bytes(damaged)
        journal = Journal(path)
        if journal.held:
            assert journal.journal_id != identity and journal.first == journal.next and journal.fence == 7
        else:
            assert how == "cut"  # Exactly between two records: as if the last had never been written.
        journal.close()
        again = Journal(path)
        assert (again.held, again.journal_id, again.damaged) == (journal.held, journal.journal_id, False)
        again.close()


def test_resuming_a_held_journal_lasts(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    written(path)
    path.write_bytes(contents(path)[:-3])
    journal = Journal(path)
    journal.resume()
    journal.close()
    journal = Journal(path)
    assert not journal.held
    journal.close()


def test_an_emptied_journal_is_another_journal(tmp_path: Path) -> None:
    identity, _ = written(tmp_path / "journal")
    (tmp_path / "journal").unlink()
    journal = Journal(tmp_path / "journal")
    assert journal.journal_id != identity and journal.fence == 0
    journal.close()
