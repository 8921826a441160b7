"""Nobody signs but with their own code and password, and guessing ends soon."""

import pickle
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import text

from stations.people import Role
from stations.people_register import passwords, register, rules
from stations.people_register.credentials import Credentials
from stations.people_register.errors import (
    BadCodeError,
    EmulatedStaffError,
    PasswordRefusedError,
    RoleMissingError,
    SamePersonTwiceError,
    SignInLockedError,
    SignInRefusedError,
)
from stations.people_register.sign_in import sign_in, sign_in_two

MINUTE_S = 60
WRONG = "not the password"


def outcomes(database, code):
    """What is recorded of sign-ins with a code, in order."""
    with database.read() as conn:
        query = text("SELECT outcome FROM sign_in_attempt WHERE code = :code ORDER BY at_us, attempt_id")
        return list(conn.execute(query, {"code": code}).scalars())


def test_code_and_password_sign_in_with_the_persons_roles(people, worker):
    assert sign_in(people, worker).roles == {"operator"}
    assert outcomes(people, worker.code) == ["begun", "accepted"]


def test_a_wrong_password_and_an_unknown_code_are_refused_alike(people, worker):
    """Neither words nor records tell which of the two was wrong."""
    said = []
    for code in (worker.code, "p-9999"):
        with pytest.raises(SignInRefusedError) as refused:
            sign_in(people, Credentials(code, WRONG))
        said.append(str(refused.value).replace(code, "CODE"))
        assert outcomes(people, code) == ["begun", "refused"]
    assert said[0] == said[1]


def test_an_unknown_code_takes_as_long_as_a_wrong_password(monkeypatch):
    """Both verify one hash of the same cost; with the real cost nothing else shows beside it."""
    monkeypatch.undo()
    kept = passwords.hashed("the password")
    assert passwords.costs_the_same(passwords.NOBODYS)
    assert passwords.costs_the_same(kept)

    def took_s(known):
        began_s = time.process_time()
        assert not passwords.matches(WRONG, known)
        return time.process_time() - began_s

    known, unknown = (statistics.median(took_s(hash_) for _ in range(3)) for hash_ in (kept, None))
    assert 0.5 < known / unknown < 2


def test_nobodys_password_signs_nobody_in(people, monkeypatch):
    """Even whoever knows it: a match with nobody's hash is never believed."""
    monkeypatch.setattr(passwords, "NOBODYS", passwords.hashed("the password of nobody"))
    with pytest.raises(SignInRefusedError):
        sign_in(people, Credentials("p-9999", "the password of nobody"))


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_five_failures_lock_a_code_for_a_quarter_of_an_hour(people, worker, known, attempts):
    """Also one that is nobody's; then the right password is refused too."""
    code = worker.code if known else "p-9999"
    attempts(code, [14.5 * MINUTE_S, 3, 2, 1])
    with pytest.raises(SignInRefusedError):
        sign_in(people, Credentials(code, WRONG))
    with pytest.raises(SignInLockedError) as locked:
        sign_in(people, replace(worker, code=code))
    left_s = locked.value.until_us / 1_000_000 - time.time()
    assert 14 * MINUTE_S < left_s <= 15 * MINUTE_S
    assert outcomes(people, code)[-1] == "locked"


def test_a_lock_ends_by_itself_and_is_not_drawn_out_by_trying(people, worker, attempts):
    attempts(worker.code, [15.1 * MINUTE_S + second for second in range(5)])
    assert sign_in(people, worker)


def test_failures_far_apart_do_not_lock(people, worker, attempts):
    attempts(worker.code, [15.1 * MINUTE_S, 4, 3, 2])
    with pytest.raises(SignInRefusedError):
        sign_in(people, Credentials(worker.code, WRONG))
    assert sign_in(people, worker)


