"""The people of a demonstration who sign in: two administrators, two leads and an auditor, each with a password.

The passwords are drawn at random and kept in the demo's folder for whoever wants to sign in to it: these are no
secrets of anybody, and the folder is its owner's alone.
"""

import secrets
from typing import Final

from flows.run_folder import RunFolder
from handoff_logs.database import Database
from stations.people import Role
from stations.people_register import register
from stations.people_register.credentials import Credentials
from stations.people_register.sign_in import sign_in_two

FILE: Final = "people.txt"
FOUNDERS: Final = ("p-0001", "p-0002")
ENROLLED: Final = {"p-0101": Role.LEAD, "p-0102": Role.LEAD, "p-0901": Role.AUDITOR}
LEAD: Final = "p-0101"


def enrol_demo_people(folder: RunFolder, database: Database) -> dict[str, Credentials]:
    """Enrol whoever of them is not enrolled yet; what each types, by code."""
    people = _kept(folder)
    there = {person.code for person in register.everybody(database)}
    first, second = (people[code] for code in FOUNDERS)
    if not there:
        register.found(database, first, second, emulated=True)
    missing = [code for code in ENROLLED if code not in there]
    if missing:
        by = sign_in_two(database, first, second, (Role.ADMINISTRATOR,))
        for code in missing:
            register.enrol(database, by, people[code], (ENROLLED[code],), emulated=True)
    return people


def _kept(folder: RunFolder) -> dict[str, Credentials]:
    """The passwords in the demo's folder, drawn when there are none; whole or not there."""
    file = folder.path / FILE
    if not file.exists():
        lines = [f"{code} {secrets.token_urlsafe(12)}\n" for code in (*FOUNDERS, *ENROLLED)]
        begun = file.with_suffix(".new")
        begun.unlink(missing_ok=True)
        begun.touch(0o600, exist_ok=False)
        begun.write_text("".join(lines), "ascii")
        begun.rename(file)
    typed = (line.split() for line in file.read_text("ascii").splitlines())
    return {code: Credentials(code, password) for code, password in typed}
