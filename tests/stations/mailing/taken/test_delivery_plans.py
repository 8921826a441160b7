"""What is asked for each event of a carrier, and each parcel that comes back, is found by an index."""

import shutil

import pytest
from sent_parcels import no_sockets
from statement_plans import listening, whole_tables

from stations.mailing import decisions, explaining, returns
from stations.mailing.explaining import Found
from stations.trays import tray_place


@pytest.fixture
def database_url(worked, tmp_path):
    """SQLite alone says how it will read before there are rows; the statements are the same on both."""
    shutil.copytree(worked("sqlite")[1], tmp_path, ignore=no_sockets, dirs_exist_ok=True)
    return f"sqlite:///{tmp_path / 'passline.db'}"


@pytest.fixture
def heard(database_url):
    """The statements of every connection that is opened from here on."""
    with listening() as statements:
        yield statements


def test_no_event_and_no_return_is_booked_by_reading_a_growing_table_whole(heard, sent, tmp_path):
    line = sent
    manifest, parcels = line.line.facts("SELECT consignment_id, parcels FROM consignment WHERE office IS NOT NULL")[0]
    (one, *_), (two, label, _), (three, *_), (four, other, _) = line.posted[:4]
    events = (
        line.event(one), line.event(two, "returned", note="N"), line.event(three, "lost"),
        line.event(four, "returned", note="N"), line.event(manifest=manifest, parcels=parcels),
    )  # fmt: skip
    before = len(heard)
    line.load(*events)
    returns.receive(line.here, [label, other], "N")
    explaining.settle(line.here, three, Found.LOST)
    _, tray = decisions.send_again(line.here, two)
    decisions.destroy(line.here, four, remake=True)
    line.line.hands.put([label], tray_place(tray))
    line.dispatch()
    asked = heard[before:]
    assert len(asked) > 100
    assert whole_tables(asked, tmp_path / "passline.db") == set()
