"""Mailing's own scale: asked at the desk, told by the run, confirmed once; on both databases, and with its emulator."""

from decimal import Decimal

import pytest
from sqlalchemy.exc import IntegrityError

from devices.emulation.supervisor import EmulatorSpec, Supervisor
from devices.errors import PortLostError
from devices.registry import DeviceEntry, make_driver, make_transport
from handoff_logs.records import new_id
from stations.kept_machine import KeptMachine
from stations.mailing import own_scale, weighings
from stations.mailing.errors import DeskIdTakenError, ScaleWeighsError, UnknownAskError, UnknownLabelError
from stations.mailing.rules import Weight

NAME = "scale-02"


class Killed(BaseException):
    """The process ends here."""


class Shows:
    """What a scale would do: it shows these grams, one after another, or is lost."""

    machine = NAME

    def __init__(self, *grams):
        self.grams, self.times = list(grams), 0

    def open(self):
        return "SC-2"

    def close(self):
        pass

    def weigh(self, timeout_s):
        self.times += 1
        shown = self.grams.pop(0) if len(self.grams) > 1 else self.grams[0]
        if shown is None:
            raise PortLostError(NAME, "no cable")
        return Decimal(shown)


def ask(desk, who, label):
    ask_id = new_id()
    own_scale.ask(desk.here, desk.by[who], ask_id, label, NAME)
    return ask_id


def tell(desk, scale, lay=None):
    return own_scale.tell(desk.here, KeptMachine(scale, comes_back_s=0.0), lay)


def asked(desk, ask_id):
    with desk.database.read() as conn:
        return own_scale.asked(conn, ask_id)


def test_what_the_scale_tells_is_confirmed_once_by_who_asked(desk):
    (label, grams), *_ = desk.unweighed()
    first = ask(desk, "ann", label)
    with pytest.raises(UnknownAskError):
        weighings.confirm(desk.here, desk.by["ann"], new_id(), first)
    assert tell(desk, Shows(f"{grams}.4")) and not tell(desk, Shows(1))
    with pytest.raises(UnknownAskError):
        weighings.confirm(desk.here, desk.by["bob"], new_id(), first)
    weighing = new_id()
    for _ in range(2):
        seen = weighings.confirm(desk.here, desk.by["ann"], weighing, first)
        assert (seen.weight, seen.grams, seen.label) == (Weight.SOUND, grams, label)
    assert desk.rows("SELECT grams, ask_id FROM mailing_weighing") == [(grams, first)]


def test_a_weight_that_differs_is_weighed_again_by_the_scale_and_not_by_the_same_word(desk):
    (label, grams), *_ = desk.unweighed()
    first = ask(desk, "ann", label)
    tell(desk, Shows(grams - 6))
    assert weighings.confirm(desk.here, desk.by["ann"], new_id(), first).weight is Weight.AGAIN
    with pytest.raises(UnknownAskError):
        weighings.confirm(desk.here, desk.by["ann"], new_id(), first)
    second = ask(desk, "ann", label)
    tell(desk, Shows(grams))
    assert weighings.confirm(desk.here, desk.by["ann"], new_id(), second).weight is Weight.SOUND


def test_where_the_desk_has_a_scale_nothing_is_typed_until_it_stands(desk):
    """Then it is, and recorded as typed."""
    (label, grams), (other, other_grams), *_ = desk.unweighed()

    def typed(which, shown):
        return weighings.weigh(desk.here, desk.by["ann"], new_id(), which, shown, scale=NAME)

    with pytest.raises(ScaleWeighsError):
        typed(label, grams)
    lost = ask(desk, "ann", label)
    tell(desk, Shows(None))
    assert asked(desk, lost).fault == "stands"
    with pytest.raises(ScaleWeighsError):
        typed(other, other_grams)
    assert typed(label, grams).weight is Weight.SOUND
    assert desk.rows("SELECT ask_id FROM mailing_weighing") == [(None,)]
    empty = ask(desk, "ann", other)
    tell(desk, Shows(0))
    assert asked(desk, empty).fault == "empty"
    with pytest.raises(ScaleWeighsError):
        typed(other, other_grams)


