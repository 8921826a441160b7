"""Loading batches: whole or not at all, once, and never two live applications."""

import contextlib
import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from once_more import once_on_postgresql
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from handoff_logs import offers
from handoff_logs.reading import open_reading
from stations.calendar import WorkCalendar
from stations.deadlines import ALLOWANCES
from stations.intake import booking, filed
from stations.intake.batch import MAX_LINE_BYTES
from stations.intake.errors import BatchBusyError, BatchRefusedError, EmulatedBatchError
from stations.intake.generator.defects import Shares
from stations.intake.generator.generate import generate
from stations.intake.states import advance, count_by_state
from stations.intake.tables import Application, ApplicationState, IntakeBatch

Intake = Any
MakeBatch = Callable[..., Any]
applications = Application.__table__


def application_ids(intake: Intake) -> list[str]:
    with intake.workplace.database.read() as conn:
        return list(conn.execute(select(applications.c.application_id).order_by("application_id")).scalars())


def test_good_applications_are_offered_to_review_in_trays_of_one_priority_and_product(
    intake: Intake, make_batch: MakeBatch
) -> None:
    batch = make_batch(60, shares=Shares(emergencies=0.2, intake_defects=0, review_defects=0))
    report = intake.load(batch, tray_size=8)
    assert (report.lines, report.loaded, report.set_aside) == (60, 60, 0)
    with intake.workplace.database.read() as conn:
        waiting = offers.waiting(conn, "review")
        rows = conn.execute(
            select(applications.c.priority, applications.c.product, func.count()).group_by("priority", "product")
        ).all()
    trays = sum(-(-count // 8) for _, _, count in rows)
    assert len(waiting) == report.trays == trays
    assert sum(offer.unit_count for offer in waiting) == 60
    assert [offer.priority for offer in waiting] == sorted(offer.priority for offer in waiting)
    assert waiting[0].priority == 0


def test_what_was_filed_is_sealed_and_opens_again(intake: Intake, make_batch: MakeBatch) -> None:
    batch = make_batch(3)
    intake.load(batch)
    sent = {record["number"]: record for record in batch.records()}
    with intake.workplace.database.read() as conn:
        ids = application_ids(intake)
        found = filed.by_ids(conn, intake.workplace.personal, ids)
        photos = filed.images(conn, intake.workplace.personal, ids, "photo")
        sealed = conn.execute(select(applications.c.applicant)).scalars().all()
    assert {one.record.number for one in found.values()} == set(sent)
    for one in found.values():
        record = sent[one.record.number]
        assert one.record.applicant.resident_id == record["applicant"]["resident_id"]
        assert photos[one.application_id].image == (batch.path / "images" / record["photo"]["file"]).read_bytes()
        assert photos[one.application_id].measures["width"] == 354
    assert not any(record["applicant"]["surname"].encode() in one for one in sealed for record in sent.values())


def test_every_seeded_defect_is_set_aside_with_its_line_and_reason(
    intake: Intake, make_batch: MakeBatch, tmp_path: Path
) -> None:
    truth, made = tmp_path / "truth.jsonl", tmp_path / "made"
    generate(made, 40, 5, day=date(2026, 11, 20), shares=Shares(intake_defects=0.5, review_defects=0), truth=truth)
    report = intake.load(replace(make_batch(1), path=made))
    stated = [json.loads(line) for line in truth.read_text().splitlines()]
    assert [(line, reason) for line, _, reason in intake.reasons(report)] == [
        (one["line"], one["code"]) for one in stated
    ]
    assert report.set_aside == len(stated) == 20
    assert report.loaded == 20
    assert len(Counter(one["code"] for one in stated)) == 10


def test_the_reply_holds_no_personal_data_beyond_the_application_number(intake: Intake, make_batch: MakeBatch) -> None:
    batch = make_batch(3)
    batch.edit(2, 李晓明=1, applicant__phone="李晓明")
    report = intake.load(batch)
    (entry,) = [json.loads(line) for line in report.reply.read_text().splitlines()]
    assert entry["number"] == batch.records()[1]["number"]
    assert "李晓明" not in report.reply.read_text()
    assert set(entry) == {"line", "number", "field", "reason", "sentence"}


@once_on_postgresql(
    "field, value, place, reason",
    [
        ("applicant__resident_id", "110105194912310021", "applicant.resident_id", "check_digit"),
        ("revision", "1", "revision", "wrong_value"),
        ("revision", 2, "revision", "revision_not_next"),
        ("office", "atlantis", "office", "unknown_office"),
        ("remark", "x", "remark", "unknown_field"),
        ("applicant__remark", "x", "applicant.remark", "unknown_field"),
        ("fee", None, "fee", "missing_field"),
        ("accepted_at", "2026-11-20T10:00:00", "accepted_at", "wrong_value"),
        ("applicant", [], "applicant", "wrong_value"),
        ("applicant__surname", "Smith", "applicant.surname", "wrong_value"),
        ("photo__file", "../manifest.json", "photo.file", "wrong_value"),
        ("photo__file", "nowhere.jpg", "photo", "photo_missing"),
    ],
)
def test_a_bad_field_is_named(
    intake: Intake, make_batch: MakeBatch, field: str, value: object, place: str, reason: str
) -> None:
    batch = make_batch(2)
    batch.edit(1, **{field: value})
    report = intake.load(batch)
    assert intake.reasons(report) == [(1, place, reason)]
    assert report.loaded == 1


@once_on_postgresql(
    "line", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 5_000, b'{"number":"A' + b"a" * MAX_LINE_BYTES]
)
def test_a_line_that_is_no_application_is_set_aside_and_the_next_one_loads(
    intake: Intake, make_batch: MakeBatch, line: bytes
) -> None:
    batch = make_batch(2)
    batch.reseal([line, *batch.lines()])
    report = intake.load(batch)
    ((number, _, reason),) = intake.reasons(report)
    assert (number, report.loaded) == (1, 2)
    assert reason in ("broken_line", "line_too_long")


def test_loading_the_same_batch_again_changes_nothing(intake: Intake, make_batch: MakeBatch) -> None:
    batch = make_batch(8, shares=Shares(intake_defects=0.4))
    first = intake.load(batch)
    answered = first.reply.read_bytes()
    before = application_ids(intake)
    again = intake.load(batch)
    assert again == replace(first, trays=0, repeated=True)
    assert first.reply.read_bytes() == answered
    assert application_ids(intake) == before


def test_a_load_that_died_between_chunks_goes_on_where_it_stopped(intake: Intake, make_batch: MakeBatch) -> None:
    batch = make_batch(9)

    class DiedError(Exception):
        pass

    def die(done: int, _lines: int) -> None:
        if done == 6:
            raise DiedError

    with pytest.raises(DiedError):
        intake.load(batch, chunk_lines=3, progress=die)
    assert len(application_ids(intake)) == 6
    report = intake.load(batch, chunk_lines=3)
    assert (report.loaded, report.repeated, len(application_ids(intake))) == (9, False, 9)


def test_a_known_application_in_another_batch_is_set_aside(intake: Intake, make_batch: MakeBatch) -> None:
    batch = make_batch(2)
    intake.load(batch)
    batch.reseal(list(reversed(batch.lines())))
    report = intake.load(batch)
    assert [reason for *_, reason in intake.reasons(report)] == ["already_on_file"] * 2


@pytest.mark.parametrize("before", [ApplicationState.RETURNED, ApplicationState.HELD])
def test_the_next_revision_enters_after_a_return_or_a_hold(
    intake: Intake, make_batch: MakeBatch, before: ApplicationState
) -> None:
    batch = make_batch(1)
    intake.load(batch)
    ids = application_ids(intake)
    batch.edit(1, revision=2)
    waiting = intake.load(batch)
    assert [reason for *_, reason in intake.reasons(waiting)] == ["revision_not_next"]
    intake.workplace.database.write(lambda tx: advance(tx, ids, ApplicationState.WAITING, before))
    batch.edit(1, revision=3)
    assert [reason for *_, reason in intake.reasons(intake.load(batch))] == ["revision_not_next"]
    batch.edit(1, revision=2, photo_taken_on="2026-11-19")
    assert intake.load(batch).loaded == 1
    with intake.workplace.database.read() as conn:
        assert count_by_state(conn) == {"returned": 1, "waiting": 1}


def test_a_person_has_one_live_application_of_a_type(intake: Intake, make_batch: MakeBatch) -> None:
    batch = make_batch(3, shares=Shares(hk_macau_permit=0, taiwan_permit=0, intake_defects=0, review_defects=0))
    applicant = batch.records()[0]["applicant"]
    batch.edit(2, applicant=applicant)
    batch.edit(3, applicant=applicant, product="taiwan_permit")
    report = intake.load(batch)
    assert intake.reasons(report) == [(2, "applicant.resident_id", "person_has_live_application")]
    assert report.loaded == 2


def test_the_database_itself_refuses_a_second_live_application(intake: Intake, make_batch: MakeBatch) -> None:
    intake.load(make_batch(1))
    with intake.workplace.database.read() as conn:
        row = dict(conn.execute(select(applications)).mappings().one())
    for changed in ({"application_key": "other"}, {"person_key": "other", "revision": 2}):
        twin = row | {"application_id": "x", "order_unit": "y"} | changed
        with pytest.raises(IntegrityError):
            intake.workplace.database.write(lambda tx, twin=twin: tx.execute(applications.insert(), twin))


def test_two_loads_of_one_person_at_the_same_instant_enter_one(
    intake: Intake, make_batch: MakeBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = Shares(hk_macau_permit=0, taiwan_permit=0, intake_defects=0, review_defects=0)
    batches = [make_batch(1, seed, shares) for seed in (1, 2)]
    batches[1].edit(1, applicant=batches[0].records()[0]["applicant"])
    together = threading.Barrier(2)
    sort_out = booking._sort_out

    def sorted_together(*arguments: Any) -> Any:
        found = sort_out(*arguments)
        # On SQLite one writer works at a time, so the second never comes while the first waits.
        if arguments[0].dialect.name == "postgresql":
            with contextlib.suppress(threading.BrokenBarrierError):
                together.wait(2)
        return found

    monkeypatch.setattr(booking, "_sort_out", sorted_together)
    reports: list[Any] = []
    threads = [threading.Thread(target=lambda batch=batch: reports.append(intake.load(batch))) for batch in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(report.loaded for report in reports) == [0, 1]
    (refused,) = [report for report in reports if not report.loaded]
    assert [reason for *_, reason in intake.reasons(refused)] == ["person_has_live_application"]


def test_two_loads_of_one_batch_enter_it_once(intake: Intake, make_batch: MakeBatch) -> None:
    batch = make_batch(12)
    reports: list[Any] = []

    def load() -> None:
        try:
            reports.append(intake.load(batch, chunk_lines=3))
        except BatchBusyError as busy:
            reports.append(busy)

    threads = [threading.Thread(target=load) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(application_ids(intake)) == 12
    with intake.workplace.database.read() as conn:
        row = conn.execute(select(IntakeBatch.__table__)).one()
    assert (row.lines_read, row.loaded, row.set_aside) == (12, 12, 0)


def test_a_production_line_refuses_a_generated_batch(intake: Intake, make_batch: MakeBatch) -> None:
    production = replace(intake, workplace=replace(intake.workplace, emulated=False))
    with pytest.raises(EmulatedBatchError):
        production.load(make_batch(1))
    assert application_ids(intake) == []


def test_an_order_is_known_by_the_application_number(intake: Intake, make_batch: MakeBatch, database_url: str) -> None:
    batch = make_batch(1)
    intake.load(batch)
    number = batch.records()[0]["number"]
    reading = open_reading(database_url)
    try:
        (row,) = reading.rows("SELECT number FROM unit_number")
    finally:
        reading.close()
    assert row["number"] == number


def test_an_image_changed_after_the_check_stops_the_load(
    intake: Intake, make_batch: MakeBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = make_batch(2)
    monkeypatch.setattr("stations.intake.folder._check_images", lambda _folder: None)
    file = batch.path / "images" / batch.records()[1]["photo"]["file"]
    file.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(BatchRefusedError):
        intake.load(batch)
    assert application_ids(intake) == []


def test_review_has_until_the_lines_allowances_of_the_stations_behind_it(intake: Intake, make_batch: MakeBatch) -> None:
    normal = Shares(emergencies=0, expedited=0, intake_defects=0, review_defects=0)
    brief = {name: dict.fromkeys(usual, timedelta(minutes=1)) for name, usual in ALLOWANCES.items()}
    intake.load(make_batch(1, seed=1, shares=normal))
    intake.load(make_batch(1, seed=2, shares=normal), allowances=brief)
    with intake.workplace.database.read() as conn:
        by_age = sorted(offers.waiting(conn, "review"), key=lambda offer: offer.offered_us)
    usual_us, brief_us = (offer.due_us for offer in by_age)
    assert usual_us < brief_us


def test_an_overridden_calendar_is_recorded_once_kept_by_later_loads_and_ends_by_another(
    intake: Intake, make_batch: MakeBatch
) -> None:
    """Deadlines are reckoned with it, so whoever checks them must find what it was."""

    def entries() -> list[Any]:
        with intake.workplace.database.read() as conn:
            query = "SELECT subject, field, value FROM custody_register WHERE register = 'calendar' ORDER BY event_id"
            return [tuple(row) for row in conn.execute(text(query))]

    made = make_batch(2)
    intake.load(made)
    assert entries() == []
    calendar = WorkCalendar({date(2027, 1, 1): False}, frozenset({2027}))
    for _ in range(2):
        intake.load(made, calendar=calendar)
    said = [("2027", "days", "complete"), ("2027-01-01", "day", "holiday")]
    assert sorted(entries()) == said
    intake.load(made)
    assert sorted(entries()) == said
    intake.load(made, calendar=WorkCalendar())
    assert sorted(entries()[2:]) == [(subject, field, None) for subject, field, _ in said]
