"""Rule 4: nobody signs both sides of a handoff, both hands of a void, a destruction or a settlement, or reviews and
inspects the same document; where two are required both sign in, and a typed name is no signature.

| face | tried here | tried elsewhere |
| --- | --- | --- |
| direct function | every act of two sides or two hands | `test_acts` (both sides), `test_destruction`, `test_stops`, `test_stopping`, `test_qc_station` (who reviewed is passed over), `test_qc_desk` (who reviewed takes no piece, a void by two who sign in for it), `people_register/test_register` |
| plain SQL | the hands of every act; a verdict that is put under an inspection afterwards, given again, rewritten; who passed it in another round | `test_illegal_custody` (both sides with either hand, hiding the offerer, two hands), `test_qc_station` (inspector is reviewer), `test_qc_desk` (a piece in hand, a decision, a void), `test_job_constraints` (settlement of a job), `test_shift_guards` (counts) |
| command | destroying, reporting lost: one person twice, a typed name | `test_blanks_commands`, `test_applications_commands`, `test_settle_command`, `test_people_commands`, `test_mailing_commands` |
| page | - : where the pages are | `test_qc_pages` (a void by two passwords at that moment), `test_mailing_pages` (the door, returns, a case, a file of deliveries), `test_patrol_pages` (who mended does not check) |
| two processes | both sides, both hands, review and inspection, at the same instant | - |
"""  # noqa: E501

from collections.abc import Callable
from typing import Any

import filing
import pytest
from at_once import DONE, accept, destroy, destroy_lot, plain, settle, void
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from flows.errors import Exit
from handoff_logs import log
from handoff_logs.errors import SamePersonError
from handoff_logs.records import Birth, Kind, Party, new_id
from stations.intake.station import release
from stations.people_register.credentials import Credentials
from stations.review import station as review

LOST = ("--circumstances", "fell-behind", "--place", "shelf:book")
Together = Callable[..., list[str]]
VERDICT = (
    "INSERT INTO review_verdict SELECT application_id, revision, 1, :person, 'pass', '', 1, emulated FROM application"
    " WHERE application_id = :id"
)
FURTHER = VERDICT.replace("revision, 1,", "revision, 2,")
INSPECT = (
    "INSERT INTO inspection SELECT w.unit_id, v.application_id, v.revision, v.round, v.reviewer, v.outcome, :person,"
    " 'pass', '', 'reader-01', 1, v.emulated FROM review_verdict v JOIN job ON job.application_id = v.application_id"
    " JOIN whereabouts w ON w.unit_id = job.document_unit WHERE v.application_id = :id"
)
BLIND_INSPECT = (
    "INSERT INTO inspection SELECT 'd' || substr(application_id, 2), application_id, revision, 1, :person, 'pass',"
    " :person, 'pass', '', 'reader-01', 1, emulated FROM application WHERE application_id = :id"
)
OTHERS_INSPECT = BLIND_INSPECT.replace(":person, 'pass'", "'p-0008', 'pass'", 1)


def by(person: str, station: str = "review") -> Party:
    return Party(station, person, "day")


# Direct function.


@pytest.mark.parametrize("act", ["receive", "void", "destroy", "settle"])
def test_nobody_is_both_hands_of_an_act_of_two_called_directly(centre: Any, act: str) -> None:
    """The log refuses it by name, and nothing is recorded."""
    blanks = centre.blanks(1)
    if act == "destroy":
        centre.void(blanks)
    if act == "settle":
        centre.doubt(blanks)
    before = centre.standing(blanks[0])
    me, stamp = by("review-1"), centre.stamp()
    acts: dict[str, Callable[[Any], object]] = {
        "receive": lambda tx: log.receive(tx, me, me.person, [Birth(new_id(), Kind.BLANK)], "shelf", stamp),
        "void": lambda tx: log.void(tx, me, me.person, blanks, "voided", stamp),
        "destroy": lambda tx: log.destroy(tx, me, me.person, blanks, stamp),
        "settle": lambda tx: log.settle(tx, me, me.person, blanks, "lost", "shelf", stamp),
    }
    with pytest.raises(SamePersonError) as refused:
        centre.do(acts[act])
    assert "review-1" in str(refused.value)
    assert centre.standing(blanks[0]) == before


def test_who_offered_neither_accepts_nor_refuses_called_directly_at_whatever_station(centre: Any) -> None:
    """A person who has changed stations between the two sides is still one person."""
    units = centre.orders(1)
    offer = centre.offer(units)
    me = by("review-1", "qc")
    with pytest.raises(SamePersonError):
        centre.do(lambda tx: log.accept(tx, me, offer.handoff_id, units, "in", centre.stamp()))
    with pytest.raises(SamePersonError):
        centre.do(lambda tx: log.refuse(tx, me, offer.handoff_id, centre.stamp(reason="damaged")))
    assert centre.states(units) == [("offered", "review")]


