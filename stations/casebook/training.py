"""Training mode: of the defects that were seeded in EMULATED batches, who caught which. Never on a production line.

What is seeded stands in the pictures themselves, which the generator marks, and in its list of them (`--truth`): that
one alone has what no picture shows, such as a fee.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from handoff_logs.statements import Statement
from stations.casebook.errors import NotEmulatedError, TruthUnreadableError
from stations.intake.filed import images
from stations.personal import PersonalData
from stations.review.items import ITEM_OF, ITEMS
from stations.workplace import Workplace

PORTION: Final = 200
"""Applications whose pictures are in memory together."""

_DECIDED = Statement(
    """
    SELECT v.application_id, a.application_key, v.reviewer, v.outcome, v.reasons
    FROM review_verdict AS v JOIN application AS a ON a.application_id = v.application_id
    WHERE v.written_us >= :since_us AND v.revision = a.revision AND a.emulated
    UNION ALL
    SELECT d.application_id, a.application_key, d.reviewer, d.outcome, d.reasons
    FROM review_decision AS d JOIN application AS a ON a.application_id = d.application_id
    WHERE d.stored_us >= :since_us AND d.revision = a.revision AND a.emulated AND d.undone_us IS NULL
    AND NOT EXISTS (SELECT 1 FROM review_verdict AS v WHERE v.application_id = d.application_id
        AND v.revision = d.revision AND v.round = d.round)
    """
)


@dataclass(frozen=True, slots=True)
class CatchRate:
    """What came of the defects of one item before one reviewer.

    `caught`: returned or held for this item; `otherwise`: for others alone; `passed`: let through.
    """

    item: str
    reviewer: str
    caught: int
    otherwise: int
    passed: int

    @property
    def seeded(self) -> int:
        """How many defects of the item came before the reviewer."""
        return self.caught + self.otherwise + self.passed

    @property
    def share(self) -> float:
        """Of them the share that was caught, 0–1."""
        return self.caught / self.seeded


def truth_of(file: Path) -> dict[str, str]:
    """The seeded defects of a batch by application number, as the generator states them.

    Raises TruthUnreadableError.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TruthUnreadableError(str(file), 0) from error
    stated = {}
    for number, line in enumerate(lines, start=1):
        try:
            one = json.loads(line)
            stated[str(one["number"])] = str(one["code"])
        except (ValueError, KeyError, TypeError) as error:
            raise TruthUnreadableError(str(file), number) from error
    return stated


def catch_rates(
    workplace: Workplace, seen: Callable[[bytes], Sequence[str]], truth: Mapping[str, str], since_us: int
) -> list[CatchRate]:
    """The rates of what was decided since then, by item in its order and by reviewer.

    `seen` reads the defects that a generated picture is marked with. Raises NotEmulatedError.
    """
    if not workplace.emulated:
        raise NotEmulatedError
    personal = workplace.personal
    stated = {personal.application_key(number): code for number, code in truth.items()}
    counts: Counter[tuple[str, str, str]] = Counter()
    with workplace.database.read() as conn:
        decided = _DECIDED.run(conn, {"since_us": since_us}).fetchall()
        for start in range(0, len(decided), PORTION):
            portion = decided[start : start + PORTION]
            marked = _marked(conn, personal, [row[0] for row in portion], seen)
            for application_id, key, reviewer, outcome, reasons in portion:
                for item in {stated.get(key, ""), *marked[application_id]} & set(ITEMS):
                    counts[item, reviewer, _came(item, outcome, reasons)] += 1
    of = sorted({(item, reviewer) for item, reviewer, _ in counts}, key=lambda each: (_PLACE[each[0]], each[1]))
    return [CatchRate(*each, *(counts[*each, came] for came in ("caught", "otherwise", "passed"))) for each in of]


_PLACE: Final = {code: place for place, code in enumerate(ITEMS)}


def _came(item: str, outcome: str, reasons: str) -> str:
    if outcome == "pass":
        return "passed"
    return "caught" if item in {ITEM_OF[reason].code for reason in reasons.split()} else "otherwise"


def _marked(
    conn: Connection, personal: PersonalData, ids: Sequence[str], seen: Callable[[bytes], Sequence[str]]
) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {each: set() for each in ids}
    for role in ("photo", "signature"):
        filed: dict[str, Any] = images(conn, personal, ids, role)
        for application_id, image in filed.items():
            found[application_id] |= set(seen(image.image))
    return found
