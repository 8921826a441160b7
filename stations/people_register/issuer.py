"""Coming in through the centre's OpenID issuer: it proves who somebody is, and the register alone says what they may.

Such a sign-in opens pages. It signs nothing: its row is in a table of its own, which no record of the log can name,
and it neither counts among the wrong passwords of a code nor ends their count.
"""

from collections.abc import Collection

from sqlalchemy import Connection, insert

from handoff_logs.database import Database
from handoff_logs.dialects import clock_us
from handoff_logs.records import new_id
from stations.people import Role
from stations.people_register import rules
from stations.people_register.errors import BadCodeError, EmulatedStaffError, IssuerRefusedError
from stations.people_register.sign_in import RELIEVED, find, roles_of
from stations.people_register.tables import IssuerRefusal, IssuerSignIn

_SIGN_IN = IssuerSignIn.__table__  # type: ignore[attr-defined]


def staff_code(said: object) -> str | None:
    """The staff code in what an issuer says of somebody; None if that is none.

    >>> staff_code("p-0417"), staff_code("e-0417"), staff_code("zhang.san@centre"), staff_code(["p-0417"])
    ('p-0417', None, None, None)
    """
    try:
        return rules.check_code(said) if isinstance(said, str) else None
    except (BadCodeError, EmulatedStaffError):
        return None


def admit(database: Database, issuer: str, code: str, roles: Collection[Role]) -> frozenset[str]:
    """Let the person in whom `issuer` has proven to be `code`, if they have one of `roles`; the roles they have.

    Raises IssuerRefusedError. Either is recorded in the transaction that looked.
    """

    def decide(tx: Connection) -> frozenset[str] | IssuerRefusal:
        person = find(tx, code)
        has = roles_of(tx, code)
        refusal = None
        if person is None or person.ended_us is not None:
            refusal = IssuerRefusal.NOBODY
        elif RELIEVED.run(tx, {"code": code}).fetchone() is not None:
            refusal = IssuerRefusal.RELIEVED
        elif has.isdisjoint(roles):
            refusal = IssuerRefusal.ROLELESS
        _record(tx, issuer, code, refusal)
        return refusal or has

    decided = database.write(decide)
    if isinstance(decided, IssuerRefusal):
        raise IssuerRefusedError(code, decided.value)
    return decided


def record_refusal(database: Database, issuer: str, refusal: IssuerRefusal) -> None:
    """Record a sign-in that proved nobody."""
    database.write(lambda tx: _record(tx, issuer, None, refusal))


def _record(tx: Connection, issuer: str, code: str | None, refusal: IssuerRefusal | None) -> None:
    said = {"code": code, "issuer": issuer, "accepted": refusal is None, "refusal": refusal and refusal.value}
    tx.execute(insert(_SIGN_IN).values(attempt_id=new_id(), at_us=clock_us(tx), **said))
