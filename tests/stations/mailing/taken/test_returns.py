"""What comes back is the centre's to answer for again, and two people decide what becomes of it."""

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError

from handoff_logs.errors import SamePersonError
from handoff_logs.reading import open_reading
from stations import s10
from stations.intake.states import come_back
from stations.intake.tables import Application, ApplicationState
from stations.mailing import decisions, explaining, projection, returns
from stations.mailing.errors import (
    LiveElsewhereError,
    NothingScannedError,
    NotReturnedError,
    RemadeBeforeError,
    UnknownNoteError,
    UnknownParcelsError,
    UnknownSendingError,
)
from stations.mailing.explaining import Found
from stations.trays import tray_place


def announced(line, note="N-1", count=1):
    """Have the carrier say of `count` parcels that they come back; (tracking, label, unit) of each."""
    those = line.posted[:count]
    line.load(*(line.event(tracking, "returned", note=note) for tracking, *_ in those))
    return those


def came_back(line, count=1):
    """Receive `count` parcels that were announced."""
    those = announced(line, count=count)
    returns.receive(line.here, [label for _, label, _ in those], "N-1")
    return those


def test_what_comes_back_is_received_by_two_people(sent):
    """The parcel is held at mailing's place of returns, its documents in it and live."""
    line = sent
    ((_, label, parcel),) = announced(line)
    assert line.states(parcel) == [("outside", "carrier")]
    receipt = returns.receive(line.here, [label], "N-1")
    assert (receipt.received, receipt.missing, receipt.unannounced, receipt.strays) == ((label,), (), (), ())
    assert line.states(parcel) == [("held", "mailing")]
    assert {state for state, _ in line.states(*line.inside(parcel))} == {"packed"}
    ((act, first, second, place),) = line.line.facts(
        "SELECT act, person, second_person, to_place FROM custody_event WHERE event_id = :id", id=receipt.record
    )
    assert (act, first != second, place) == ("receive", True, "returned")
    assert line.line.facts("SELECT count(*) FROM job WHERE NOT live") == [(0,)]


def test_one_person_alone_receives_nothing(sent):
    """Two people, and two different ones."""
    line = sent
    ((_, label, _),) = announced(line)
    alone = line.here.at("mailing", (line.here.people[0], "x"))
    object.__setattr__(alone, "people", (line.here.people[0],))
    with pytest.raises(SamePersonError):
        returns.receive(alone, [label], "N-1")


def test_the_same_count_again_changes_nothing(sent):
    """A scan of what is there already is no second receipt."""
    line = sent
    those = announced(line, count=2)
    labels = [label for _, label, _ in those]
    returns.receive(line.here, labels, "N-1")
    before = line.line.facts("SELECT max(seq) FROM custody_event")
    again = returns.receive(line.here, labels, "N-1")
    assert (again.repeated, again.received, again.record) == (tuple(labels), (), None)
    assert line.line.facts("SELECT max(seq) FROM custody_event") == before


def test_a_count_that_differs_from_the_carriers_note_opens_a_case_each(sent):
    """Announced and not there stays the carrier's; there and not announced is received, and explained."""
    line = sent
    first, second, third = announced(line, count=2) + line.posted[2:3]
    receipt = returns.receive(line.here, [first[1], third[1]], "N-1")
    assert (receipt.received, receipt.missing, receipt.unannounced) == (
        (first[1], third[1]), (second[1],), (third[1],)
    )  # fmt: skip
    assert sorted(line.open_cases()) == sorted([("missing", second[2]), ("surplus", third[2])])
    assert line.states(second[2]) == [("outside", "carrier")]
    explaining.settle(line.here, third[1], Found.EXPLAINED)
    later = returns.receive(line.here, [second[1]], "N-1")
    assert (later.received, later.missing, later.unannounced) == ((second[1],), (), ())
    assert line.open_cases() == []


def test_what_was_reported_lost_and_comes_back_closes_its_case(sent):
    """Two people have it in their hands."""
    line = sent
    (tracking, label, parcel), *_ = line.posted
    line.load(line.event(tracking, "lost"))
    receipt = returns.receive(line.here, [label])
    assert (receipt.received, receipt.unannounced) == ((label,), (label,))
    assert line.open_cases() == []
    assert line.states(parcel) == [("held", "mailing")]


def test_a_parcel_that_is_not_the_carriers_to_give_back_is_a_case(sent):
    """Delivered by the carrier's word, and here: nobody receives it as if nothing were."""
    line = sent
    (tracking, label, parcel), *_ = line.posted
    line.load(line.event(tracking))
    receipt = returns.receive(line.here, [label])
    assert (receipt.received, receipt.strays) == ((), (label,))
    assert line.open_cases() == [("surplus", parcel)]
    assert line.states(parcel) == [("ended", "carrier")]


