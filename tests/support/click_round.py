"""One click on a round's form in a process of its own: opens the line, says so, and records once told to.

`python click_round.py URL SIGNING_KEYS KEYS ROUND_ID PERSON SIGN_IN` prints "ready", waits for a line, and prints
whether the round was news.
"""

import sys
from pathlib import Path

from patrol_line import CRACK, HOLDABLE, walked

from handoff_logs.database import Database
from handoff_logs.keyring import Keyring
from stations.by import By
from stations.patrol.rounds import record_round
from stations.people import emulated_duty
from stations.personal import PersonalData
from stations.workplace import Workplace


def main(url: str, signing: str, keys: str, round_id: str, person: str, sign_in: str) -> None:
    """Click once."""
    with Database(url, keyring=Keyring(Path(signing))) as database:
        people = emulated_duty("personalization", "day").codes
        here = Workplace(database, "personalization", "day", people, True, PersonalData(Path(keys)))
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        recorded = record_round(here, walked(CRACK), round_id, By(person, sign_in), HOLDABLE)
        sys.stdout.write(f"{recorded.news}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
