"""What applicants are asked: the reasons of a hold, which go out to the accepting office.

A question names its application by a random id and its round, and tells the office the application's number besides. No
text is written freely in it.
"""

from dataclasses import dataclass

from sqlalchemy import Connection

from handoff_logs.dialects import clock_us
from handoff_logs.records import new_id
from handoff_logs.statements import Statement
from stations.by import By
from stations.intake import filed
from stations.offices import OFFICES
from stations.review.errors import UnknownOfficeError
from stations.workplace import Workplace

_OPEN = Statement(
    """
    SELECT a.application_id, a.revision, v.round, a.office, a.product, v.written_us, v.reasons,
        (SELECT count(*) FROM review_question AS q WHERE q.application_id = a.application_id AND q.round = v.round)
    FROM whereabouts AS w JOIN application AS a ON a.order_unit = w.unit_id
    JOIN review_verdict AS v ON v.application_id = a.application_id AND v.revision = a.revision
    WHERE w.station = :station AND w.state = 'held' AND w.kind = 'order' AND w.place = 'hold' AND a.state = 'held'
    AND a.office = :office AND v.outcome = 'hold' AND NOT EXISTS (SELECT 1 FROM review_verdict AS later
        WHERE later.application_id = v.application_id AND later.round > v.round)
    ORDER BY v.written_us, a.application_id
    """
)
_SENT = Statement(
    "INSERT INTO review_question (sending_id, application_id, revision, round, office, sent_us, sent_by, sign_in,"
    " emulated) VALUES (:sending_id, :application_id, :revision, :round, :office, :now_us, :code, :sign_in, :emulated)"
)


@dataclass(frozen=True, slots=True)
class Question:
    """What an office is asked about one application.

    `asked_us`: when it was held, microseconds UTC; `sent_before`: how often it went out already.
    """

    question: str
    office: str
    number: str
    revision: int
    product: str
    asked_us: int
    reasons: tuple[str, ...]
    sent_before: int


def ask(workplace: Workplace, by: By, office: str) -> list[Question]:
    """The open questions for an office's applicants, the oldest first; that they were sent is recorded.

    Raises UnknownOfficeError.
    """
    if office not in OFFICES:
        raise UnknownOfficeError(office)

    def send(tx: Connection) -> list[Question]:
        rows = _OPEN.run(tx, {"station": workplace.station, "office": office}).fetchall()
        records = filed.by_ids(tx, workplace.personal, [row[0] for row in rows])
        sending = {
            "sending_id": new_id(),
            "now_us": clock_us(tx),
            "code": by.code,
            "sign_in": by.sign_in,
            "emulated": workplace.emulated,
        }
        asked = []
        for application_id, revision, round_, of, product, written_us, reasons, before in rows:
            named = {"application_id": application_id, "revision": revision, "round": round_}
            _SENT.run(tx, {**sending, **named, "office": of})
            number = records[application_id].record.number
            question = question_of(application_id, round_)
            asked.append(Question(question, of, number, revision, product, written_us, tuple(reasons.split()), before))
        return asked

    return workplace.database.write(send)


def question_of(application_id: str, round_: int) -> str:
    """A question's own id."""
    return f"{application_id}.{round_}"
