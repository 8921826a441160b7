"""The sixteen questions against a naive reckoning of the same rows, on both databases."""

import math
from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import text

from handoff_logs import log, questions
from handoff_logs.errors import BadCursorError
from handoff_logs.questions import QUESTIONS, Type
from handoff_logs.reading import open_reading
from handoff_logs.records import Birth, Kind, Party, new_id

S = 1_000_000
START = 1_700_000_000 * S
EVERYTHING = {"from_us": 0, "to_us": 2**52}


class Day:
    """A day of the small centre at times of its own making, and everything read back without the questions."""

    def __init__(self, centre: Any) -> None:
        self.centre, self.clock = centre, START

    def stamp(self, later_s: int = 1, **facts: Any) -> log.Stamp:
        self.clock += later_s * S
        return log.Stamp(self.clock, True, **facts)

    def pass_on(self, units: list[str], here: str, to: str, after_s: int, **facts: Any) -> log.Offer:
        by = self.centre.by(here)
        stamp = self.stamp(after_s, **facts)
        return self.centre.do(lambda tx: log.offer(tx, by, "out", to, units, priority=2, stamp=stamp))

    def take(self, offer: log.Offer, units: list[str], station: str, after_s: int = 1) -> log.Acceptance:
        by, stamp = self.centre.by(station), self.stamp(after_s)
        return self.centre.do(lambda tx: log.accept(tx, by, offer.handoff_id, units, "in", stamp))

    def receive(self, station: str, births: list[Birth]) -> None:
        by, second, stamp = self.centre.by(station), self.centre.by(station, 2).person, self.stamp()
        self.centre.do(lambda tx: log.receive(tx, by, second, births, "shelf", stamp))


@pytest.fixture
def day(centre: Any) -> Any:
    """Orders through review and personalization to QC; a blank missing, one voided, one destroyed; a correction."""
    day = Day(centre)
    day.orders = [Birth(new_id(), Kind.ORDER, f"A{n}") for n in range(8)]
    day.blanks = [Birth(new_id(), Kind.BLANK, f"E{n}") for n in range(12)]
    day.receive("intake", day.orders)
    day.receive("vault", day.blanks)
    orders, blanks = [b.unit_id for b in day.orders], [b.unit_id for b in day.blanks]
    for n, order in enumerate(orders):
        due = START + (90 + 10 * n) * S
        day.take(day.pass_on([order], "intake", "review", n + 1, due_us=due), [order], "review", 2)
    for n, order in enumerate(orders[:6]):
        due = START + (400 + 30 * n) * S
        day.take(day.pass_on([order], "review", "personalization", 7 * n + 3, due_us=due), [order], "personalization")
    day.take(day.pass_on(blanks[:9], "vault", "personalization", 5), blanks[:8], "personalization")
    by, second = centre.by("personalization"), centre.by("personalization", 2).person
    day.documents = [Birth(new_id(), Kind.DOCUMENT, f"E{n}") for n in range(4)]
    for n, born in enumerate(day.documents):
        machine = f"book-0{n % 2 + 1}"
        stamp = day.stamp(4, machine=machine, due_us=START + (300 + 60 * n) * S)
        place = f"{machine}:good"
        centre.do(lambda tx, n=n, born=born, s=stamp, p=place: log.transform(tx, by, orders[n], blanks[n], born, p, s))
    made = [b.unit_id for b in day.documents]
    for n, document in enumerate(made):
        offer = day.pass_on([document], "personalization", "qc", 11, due_us=START + (600 + n) * S)
        if n < 3:
            day.take(offer, [document], "qc")
    stamp = day.stamp()
    centre.do(lambda tx: log.void(tx, by, second, [blanks[4], blanks[5]], "reject", stamp))
    stamp = day.stamp()
    centre.do(lambda tx: log.destroy(tx, by, second, [blanks[4]], stamp))
    stamp = day.stamp(1, machine="book-01")
    centre.do(lambda tx: log.move(tx, by, [blanks[6]], "book-01:input", stamp))
    day.moved = stamp
    (wrong,) = [row["event_id"] for row in everything(centre) if row["unit_id"] == blanks[6] and row["act"] == "move"]
    day.wrong, day.right_us = wrong, day.clock + 50 * S
    value = str(day.right_us)
    stamp = day.stamp(reason="clock")
    centre.do(lambda tx: log.correct(tx, by, wrong, "happened_us", value, stamp))
    day.units = {"orders": orders, "blanks": blanks, "documents": made}
    return day


