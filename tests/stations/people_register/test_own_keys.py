"""A person's own key is unlocked by their PIN, and wrong PINs count as wrong passwords do."""

from pathlib import Path

import pytest
from sqlalchemy import text

from handoff_logs import key_register, log, pins, register
from handoff_logs.errors import KeyMissingError, WrongPinError
from handoff_logs.key_register import Signers
from handoff_logs.records import Birth, Kind, Party, new_id
from stations.people_register import register as people_register
from stations.people_register import rules
from stations.people_register.credentials import Credentials
from stations.people_register.errors import SignInLockedError, SignInRefusedError
from stations.people_register.sign_in import sign_in, unlock, unlock_own

PIN, WRONG = "4711-0815", "0815-4711"


@pytest.fixture(autouse=True)
def _cheap_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pins, "_COST", 2)


@pytest.fixture
def own_key(people, administrators, worker, tmp_path: Path) -> str:
    """The operator's own key."""
    by = register.administration(administrators.first, administrators.first_sign_in)
    signers = Signers(by, administrators.second, administrators.second_sign_in)
    return key_register.enrol(people, tmp_path / "signing", worker.code, PIN, signers, emulated=True).key_id


def second_key(database, code):
    """Whose own key signs what a person signs as the second."""
    births, stamp = [Birth(new_id(), Kind.BLANK)], log.Stamp(1, True)
    by = Party("personalization", "p-0001", "day")
    event = database.write(lambda tx: log.receive(tx, by, code, births, "shelf", stamp))
    with database.read() as conn:
        query = text("SELECT second_key_id FROM custody_event WHERE event_id = :id")
        return conn.execute(query, {"id": event}).scalar()


def outcomes(database, code):
    """What is recorded of sign-ins with a code."""
    with database.read() as conn:
        query = text("SELECT outcome FROM sign_in_attempt WHERE code = :code ORDER BY at_us, attempt_id")
        return list(conn.execute(query, {"code": code}).scalars())


def test_a_pin_unlocks_its_persons_key_and_is_a_sign_in(people, worker, own_key):
    signed = unlock(people, people.keyring, worker.code, PIN)
    assert (signed.code, signed.roles) == (worker.code, {"operator"})
    assert outcomes(people, worker.code) == ["begun", "accepted"]
    assert second_key(people, worker.code) == own_key


def test_a_wrong_pin_unlocks_nothing_and_locks_what_was_open(people, worker, own_key):
    unlock(people, people.keyring, worker.code, PIN)
    with pytest.raises(WrongPinError, match=worker.code):
        unlock(people, people.keyring, worker.code, WRONG)
    assert second_key(people, worker.code) is None
    assert outcomes(people, worker.code)[-1] == "refused"


def test_wrong_pins_and_wrong_passwords_count_together(people, worker, own_key):
    """Then the right ones are refused too, and the key stays locked."""
    for _ in range(rules.FAILURES - 1):
        with pytest.raises(WrongPinError):
            unlock(people, people.keyring, worker.code, WRONG)
    with pytest.raises(SignInRefusedError):
        sign_in(people, Credentials(worker.code, "not the password"))
    with pytest.raises(SignInLockedError):
        unlock(people, people.keyring, worker.code, PIN)
    with pytest.raises(SignInLockedError):
        sign_in(people, worker)
    assert people.keyring.is_locked(worker.code)


def test_whoever_has_left_unlocks_nothing(people, administrators, worker, own_key):
    people_register.end(people, administrators, worker.code, emulated=True)
    with pytest.raises(SignInRefusedError):
        unlock(people, people.keyring, worker.code, PIN)
    assert people.keyring.is_locked(worker.code)


def test_pins_are_asked_of_those_who_have_a_key_here_and_of_nobody_else(people, worker, own_key):
    """A person without one is no failure, and an open key is not asked for again."""
    asked = []

    def ask(code):
        asked.append(code)
        return PIN

    for _ in range(2):
        unlock_own(people, ("p-0001", worker.code), ask)
    assert asked == [worker.code]
    with pytest.raises(KeyMissingError):
        unlock(people, people.keyring, "p-0001", PIN)
    assert outcomes(people, "p-0001") == ["accepted", "begun"] or outcomes(people, "p-0001") == ["begun", "accepted"]
