"""An absent custodian is relieved by a lead, a witness and whoever takes over, on a count of what is there."""

import time

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from small_shift import BOOKS, CREW_OF_EMULATED, ONE, scanned
from sqlalchemy.exc import IntegrityError

from handoff_logs import log
from handoff_logs.reading import open_reading
from stations.people import Role
from stations.people_register import passwords, register
from stations.people_register.credentials import Credentials
from stations.people_register.errors import IssuerRefusedError, RelievedError
from stations.people_register.issuer import admit
from stations.people_register.rules import ADMINISTRATORS
from stations.people_register.sign_in import sign_in, sign_in_two
from stations.review import station as review
from stations.shift import counting, eyes, stops
from stations.shift.counting import Counted, Signers
from stations.shift.errors import (
    CountMissingError,
    NoShiftOpenError,
    NothingToRelieveError,
    RelieverRefusedError,
    RelieverSignsError,
    ShiftMovedError,
    ShiftReasonError,
)
from stations.shift.rules import Ending, Scan, What
from stations.trays import offered_units, stamp
from stations.vault import station as vault

LEAD, WITNESS = Credentials("p-0301", "a password of the lead"), Credentials("p-0302", "a password of a witness")
KEEPER, RELIEVER = Credentials("p-0101", "a password of a keeper"), Credentials("p-0102", "a password of another")
HERE = "SELECT person, count(*) FROM whereabouts WHERE state = 'held' GROUP BY person ORDER BY person"
HANDOFFS = "SELECT from_station, person, second_person, count_expected FROM custody_event WHERE reason = 'relief'"


@pytest.fixture
def keeper(shift):
    """The vault's blanks are answered for by a keeper of the open shift."""
    here = shift.line.at("vault")
    shift.open(crew={**CREW_OF_EMULATED, "vault": here.people})
    return here.people[0]


def test_what_an_absent_custodian_answers_for_passes_on_a_count(shift, keeper):
    """To whoever takes over, with the lead's word beside theirs; the rest of the shift goes on."""
    relieved = shift.relieve(keeper)
    assert (relieved.units, relieved.differences, relieved.passed) == ({"vault": 5}, (), ())
    assert shift.rows(HANDOFFS) == [("vault", "e-lead-3", "e-lead-1", 5)]
    assert shift.rows(HERE) == [("e-lead-3", 5)]
    assert shift.rows("SELECT absent, reliever, reason FROM shift_relief") == [(keeper, "e-lead-3", "ill")]
    assert shift.close().how is Ending.BALANCED


def test_what_nobody_found_stays_with_the_absent_one(shift, keeper):
    """And keeps the shift from closing, like anything that is missing."""
    relieved = shift.relieve(keeper, scanned(*BOOKS[1:], "EA0000099"))
    assert {(one.serial, one.what) for one in relieved.differences} == {
        (BOOKS[0], What.MISSING),
        ("EA0000099", What.UNKNOWN),
    }
    assert shift.rows(HERE) == [("e-lead-3", 4), (keeper, 1)]
    assert [one.serial for one in shift.close(scanned(*BOOKS[1:])).differences] == [BOOKS[0]]


def test_documents_are_counted_too_and_orders_pass_as_the_data_they_are(shift):
    shift.line.file(2)
    for offer in shift.line.waiting("review"):
        review.work_tray(shift.line.at("review"), offer, shift.line.reviewer)
    shift.line.machines_made = 50
    shift.line.make_documents()
    here = shift.line.at("qc")
    for offer in shift.line.waiting("qc"):
        shift.database.write(lambda tx, o=offer: _accept(tx, here, o))
    shift.open()
    inspector = here.people[0]
    with pytest.raises(CountMissingError):
        shift.relieve(inspector, Counted((), frozenset()))
    pieces = [Scan("qc", "", f"EA{number:07d}") for number in (51, 52)]
    relieved = shift.relieve(inspector, counting.joined([Counted(tuple(pieces), frozenset({"qc"}))], ()))
    assert (relieved.units, relieved.differences) == ({"qc": 2}, ())


def _accept(tx, here, offer):
    log.accept(tx, here.party(), offer.handoff_id, offered_units(tx, offer.handoff_id), "input", stamp(here))