# Plain SQL.


@pytest.mark.parametrize("act", ["void", "destroy", "settle"])
def test_nobody_is_both_hands_of_an_act_of_two_in_plain_sql(forger: Any, act: str) -> None:
    """Nor is there an act of two with one."""
    (blank,) = forger.centre.blanks(1)
    row = forger.row(blank, "void")
    for second in ("review-1", None):
        with pytest.raises(DBAPIError, match=r"ck_event_same_two_people|ck_event_two_people"):
            forger.write(act, [row], second_person=second)


@pytest.mark.parametrize("hands", [("qc-1", None), ("review-2", "qc-1")])
def test_who_refused_an_offer_does_not_take_it_back_in_plain_sql(
    forger: Any, centre: Any, hands: tuple[str, str | None]
) -> None:
    """With neither hand; somebody else of the sender does."""
    units = centre.orders(1)
    offer = centre.offer(units)
    centre.do(lambda tx: log.refuse(tx, by("qc-1", "qc"), offer.handoff_id, centre.stamp(reason="damaged")))
    row = forger.row(units[0], "held", person=hands[0])
    with pytest.raises(DBAPIError, match="does not take it back"):
        forger.answer("take_back", offer.handoff_id, [row], person=hands[0], second_person=hands[1])
    back = by("review-2")
    centre.do(lambda tx: log.take_back(tx, back, offer.handoff_id, units, "in", centre.stamp()))
    assert centre.states(units) == [("held", "review")]


def test_a_verdict_under_an_inspection_is_not_given_to_its_inspector_in_plain_sql(line: Any) -> None:
    """The inspection refers to it, so that nobody can become its reviewer afterwards, nor can it be taken away."""
    application = reviewed_and_made(line)
    line.database.write(lambda tx: tx.execute(text(INSPECT), {"person": "p-0009", "id": application}))
    for statement in (
        "UPDATE review_verdict SET reviewer = 'p-0009'",
        "UPDATE inspection SET reviewer = 'p-0009'",
        "UPDATE inspection SET inspector = reviewer",
        "DELETE FROM review_verdict",
    ):
        with pytest.raises(DBAPIError, match="append-only"):
            plain(line.database, statement, {})


def test_a_verdict_is_neither_rewritten_nor_taken_away_nor_replaced_in_plain_sql(line: Any) -> None:
    """Also while nothing was inspected: whoever reviewed stays who did."""
    application = reviewed_and_made(line)
    for statement in (
        "UPDATE review_verdict SET reviewer = 'p-0009'",
        "UPDATE review_verdict SET outcome = 'hold', reasons = 'photo_ears'",
        "DELETE FROM review_verdict",
    ):
        with pytest.raises(DBAPIError, match="append-only"):
            plain(line.database, statement, {})
    again = VERDICT if dialect(line) == "postgresql" else VERDICT.replace("INSERT", "INSERT OR REPLACE")
    with pytest.raises(DBAPIError, match="review_verdict"):
        plain(line.database, again, {"person": "p-0009", "id": application})
    assert line.facts("SELECT count(*), max(reviewer) FROM review_verdict") == [(1, "e-rev-1")]


def test_what_was_inspected_is_passed_by_nobody_any_more_in_plain_sql(line: Any) -> None:
    """Neither by its inspector nor another: there is nothing left to review."""
    application = reviewed_and_made(line)
    plain(line.database, INSPECT, {"person": "p-0009", "id": application})
    for person in ("p-0009", "p-0008"):
        with pytest.raises(DBAPIError, match="waits for review"):
            plain(line.database, FURTHER, {"person": person, "id": application})


def test_who_inspected_what_was_stopped_passes_it_no_more_in_plain_sql(line: Any) -> None:
    """Stopped, said to be inspected, and released to review again."""
    line.file(1)
    [(application,)] = line.facts("SELECT application_id FROM application")
    plain(line.database, VERDICT, {"person": "p-0008", "id": application})
    line.stop(application)
    plain(line.database, OTHERS_INSPECT, by_nine(application))
    line.database.write(lambda tx: release(tx, application, "e-lead-1", "e-lead-2", 2))
    with pytest.raises(DBAPIError, match="waits for review"):
        plain(line.database, FURTHER, by_nine(application))