def everything(centre: Any) -> list[dict[str, Any]]:
    """Every unit row with its event, in the log's order."""
    query = text(
        "SELECT event.*, unit.unit_id, unit.step, unit.position, unit.kind, unit.state, unit.station AS station,"
        " unit.place, unit.person AS custodian FROM custody_event AS event JOIN custody_unit AS unit"
        " ON unit.event_id = event.event_id ORDER BY event.seq, unit.position"
    )
    return [dict(row) for row in centre.do(lambda tx: tx.execute(query).mappings().all())]


def chains(centre: Any) -> dict[str, list[dict[str, Any]]]:
    units: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in everything(centre):
        units[row["unit_id"]].append(row)
    return units


def asked(url: str, name: str, *subject: str, **filters: Any) -> list[dict[str, Any]]:
    with open_reading(url) as reading:
        return list(QUESTIONS[name].ask(reading, *subject, **filters))


def naive_events(centre: Any) -> list[dict[str, Any]]:
    query = text("SELECT * FROM custody_event ORDER BY seq")
    return [dict(row) for row in centre.do(lambda tx: tx.execute(query).mappings().all())]


SUBJECTS = {"document": ("E1",), "holder": ("E1",), "shift": ("day",), "person": ("personalization-1",)}


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_answer_has_the_columns_it_promises_and_pages_give_the_same_rows(
    day: Any, database_url: str, name: str
) -> None:
    question = QUESTIONS[name]
    filters = EVERYTHING if "from_us" in question.filters else {}
    whole = asked(database_url, name, *SUBJECTS.get(name, ()), **filters)
    kinds = {Type.TEXT: str, Type.INTEGER: int, Type.FLAG: bool, Type.TIME: int}
    for row in whole:
        assert list(row) == [column.name for column in question.columns]
        assert all(type(row[c.name]) in (kinds[c.type], type(None)) for c in question.columns), row
    paged, cursor = [], None
    with open_reading(database_url) as reading:
        while True:
            answer = question.ask(reading, *SUBJECTS.get(name, ()), after=cursor, limit=2, **filters)
            page = list(answer)
            assert len(page) <= 2
            paged += page
            cursor = answer.cursor
            if cursor is None:
                break
    without_age = [{**row, "age_s": 0, "longest_late_s": 0} for row in whole]
    assert [{**row, "age_s": 0, "longest_late_s": 0} for row in paged] == without_age


def test_the_sixteen_are_numbered_and_named() -> None:
    assert [question.number for question in QUESTIONS.values()] == list(range(1, 17))
    assert all(question.title_zh and question.shown for question in QUESTIONS.values())


def test_a_cursor_of_another_question_is_refused(day: Any, database_url: str) -> None:
    with open_reading(database_url) as reading:
        answer = questions.person(reading, "personalization-1", limit=1)
        list(answer)
        with pytest.raises(BadCursorError):
            questions.shift(reading, "day", machine="book-01", after=answer.cursor)
        with pytest.raises(BadCursorError):
            questions.person(reading, "x", after="no cursor")


def test_holder_is_the_last_step_before_the_time_as_corrected(day: Any, database_url: str, centre: Any) -> None:
    units = chains(centre)
    blank = day.units["blanks"][6]
    for at_us in range(START, day.clock + 120 * S, 7 * S):
        when = {row["event_id"]: row["happened_us"] for row in units[blank]} | {day.wrong: day.right_us}
        past = [row for row in units[blank] if when[row["event_id"]] <= at_us]
        found = asked(database_url, "holder", "E6", at_us=at_us)
        if not past:
            assert found == []
            continue
        (row,) = found
        last = past[-1]
        place = "in transit" if last["state"] == "offered" else last["place"]
        assert (row["station"], row["person"], row["place"]) == (last["station"], last["custodian"], place)