def test_what_the_scale_told_is_not_typed_over_by_the_database_either(desk):
    (label, grams), *_ = desk.unweighed()
    told = ask(desk, "ann", label)
    tell(desk, Shows(grams))
    with pytest.raises(IntegrityError, match="not typed over"):
        weighings.weigh(desk.here, desk.by["ann"], new_id(), label, grams - 1)
    row = (
        "INSERT INTO mailing_weighing (weighing_id, parcel_unit, tray, attempt, grams, mailer, sign_in, stored_us,"
        " emulated, ask_id) SELECT 'ffffffffffffffffffffffffffffffff', parcel_unit, tray, 1, grams - 1, mailer,"
        " sign_in, told_us, emulated, ask_id FROM mailing_scale_ask"
    )
    with pytest.raises(IntegrityError, match="not typed over"):
        desk.sql(row)
    for statement in ("UPDATE mailing_scale_ask SET grams = 7", "UPDATE mailing_scale_ask SET told_us = NULL",
                      "DELETE FROM mailing_scale_ask"):  # fmt: skip
        with pytest.raises(IntegrityError):
            desk.sql(statement)
    assert asked(desk, told).grams == grams


def test_one_parcel_is_on_the_scale_and_who_asks_anew_leaves_the_one_before(desk):
    (label, _), (other, grams), *_ = desk.unweighed()
    left, one = ask(desk, "ann", label), new_id()
    for _ in range(2):
        own_scale.ask(desk.here, desk.by["bob"], one, other, NAME)
    assert (asked(desk, left).fault, asked(desk, one).told) == ("left", False)
    with pytest.raises(DeskIdTakenError):
        own_scale.ask(desk.here, desk.by["bob"], one, label, NAME)
    with pytest.raises(UnknownLabelError):
        ask(desk, "ann", "P-0")
    tell(desk, Shows(grams))
    assert asked(desk, one).grams == grams


def test_killed_while_it_weighs_the_parcel_is_weighed_again_and_stored_once(desk):
    (label, grams), *_ = desk.unweighed()
    one = ask(desk, "ann", label)

    def dies(*_):
        raise Killed

    with pytest.raises(Killed):
        tell(desk, Shows(grams), dies)
    assert not asked(desk, one).told
    tell(desk, Shows(grams))
    weighings.confirm(desk.here, desk.by["ann"], new_id(), one)
    assert desk.rows("SELECT count(*), count(ask_id) FROM mailing_weighing") == [(1, 1)]


def test_what_was_left_while_it_was_weighed_is_not_told(desk):
    """The weight of what lay there before is nobody's."""
    (label, grams), (other, _), *_ = desk.unweighed()
    left = ask(desk, "ann", label)
    anew = []
    tell(desk, Shows(grams), lambda *_: anew.append(ask(desk, "bob", other)))
    assert asked(desk, left).fault == "left"
    assert not asked(desk, anew[0]).told


def test_on_an_emulated_line_the_emulated_hands_lay_the_parcel_on(desk):
    entry = DeviceEntry(NAME, "mt-sics-scale", f"emulator://{NAME}", "SC-2", "emulated")
    folder = desk.line.folder
    supervisor = Supervisor(folder, speed=0.0, seed=1)
    supervisor.start([EmulatorSpec(entry.id, entry.driver, entry.serial)])
    scale = KeptMachine(make_driver(entry, make_transport(entry, folder / "machines")))
    try:
        for label, grams in desk.unweighed()[:2]:
            one = ask(desk, "ann", label)
            assert own_scale.tell(desk.here, scale, desk.line.mailer.lay_on_scale)
            assert asked(desk, one).grams == grams
    finally:
        scale.close()
        supervisor.stop()