def test_a_count_of_anything_else_is_refused_whole(sent):
    """Unknown labels, an unknown note, nothing at all."""
    line = sent
    ((_, label, parcel),) = announced(line)
    for scans, note, refusal in (
        ([label, "P-other"], None, UnknownParcelsError),
        ([label], "N-2", UnknownNoteError),
        ([], None, NothingScannedError),
    ):
        with pytest.raises(refusal):
            returns.receive(line.here, scans, note)
    assert line.states(parcel) == [("outside", "carrier")]


def test_what_came_back_is_sent_again_under_another_number(sent):
    """A new offer to the carrier, whose count it needs as the first time did; what is said then is of that sending."""
    line = sent
    ((tracking, label, parcel),) = came_back(line)
    _, tray = decisions.send_again(line.here, tracking)
    assert line.line.states()["in_production"] == 1
    line.line.hands.put([label], tray_place(tray))
    line.dispatch()
    assert line.states(parcel) == [("outside", "carrier")]
    numbers = line.line.facts(
        "SELECT tracking FROM consigned_parcel WHERE parcel_unit = :parcel ORDER BY taken_us", parcel=parcel
    )
    (old,), (new,) = numbers
    assert old == tracking != new
    assert s10.valid(new)
    report, aside = line.load(line.event(old, after_us=2_000), line.event(new, after_us=2_000))
    assert [(each["line"], each["reason"]) for each in aside] == [(1, "came_back")]
    assert report.parcels_delivered == 1
    _, aside = line.load(line.event(old, after_us=3_000), line.event(new, after_us=3_000))
    assert [each["reason"] for each in aside] == ["came_back", "ended_delivered"]
    assert line.line.states() == {"dispatched": 24}


def test_what_came_back_twice_is_decided_twice(sent):
    """Each return is of one sending, and each decided once."""
    line = sent
    ((tracking, label, parcel),) = came_back(line)
    _, tray = decisions.send_again(line.here, label)
    line.line.hands.put([label], tray_place(tray))
    line.dispatch()
    returns.receive(line.here, [label])
    counted = "SELECT count(*), count(decision) FROM returned_parcel WHERE parcel_unit = :parcel"
    assert line.line.facts(counted, parcel=parcel) == [(2, 1)]
    decisions.destroy(line.here, tracking, remake=False)
    assert line.line.facts(counted, parcel=parcel) == [(2, 2)]


def test_what_came_back_is_destroyed_by_two_and_made_again_once(sent):
    """Never two live documents: the void comes first, and a second return of the same application brings no third."""
    line = sent
    ((_, label, parcel),) = came_back(line)
    (document,) = line.inside(parcel)
    destroyed = decisions.destroy(line.here, label, remake=True)
    assert (len(destroyed.serials), len(destroyed.remakes)) == (1, 1)
    assert line.states(parcel, document) == [("ended", "mailing"), ("void", "mailing")]
    ((application, live),) = line.line.facts(
        "SELECT application_id, live FROM job WHERE document_unit = :unit", unit=document
    )
    assert not live
    assert line.line.states() == {"dispatched": 23, "passed": 1}
    line.line.make_documents()
    per_application = "SELECT count(*) FROM job WHERE live AND application_id = :id"
    assert line.line.facts(per_application, id=application) == [(1,)]
    with line.line.database.read() as conn:
        remade = conn.execute(text("SELECT count(*) FROM return_remake")).scalar()
    assert remade == 1


def test_an_application_is_made_again_after_a_return_once(sent):
    """Its second document came back, too: that ends it, and nothing changes where a third is asked for."""
    line = sent
    ((_, label, parcel),) = came_back(line)
    application = line.line.facts(
        "SELECT application_id FROM job WHERE document_unit = :unit", unit=line.inside(parcel)[0]
    )[0][0]
    line.line.database.write(
        lambda tx: tx.execute(
            text("INSERT INTO return_remake VALUES (:application, 'an-earlier-one', 'its-order', 1)"),
            {"application": application},
        )
    )
    with pytest.raises(RemadeBeforeError):
        decisions.destroy(line.here, label, remake=True)
    assert line.states(parcel) == [("held", "mailing")]
    decisions.destroy(line.here, label, remake=False)
    assert line.line.states() == {"dispatched": 24}