def test_who_holds_what_is_packed_is_who_holds_the_parcel(day: Any, database_url: str, centre: Any) -> None:
    document = day.units["documents"][0]
    parcel = centre.pack([document], station="qc", number="P1")
    centre.accept(centre.offer([parcel], station="qc", to="carrier"), [parcel], station="carrier")
    blank, found = sorted(asked(database_url, "holder", "E0"), key=lambda row: row["kind"])
    assert (blank["state"], found["state"], found["station"], found["inside"]) == ("ended", "packed", "carrier", "P1")


def test_hold_times_are_nearest_rank_percentiles_of_the_stays(day: Any, database_url: str, centre: Any) -> None:
    stays = defaultdict(list)
    for steps in chains(centre).values():
        came = steps[0]["happened_us"]
        for before, row in pairwise(steps):
            moved = before["station"] != row["station"]
            if moved or row["state"] in ("ended", "outside", "packed"):
                stays[(before["station"], before["kind"])].append(row["happened_us"] - came)
                came = row["happened_us"]
    rank = lambda held, share: sorted(held)[math.ceil(share * len(held) / 100) - 1] // S  # noqa: E731
    expected = {place: (len(held), rank(held, 50), rank(held, 95), max(held) // S) for place, held in stays.items()}
    found = {
        (row["station"], row["kind"]): (row["units"], row["p50_s"], row["p95_s"], row["longest_s"])
        for row in asked(database_url, "hold-times", **EVERYTHING)
    }
    assert found == expected
    assert found[("review", "order")][1] < found[("review", "order")][2]


def test_waiting_is_the_oldest_offer_first(day: Any, database_url: str, centre: Any) -> None:
    answered = {e["handoff_id"] for e in naive_events(centre) if e["act"] in ("accept", "refuse", "withdraw")}
    open_offers = [e for e in naive_events(centre) if e["act"] == "offer" and e["event_id"] not in answered]
    expected = [e["event_id"] for e in sorted(open_offers, key=lambda e: e["happened_us"])]
    assert [row["handoff_id"] for row in asked(database_url, "waiting")] == expected
    assert asked(database_url, "waiting", station="nowhere") == []


def test_differences_tell_how_they_ended(day: Any, database_url: str, centre: Any) -> None:
    missing = day.units["blanks"][8]
    (row,) = asked(database_url, "differences")
    assert (row["number"], row["difference"], row["outcome"], row["person"]) == (
        "E8", "missing", "open", "personalization-1",
    )  # fmt: skip
    centre.settle([missing], "found-at-sender", station="vault")
    (row,) = asked(database_url, "differences", kind="blank")
    assert (row["outcome"], row["settled_by"], row["second_person"]) == ("found-at-sender", "vault-1", "vault-2")
    assert asked(database_url, "differences", kind="order") == []


def test_late_counts_what_was_handed_on_after_its_node_and_what_is_still_here(
    day: Any, database_url: str, centre: Any
) -> None:
    totals: Counter[tuple[str, str, str]] = Counter()
    for steps in chains(centre).values():
        for place, row in enumerate(steps):
            station = row["from_station"]
            nodes = [
                earlier["due_us"]
                for earlier in steps[:place]
                if earlier["due_us"]
                and station == (earlier["to_station"] if earlier["act"] == "offer" else earlier["from_station"])
            ]
            if row["act"] == "offer" and nodes:
                totals[(station, row["person"], "handed_on")] += 1
                totals[(station, row["person"], "late")] += row["happened_us"] > nodes[-1]
    found = asked(database_url, "late", **EVERYTHING)
    for row in found:
        assert row["handed_on"] == totals[(row["station"], row["person"], "handed_on")]
        assert row["late"] == totals[(row["station"], row["person"], "late")]
    assert {row["station"] for row in found} == {"review", "personalization", "qc"}
    assert 0 < sum(row["late"] for row in found) < sum(row["handed_on"] for row in found)
    here = {row["station"]: row["still_here"] for row in found}
    assert here == {"review": 2, "personalization": 2, "qc": 3}


def test_shift_and_person_are_their_events_in_the_order_they_happened(day: Any, database_url: str, centre: Any) -> None:
    def ids(rows: list[dict[str, Any]]) -> list[str]:
        return [row["event_id"] for row in rows]

    events = sorted(naive_events(centre), key=lambda e: (e["happened_us"], e["seq"]))
    on_machine = [e for e in events if e["machine"] == "book-01" and e["shift"] == "day"]
    assert ids(asked(database_url, "shift", "day", machine="book-01")) == ids(on_machine) != []
    for person in ("personalization-1", "personalization-2"):
        own = [e for e in events if person in (e["person"], e["second_person"])]
        assert ids(asked(database_url, "person", person)) == ids(own) != []
        half = day.clock - 60 * S
        later = [e for e in own if e["happened_us"] >= half]
        assert ids(asked(database_url, "person", person, from_us=half)) == ids(later)
    kinds = asked(database_url, "person", "vault-1", kind="order")
    assert kinds == []


def test_a_page_asked_with_a_cursor_from_before_the_period_begins_with_the_period(day: Any, database_url: str) -> None:
    half = day.clock - 60 * S
    whole = asked(database_url, "person", "personalization-1", from_us=half)
    with open_reading(database_url) as reading:
        first = questions.person(reading, "personalization-1", limit=1)
        assert [row["happened_us"] < half for row in first] == [True]
        later = list(questions.person(reading, "personalization-1", from_us=half, after=first.cursor))
    assert later == whole != []


@pytest.mark.parametrize(("begin_s", "end_s"), [(0, 900), (30, 900), (120, 900), (250, 900), (600, 900), (198, 255)])
def test_blanks_balance_over_any_period(day: Any, database_url: str, centre: Any, begin_s: int, end_s: int) -> None:
    begin, end = START + begin_s * S, START + end_s * S
    assert day.clock < START + 600 * S
    expected: dict[str, Counter[str]] = defaultdict(Counter)
    for whole in chains(centre).values():
        steps = [row for row in whole if row["happened_us"] < end]
        if whole[0]["kind"] != "blank" or not steps:
            continue
        for before, row in zip([None, *steps], steps, strict=False):
            if row["happened_us"] < begin:
                continue
            if before is None or before["station"] != row["station"]:
                expected[row["station"]]["received"] += 1
                if before is not None:
                    expected[before["station"]]["handed_on"] += 1
            elif row["state"] == "ended":
                term = "made" if row["act"] == "transform" else "destroyed"
                expected[row["station"]][term] += 1
        early = [row for row in steps if row["happened_us"] < begin]
        if early and early[-1]["state"] != "ended":
            expected[early[-1]["station"]]["opening"] += 1
        if steps[-1]["state"] != "ended":
            expected[steps[-1]["station"]]["here"] += 1
    found = asked(database_url, "blanks", from_us=begin, to_us=end)
    for row in found:
        here = sum(row[term] for term in ("good", "in_machine", "voided", "in_doubt", "offered", "missing"))
        assert {**row, "here": here} == row | expected[row["station"]] | {"here": expected[row["station"]]["here"]}
        assert row["unaccounted"] == 0
    assert {row["station"] for row in found} == set(expected)
    assert {row["station"]: row["serials"] for row in found} == {"vault": "E8", "personalization": ""}
    (personalization,) = [row for row in found if row["station"] == "personalization"]
    if end_s < 900:
        return
    assert (personalization["voided"], personalization["in_machine"], personalization["good"]) == (1, 1, 1)


def test_times_tell_late_from_back_dated_from_future_dated(centre: Any, database_url: str) -> None:
    (prompt,) = centre.orders(1)
    now = centre.stamp().happened_us
    by = centre.by("review")

    def move(units: list[str], happened_us: int) -> str:
        return centre.do(lambda tx: log.move(tx, by, units, "in", log.Stamp(happened_us, True)))

    future = move([prompt], now + 600 * S)
    back = move([prompt], now - 600 * S)
    fresh = Birth(new_id(), Kind.ORDER)
    stamp = log.Stamp(now - 300 * S, True)
    late = centre.do(lambda tx: log.receive(tx, by, None, [fresh], "in", stamp))
    found = {row["event_id"]: row["finding"] for row in asked(database_url, "times")}
    assert found == {future: "future-dated", back: "back-dated", late: "written late"}


def test_corrections_name_the_original_and_its_replacement(day: Any, database_url: str) -> None:
    (row,) = asked(database_url, "corrections")
    assert (row["corrects"], row["field"], row["corrected_act"]) == (day.wrong, "happened_us", "move")
    assert (row["original"], row["replacement"]) == (str(day.moved.happened_us), str(day.right_us))
    assert (row["person"], row["reason"]) == ("personalization-1", "clock")


def test_skipped_and_repeated_stations_are_found(centre: Any, database_url: str) -> None:
    skipped, back = centre.documents(2, station="personalization")
    centre.accept(centre.offer([skipped], "personalization", "packing"), [skipped], "packing")
    for here, to in (("personalization", "qc"), ("qc", "personalization"), ("personalization", "qc")):
        offer = centre.do(
            lambda tx, h=here, t=to: log.offer(
                tx, Party(h, f"{h}-1", "day"), "out", t, [back], priority=2, stamp=centre.stamp()
            )
        )
        centre.accept(offer, [back], to)
    found = {(row["unit_id"], row["finding"]) for row in asked(database_url, "afterlife", **EVERYTHING)}
    assert found == {(skipped, "station skipped"), (back, "station repeated")}


def test_who_reviewed_and_then_inspected_is_found(centre: Any, database_url: str) -> None:
    (order,) = centre.orders(1, station="intake")
    both = Party("review", "zhang", "day"), Party("qc", "zhang", "day")
    offer = centre.offer([order], "intake", "review")
    centre.do(lambda tx: log.accept(tx, both[0], offer.handoff_id, [order], "in", centre.stamp()))
    centre.accept(centre.offer([order], "review", "personalization"), [order], "personalization")
    born = Birth(new_id(), Kind.DOCUMENT, "E1")
    centre.transform("personalization", order, *centre.blanks(1, "personalization"), born)
    offer = centre.offer([born.unit_id], "personalization", "qc")
    centre.do(lambda tx: log.accept(tx, both[1], offer.handoff_id, [born.unit_id], "in", centre.stamp()))
    (row,) = asked(database_url, "same-person")
    assert (row["finding"], row["person"], row["number"]) == ("reviewed and inspected", "zhang", "E1")


def test_an_assumed_period_is_today_and_says_so(day: Any, database_url: str) -> None:
    with open_reading(database_url) as reading:
        answer = questions.late(reading)
        assert answer.period is not None
        assert answer.period.assumed
        assert answer.period.to_us - answer.period.from_us in (23 * 3600 * S, 24 * 3600 * S, 25 * 3600 * S)
        assert questions.late(reading, from_us=1).period == questions.Period(1)
        assert list(questions.unoffered(reading, **EVERYTHING)) == []
        assert list(questions.gaps(reading, **EVERYTHING)) == []


def test_the_log_tells_its_own_state(day: Any, database_url: str, centre: Any) -> None:
    (row,) = asked(database_url, "state")
    events = naive_events(centre)
    assert (row["last_seq"], row["last_act"], row["open_cases"]) == (events[-1]["seq"], "correct", 1)
    assert (row["corrections"], row["open_offers"], row["odd_times"]) == (
        1,
        1,
        len(events) - 1,
    )  # all but the first record of the log
    assert (row["origin"], row["sealed"], row["unsealed"], row["witnessed_at_us"]) == (None, 0, len(events), None)
    assert row["emulated"] is True
