"""When a zone is suspended, on a virtual clock: out for longer than the grace, and ended by people alone."""

import itertools
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from devices.roles import Climate
from stations.climate import rules
from stations.climate.rules import Figure, Look, Minutes, Standing, Step, follow, outside
from stations.climate.sensing import Sensing

S = 1_000_000
LIMITS = {Figure.TEMPERATURE: (18.0, 26.0), Figure.HUMIDITY: (30.0, None), Figure.PARTICLES: (None, 3520.0)}


def look(temperature: str = "22.0", humidity: str = "45.0", particles: int | None = 100) -> Look:
    return Look("air-01", Climate(Decimal(temperature), Decimal(humidity), particles))


@pytest.mark.parametrize(
    ("told", "found"),
    [
        (look(), {}),
        (look("18.0", "30.0", 3520), {}),
        (look("26.1"), {Figure.TEMPERATURE: 26.1}),
        (look("17.9", "29.9", 3521), {Figure.TEMPERATURE: 17.9, Figure.HUMIDITY: 29.9, Figure.PARTICLES: 3521.0}),
        (look(humidity="100.0"), {}),
        (look(particles=None), {Figure.SILENCE: None}),
        (Look("air-01", None, "SensorSilentError"), {Figure.SILENCE: None}),
    ],
)
def test_what_is_at_a_limit_is_within_and_what_is_not_told_is_silence(told: Look, found: dict[Figure, float]) -> None:
    assert outside(LIMITS, [told]) == {"air-01": found}


def test_the_classes_of_the_standard_rise_tenfold() -> None:
    classes = list(rules.ISO_CLASSES.items())
    assert all(0.98 < later / (10 * before) < 1.02 for (_, before), (_, later) in itertools.pairwise(classes))


class Room(RuleBasedStateMachine):
    """A zone whose air comes and goes, looked at whenever; the model only remembers what happened when."""

    @initialize(grace_s=st.integers(0, 300))
    def open(self, grace_s: int) -> None:
        self.grace_us, self.now_us = grace_s * S, 0
        self.stands = Standing()
        self.out_since_us: int | None = None
        self.accepted_until_us = 0
        self.suspended = False

    @rule(out=st.booleans(), after_s=st.integers(0, 200))
    def look(self, out: bool, after_s: int) -> None:
        self.now_us += after_s * S
        was = self.stands
        self.stands, happened = follow(was, out, self.now_us, self.grace_us)
        if not out:
            assert (Step.CAME_BACK in happened) == (self.out_since_us is not None)
            self.out_since_us, self.accepted_until_us = None, 0
        else:
            assert (Step.WENT_OUT in happened) == (self.out_since_us is None)
            self.out_since_us = self.now_us if self.out_since_us is None else self.out_since_us
            longer = self.now_us - self.out_since_us > self.grace_us
            begins = longer and not self.suspended and self.now_us >= self.accepted_until_us
            assert (Step.SUSPENDED in happened) == begins
            self.suspended = self.suspended or begins

    @rule(minutes=st.integers(1, 10))
    def accept(self, minutes: int) -> None:
        """Two people resume in air that is outside."""
        if self.suspended and self.out_since_us is not None:
            self.accepted_until_us = self.now_us + minutes * 60 * S
            self.stands = Standing(self.out_since_us, False, self.accepted_until_us)
            self.suspended = False

    @rule()
    def resume(self) -> None:
        """A lead resumes in air that is within."""
        if self.suspended and self.out_since_us is None:
            self.stands, self.suspended = Standing(), False

    @rule()
    def crash(self) -> None:
        """All that is known is what is stored."""
        self.stands = Standing(self.stands.out_since_us, self.stands.suspended, self.stands.accepted_until_us)

    @invariant()
    def stands_as_the_model(self) -> None:
        assert self.stands.suspended == self.suspended
        assert self.stands.out_since_us == self.out_since_us
        alarm = self.stands.alarms(self.now_us, self.grace_us)
        assert alarm or not self.suspended
        assert not alarm or self.suspended or self.out_since_us is not None


TestRoom = Room.TestCase


def test_a_clock_that_is_set_back_begins_no_later_grace() -> None:
    out, _ = follow(Standing(), True, 100 * S, 60 * S)
    back, happened = follow(out, True, 10 * S, 60 * S)
    assert (back.out_since_us, happened) == (10 * S, ())
    assert follow(back, True, 71 * S, 60 * S)[1] == (Step.SUSPENDED,)


def test_one_lost_reading_is_no_alarm() -> None:
    out, _ = follow(Standing(), True, 0, 300 * S)
    assert not out.alarms(59 * S, 300 * S)
    assert out.alarms(60 * S, 300 * S)


@given(st.lists(st.tuples(st.integers(0, 90), st.one_of(st.none(), st.integers(150, 350))), max_size=40))
def test_every_look_is_in_one_minute(looks: list[tuple[int, int | None]]) -> None:
    """Counts, lowest, highest and mean of all minutes together are those of all looks."""
    minutes, kept, now_us = Minutes(), [], 0
    told = []
    for after_s, tenths in looks:
        now_us += after_s * S
        climate = None if tenths is None else Climate(Decimal(tenths) / 10, Decimal(45))
        told += [] if tenths is None else [tenths / 10]
        kept += list(minutes.add((Look("air-01", climate),), now_us))
    kept += list(minutes.rest())
    assert sum(minute.looks for _, minute in kept) == len(looks)
    assert sum(minute.silent for _, minute in kept) == len(looks) - len(told)
    spreads = [minute.spreads[Figure.TEMPERATURE] for _, minute in kept if Figure.TEMPERATURE in minute.spreads]
    assert sum(spread.times for spread in spreads) == len(told)
    if told:
        assert min(spread.lowest for spread in spreads) == min(told)
        assert max(spread.highest for spread in spreads) == max(told)
        assert sum(spread.total for spread in spreads) == pytest.approx(sum(told))
    began = [minute.began_us for _, minute in kept]
    assert began == sorted(began)


def test_what_one_sensor_of_a_zone_tells_no_other_one_lacks() -> None:
    warm, dusty = look("26.1", particles=None), Look("dust-01", Climate(particles_m3=3521))
    assert outside(LIMITS, [warm, dusty]) == {
        "air-01": {Figure.TEMPERATURE: 26.1},
        "dust-01": {Figure.PARTICLES: 3521.0},
    }


def test_only_the_sensor_that_failed_is_silent() -> None:
    failed = Look("dust-01", None, "SensorSilentError")
    assert outside(LIMITS, [look(particles=None), failed]) == {"air-01": {}, "dust-01": {Figure.SILENCE: None}}


def test_a_sensor_that_answers_without_a_figure_is_silent() -> None:
    class Mute:
        machine = "dust-01"
        open = close = lambda self: None

        def read(self) -> Climate:
            return Climate()

    assert Sensing(Mute()).look() == Look("dust-01", None, "NothingTold")