def test_the_absent_ones_offers_pass_by_list(shift, keeper, database_url):
    handoff = vault.issue_scanned(shift.line.at("vault"), BOOKS[:2], shift.line.plenty, "a" * 32)
    relieved = shift.relieve(keeper, scanned(*BOOKS[2:]))
    assert (relieved.units, relieved.passed) == ({"vault": 3}, (("offer", handoff, "vault"),))
    with open_reading(database_url) as reading:
        [row] = reading.rows(stops.OPEN_SHIFT)
        [told] = reading.rows(stops.RELIEFS, shift_id=row["shift_id"])
        assert (told["absent"], told["reliever"], told["units"], told["differences"]) == (keeper, "e-lead-3", 3, 0)
        assert [one["subject"] for one in reading.rows(stops.PASSED, count_id=told["count_id"])] == [handoff]
        counts = reading.rows(stops.COUNTS, count_id=relieved.count_id)
        assert [count["outcome"] for count in counts] == ["relieved"]


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"reliever": "e-lead-2"}, RelieverSignsError),
        ({"by": Signers("e-lead-1", "{keeper}")}, RelieverSignsError),
        ({"reliever": CREW_OF_EMULATED["qc"][0]}, RelieverRefusedError),
        ({"reliever": "{keeper}"}, RelieverRefusedError),
        ({"reliever": "p-0999"}, RelieverRefusedError),
        ({"absent": "e-lead-3", "reliever": "e-lead-1"}, NothingToRelieveError),
        ({"reason": "He is ill"}, ShiftReasonError),
    ],
)
def test_a_relief_that_nobody_can_sign_for_is_refused_whole(shift, keeper, changes, refusal):
    """The absent one signs nothing, the witness takes nothing, and who stands elsewhere takes no other station's."""
    filled = {name: keeper if value == "{keeper}" else value for name, value in changes.items()}
    if filled.get("by", ONE).second == "{keeper}":
        filled["by"] = Signers("e-lead-1", keeper)
    with pytest.raises(refusal):
        shift.relieve(filled.pop("absent", keeper), **filled)
    assert shift.rows("SELECT count(*) FROM shift_relief") == [(0,)]
    assert shift.rows("SELECT count(*) FROM shift_count") == [(1,)]


def test_a_lead_may_take_over_and_count_with_a_witness(shift, keeper):
    relieved = shift.relieve(keeper, reliever="e-lead-1")
    assert relieved.units == {"vault": 5}
    assert shift.rows(HANDOFFS) == [("vault", "e-lead-1", "e-lead-2", 5)]


def test_nobody_is_relieved_twice_or_without_a_shift(shift, keeper):
    shift.relieve(keeper)
    with pytest.raises(NothingToRelieveError):
        shift.relieve(keeper)
    shift.close()
    with pytest.raises(NoShiftOpenError):
        shift.relieve(keeper)


