"""A roll goes from hand to hand, each act by whom it needs, and what was used of it is what documents were made."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy.exc import DBAPIError

from stations.people import Role
from stations.rolls import station
from stations.rolls.errors import (
    RollAtOnceError,
    RollCodeError,
    RollKindError,
    RollKnownError,
    RollMoveError,
    RollNumberError,
    RollOnMachineError,
    RollPiecesError,
    RollTwiceError,
    RollUnknownError,
)
from stations.rolls.rules import HANDS, MOVES, RollAct

FIVE_MINUTES_US = 300_000_000


def mounted(hands, number="L-1", **how):
    hands.receive(number)
    hands.hand(RollAct.ISSUED, number)
    hands.mount(number, **how)


def to_state(hands, act, number="L-1"):
    """A roll whose last act is `act`."""
    path = {
        RollAct.ISSUED: ["issue"],
        RollAct.MOUNTED: ["issue", "mount"],
        RollAct.TAKEN_OFF: ["issue", "mount", "off"],
        RollAct.RETURNED: ["issue", "return"],
        RollAct.DESTROYED: ["destroy"],
        RollAct.LOST: ["lose"],
    }.get(act, [])
    hands.receive(number)
    for step in path:
        do(hands, step, number)


def do(hands, step, number="L-1"):
    match step:
        case "issue":
            hands.hand(RollAct.ISSUED, number)
        case "mount":
            hands.mount(number)
        case "off":
            hands.take_off(number)
        case "return":
            hands.hand(RollAct.RETURNED, number)
        case "destroy":
            hands.hand(RollAct.DESTROYED, number, left=100, reason="shredded")
        case "lose":
            hands.hand(RollAct.LOST, number, reason="burglary")


STEPS = {
    RollAct.ISSUED: "issue",
    RollAct.MOUNTED: "mount",
    RollAct.TAKEN_OFF: "off",
    RollAct.RETURNED: "return",
    RollAct.DESTROYED: "destroy",
    RollAct.LOST: "lose",
}


def test_a_roll_has_one_place_and_one_person_who_answers_for_it_at_every_step(hands):
    hands.receive("L-1", "L-2")
    who = hands.codes
    seen = [(row["state"], row["place"], row["answers"]) for row in hands.rows().values()]
    assert seen == [("received", "vault", who["keeper"])] * 2
    wanted = [
        ("issue", "issued", "personalization", who["operator"]),
        ("mount", "mounted", "book-01", who["operator"]),
        ("off", "taken-off", "personalization", who["operator"]),
        ("return", "returned", "vault", who["keeper"]),
        ("destroy", "destroyed", "", ""),
    ]
    for step, *standing in wanted:
        do(hands, step)
        row = hands.rows()["L-1"]
        assert [row["state"], row["place"], row["answers"]] == standing
        assert row["findings"] == [] and row["emulated"]
    assert hands.rows()["L-2"]["state"] == "received"


@pytest.mark.parametrize("last", MOVES)
def test_only_what_may_follow_an_act_follows_it(hands, last):
    to_state(hands, last)
    for act, step in STEPS.items():
        if act not in MOVES[last]:
            with pytest.raises(RollMoveError):
                do(hands, step)
    assert hands.rows()["L-1"]["state"] == last


@pytest.mark.parametrize("last", MOVES)
def test_the_database_itself_refuses_what_may_not_follow(hands, last):
    """Whoever writes past the program: each act as another row, with everything else as it must be."""
    to_state(hands, last)
    hands.forged = True
    taken = hands.line.facts("SELECT max(step) FROM roll_step")[0][0]
    (turn,) = hands.line.facts("SELECT coalesce(max(machine_step), 0) FROM roll_step")[0]
    for act in STEPS:
        if act not in MOVES[last]:
            with pytest.raises(DBAPIError):
                forge(hands, act, taken + 1, turn + 1)
    if MOVES[last]:
        forge(hands, min(MOVES[last]), taken + 1, turn + 1)


def forge(hands, act, step, turn, *, by=None, at="S-book-01", number="L-1"):
    """A row of an act that people of its roles sign."""
    usual = {
        RollAct.ISSUED: ("keeper", "operator"),
        RollAct.RETURNED: ("operator", "keeper"),
        RollAct.DESTROYED: ("keeper", "lead"),
        RollAct.LOST: ("operator", "lead"),
    }
    names = by or usual.get(act, ("operator",))
    here = hands.signed(names)
    first, second = here.party(0), here.party(1) if len(names) > 1 else None
    on = act in (RollAct.MOUNTED, RollAct.TAKEN_OFF)
    hands.sql(
        "INSERT INTO roll_step (number, step, act, person, sign_in, second_person, second_sign_in, shift, machine,"
        " machine_serial, journal_id, good, rejected, machine_step, made, spoiled, unsure, left_pieces, reason, at_us,"
        " emulated) VALUES (:number, :step, :act, :person, :sign_in, :second, :second_in, 'day', :machine, :serial,"
        " :journal, :count, :count, :turn, :booked, :booked, :booked, :left, :reason, :at_us, true)",
        number=number,
        step=step,
        act=act.value,
        person=first.person,
        sign_in=first.sign_in,
        second=second.person if second else None,
        second_in=second.sign_in if second else None,
        machine="book-01" if on else None,
        serial=at if on else None,
        journal="j1" if on else None,
        count=0 if on else None,
        turn=turn if on else None,
        booked=0 if act is RollAct.TAKEN_OFF else None,
        left=0 if act is RollAct.DESTROYED else None,
        reason="x" if act in (RollAct.DESTROYED, RollAct.LOST) else None,
        at_us=hands.line.facts("SELECT max(at_us) FROM sign_in_attempt")[0][0],
    )


@pytest.mark.parametrize("act", HANDS)
def test_an_act_is_signed_by_the_roles_that_it_needs(hands, act):
    """The database refuses others, whatever the program let through."""
    before = {RollAct.RECEIVED: None, RollAct.ISSUED: RollAct.RECEIVED, RollAct.TAKEN_OFF: RollAct.MOUNTED}
    if (last := before.get(act, RollAct.ISSUED if act is not RollAct.DESTROYED else RollAct.RECEIVED)) is not None:
        to_state(hands, last)
    roles = {"keeper": Role.KEEPER, "operator": Role.OPERATOR, "lead": Role.LEAD, "second": Role.ADMINISTRATOR}
    for place, allowed in enumerate(HANDS[act]):
        for name, role in roles.items():
            names = ["keeper" if Role.KEEPER in of else "operator" for of in HANDS[act]]
            if len(names) > 1 and names[0] == names[1]:
                names[1 - place] = "other"
            names[place] = name
            if role in allowed or len(set(names)) < len(names):
                continue
            with pytest.raises(RollAtOnceError):
                act_by(hands, act, tuple(names))


def act_by(hands, act, names):
    match act:
        case RollAct.RECEIVED:
            hands.receive("L-9", by=names)
        case RollAct.MOUNTED:
            hands.mount("L-1", by=names)
        case RollAct.TAKEN_OFF:
            hands.take_off("L-1", by=names)
        case RollAct.DESTROYED:
            hands.hand(act, "L-1", by=names, left=1, reason="shredded")
        case RollAct.LOST:
            hands.hand(act, "L-1", by=names, reason="burglary")
        case _:
            hands.hand(act, "L-1", by=names)


def test_nobody_signs_an_hour_after_signing_in(hands):
    with pytest.raises(RollAtOnceError):
        hands.receive("L-1", before_us=FIVE_MINUTES_US + 1_000_000)
    assert hands.rows() == {}


def test_the_same_delivery_again_changes_nothing_and_another_of_its_numbers_is_refused(hands):
    hands.receive("L-1", "L-2")
    hands.receive("L-1", "L-2")
    for numbers, facts in ((("L-1", "L-3"), {}), (("L-1",), {"pieces": 99}), (("L-2",), {"note": "LN-2"})):
        with pytest.raises(RollKnownError):
            hands.receive(*numbers, **facts)
    assert [(row["number"], row["pieces"]) for row in hands.rows().values()] == [("L-1", 100), ("L-2", 100)]


@pytest.mark.parametrize(
    ("numbers", "facts", "error"),
    [
        (("l-1",), {}, RollNumberError),
        (("L" * 21,), {}, RollNumberError),
        (("L-1", "L-1"), {}, RollTwiceError),
        (("L-1",), {"pieces": 0}, RollPiecesError),
        (("L-1",), {"pieces": 100_001}, RollPiecesError),
        (("L-1",), {"note": "two words"}, RollCodeError),
    ],
)
def test_what_no_delivery_can_be_is_refused_whole(hands, numbers, facts, error):
    with pytest.raises(error):
        hands.receive(*numbers, **facts)
    assert hands.rows() == {}


def test_some_rolls_of_an_issue_that_are_elsewhere_keep_all_of_it(hands):
    hands.receive("L-1", "L-2")
    hands.hand(RollAct.ISSUED, "L-2")
    with pytest.raises(RollMoveError, match="roll L-2 can't be issued: it was issued last, and is at personalization"):
        hands.hand(RollAct.ISSUED, "L-1", "L-2")
    with pytest.raises(RollUnknownError):
        hands.hand(RollAct.ISSUED, "L-1", "L-7")
    assert hands.rows()["L-1"]["state"] == "received"


def test_a_machine_has_one_roll_and_of_its_kind(hands):
    mounted(hands)
    hands.receive("L-2")
    hands.hand(RollAct.ISSUED, "L-2")
    with pytest.raises(RollOnMachineError, match="book-01 has roll L-1 on"):
        hands.mount("L-2")
    with pytest.raises(RollKindError):
        hands.mount("L-2", "card-01")
    hands.mount("L-2", "book-02")
    hands.take_off("L-1")
    hands.mount("L-1", good=0)


def test_two_who_mount_at_once_on_one_machine_are_one(hands):
    """What the second looked at is over when it writes: the database has one place in turn for both."""
    hands.receive("L-1", "L-2")
    hands.hand(RollAct.ISSUED, "L-1", "L-2")
    hands.mount("L-1")
    hands.forged = True
    for turn in (1, 2, 3):
        with pytest.raises(DBAPIError):
            forge(hands, RollAct.MOUNTED, 3, turn, number="L-2")


@pytest.mark.parametrize("race", ["one roll", "one machine"])
def test_of_those_who_act_at_once_one_wins_and_the_others_are_told(hands, race):
    hands.receive("L-1", "L-2", "L-3")
    hands.hand(RollAct.ISSUED, "L-1", "L-2", "L-3")
    wanted = [("L-1", "book-01"), ("L-1", "book-02"), ("L-1", "book-03")]
    if race == "one machine":
        wanted = [("L-1", "book-01"), ("L-2", "book-01"), ("L-3", "book-01")]
    signed = [hands.signed(("operator",)) for _ in wanted]
    begin = Barrier(len(wanted))

    def mount(which):
        number, machine = wanted[which]
        begin.wait()
        try:
            station.mount(signed[which], number, hands.reading(machine, 0, 0), "book")
        except (RollAtOnceError, RollMoveError, RollOnMachineError) as error:
            return type(error)
        return None

    with ThreadPoolExecutor(len(wanted)) as threads:
        outcomes = list(threads.map(mount, range(len(wanted))))
    assert outcomes.count(None) == 1
    assert [row["state"] for row in hands.rows().values()].count("mounted") == 1


def test_the_roll_that_is_on_a_machine_is_the_one_that_comes_off(hands):
    hands.receive("L-1", "L-2")
    hands.hand(RollAct.ISSUED, "L-1", "L-2")
    hands.mount("L-1")
    hands.mount("L-2", "book-02")
    hands.forged = True
    with pytest.raises(DBAPIError):
        forge(hands, RollAct.TAKEN_OFF, 4, 2, number="L-2")
    forge(hands, RollAct.TAKEN_OFF, 4, 2, number="L-1")


def test_no_step_of_a_roll_is_changed_or_deleted(hands):
    mounted(hands)
    hands.forged = True
    for statement in (
        "UPDATE roll_step SET good = 1 WHERE act = 'mounted'",
        "DELETE FROM roll_step",
        "UPDATE roll SET pieces = 1",
        "DELETE FROM roll",
    ):
        with pytest.raises(DBAPIError):
            hands.sql(statement)
    if hands.url.startswith("sqlite"):
        with pytest.raises(DBAPIError):
            hands.sql("INSERT OR REPLACE INTO roll SELECT number, kind, 1, note, emulated FROM roll")
        with pytest.raises(DBAPIError):
            hands.sql("INSERT OR REPLACE INTO roll_step SELECT * FROM roll_step WHERE step = 1")


def test_pieces_that_the_machine_counted_and_nobody_booked_are_named(hands):
    mounted(hands, good=10, rejected=1)
    hands.take_off("L-1", good=12, rejected=2)
    row = hands.rows()["L-1"]
    assert (row["used"], row["made"], row["spoiled"]) == (3, 0, 0)
    assert row["findings"] == ["book-01 +3: it counted 3 pieces, 0 are booked"]


def test_counters_of_another_memory_say_nothing_and_are_named(hands):
    mounted(hands, good=10)
    hands.take_off("L-1", good=0, journal="j2")
    hands.mount("L-1", good=5, journal="j2")
    hands.take_off("L-1", good=4, journal="j2")
    row = hands.rows()["L-1"]
    assert (row["used"], row["findings"]) == (0, ["book-01: its counters are not those of the mounting"] * 2)


def test_a_machine_that_cannot_answer_keeps_no_roll_and_stays_named(hands):
    mounted(hands, good=10)
    hands.take_off_unread("L-1")
    row = hands.rows()["L-1"]
    assert (row["place"], row["findings"]) == (
        "personalization",
        ["book-01: its counters were not read when it was taken off"],
    )
    hands.mount("L-1", good=10)


def test_pieces_that_are_gone_from_a_roll_and_no_document_has_are_named(hands):
    mounted(hands)
    hands.take_off("L-1")
    hands.hand(RollAct.RETURNED, "L-1")
    hands.hand(RollAct.DESTROYED, "L-1", left=97, reason="shredded")
    row = hands.rows()["L-1"]
    assert (row["left"], row["findings"]) == (97, ["roll +3: 3 pieces are gone, 0 are booked"])


def test_a_count_that_no_roll_has_and_a_sentence_are_refused(hands):
    hands.receive("L-1")
    for left, reason, error in ((-1, "shredded", RollPiecesError), (1, "was shredded", RollCodeError)):
        with pytest.raises(error):
            hands.hand(RollAct.DESTROYED, "L-1", left=left, reason=reason)
    assert hands.rows()["L-1"]["state"] == "received"


@pytest.mark.parametrize("forgery", ["changed", "gone", "added"])
def test_a_row_that_is_not_what_the_sealed_log_says_is_named(hands, forgery):
    """Whoever owns the database can drop its guards; the log remembers."""
    mounted(hands, good=10)
    hands.forged = True
    if hands.url.startswith("sqlite"):
        for (name,) in hands.line.facts("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'roll%'"):
            hands.sql(f"DROP TRIGGER {name}")
    else:
        hands.sql("ALTER TABLE roll_step DISABLE TRIGGER ALL")
        hands.sql("ALTER TABLE roll DISABLE TRIGGER ALL")
    match forgery:
        case "changed":
            hands.sql("UPDATE roll_step SET good = 9 WHERE act = 'mounted'")
        case "gone":
            hands.sql("DELETE FROM roll_step")
            hands.sql("DELETE FROM roll")
        case "added":
            forge(hands, RollAct.TAKEN_OFF, 4, 2)
    assert "the log says otherwise of it: passline logs verify" in hands.rows()["L-1"]["findings"]
