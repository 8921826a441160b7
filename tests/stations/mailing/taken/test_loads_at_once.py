"""One file loaded by two processes at once, and by one that dies at each of its commits: everything once."""

import signal

import pytest
from loading import REFUSED, decide_at_once, load_and_die, load_at_once

from stations.mailing import returns

KINDS = ("delivered", "lost", "returned", "delivered")


@pytest.fixture
def told(sent):
    """A line, and one event of each of four posted parcels."""
    line = sent
    events = [
        line.event(tracking, kind, note="N-1" if kind == "returned" else None)
        for (tracking, *_), kind in zip(line.posted, KINDS, strict=False)
    ]
    assert len(events) == len(KINDS)
    return line, events


def whole(line, events):
    """Whether all of it is recorded, and once: events, ends, cases."""
    loaded = line.line.facts("SELECT count(*) FROM delivery_event")[0][0]
    ended = line.line.facts("SELECT count(*) FROM custody_unit WHERE outcome = 'delivered' AND kind = 'parcel'")[0][0]
    entries = line.line.facts("SELECT count(*) FROM custody_register WHERE register = 'delivery'")[0][0]
    return (loaded, entries, ended, len(line.open_cases())) == (len(events), len(events), 2, 1)


def test_two_processes_that_load_one_file_record_it_once(told, database_url, tmp_path):
    """Whoever is later finds what the other loaded; both end well."""
    line, events = told
    file = line.file(*events)
    answers = [(file, tmp_path / f"reply-{number}.jsonl") for number in range(2)]
    assert load_at_once(database_url, tmp_path / "signing", tmp_path / "keys", *answers) == [0, 0]
    assert whole(line, events)
    assert all(reply.read_text() == "" for _, reply in answers)


def test_two_files_that_contradict_each_other_are_not_both_believed(sent, database_url, tmp_path):
    """One says delivered, the other lost, at the same instant: the first holds, the second is set aside."""
    line = sent
    (tracking, *_), *_ = line.posted
    files = [
        (line.file(line.event(tracking, kind), name=f"{kind}.jsonl"), tmp_path / f"{kind}-reply.jsonl")
        for kind in ("delivered", "lost")
    ]
    assert load_at_once(database_url, tmp_path / "signing", tmp_path / "keys", *files) == [0, 0]
    aside = [reply.read_text().splitlines() for _, reply in files]
    assert sorted(map(len, aside)) == [0, 1]
    assert line.line.facts("SELECT count(*) FROM delivery_event") == [(1,)]


@pytest.mark.parametrize("decisions", [("send-again", "destroy"), ("destroy", "destroy"), ("send-again", "send-again")])
def test_of_two_decisions_at_the_same_instant_one_is_kept(sent, database_url, tmp_path, decisions):
    """Never sent and made again: the other finds it decided."""
    line = sent
    (tracking, label, _), *_ = line.posted
    line.load(line.event(tracking, "returned"))
    returns.receive(line.here, [label])
    folders = (tmp_path / "signing", tmp_path / "keys")
    assert sorted(decide_at_once(database_url, *folders, label, *decisions)) == [0, REFUSED]
    assert line.line.facts("SELECT count(*) FROM returned_parcel WHERE decision IS NOT NULL") == [(1,)]
    lives = line.line.facts("SELECT application_id, count(*) FROM job WHERE live GROUP BY 1 HAVING count(*) > 1")
    assert lives == []


@pytest.mark.parametrize("phase", ["before", "after"])
@pytest.mark.parametrize("commit", range(4))
def test_a_load_that_is_killed_at_any_commit_is_gone_on_with(told, database_url, tmp_path, phase, commit):
    """Nothing is half recorded, and nothing twice; the reply is there when the load is whole."""
    line, events = told
    file, reply = line.file(*events), tmp_path / "reply.jsonl"
    folders = (tmp_path / "signing", tmp_path / "keys")
    assert load_and_die(database_url, *folders, file, reply, (phase, commit)) == -signal.SIGKILL
    assert not reply.exists()
    report, aside = line.load(*events)
    recorded = commit + (phase == "after")
    assert (report.repeated, report.set_aside, aside) == (recorded, 0, [])
    assert whole(line, events)
