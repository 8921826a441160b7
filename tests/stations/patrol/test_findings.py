"""Each finding is followed to its end by two people, and what it holds draws nothing until then."""

import dataclasses
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from patrol_line import COLD, CRACK, EMULATED, Patrolled
from sqlalchemy.exc import IntegrityError

from handoff_logs.reading import open_reading
from handoff_logs.records import new_id
from stations.by import By
from stations.patrol import rules
from stations.patrol.errors import FindingMovedError, StepRefusedError, TextRefusedError, UnknownFindingError
from stations.patrol.listing import finding, findings
from stations.patrol.rules import Step
from stations.people_register.errors import RoleMissingError
from stations.personalization import activity, holds
from stations.personalization.tables import Activity

STEP = (
    "INSERT INTO patrol_step (finding_id, position, step, person, sign_in, at_us, what, what_sha256)"
    " VALUES (:finding, :position, :step, :person, :sign_in, :at, :what, :sha256)"
)


def found(patrolled: Patrolled, *what: rules.Found) -> int:
    return patrolled.walk(*(what or (CRACK,))).findings[0]


def test_a_finding_is_taken_mended_and_looked_at_by_another(patrolled: Patrolled, database_url: str) -> None:
    number, first, second = found(patrolled), patrolled.by("operator"), patrolled.by("lead")
    ended = patrolled.mend(number, first, second)
    assert (ended.step, ended.freed) == (Step.CHECKED, "book-01")
    with open_reading(database_url) as reading:
        assert findings(reading) == []
        one, steps = finding(reading, number)
        assert (one.ended, one.state, one.last_by) == (True, "checked", second.code)
        told = [(done.step, done.person, done.what) for done in steps]
    assert told == [("taken", first.code, None), ("mended", first.code, "a new cover"), ("checked", second.code, None)]
    assert patrolled.rows("SELECT count(*) FROM custody_register WHERE subject = :name", name=f"finding-{number}") == [
        (4,)
    ]


def test_an_engineer_mends_and_walks_no_round(patrolled: Patrolled) -> None:
    assert patrolled.mend(found(patrolled), patrolled.by("engineer"), patrolled.by("operator")).freed == "book-01"
    with pytest.raises(RoleMissingError):
        patrolled.walk(by=patrolled.by("engineer"))


def test_nobody_looks_at_what_they_mended_themselves(patrolled: Patrolled) -> None:
    number, first = found(patrolled), patrolled.by("operator")
    patrolled.step(number, Step.TAKEN, first)
    patrolled.step(number, Step.MENDED, first, "a new cover")
    with pytest.raises(StepRefusedError, match="somebody else looks at it"):
        patrolled.step(number, Step.CHECKED, first)
    assert patrolled.rows("SELECT ended FROM patrol_finding") == [(0,)]


def test_what_is_not_mended_goes_back(patrolled: Patrolled) -> None:
    number, first, second = found(patrolled), patrolled.by("operator"), patrolled.by("lead")
    patrolled.step(number, Step.TAKEN, first)
    patrolled.step(number, Step.MENDED, first, "glued")
    assert patrolled.step(number, Step.RETURNED, second, "it opens again").held == "book-01"
    assert patrolled.mend(number, patrolled.by("other"), patrolled.by("operator")).freed == "book-01"


def test_another_may_take_a_finding_over(patrolled: Patrolled) -> None:
    number, first, second = found(patrolled), patrolled.by("operator"), patrolled.by("lead")
    patrolled.step(number, Step.TAKEN, first)
    with pytest.raises(StepRefusedError):
        patrolled.step(number, Step.TAKEN, first)
    patrolled.step(number, Step.TAKEN, second)
    with pytest.raises(StepRefusedError):
        patrolled.step(number, Step.MENDED, first, "mine no more")
    patrolled.step(number, Step.MENDED, second, "a new cover")


@pytest.mark.parametrize("what", [None, "", "two\nlines", "x" * 501])
def test_who_mends_says_what_was_done(patrolled: Patrolled, what: str | None) -> None:
    number, first = found(patrolled), patrolled.by("operator")
    patrolled.step(number, Step.TAKEN, first)
    with pytest.raises(TextRefusedError):
        patrolled.step(number, Step.MENDED, first, what)


def test_other_roles_and_unknown_findings_are_refused(patrolled: Patrolled) -> None:
    number = found(patrolled)
    with pytest.raises(RoleMissingError):
        patrolled.step(number, Step.TAKEN, patrolled.by("keeper"))
    with pytest.raises(UnknownFindingError):
        patrolled.step(number + 7, Step.TAKEN, patrolled.by("lead"))


def test_of_two_who_take_at_once_the_second_is_told_or_takes_over(patrolled: Patrolled) -> None:
    """Whoever was later took it over from the first, in this order, and the log has both."""
    number, together = found(patrolled), threading.Barrier(2)

    def take(by: By) -> None:
        together.wait()
        patrolled.step(number, Step.TAKEN, by)

    with ThreadPoolExecutor(2) as threads:
        for each in [threads.submit(take, patrolled.by(name)) for name in ("operator", "lead")]:
            each.result()
    assert patrolled.rows("SELECT position, step FROM patrol_step ORDER BY position") == [(1, "taken"), (2, "taken")]