def test_who_passed_an_application_in_any_round_inspects_it_not_in_plain_sql(line: Any) -> None:
    """The inspection names one verdict; the other is somebody's as well."""
    line.file(1)
    [(application,)] = line.facts("SELECT application_id FROM application")
    plain(line.database, VERDICT, {"person": "p-0008", "id": application})
    plain(line.database, FURTHER, by_nine(application))
    line.database.write(lambda tx: filing.take(tx, [application], filing.WAYS["in_production"]))
    with pytest.raises(DBAPIError, match="by nobody who passed"):
        plain(line.database, OTHERS_INSPECT, by_nine(application))
    plain(line.database, OTHERS_INSPECT, {"person": "p-0010", "id": application})


def test_an_application_does_not_leave_review_beside_a_verdict_that_is_not_committed(
    line: Any, database_url: str
) -> None:
    """Or it would be made and inspected first, and passed by its inspector then."""
    line.file(1)
    [(application,)] = line.facts("SELECT application_id FROM application")
    patience = {"timeout": 0.2} if dialect(line) == "sqlite" else {"options": "-c lock_timeout=200"}
    reviewing, impatient = create_engine(database_url), create_engine(database_url, connect_args=patience)
    with reviewing.begin() as conn:
        conn.execute(text(VERDICT), by_nine(application))
        with pytest.raises(DBAPIError, match="lock"), impatient.begin() as tx:
            filing.take(tx, [application], ["passed"])
    reviewing.dispose()
    impatient.dispose()


def by_nine(application: str) -> dict[str, Any]:
    return {"person": "p-0009", "id": application}


def dialect(line: Any) -> str:
    return str(line.database.write(lambda tx: tx.dialect.name))


def reviewed_and_made(line: Any) -> str:
    """One passport that was reviewed by emulated staff and made; its application."""
    line.file(1)
    for offer in line.waiting("review"):
        review.work_tray(line.at("review"), offer, line.reviewer)
    line.make_documents()
    return str(line.facts("SELECT application_id FROM application")[0][0])


# Two processes at the same instant.


def test_of_two_processes_the_offerer_and_another_the_other_alone_accepts(centre: Any, together: Together) -> None:
    units = centre.orders(2)
    handoff = centre.offer(units).handoff_id
    mine = (accept, ("qc", "review-1", handoff, units))
    assert together(mine, (accept, ("qc", "qc-1", handoff, units)), mine)[1] == DONE
    assert centre.states(units) == [("held", "qc")] * 2
    assert centre.standing(units[0]).person == "qc-1"


def test_two_processes_of_one_person_sign_no_side_that_is_theirs(centre: Any, together: Together) -> None:
    """Two doors at once are one person all the same."""
    units = centre.orders(2)
    handoff = centre.offer(units).handoff_id
    mine = (accept, ("qc", "review-1", handoff, units))
    assert together(mine, mine) == ["SamePersonError"] * 2
    assert centre.states(units) == [("offered", "review")] * 2


@pytest.mark.parametrize("act", [void, destroy, settle], ids=["void", "destroy", "settle"])
def test_of_hands_at_the_same_instant_two_different_ones_act_once(centre: Any, together: Together, act: Any) -> None:
    """One person twice is refused from both processes; of the two who act with either hand first, one pair does."""
    blanks = centre.blanks(2)
    if act is destroy:
        centre.void(blanks)
    if act is settle:
        centre.doubt(blanks)
    hands = [("review-1", "review-1"), ("review-1", "review-2"), ("review-2", "review-1"), ("review-2", "review-2")]
    told = together(*[(act, ("review", pair, blanks)) for pair in hands])
    assert [told[0], told[3]] == ["SamePersonError"] * 2
    assert sorted(told[1:3])[1] == DONE
    assert told.count(DONE) == 1
    name = act.__name__
    [(first, second)] = centre.do(
        lambda tx: tx.execute(
            text(f"SELECT person, second_person FROM custody_event WHERE act = '{name}' ORDER BY seq DESC LIMIT 1")
        ).all()
    )
    assert {first, second} == {"review-1", "review-2"}


def test_of_two_lots_at_the_same_instant_one_is_recorded_and_one_person_destroys_none(
    line: Any, together: Together
) -> None:
    """As the command does it; the second pair is told of the first's record."""
    keys = line.folder / "keys"
    line.database.write(
        lambda tx: log.receive(
            tx,
            by("e-vlt-1", "vault"),
            "e-vlt-2",
            [Birth(new_id(), Kind.BLANK, "EA0000001")],
            "shelf:book",
            log.Stamp(1, True),
        )
    )
    unit = line.facts("SELECT unit_id FROM unit_number")[0][0]
    line.database.write(
        lambda tx: log.void(tx, by("e-vlt-1", "vault"), "e-vlt-2", [unit], "voided", log.Stamp(2, True))
    )
    pairs = [("e-vlt-1", "e-vlt-2"), ("e-vlt-2", "e-vlt-1"), ("e-vlt-1", "e-vlt-1")]
    told = together(*[(destroy_lot, (keys, pair, ["EA0000001"])) for pair in pairs])
    assert told[2] == "ValueError"
    assert DONE in told[:2]
    assert line.facts("SELECT count(*) FROM custody_event WHERE act = 'destroy'") == [(1,)]


