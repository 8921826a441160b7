"""Reviewers who take, decide, undo, go and come, and trays that are booked, in any order: as a plain model says."""

import shutil
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from signing_keys import keyring_copy
from small_desk import ALIKE, verdict
from small_line import Line

from handoff_logs.database import Database
from handoff_logs.questions import violations
from handoff_logs.reading import open_reading
from stations.by import By
from stations.review import decisions, leases, station
from stations.review.errors import LateVerdictError, NotItsTurnError, TooLateToUndoError
from stations.review.leases import Lease
from stations.trays import unfinished_trays

PEOPLE = tuple(By(f"e-rev-{number}") for number in (7, 8, 9))
SHORT_S = 0.002
APPLICATIONS = 8
people = st.sampled_from(PEOPLE)


class DeskMachine(RuleBasedStateMachine):
    """Eight applications in trays of three, three reviewers, and a model of who may have what."""

    open_database: Any

    @initialize()
    def begin(self) -> None:
        self.opened = ExitStack()
        folder = Path(self.opened.enter_context(tempfile.TemporaryDirectory()))
        self.url, database = type(self).open_database(self.opened, folder)
        self.line = Line(database, folder, shares=ALIKE)
        self.opened.callback(self.line.close)
        self.here = self.line.at("review")
        self.line.file(APPLICATIONS, tray_size=3)
        for offer in self.line.waiting("review"):
            station.accept_tray(self.here, offer)
        order = (
            "SELECT a.application_id, w.tray FROM application a JOIN whereabouts w ON w.unit_id = a.order_unit"
            " ORDER BY a.priority, w.due_us, a.deadline_us, a.application_id"
        )
        rows = self.line.facts(order)
        self.urgency = [row[0] for row in rows]
        self.tray_of = {row[0]: row[1] for row in rows}
        self.hands: dict[str, list[Lease]] = {by.code: [] for by in PEOPLE}
        self.barred: set[tuple[str, str]] = set()
        self.decided: dict[str, tuple[By, Any]] = {}
        self.booked: set[str] = set()
        self.over: list[tuple[By, Lease]] = []

    @rule(by=people, ahead=st.integers(0, 3), goes_away=st.booleans())
    def take(self, by: By, ahead: int, goes_away: bool) -> None:
        """The most urgent of what is in nobody's hands, undecided, and not barred to them."""
        found = leases.take(self.here, by, ahead=ahead, lease_s=SHORT_S if goes_away else leases.LEASE_S)
        held = self.hands[by.code]
        taken = {lease.application_id for hand in self.hands.values() for lease in hand}
        free = [
            each
            for each in self.urgency
            if each not in taken | set(self.decided) | self.booked and (by.code, each) not in self.barred
        ]
        expected = [lease.application_id for lease in held] + free[: max(0, 1 + ahead - len(held))]
        assert [lease.application_id for lease in found] == expected
        assert list(found[: len(held)]) == held
        new = list(found[len(held) :])
        if goes_away:
            time.sleep(SHORT_S)
            self.barred |= {(by.code, lease.application_id) for lease in new}
            self.over += [(by, lease) for lease in new]
        else:
            held += new

    @rule(by=people, outcome=st.sampled_from(("pass", "return", "hold")), place=st.integers(0, 2))
    def decide(self, by: By, outcome: str, place: int) -> None:
        """The current one alone."""
        held = self.hands[by.code]
        if place >= len(held):
            return
        lease = held[place]
        sent = verdict(lease, outcome, *([] if outcome == "pass" else ["person_name"]))
        if place:
            with pytest.raises(NotItsTurnError):
                decisions.decide(self.here, by, sent)
            return
        assert decisions.decide(self.here, by, sent)
        assert not decisions.decide(self.here, by, sent)
        held.pop(0)
        self.decided[lease.application_id] = by, sent

    @rule(choice=st.integers(0, 20))
    def decide_late(self, choice: int) -> None:
        """Whatever became of it meanwhile: who decided it is told."""
        if not self.over:
            return
        by, lease = self.over[choice % len(self.over)]
        with pytest.raises(LateVerdictError) as refused:
            decisions.decide(self.here, by, verdict(lease))
        stands = self.decided.get(lease.application_id)
        told = None if stands is None else (stands[0].code, stands[1].decision.outcome)
        assert (refused.value.by, refused.value.outcome) == (told or (None, None))

    @rule(choice=st.integers(0, 20))
    def undo(self, choice: int) -> None:
        """Until the tray is booked; it comes back into the hand that decided it, before all others."""
        if not self.decided:
            return
        application = sorted(self.decided)[choice % len(self.decided)]
        by, sent = self.decided[application]
        if application in self.booked:
            with pytest.raises(TooLateToUndoError):
                decisions.undo(self.here, by, sent.decision_id)
            return
        assert decisions.undo(self.here, by, sent.decision_id)
        del self.decided[application]
        with self.here.database.read() as connection:
            found = leases.held(connection, by.code)
        (again,) = [lease for lease in found if lease.application_id == application]
        self.hands[by.code] = sorted([*self.hands[by.code], again], key=lambda lease: lease.place)

    @rule(by=people)
    def go(self, by: By) -> None:
        """What they held is another's, and not theirs again."""
        assert leases.give_up(self.here, by) == len(self.hands[by.code])
        self.barred |= {(by.code, lease.application_id) for lease in self.hands[by.code]}
        self.over += [(by, lease) for lease in self.hands[by.code]]
        self.hands[by.code] = []

    @rule()
    def book(self) -> None:
        """Trays whose applications are all decided, and no others."""
        for tray in unfinished_trays(self.here):
            own = {each for each in self.urgency if self.tray_of[each] == tray}
            outcome = station.book_decided(self.here, tray)
            assert (outcome is not None) == (own <= set(self.decided))
            if outcome is not None:
                self.booked |= own

    @invariant()
    def verdicts_are_what_was_decided_and_booked(self) -> None:
        if not hasattr(self, "booked"):
            return
        rows = self.line.facts("SELECT application_id, reviewer, outcome FROM review_verdict")
        found = {row[0]: tuple(row[1:]) for row in rows}
        stands = {each: self.decided[each] for each in self.booked}
        assert found == {each: (by.code, sent.decision.outcome) for each, (by, sent) in stands.items()}

    def teardown(self) -> None:
        if hasattr(self, "opened"):
            with open_reading(self.url) as reading:
                assert violations(reading) == []
            self.opened.close()


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
@pytest.mark.timeout(300)
def test_the_desk_is_what_a_plain_model_says(dialect, request, signing_keys):
    def open_database(opened: ExitStack, folder: Path) -> tuple[str, Database]:
        if dialect == "sqlite":
            shutil.copyfile(request.getfixturevalue("sqlite_templates")(True), folder / "passline.db")
            url = f"sqlite:///{folder / 'passline.db'}"
        else:
            url = request.getfixturevalue("postgresql_databases")(True)
        return url, opened.enter_context(Database(url, keyring=keyring_copy(signing_keys, folder / "signing")))

    DeskMachine.open_database = staticmethod(open_database)
    few = settings(
        max_examples=12 if dialect == "sqlite" else 5,
        stateful_step_count=40,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(DeskMachine, settings=few)
