"""Orders become documents on real emulated machines."""

from stations.personalization import station


def test_every_order_becomes_one_document_and_its_tray_goes_to_qc(shop):
    """Order and blank become a document; when a tray is made, its documents are offered to QC in a tray."""
    shop.stock("book", "card")
    shop.start("book-01", "card-01")
    shop.accept_orders(12, tray_size=6)
    runs = shop.run("book-01", "card-01", until=12)
    assert sum(run.good for run in runs) == 12
    assert [run.lost for run in runs] == [0, 0]
    for tray in station.ready_trays(shop.workplace):
        outcome = station.finish_tray(shop.workplace, shop.desk, tray)
        assert outcome.passed == outcome.units
    assert sum(offer.unit_count for offer in shop.line.waiting("qc")) == 12
    assert shop.line.facts("SELECT state, count(*) FROM job GROUP BY state") == [("RELEASED", 12)]
