"""Illegal custody is refused by the database itself: every rule is tried in plain SQL, past all of the program."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from forger import KEY, Forger, insert
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DBAPIError

from handoff_logs.guard_names import GUARDED
from handoff_logs.records import Birth, Kind, new_id


@pytest.fixture
def plain(database_url: str) -> Iterator[Engine]:
    """The database as anybody with a login sees it; on SQLite with foreign keys on, as the program has them."""
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def forger(plain: Engine, centre: Any) -> Forger:
    return Forger(plain, centre)


def refused(attempt: Callable[[], object], because: str) -> None:
    """Assert that the database refuses, and for the reason that is being tried."""
    with pytest.raises(DBAPIError, match=because):
        attempt()


FOREIGN_KEY = "FOREIGN KEY|foreign key|no-offer"
TAKEN_STEP = r"step-taken|custody_unit_(\w+_)?pkey"


def test_what_the_forger_writes_by_default_is_legal(forger: Forger) -> None:
    (order,) = forger.centre.orders(1)
    forger.write("move", [forger.row(order, "held")])
    forger.write("receive", [forger.birth("blank")], second_person="review-2")


def test_second_acceptance_is_refused(forger: Forger) -> None:
    (order,) = forger.centre.orders(1)
    offer = forger.centre.offer([order])
    row = forger.row(order, "held", station="qc", person="qc-1")
    forger.centre.accept(offer, [order])
    refused(lambda: forger.answer("accept", offer.handoff_id, [row]), "already-answered|uq_custody_event_answer")


def test_answer_after_an_answer_is_refused(forger: Forger) -> None:
    (order,) = forger.centre.orders(1)
    offer = forger.centre.offer([order])
    row = forger.row(order, "held")
    forger.centre.accept(offer, [order])
    refused(lambda: forger.answer("withdraw", offer.handoff_id, [row], person="review-1"), TAKEN_STEP)


def test_same_person_on_both_sides_is_refused(forger: Forger) -> None:
    (order,) = forger.centre.orders(1)
    offer = forger.centre.offer([order])
    row = forger.row(order, "held", station="qc", person="review-1")
    refused(lambda: forger.answer("accept", offer.handoff_id, [row], person="review-1"), "ck_event_same_person")


def offered_by_two(forger: Forger, order: str) -> str:
    handoff = new_id()
    row = forger.row(order, "offered", handoff_id=handoff)
    forger.write("offer", [row], event_id=handoff, second_person="review-2", to_station="qc", priority=2)
    return handoff


@pytest.mark.parametrize("answer", ["accept", "refuse"])
@pytest.mark.parametrize(
    "hands", [("qc-1", "review-1"), ("qc-1", "review-2"), ("review-2", None), ("review-2", "qc-1")], ids=str
)
def test_same_person_on_both_sides_with_either_hand_is_refused(
    forger: Forger, answer: str, hands: tuple[str, str | None]
) -> None:
    (order,) = forger.centre.orders(1)
    handoff, (person, second) = offered_by_two(forger, order), hands
    state = {"state": "held", "station": "qc", "person": person}
    if answer == "refuse":
        state = {"state": "refused", "handoff_id": handoff}
    row = forger.row(order, "held", step=3, prev_step=2) | state
    refused(lambda: forger.answer(answer, handoff, [row], person=person, second_person=second), "same-person")


def test_two_others_may_answer_what_two_offered(forger: Forger) -> None:
    (order,) = forger.centre.orders(1)
    handoff = offered_by_two(forger, order)
    row = forger.row(order, "held", step=3, prev_step=2, station="qc", person="qc-1")
    forger.answer("accept", handoff, [row], second_person="qc-2")


def test_hiding_the_offering_person_is_refused(forger: Forger) -> None:
    (order,) = forger.centre.orders(1)
    offer = forger.centre.offer([order])
    row = forger.row(order, "held", station="qc", person="review-1")
    accept = lambda name: forger.answer(  # noqa: E731
        "accept", offer.handoff_id, [row], person="review-1", offer_person=name
    )
    refused(lambda: accept("review-2"), FOREIGN_KEY)
    refused(lambda: accept(None), "ck_event_answer_names_the_offerer")


def test_gap_in_steps_is_refused(forger: Forger) -> None:
    (order,) = forger.centre.orders(1)
    refused(
        lambda: forger.write("move", [forger.row(order, "held", step=3, prev_step=2)]),
        "gap-in-steps|fk_unit_previous_step",
    )
    refused(lambda: forger.write("move", [forger.row(order, "held", step=3, prev_step=1)]), "gap-in-steps|ck_unit_step")
    refused(lambda: forger.write("move", [forger.row(order, "held", prev_step=None)]), "ck_unit_step")


def test_two_custodians_are_refused(forger: Forger) -> None:
    (order,) = forger.centre.orders(1)
    row = forger.row(order, "held")
    forger.write("move", [row])
    refused(lambda: forger.write("move", [row]), TAKEN_STEP)


def test_moving_after_the_end_is_refused(forger: Forger) -> None:
    blanks = forger.centre.blanks(1)
    forger.centre.void(blanks)
    forger.centre.destroy(blanks)
    for state in ("held", "void", "ended"):
        refused(lambda state=state: forger.write("move", [forger.row(blanks[0], state)]), "illegal-move")


def test_offering_a_packed_unit_is_refused(forger: Forger) -> None:
    documents = forger.centre.documents(1)
    forger.centre.pack(documents)
    event_id = new_id()
    row = forger.row(documents[0], "offered", handoff_id=event_id)
    refused(lambda: forger.write("offer", [row], event_id=event_id, to_station="qc", priority=2), "illegal-move")


def test_offering_what_another_station_holds_is_refused(forger: Forger) -> None:
    (order,) = forger.centre.orders(1, station="packing")
    event_id = new_id()
    row = forger.row(order, "offered", handoff_id=event_id, station="review")
    refused(lambda: forger.write("offer", [row], event_id=event_id, to_station="qc", priority=2), "wrong-station")


def test_acting_on_what_another_station_holds_is_refused(forger: Forger) -> None:
    (order,) = forger.centre.orders(1, station="packing")
    refused(lambda: forger.write("move", [forger.row(order, "held", station="review")]), "wrong-station")


def test_acceptance_by_the_wrong_station_is_refused(forger: Forger) -> None:
    (order,) = forger.centre.orders(1)
    offer = forger.centre.offer([order])
    row = forger.row(order, "held", station="packing", person="qc-1")
    refused(lambda: forger.answer("accept", offer.handoff_id, [row], to_station="packing"), FOREIGN_KEY)
    refused(lambda: forger.answer("accept", offer.handoff_id, [row]), "wrong-custodian")


def test_custody_passing_to_another_person_than_the_one_who_acts_is_refused(forger: Forger) -> None:
    (order,) = forger.centre.orders(1)
    refused(lambda: forger.write("move", [forger.row(order, "held", person="review-2")]), "wrong-custodian")


def test_acceptance_without_an_offer_is_refused(forger: Forger) -> None:
    (order,) = forger.centre.orders(1)
    row = forger.row(order, "held", station="qc", person="qc-1")
    refused(lambda: forger.answer("accept", new_id(), [row]), FOREIGN_KEY)
    refused(
        lambda: forger.write("accept", [row], to_station="qc", person="qc-1"),
        "ck_event_answers_an_offer|ck_event_answer_names",
    )
    moved = forger.write("move", [forger.row(order, "held")])
    refused(
        lambda: forger.answer("accept", moved, [forger.row(order, "held", station="qc", person="qc-1")]), "no-offer"
    )


def test_acceptance_of_a_unit_offered_under_another_handoff_is_refused(forger: Forger) -> None:
    first, second = forger.centre.orders(2)
    offer = forger.centre.offer([first])
    forger.centre.offer([second])
    row = forger.row(second, "held", station="qc", person="qc-1")
    refused(lambda: forger.answer("accept", offer.handoff_id, [row]), "wrong-handoff")


def test_acceptance_of_a_unit_never_offered_is_refused(forger: Forger) -> None:
    first, second = forger.centre.orders(2)
    offer = forger.centre.offer([first])
    row = forger.row(second, "held", station="qc", person="qc-1")
    refused(lambda: forger.answer("accept", offer.handoff_id, [row]), "illegal-move")


COLUMN = {
    "custody_case": "kind",
    "custody_move": "after",
    "custody_register": "value",
    "seal_origin": "origin",
    "seal_leaf": "leaf_hash",
    "seal_node": "hash",
    "seal_checkpoint": "root",
    "seal_cosignature": "signature",
    "audit_lookup": "reader",
}
SEALS = (
    "INSERT INTO seal_origin VALUES (1, 'o')",
    "INSERT INTO seal_leaf VALUES (1, 0, 1, 'h')",
    "INSERT INTO seal_node VALUES (1, 8, 0, 'h')",
    "INSERT INTO seal_checkpoint VALUES (1, 1, 'r', 'k', 's')",
    "INSERT INTO seal_cosignature VALUES (1, 1, 'w', 1, 's')",
    "INSERT INTO audit_lookup (asked_us, reader, question, parameters) VALUES (1, 'r', 'q', '{}')",
)


@pytest.mark.parametrize("table", GUARDED)
def test_custody_rows_are_neither_changed_nor_deleted(forger: Forger, table: str) -> None:
    order, other = forger.centre.orders(2)
    forger.centre.accept(forger.centre.offer([order, other]), [order])
    with forger.engine.begin() as tx:
        for seal in SEALS:
            tx.exec_driver_sql(seal)
    column = COLUMN.get(table, "person")
    statements = [f"UPDATE {table} SET {column} = 'x'", f"DELETE FROM {table}"]
    if forger.engine.dialect.name == "postgresql":
        statements += [f"TRUNCATE {table} CASCADE"]
        statements += [f"SET LOCAL session_replication_role = replica; DELETE FROM {table}"]
    for statement in statements:

        def attempt(statement: str = statement) -> None:
            with forger.engine.begin() as tx:
                for part in statement.split("; "):
                    tx.exec_driver_sql(part)

        refused(attempt, f"append-only: {table}")


def test_rows_are_not_replaced(forger: Forger) -> None:
    if forger.engine.dialect.name != "sqlite":
        pytest.skip("only SQLite has INSERT OR REPLACE")
    order, other = forger.centre.orders(2)
    forger.centre.accept(forger.centre.offer([order, other]), [order])
    with forger.engine.begin() as tx:
        for seal in SEALS:
            tx.exec_driver_sql(seal)
    for table in GUARDED:
        copy = f"INSERT OR REPLACE INTO {table} SELECT * FROM {table} LIMIT 1"

        def attempt(copy: str = copy) -> None:
            with forger.engine.begin() as tx:
                tx.exec_driver_sql(copy)

        refused(attempt, "append-only|step-taken|key-number")


@pytest.mark.parametrize("key", ["seq", "answer", "key_number", "position"])
def test_no_other_unique_key_lets_a_row_be_replaced(forger: Forger, key: str) -> None:
    """Each unique key is a door for REPLACE, so each is guarded alone."""
    if forger.engine.dialect.name != "sqlite":
        pytest.skip("only SQLite has INSERT OR REPLACE")
    (order,) = forger.centre.orders(1)
    offer = forger.centre.offer([order])
    columns = "event_id, handoff_id, act, from_station, to_station, person, shift, priority, count_expected,"
    columns += " count_counted, happened_us, written_us, units_root, schema_version, emulated, last_position,"
    columns += " key_id, key_number, signature"
    with forger.engine.begin() as tx:
        name, number = tx.execute(KEY, {"owner": "station:review"}).one()
    source = "SELECT 'new', 'new', 'offer', 'review', 'qc', 'review-1', 'day', 2, 1, 1, 1, 1, '0', 1, 1, 1,"
    source += f" '{name}', {number}, 'forged'"
    statements = {
        "seq": f"INSERT OR REPLACE INTO custody_event (seq, {columns}) {source.replace('SELECT ', 'SELECT 1, ')}",
        "answer": f"INSERT OR REPLACE INTO custody_event ({columns})"
        + source.replace("'new', 'new'", f"'new', '{offer.handoff_id}'"),
        "key_number": f"INSERT OR REPLACE INTO custody_event ({columns})"
        + source.replace(f"{number}, 'forged'", f"{number - 1}, 'forged'"),
        "position": "INSERT OR REPLACE INTO custody_unit SELECT unit_id || 'x', 1, NULL, event_id, position, kind,"
        " state, station, place, person, handoff_id, container, condition, outcome, number_hash FROM custody_unit",
    }

    def attempt() -> None:
        with forger.engine.begin() as tx:
            tx.exec_driver_sql(statements[key])

    refused(attempt, "append-only|already-answered|rows-of-an-event|key-number")


def test_void_unit_is_not_dispatched_packed_or_offered_onwards(forger: Forger) -> None:
    blanks = forger.centre.blanks(1)
    forger.centre.void(blanks)
    refused(
        lambda: forger.write(
            "dispatch",
            [forger.row(blanks[0], "outside", station="office:jinan", person="office:jinan")],
            to_station="office:jinan",
        ),
        "illegal-move",
    )
    parcel = forger.birth("parcel")
    packed = forger.row(blanks[0], "packed", container=parcel["unit_id"])
    refused(lambda: forger.write("pack", [parcel, packed]), "illegal-move")
    event_id = new_id()
    row = forger.row(blanks[0], "void_offered", handoff_id=event_id)
    refused(lambda: forger.write("offer", [row], event_id=event_id, to_station="qc", priority=2), "void-destination")
    refused(lambda: forger.write("move", [forger.row(blanks[0], "held")]), "illegal-move")


def test_a_document_is_not_dispatched_without_an_acceptance(forger: Forger) -> None:
    (document,) = forger.centre.documents(1)
    row = forger.row(document, "outside", station="carrier", person="carrier")
    refused(lambda: forger.write("dispatch", [row], to_station="carrier"), "dispatch: a thing is handed over")


def test_transform_conserves(forger: Forger) -> None:
    orders, blanks = forger.centre.orders(2), forger.centre.blanks(2)
    order, blank = forger.row(orders[0], "ended"), forger.row(blanks[0], "ended")
    document = forger.birth("document")
    two_orders = [order, forger.row(orders[1], "ended"), document]
    two_blanks = [forger.row(blanks[1], "ended"), blank, document]
    for rows in ([order, document], [blank, document], [order, blank], two_orders, two_blanks, [document]):
        refused(lambda rows=rows: forger.write("transform", rows), "transform")
    twins = [order, blank, document, forger.birth("document")]
    refused(lambda: forger.write("transform", twins), "transform")
    refused(lambda: forger.write("transform", [order, blank, forger.birth("blank")]), "birth|transform")
    forger.write("transform", [order, blank, document])


def test_a_document_is_not_received_out_of_nowhere(forger: Forger) -> None:
    refused(lambda: forger.write("receive", [forger.birth("document")], second_person="review-2"), "birth")
    refused(lambda: forger.write("void", [forger.birth("blank")], second_person="review-2"), "birth")
    refused(lambda: forger.write("move", [forger.birth("order")]), "illegal-move")


def test_a_unit_keeps_its_kind(forger: Forger) -> None:
    (order,) = forger.centre.orders(1)
    refused(lambda: forger.write("move", [forger.row(order, "held", kind="blank")]), "kind-changed")


@pytest.mark.parametrize("act", ["void", "destroy", "settle"])
def test_acts_of_two_people_need_two_different_people(forger: Forger, act: str) -> None:
    blanks = forger.centre.blanks(1)
    row = forger.row(blanks[0], "void")
    refused(lambda: forger.write(act, [row]), "ck_event_two_people")
    refused(lambda: forger.write(act, [row], second_person="review-1"), "ck_event_same_two_people")


def test_blanks_are_received_by_two_people(forger: Forger) -> None:
    refused(lambda: forger.write("receive", [forger.birth("blank")]), "two-people")


def test_outside_is_a_state_of_outside_parties_only(forger: Forger) -> None:
    (order,) = forger.centre.orders(1)
    row = forger.row(order, "outside", station="packing", person="packing")
    refused(lambda: forger.write("dispatch", [row], to_station="packing"), "ck_unit_outside")


def test_missing_needs_its_reason_and_its_case(forger: Forger) -> None:
    (order,) = forger.centre.orders(1)
    offer = forger.centre.offer([order]).handoff_id
    missing = forger.row(order, "missing", handoff_id=offer)
    refused(lambda: forger.answer("refuse", offer, [missing]), "missing: a refusal")
    refused(lambda: forger.answer("refuse", offer, [missing], reason="missing"), "missing: each missing unit")
    whole = forger.row(order, "refused", handoff_id=offer)
    refused(lambda: forger.answer("refuse", offer, [whole], reason="missing"), "missing: a refusal")


def test_a_missing_unit_is_settled_by_its_own_case_where_the_outcome_says(forger: Forger) -> None:
    first, second = forger.centre.orders(2)
    cases = forger.centre.accept(forger.centre.offer([first, second]), []).cases
    row = forger.row(first, "held", outcome="found-at-sender")
    settle = lambda row, **facts: forger.write("settle", [row], second_person="review-2", **facts)  # noqa: E731
    refused(lambda: settle(row), "settle: a missing unit")
    wrong, right = cases if forger.centre.case_of(first) == cases[1] else reversed(cases)
    refused(lambda: settle(row, case_id=wrong), "settle: a missing unit")
    refused(lambda: settle(row | {"outcome": "found-at-receiver"}, case_id=right), "settle: the outcome")
    refused(lambda: settle(row | {"outcome": None}, case_id=right), "settle: the outcome")
    settle(row, case_id=right)
    second_row = forger.row(second, "held", outcome="found-at-sender")
    refused(lambda: settle(second_row, case_id=right), "case-settled|uq_custody_event_case")


def test_packing_is_into_a_parcel_of_the_same_event(forger: Forger) -> None:
    first, second, third = forger.centre.documents(3)
    parcel = forger.centre.pack([first])
    refused(lambda: forger.write("pack", [forger.row(second, "packed", container=parcel)]), "container")
    refused(lambda: forger.write("pack", [forger.row(second, "packed", container=third)]), "container")
    refused(lambda: forger.write("move", [forger.row(second, "packed", container=parcel)]), "illegal-move")


def test_a_parcel_is_opened_whole(forger: Forger) -> None:
    first, second = forger.centre.documents(2)
    parcel = forger.centre.pack([first, second])
    opened, out, rest = forger.row(parcel, "ended"), forger.row(first, "held"), forger.row(second, "held")
    for rows in ([opened], [opened, out], [out, rest], [out, opened, rest]):
        refused(lambda rows=rows: forger.write("unpack", rows), "container")
    forger.write("unpack", [opened, out, rest])


def test_a_parcel_with_contents_is_not_voided(forger: Forger) -> None:
    parcel = forger.centre.pack(forger.centre.documents(1))
    refused(lambda: forger.write("void", [forger.row(parcel, "void")], second_person="review-2"), "void: a container")


def test_an_event_has_all_its_rows_at_commit_and_never_more(forger: Forger) -> None:
    first, second = forger.centre.orders(2)
    refused(lambda: forger.write("move", [forger.row(first, "held")], last=2), "FOREIGN KEY|rows-of-an-event")
    event_id = forger.write("move", [forger.row(first, "held")])

    def add(position: int) -> None:
        with forger.engine.begin() as tx:
            insert(tx, "custody_unit", {"event_id": event_id, "position": position} | forger.row(second, "held"))

    refused(lambda: add(2), "rows-of-an-event")
    refused(lambda: add(1), r"rows-of-an-event|uq_custody_unit_(\w+_)?position")


def test_a_handoff_is_named_by_its_offer(forger: Forger) -> None:
    (order,) = forger.centre.orders(1)
    refused(lambda: forger.write("move", [forger.row(order, "held")], handoff_id=new_id()), "ck_event_handoff")


def test_unknown_words_are_refused(forger: Forger) -> None:
    (order,) = forger.centre.orders(1)
    refused(lambda: forger.write("steal", [forger.row(order, "held")]), "ck_event_act|illegal-move")
    refused(lambda: forger.write("move", [forger.row(order, "mislaid")]), "illegal-move|ck_unit_state")
    refused(lambda: forger.write("receive", [forger.birth("person")], second_person="x"), "birth|ck_unit_kind")


def test_a_correction_changes_neither_unit_party_count_nor_step(forger: Forger) -> None:
    event = forger.centre.offer(forger.centre.orders(1)).event_id
    for name in ("person", "step", "count_counted", "unit_id"):
        facts = {"corrects": event, "corrects_field": name, "corrects_value": "x"}
        refused(lambda facts=facts: forger.write("correct", **facts), "ck_event_correctable")


def test_a_number_is_never_used_twice(forger: Forger) -> None:
    forger.centre.blanks(1, numbers=["E1"])

    def again() -> None:
        with forger.engine.begin() as tx:
            insert(tx, "unit_number", {"unit_id": new_id(), "kind": "blank", "number": "E1", "salt": "s"})

    refused(again, "unit_number")


def test_legal_moves_are_not_added(forger: Forger) -> None:
    def add() -> None:
        with forger.engine.begin() as tx:
            insert(tx, "custody_move", {"act": "move", "before": "ended", "after": "held"})

    refused(add, "append-only: custody_move")


def test_a_void_order_brings_only_orders(forger: Forger) -> None:
    blanks = forger.centre.blanks(1)
    forger.centre.void(blanks, reborn=[Birth(new_id(), Kind.ORDER)])
    more = forger.centre.blanks(1)
    rows = [forger.row(more[0], "void"), forger.birth("blank")]
    refused(lambda: forger.write("void", rows, second_person="review-2"), "birth")
