"""What the run asks of whoever is at the packing desk is answered once, by a packer, and asked on after a crash."""

import threading

import pytest

from stations.packing import asking, desk_booking
from stations.packing.asking import AskingDesk
from stations.packing.desk import Filling
from stations.packing.errors import LeftAtDeskError, PackedElsewhereError, UnknownAskError
from stations.packing.tables import Asked


@pytest.fixture
def parcel(desk):
    """The label of a parcel that waits at packing."""
    tray = desk.accept_one(6)
    desk.match_all("pia", tray)

    class Late(type(desk.line.packer)):
        def fill(self, fillings, place):
            raise InterruptedError

    with pytest.raises(InterruptedError):
        desk_booking.book_tray(desk.here, tray, Late(desk.line.hands))
    return desk.rows("SELECT label FROM parcel ORDER BY label")[0][0]


def asks(desk):
    with desk.database.read() as conn:
        return asking.open_asks(conn)


def answered(desk, what, *, yes=True):
    """Answer what is asked next, in another thread, when it is asked."""

    def wait():
        for _ in range(200):
            found = [ask for ask in asks(desk) if ask.what is what]
            if found:
                asking.answer(desk.here, desk.by["pete"], found[0].ask_id, yes=yes)
                return
            threading.Event().wait(0.05)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_it_waits_for_the_answer_and_keeps_who_gave_it(desk, parcel, monkeypatch):
    monkeypatch.setattr(asking, "LOOK_AGAIN_S", 0.02)
    people = AskingDesk(desk.here, True, lambda: False)
    for what, yes in ((Asked.LAID, True), (Asked.CAME_OUT, False), (Asked.CAME_OUT, True)):
        thread = answered(desk, what, yes=yes)
        if what is Asked.LAID:
            people.lay_on_scale(parcel, "scale-01")
        else:
            assert people.came_out(parcel, "printer-01") is yes
        thread.join()
    kept = desk.rows("SELECT what, answer, answered_by, sign_in FROM packing_ask ORDER BY asked_us")
    assert [row[:3] for row in kept] == [
        ("laid", "yes", "p-0012"), ("came_out", "no", "p-0012"), ("came_out", "yes", "p-0012"),
    ]  # fmt: skip
    assert {row[3] for row in kept} == {desk.by["pete"].sign_in}


def test_what_nobody_answered_is_asked_on_by_the_next_run_and_a_label_once(desk, parcel, monkeypatch):
    monkeypatch.setattr(asking, "LOOK_AGAIN_S", 0.02)
    stopping = AskingDesk(desk.here, True, lambda: True)
    for _ in range(2):
        with pytest.raises(LeftAtDeskError):
            stopping.fill([Filling(parcel, True, ())], "tray:1")
    (ask,) = asks(desk)
    assert (ask.label, ask.what) == (parcel, Asked.LABELLED)
    assert asking.answer(desk.here, desk.by["pia"], ask.ask_id)
    assert not asking.answer(desk.here, desk.by["pete"], ask.ask_id)
    with pytest.raises(UnknownAskError):
        asking.answer(desk.here, desk.by["pete"], ask.ask_id, yes=False)
    stopping.fill([Filling(parcel, True, ())], "tray:1")
    assert asks(desk) == []


def test_only_a_packer_answers(desk, parcel):
    with pytest.raises(LeftAtDeskError):
        AskingDesk(desk.here, True, lambda: True).lay_on_scale(parcel, "scale-01")
    (ask,) = asks(desk)
    with pytest.raises(PackedElsewhereError):
        asking.answer(desk.here, desk.by["lead"], ask.ask_id)
    assert asks(desk) == [ask]