@pytest.mark.parametrize("again", ["sent", "remade"])
def test_a_person_with_a_newer_application_gets_no_second_one(sent, again):
    """Dispatched, they might apply anew; what came back then is destroyed."""
    line = sent
    ((_, label, parcel),) = came_back(line)
    ((person, product),) = line.line.facts(
        "SELECT person_key, application.product FROM application JOIN job USING (application_id)"
        " WHERE document_unit = :unit",
        unit=line.inside(parcel)[0],
    )  # fmt: skip
    (row,) = line.line.facts("SELECT * FROM application WHERE person_key = :person LIMIT 1", person=person)
    newer = {"application_id": "newer", "application_key": "newer", "order_unit": "newer", "product": product}
    newer = dict(row._mapping) | newer | {"state": "waiting", "live": True}
    line.line.database.write(lambda tx: tx.execute(insert(Application.__table__), newer))
    with pytest.raises(LiveElsewhereError):
        if again == "sent":
            decisions.send_again(line.here, label)
        else:
            decisions.destroy(line.here, label, remake=True)
    assert line.states(parcel) == [("held", "mailing")]
    decisions.destroy(line.here, label, remake=False)


def test_what_is_not_there_is_not_decided_of(sent):
    """Unknown, with the carrier, or decided before."""
    line = sent
    ((_, label, _),) = came_back(line)
    with pytest.raises(UnknownSendingError):
        decisions.send_again(line.here, "nothing")
    with pytest.raises(NotReturnedError, match="outside at carrier"):
        decisions.destroy(line.here, line.posted[1][1], remake=False)
    decisions.send_again(line.here, label)
    with pytest.raises(NotReturnedError, match="held at mailing, input"):
        decisions.destroy(line.here, label, remake=False)


def test_an_application_that_is_sent_again_can_be_stopped(sent):
    """Rule 8: it is on the line again, so its parcel is opened at mailing and goes back to packing."""
    line = sent
    ((_, label, parcel),) = came_back(line)
    _, tray = decisions.send_again(line.here, label)
    application = line.line.facts("SELECT application_id FROM application WHERE state = 'in_production'")[0][0]
    line.line.stop(application)
    line.line.hands.put([label], tray_place(tray))
    line.dispatch()
    assert line.states(parcel) == [("ended", "mailing")]
    assert line.line.states() == {"dispatched": 23, "stopped": 1}


def test_a_dispatched_application_comes_back_only_with_its_document(sent):
    """In plain SQL, too: neither by its own state, nor by the function that returns use."""
    line = sent
    (application,) = line.line.facts("SELECT application_id FROM application LIMIT 1")[0]
    for state in ("in_production", "passed", "waiting"):
        with pytest.raises(DBAPIError, match=r"did not come back|illegal move"):
            line.line.database.write(
                lambda tx, state=state: tx.execute(
                    text("UPDATE application SET state = :state, live = true WHERE application_id = :id"),
                    {"state": state, "id": application},
                )
            )
    with pytest.raises(DBAPIError, match="did not come back"):
        line.line.database.write(lambda tx: come_back(tx, [application], ApplicationState.PASSED))
    with pytest.raises(ValueError, match="never comes back"):
        line.line.database.write(lambda tx: come_back(tx, [application], ApplicationState.WAITING))


@pytest.fixture
def differences(database_url):
    """What verification finds in the tables of deliveries and returns."""

    def found():
        with open_reading(database_url) as reading:
            return [row["what"] for _, sql in projection.DIFFERENCES for row in reading.rows(sql)]

    return found


def test_the_tables_of_deliveries_are_held_against_the_log(sent, differences):
    """What is loaded, received and decided is told by both; a row that nobody recorded is found."""
    line = sent
    came_back(line)
    (first, *_), (second, *_) = line.posted[1:3]
    line.load(line.event(first), line.event(second, "lost"))
    assert differences() == []
    line.line.database.write(
        lambda tx: tx.execute(
            text(
                "INSERT INTO delivery_event (event_id, kind, tracking, at_us, sha256, record, loaded_us, loaded_by,"
                " loaded_second, emulated) VALUES ('forged', 'delivered', 'x', 1, 'x', 'x', 1, 'a', 'b', true)"
            )
        )
    )
    assert differences() == ["in the table and not in the log: of no parcel"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE delivery_event SET kind = 'lost'",
        "DELETE FROM delivered_parcel",
        "DELETE FROM returned_parcel",
        "UPDATE returned_parcel SET announced = NOT announced, decision = 'sent', decided_us = 1, decided_by = 'a',"
        " decided_second = 'b'",
        "UPDATE returned_parcel SET decision = 'sent', decided_us = 1, decided_by = 'a', decided_second = 'a'",
        "UPDATE consigned_parcel SET tracking = 'other'",
        "DELETE FROM consigned_parcel",
        "UPDATE consigned_parcel SET taken_us = NULL",
    ],
)
def test_what_was_said_and_received_is_not_rewritten(sent, statement):
    """The database itself refuses it."""
    line = sent
    came_back(line)
    with pytest.raises(Exception, match=r"append-only|decided once|never changed|never taken off|two_decide"):
        line.line.database.write(lambda tx: tx.execute(text(statement)))