def test_a_good_sign_in_ends_the_count(people, worker, attempts):
    attempts(worker.code, [4, 3, 2, 1])
    assert sign_in(people, worker)
    with pytest.raises(SignInRefusedError):
        sign_in(people, Credentials(worker.code, WRONG))
    assert sign_in(people, worker)


def test_guesses_side_by_side_are_all_counted(people, worker):
    """Twelve at once: five are looked at, the others find the code locked."""

    def guess(number):
        try:
            sign_in(people, Credentials(worker.code, f"guess number {number}"))
        except (SignInRefusedError, SignInLockedError) as refused:
            return type(refused)

    with ThreadPoolExecutor(12) as threads:
        ended = list(threads.map(guess, range(12)))
    assert (ended.count(SignInRefusedError), ended.count(SignInLockedError)) == (rules.FAILURES, 12 - rules.FAILURES)


def test_somebody_who_has_left_signs_nothing(people, worker, administrators):
    register.end(people, administrators, worker.code, emulated=True)
    with pytest.raises(SignInRefusedError):
        sign_in(people, worker)


def test_emulated_staff_and_what_is_no_code_are_refused_before_anything_is_kept(people):
    with pytest.raises(EmulatedStaffError):
        sign_in(people, Credentials("e-per-1", WRONG))
    for typed in ("a password of one", "e-password-typed-here", "P-0001", "p-1", "p-٠٤١٧", ""):
        with pytest.raises(BadCodeError) as refused:
            sign_in(people, Credentials(typed, WRONG))
        assert not typed or typed not in str(refused.value)
        assert outcomes(people, typed) == []


def test_one_person_is_not_two(people, worker):
    with pytest.raises(SamePersonTwiceError):
        sign_in_two(people, worker, worker, [Role.OPERATOR])
    assert outcomes(people, worker.code) == []


def test_a_person_without_the_role_is_told_what_is_needed(people, worker, administrators):
    other = Credentials("p-0418", "a password of four")
    register.enrol(people, administrators, other, [Role.PACKER], emulated=True)
    with pytest.raises(RoleMissingError, match="not operator or lead"):
        sign_in_two(people, worker, other, [Role.OPERATOR, Role.LEAD])
    assert sign_in_two(people, worker, other, [Role.OPERATOR, Role.PACKER]).codes == (worker.code, other.code)


@pytest.mark.parametrize(
    ("password", "fits"), [("x" * 11, False), ("x" * 12, True), ("口" * 128, True), ("x" * 129, False), ("ﬃ" * 4, True)]
)
def test_length_is_all_that_is_asked_of_a_password(password, fits):
    """In characters, after normalising: the ligature ffi is three."""
    if fits:
        assert passwords.matches(password, passwords.hashed(password))
    else:
        with pytest.raises(PasswordRefusedError) as refused:
            passwords.hashed(password)
        assert password not in str(refused.value)


def test_a_password_is_the_same_however_it_was_typed():
    """Two keyboards write é, and full-width digits, in two ways."""
    assert passwords.matches("cafe\u0301 １２３４５６７８", passwords.hashed("caf\u00e9 12345678"))


def test_bytes_that_are_no_text_are_a_password_like_any_other():
    typed = b"\xff\xfe half characters".decode("utf-8", "surrogateescape")
    assert passwords.matches(typed, passwords.hashed(typed))
    assert not passwords.matches(typed[1:], passwords.hashed(typed))


def test_a_password_is_shown_nowhere():
    assert "a password" not in repr(Credentials("p-0001", "a password of one"))


def test_refusals_survive_pickling():
    for refusal in (SignInLockedError("p-0001", 1), RoleMissingError("p-0001", ("lead",)), BadCodeError()):
        assert str(pickle.loads(pickle.dumps(refusal))) == str(refusal)


def test_the_library_hashes_as_it_says():
    """Argon2id, with at least what OWASP asks of it."""
    assert passwords.NOBODYS.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert Argon2Hasher.identify(passwords.NOBODYS)