def test_of_two_processes_that_review_and_inspect_as_one_person_at_most_the_review_stands(
    line: Any, together: Together
) -> None:
    """Without the verdict there is nothing to refer to, with it the reviewer is the inspector."""
    line.file(4)
    for (application,) in line.facts("SELECT application_id FROM application"):
        facts = {"person": "p-0009", "id": application}
        told = together((plain, (VERDICT, facts)), (plain, (BLIND_INSPECT, facts)))
        assert told[0] == DONE
        assert told[1] != DONE
    assert line.facts("SELECT count(*) FROM inspection") == [(0,)]
    assert line.facts("SELECT count(*) FROM review_verdict") == [(4,)]


def test_of_two_processes_that_inspect_one_document_as_its_reviewer_and_as_another_the_other_does(
    line: Any, together: Together
) -> None:
    application = reviewed_and_made(line)
    [(reviewer,)] = line.facts("SELECT reviewer FROM review_verdict")
    told = together(
        (plain, (INSPECT, {"person": reviewer, "id": application})),
        (plain, (INSPECT, {"person": "p-0009", "id": application})),
    )
    assert told[0] != DONE
    assert told[1] == DONE
    assert line.facts("SELECT inspector FROM inspection") == [("p-0009",)]


# Commands, each in a process of its own.


def refused_without_a_record(house: Any, *arguments: str, signed: Any) -> str:
    """Assert that a command is refused and the log has nothing of it; what it said."""
    before = house.records()
    done = house.do(*arguments, signed=signed)
    assert done.returncode == Exit.REFUSED, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert house.records() == before
    return str(done.stderr)


@pytest.mark.parametrize("what", ["destroy", "lost"])
def test_a_command_that_two_sign_is_not_signed_by_one_twice(house: Any, people: Any, tmp_path: Any, what: str) -> None:
    keeper = people["keeper"]
    (tmp_path / "scan").write_text("EA0000004\nEA0000005\n")
    arguments = {
        "destroy": ("blanks", "destroy", str(tmp_path / "scan"), "--method", "shredded"),
        "lost": ("blanks", "report-lost", "EA0000001", *LOST),
    }[what]
    assert "p-0101" in refused_without_a_record(house, *arguments, signed=(keeper, keeper))


def test_a_typed_name_is_no_signature_of_a_command(house: Any, people: Any, tmp_path: Any) -> None:
    """Whoever knows the second's code has the second's name and not the second's word."""
    (tmp_path / "scan").write_text("EA0000004\nEA0000005\n")
    destroying = ("blanks", "destroy", str(tmp_path / "scan"), "--method", "shredded")
    keeper, other = people["keeper"], people["other keeper"]
    refused_without_a_record(house, *destroying, signed=(keeper, Credentials(other.code, keeper.password)))


def test_of_two_commands_that_destroy_one_lot_at_the_same_instant_one_records_it(
    house: Any, people: Any, tmp_path: Any
) -> None:
    """Two pairs in two processes."""
    (tmp_path / "scan").write_text("EA0000006\nEA0000007\n")
    lot = lambda name: (  # noqa: E731
        "blanks", "destroy", str(tmp_path / "scan"), "--method", "shredded", "--out", str(tmp_path / f"{name}.pdf")
    )  # fmt: skip
    keeper, other, lead = people["keeper"], people["other keeper"], people["lead"]
    ended = house.at_once((lot("one"), (keeper, lead)), (lot("two"), (other, lead)))
    assert Exit.FINE in ended
    hands = house.rows("SELECT person, second_person FROM custody_event WHERE act = 'destroy'")
    assert len(hands) == 1
    assert hands[0]["person"] != hands[0]["second_person"]


# Page.


def test_no_page_records_two_hands(house: Any) -> None:
    """Where two sign, both type a password into a command; a browser has one person in it."""
    before = house.records()
    with house.pages("lead") as client:
        for address in ("/blanks/destroy", "/shift/close", "/shifts", "/applications/release", "/custody"):
            assert client.post(address, data={"first": "p-0301", "second": "p-0302"}).status_code in (404, 405)
    assert house.records() == before