@pytest.fixture
def people(shift, monkeypatch):
    """Leads and keepers, enrolled, in the open shift of an emulated line."""
    monkeypatch.setattr(passwords, "_HASHER", Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
    one, two = Credentials("p-0001", "a password of one"), Credentials("p-0002", "a password of two")
    register.found(shift.database, one, two, emulated=True)
    by = sign_in_two(shift.database, one, two, ADMINISTRATORS)
    for who, role in ((LEAD, Role.LEAD), (WITNESS, Role.LEAD), (KEEPER, Role.KEEPER), (RELIEVER, Role.KEEPER)):
        register.enrol(shift.database, by, who, [role], emulated=True)
    crew = {**CREW_OF_EMULATED, "vault": (KEEPER.code, RELIEVER.code)}
    lead, witness = (sign_in(shift.database, who) for who in (LEAD, WITNESS))
    shift.open(crew=crew, by=Signers(lead.code, witness.code, lead.sign_in, witness.sign_in))
    return shift


def signers(shift):
    lead, witness = (sign_in(shift.database, who) for who in (LEAD, WITNESS))
    return Signers(lead.code, witness.code, lead.sign_in, witness.sign_in)


def test_whoever_was_relieved_signs_in_to_nothing_until_the_shift_is_over(people):
    """The database refuses it as well; in the next shift they are like everybody."""
    taker = sign_in(people.database, RELIEVER)
    people.relieve(KEEPER.code, reliever=taker.code, sign_in=taker.sign_in, by=signers(people))
    with pytest.raises(RelievedError) as refused:
        sign_in(people.database, KEEPER)
    assert refused.value.reliever == RELIEVER.code
    latest = "SELECT outcome FROM sign_in_attempt WHERE code = :code ORDER BY at_us DESC, attempt_id DESC LIMIT 1"
    assert people.rows(latest, code=KEEPER.code) == [("refused",)]
    accepted = "INSERT INTO sign_in_attempt VALUES ('a', :code, :at, 'accepted')"
    with pytest.raises(IntegrityError, match="relieved"):
        people.sql(accepted, code=KEEPER.code, at=time.time_ns() // 1000)
    # Nor through the centre's issuer, whoever it says they are.
    with pytest.raises(IssuerRefusedError) as unlet:
        admit(people.database, "https://id.example", KEEPER.code, [Role.KEEPER])
    assert unlet.value.refusal == "relieved"
    came_in = "INSERT INTO issuer_sign_in VALUES ('b', :code, :at, 'https://id.example', true, NULL)"
    with pytest.raises(IntegrityError, match="relieved"):
        people.sql(came_in, code=KEEPER.code, at=time.time_ns() // 1000)
    people.hand_over(by=signers(people))
    assert sign_in(people.database, KEEPER).code == KEEPER.code
    assert admit(people.database, "https://id.example", KEEPER.code, [Role.KEEPER]) == {"keeper"}


def test_whoever_takes_over_signs_for_it_themselves(people):
    """Neither a typed name nor another's sign-in is a signature."""
    taker, other = sign_in(people.database, RELIEVER), sign_in(people.database, KEEPER)
    for sign in (None, other.sign_in):
        with pytest.raises(ShiftMovedError):
            people.relieve(KEEPER.code, reliever=RELIEVER.code, sign_in=sign, by=signers(people))
    assert people.rows("SELECT count(*) FROM shift_relief") == [(0,)]
    assert people.relieve(KEEPER.code, reliever=taker.code, sign_in=taker.sign_in, by=signers(people)).relief_id


@pytest.mark.parametrize("table", ["shift_relief", "shift_handed"])
def test_a_relief_is_never_changed(shift, keeper, table):
    relieved = shift.relieve(keeper)
    with pytest.raises(IntegrityError):
        shift.sql(f"UPDATE {table} SET count_id = count_id")
    with pytest.raises(IntegrityError):
        shift.sql(f"DELETE FROM {table}")
    with pytest.raises(IntegrityError):
        shift.sql("INSERT INTO shift_passed VALUES (:c, 'case', 'x', 'vault')", c=relieved.count_id)
    with pytest.raises(IntegrityError):
        shift.sql("INSERT INTO shift_counted VALUES (:c, 'qc', '', 0, '', :h)", c=relieved.count_id, h="0" * 64)


def test_whoever_was_relieved_counts_nothing_in_that_shift(shift, keeper):
    """Also EMULATED people, who sign in nowhere."""
    shift.relieve(keeper)
    shift.relieve("e-lead-3", reliever="e-lead-1")
    with pytest.raises(ShiftMovedError):
        shift.close(by=Signers("e-lead-1", "e-lead-3"))
    assert shift.close().how is Ending.BALANCED


def test_the_next_shift_may_name_whoever_was_relieved(shift, keeper):
    shift.relieve(keeper)
    shift.hand_over(crew={**CREW_OF_EMULATED, "vault": (keeper, "e-vlt-9")})
    with pytest.raises(NothingToRelieveError):
        shift.relieve("e-vlt-8")
    assert shift.relieve(keeper, by=Signers("e-lead-1", "e-lead-2")).units == {}


def test_emulated_eyes_see_what_lies_where_the_absent_ones_pieces_should(shift, keeper):
    """A piece that was carried away is missed."""
    shift.line.hands.deliver(list(BOOKS), "shelf:book")
    shift.line.hands.put([BOOKS[0]], "corridor")
    with shift.database.read() as conn:
        seen = eyes.count_held(conn, shift.line.hands, keeper)
    relieved = shift.relieve(keeper, seen)
    assert ([one.serial for one in relieved.differences], relieved.units) == ([BOOKS[0]], {"vault": 4})
