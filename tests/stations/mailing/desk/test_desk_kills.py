"""The desk and the run killed at any commit, and two at the same instant: nothing is lost, nothing is done twice."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from at_once import DONE, at_once
from mailing_desk import book_at_once, weigh_at_once
from sent_parcels import Sent

from handoff_logs.records import new_id
from stations.mailing import acts
from stations.mailing.deliveries import read
from stations.trays import PUBLISHED


class Killed(BaseException):
    """The process ends here."""


class Mortal:
    """Has each commit of a database followed or forestalled by a death, by seeded chance; `deaths` counts them."""

    def __init__(self, database: Any, seed: int) -> None:
        self._write, self._chance, self.deaths = database.write, random.Random(seed), 0

    def write(self, work: Callable[..., Any]) -> Any:
        fate = self._chance.choice(("before", "after", "lives"))
        if fate == "before":
            self._die()
        answer = self._write(work)
        if fate == "after":
            self._die()
        return answer

    def _die(self) -> None:
        self.deaths += 1
        raise Killed


def insist(act: Callable[[], Any]) -> Any:
    """Do something again and again until it is answered, as a desk or a new run does."""
    for _ in range(400):
        try:
            return act()
        except Killed:
            continue
    raise AssertionError


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_any_commit_the_desk_and_the_run_lose_and_double_nothing(desk, monkeypatch, seed):
    """A whole day: weighed, taken, delivered, lost, come back, sent again, destroyed; what got no answer goes again."""
    mortal = Mortal(desk.database, seed)
    monkeypatch.setattr(desk.database, "write", mortal.write)
    ids = {label: new_id() for label, _ in desk.unweighed()}

    def weigh_all() -> None:
        for label, grams in desk.unweighed():
            sent = ids.setdefault(label, new_id())
            insist(lambda label=label, grams=grams, sent=sent: desk.weigh("ann", label, grams, sent))

    def sign(kind: str, *hands: str, **facts: Any) -> None:
        act = new_id()
        insist(lambda: acts.sign(desk.here, desk.signed(kind, *hands, act_id=act, **facts)))
        insist(desk.run)

    weigh_all()
    insist(desk.book)
    labels = desk.offered()
    sign("door", "ann", "dan", labels=tuple(labels))
    sent = Sent.__new__(Sent)
    sent.line, sent.folder, sent.said = desk.line, desk.line.folder, 0
    (first, *_), (second, *_), (third, label, _), (_, other, _) = sent.posted[:4]
    events = [sent.event(first), sent.event(second, "lost"), sent.event(third, "returned", note="R-1")]
    sign("load", lines=tuple(read(sent.file(*events))))
    sign("receive", subject="R-1", labels=(label, other))
    sign("send_again", subject=label)
    ids.pop(label)
    weigh_all()
    insist(desk.book)
    sign("door", "bob", "dan", labels=(label,))
    sign("remake", subject=other)
    assert mortal.deaths > 20
    monkeypatch.undo()

    assert desk.rows("SELECT count(*) FROM mailing_act WHERE booked_us IS NULL OR refusal IS NOT NULL") == [(0,)]
    assert desk.rows("SELECT count(*) FROM mailing_weighing") == [(len(labels) + 1,)]
    assert desk.rows("SELECT count(*) FROM delivery_event") == [(3,)]
    assert desk.rows("SELECT count(*), count(decision) FROM returned_parcel") == [(2, 2)]
    assert desk.rows("SELECT count(*) FROM return_remake") == [(1,)]
    assert desk.rows("SELECT count(*) FROM consigned_parcel WHERE taken_us IS NULL") == [(0,)]
    assert desk.rows("SELECT count(*) FROM consigned_parcel") == [(len(labels) + 1,)]
    assert desk.rows("SELECT count(*) FROM custody_unit WHERE outcome = 'delivered' AND kind = 'parcel'") == [(1,)]
    assert len(desk.line.waiting("personalization")) == 1
    assert desk.line.waiting("carrier") == []


def test_of_two_who_weigh_one_parcel_at_the_same_instant_one_is_stored(desk, database_url, tmp_path):
    """The other is told; and the same weighing sent twice at once is one."""
    (label, grams), (other, more), *_ = desk.unweighed()
    keys, two = tmp_path / "keys", [desk.by["ann"], desk.by["bob"]]
    told = at_once(
        database_url,
        tmp_path / "signing",
        *((weigh_at_once, (keys, who, new_id(), label, grams)) for who in two),
    )
    assert sorted(told) == ["WeighedBeforeError", DONE]
    sent = new_id()
    twice = [(weigh_at_once, (keys, two[0], sent, other, more))] * 2
    assert at_once(database_url, tmp_path / "signing", *twice) == [DONE, DONE]
    assert desk.rows("SELECT count(*) FROM mailing_weighing") == [(2,)]


def test_an_act_that_two_runs_book_at_the_same_instant_is_booked_once(desk, database_url, tmp_path):
    """Whoever is later finds it booked."""
    desk.weigh_all()
    desk.book()
    labels = desk.offered()
    desk.count(*labels)
    act = desk.sign("receive", labels=(labels[0],)).act_id
    twice = [(book_at_once, (tmp_path / "keys", act))] * 2
    assert at_once(database_url, tmp_path / "signing", *twice) == [DONE, DONE]
    assert desk.rows("SELECT count(*) FROM returned_parcel") == [(1,)]
    assert acts.book(desk.here, act, PUBLISHED) == {}
