"""After a declared loss nothing is drawn on any machine before every one has told what it made."""

from typing import Any

from handoff_logs.dialects import insert_row
from stations.personalization.recovery import begin


def begun(shop: Any, machine: str, **changes: Any) -> str | None:
    """Open one machine as a run does; why it is held."""
    driver = shop.driver(machine)
    try:
        return begin(shop.workplace, driver, shop.setup(machine, **changes), shop.desk, shop.stop).held
    finally:
        driver.close()


def test_after_a_declared_loss_nothing_is_drawn_before_every_machine_was_asked(shop: Any) -> None:
    def declare(tx: Any) -> None:
        for epoch in (1, 2):
            insert_row(tx, "seal_origin", ("epoch", "origin"), (epoch, f"passline.test/0000000{epoch}"))

    shop.line.database.write(declare)
    shop.stock("book")
    shop.start("book-01", "book-02")
    both = ("book-01", "book-02")
    assert begun(shop, "book-01", machines=both) == "journals-unread"
    assert begun(shop, "book-02", machines=both) is None
    assert begun(shop, "book-01", machines=both) is None
    # Each is asked again at every start, and what it said is one record.
    assert shop.line.facts("SELECT count(*) FROM custody_register WHERE register = 'origin'") == [(2,)]
