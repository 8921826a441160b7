"""However many look at the board, the database is asked once a period; what it can't tell anew is known to be old."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from line_books import Books
from sqlalchemy import create_engine

from flows.board_watch import DISPLAYS_S, FACTS_S, SLOW_S, BoardWatch, Kept
from handoff_logs.asking import Asking
from handoff_logs.errors import UnreadableDatabaseError
from handoff_logs.reading import Reading

VIEWERS = 10


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


class CountedAsking(Asking):
    """Counts the statements that the database is given; `gone` while it can't be reached."""

    def __init__(self, url: str) -> None:
        super().__init__(url, str)
        self.statements, self.gone = 0, False

    @contextmanager
    def lend(self) -> Iterator[Reading]:
        if self.gone:
            raise UnreadableDatabaseError("gone")
        with super().lend() as reading:
            asked = reading.rows

            def rows(sql: str, **parameters: str | int | None) -> list[dict[str, Any]]:
                self.statements += 1
                return asked(sql, **parameters)

            reading.rows = rows  # type: ignore[method-assign]
            yield reading


@pytest.fixture
def line_tables() -> bool:
    """What is asked for is in the stations' tables."""
    return True


@pytest.fixture
def books(database_url: str) -> Iterator[Books]:
    engine = create_engine(database_url)
    yield Books(engine)
    engine.dispose()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def asking(database_url: str) -> CountedAsking:
    return CountedAsking(database_url)


@pytest.fixture
def watch(books: Books, asking: CountedAsking, clock: Clock) -> BoardWatch:
    return BoardWatch(asking, clock)


def cost(asking: CountedAsking, clock: Clock, watch: BoardWatch, viewers: int, seconds: int) -> int:
    """The statements of so many viewers, each of whom looks every second."""
    before = asking.statements
    for _ in range(seconds):
        for _ in range(viewers):
            watch.displays(), watch.now(), watch.slow()
        clock.now_s += 1.0
    return asking.statements - before


def test_ten_wall_screens_cost_what_one_does(watch: BoardWatch, asking: CountedAsking, clock: Clock) -> None:
    one = cost(asking, clock, watch, 1, 40)
    clock.now_s += 100.0
    assert cost(asking, clock, watch, VIEWERS, 40) == one > 0


def test_ten_who_look_in_the_same_moment_are_answered_by_one_question() -> None:
    begun, go_on, asked = threading.Event(), threading.Event(), []

    def ask() -> int:
        asked.append(1)
        begun.set()
        assert go_on.wait(10)
        return len(asked)

    kept = Kept(ask, 2.0, Clock())
    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(kept.answer().value)) for _ in range(VIEWERS)]
    for thread in threads:
        thread.start()
    assert begun.wait(10)
    go_on.set()
    for thread in threads:
        thread.join()
    assert answers == [1] * VIEWERS


def test_nobody_waits_for_a_database_that_hangs_and_what_is_shown_grows_old() -> None:
    clock, hang, stuck = Clock(), threading.Event(), threading.Event()
    answers: list[Callable[[], int]] = [lambda: 1, lambda: (stuck.set(), hang.wait(10), 2)[-1]]
    kept = Kept(lambda: answers.pop(0)(), 2.0, clock)
    kept.answer()
    clock.now_s += 30.0
    thread = threading.Thread(target=kept.answer)
    thread.start()
    assert stuck.wait(10)
    answer = kept.answer()
    assert (answer.value, answer.age_s) == (1, 30.0)
    hang.set()
    thread.join()
    assert kept.answer().value == 2


def test_a_database_that_is_gone_leaves_old_figures_with_their_age(
    watch: BoardWatch, asking: CountedAsking, clock: Clock
) -> None:
    seen = watch.now().value
    asking.gone = True
    clock.now_s += 60.0
    answer = watch.now()
    assert answer.value is seen and answer.age_s == 60.0
    asking.gone = False
    assert watch.now().age_s == 60.0, "tried again only after a period"
    clock.now_s += FACTS_S
    assert watch.now().age_s == 0.0


def test_without_any_figures_none_are_made_up(watch: BoardWatch, asking: CountedAsking) -> None:
    asking.gone = True
    for _ in range(2):
        with pytest.raises(UnreadableDatabaseError):
            watch.now()


def test_what_changes_is_seen_after_a_period(watch: BoardWatch, books: Books, clock: Clock) -> None:
    assert watch.now().value.facts.stations[2].waiting == 0
    books.offer("qc", 3)
    assert watch.now().value.facts.stations[2].waiting == 0
    clock.now_s += FACTS_S
    assert watch.now().value.facts.stations[2].waiting == 3
    assert DISPLAYS_S < 10 and SLOW_S <= 30