@pytest.mark.parametrize("last", [None, *Step])
def test_the_database_refuses_what_the_rules_refuse(patrolled: Patrolled, last: Step | None) -> None:
    """Each step after each other, by the same person and by another: the guards and the rules say the same."""
    ways: dict[Step | None, tuple[Step, ...]] = {
        None: (),
        Step.TAKEN: (Step.TAKEN,),
        Step.MENDED: (Step.TAKEN, Step.MENDED),
        Step.RETURNED: (Step.TAKEN, Step.MENDED, Step.RETURNED),
        Step.CHECKED: (Step.TAKEN, Step.MENDED, Step.CHECKED),
    }
    one, two = "e-pat-2", "e-pat-3"
    for step, same in itertools.product(Step, (True, False)):
        number = patrolled.walk(CRACK).findings[0]
        actor = one
        for done in ways[last]:
            actor = two if done in (Step.RETURNED, Step.CHECKED) else one
            patrolled.step(number, done, By(actor), "words" if done in rules.TOLD else None)
        person = actor if same else next(each for each in (one, two) if each != actor)
        facts = {"finding": number, "position": len(ways[last]) + 1, "person": person, "step": step.value, "at": 1}
        told = {"what": "words", "sha256": "0" * 64} if step in rules.TOLD else {"what": None, "sha256": None}
        try:
            rules.check_step(number, step, last, person, actor if last else None)
        except StepRefusedError:
            with pytest.raises(IntegrityError):
                patrolled.sql(STEP, **facts, **told, sign_in=None)
        else:
            patrolled.step(number, step, By(person), "words" if step in rules.TOLD else None)


def test_the_database_takes_no_step_that_nobody_signed_just_now(patrolled: Patrolled) -> None:
    """Another's sign-in, an old one, a role that mends nothing, a position passed over."""
    number, by, keeper = found(patrolled), patrolled.by("operator"), patrolled.by("keeper")
    [(now_us,)] = patrolled.rows("SELECT max(at_us) FROM sign_in_attempt")
    facts = {"finding": number, "position": 1, "step": "taken", "at": now_us, "what": None, "sha256": None}

    def refused(**changes: object) -> None:
        with pytest.raises(IntegrityError):
            patrolled.sql(STEP, **{**facts, "person": by.code, "sign_in": by.sign_in, **changes})

    refused(sign_in=keeper.sign_in)
    refused(sign_in=None)
    refused(person=keeper.code, sign_in=keeper.sign_in)
    refused(position=2)
    refused(at=now_us + 9 * 3_600_000_000)
    patrolled.step(number, Step.TAKEN, by)
    refused(position=2, step="mended", what="words", sha256="0" * 64, at=now_us + 600_000_000)


def test_a_sign_in_of_long_ago_mends_nothing(patrolled: Patrolled) -> None:
    number, old = found(patrolled), patrolled.by("operator")
    patrolled.step(number, Step.TAKEN, old)
    sign_in = new_id()
    patrolled.sql("INSERT INTO sign_in_attempt VALUES (:id, :code, 1, 'accepted')", id=sign_in, code=old.code)
    with pytest.raises(FindingMovedError):
        patrolled.step(number, Step.MENDED, By(old.code, sign_in), "a new cover")


def test_a_finding_does_not_end_by_itself(patrolled: Patrolled) -> None:
    found(patrolled)
    with pytest.raises(IntegrityError):
        patrolled.sql("UPDATE patrol_finding SET ended = TRUE")


def shown(patrolled: Patrolled) -> object:
    with patrolled.database.read() as conn:
        return activity.shown(conn, "book-01")


def test_a_held_machine_is_shown_so_at_once_and_free_when_the_last_finding_ended(patrolled: Patrolled) -> None:
    first, second = found(patrolled), found(patrolled, dataclasses.replace(CRACK, item="other"), COLD)
    assert shown(patrolled) == (Activity.HELD, holds.REASON)
    assert patrolled.mend(first, By("e-pat-2"), By("e-pat-3")).held == "book-01"
    assert shown(patrolled) == (Activity.HELD, holds.REASON)
    assert patrolled.mend(second, By("e-pat-2"), By("e-pat-3")).freed == "book-01"
    assert shown(patrolled) == (Activity.STOPPED, None)


def test_two_who_end_two_findings_at_once_free_the_machine(patrolled: Patrolled) -> None:
    """Neither sees the other's finding as still open."""
    numbers = [found(patrolled), found(patrolled, dataclasses.replace(CRACK, item="network"))]
    for number in numbers:
        patrolled.step(number, Step.TAKEN, By("e-pat-2"))
        patrolled.step(number, Step.MENDED, By("e-pat-2"), "done")
    together = threading.Barrier(2)

    def check(number: int) -> str | None:
        together.wait()
        return patrolled.step(number, Step.CHECKED, By("e-pat-3")).freed

    with ThreadPoolExecutor(2) as threads:
        freed = [each.result() for each in [threads.submit(check, number) for number in numbers]]
    assert sorted(freed, key=str) == [None, "book-01"] and shown(patrolled) == (Activity.STOPPED, None)


def test_a_machine_that_is_held_for_another_cause_stays_held_for_it(patrolled: Patrolled) -> None:
    activity.show(patrolled.here, "book-01", Activity.HELD, "in-doubt", 1)
    number = found(patrolled)
    assert shown(patrolled) == (Activity.HELD, "in-doubt")
    patrolled.mend(number, EMULATED, By("e-pat-3"))
    assert shown(patrolled) == (Activity.HELD, "in-doubt")


def test_the_open_findings_begin_with_those_that_hold_a_machine(patrolled: Patrolled, database_url: str) -> None:
    patrolled.walk(COLD)
    patrolled.walk(CRACK)
    with open_reading(database_url) as reading:
        assert [one.machine for one in findings(reading)] == ["book-01", None]
        assert [one.machine for one in findings(reading, ended=True)] == ["book-01", None]
