"""What the mailing desk and its run ask for each parcel and each act is found by an index."""

import shutil

import pytest
from mailing_desk import MailingDesk
from sent_parcels import Sent, no_sockets
from sqlalchemy import text
from statement_plans import listening, whole_tables

from stations.mailing import weighings
from stations.mailing.acts import LATEST
from stations.mailing.deliveries import read


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


def test_no_parcel_and_no_act_is_stored_or_booked_by_reading_a_growing_table_whole(heard, line, tmp_path):
    """Weighed, booked, taken, loaded, received, decided; and what the pages list."""
    desk = MailingDesk.of(line)
    before = len(heard)
    desk.weigh_all()
    desk.book()
    desk.count(*desk.offered())
    sent = Sent(line, tmp_path)
    (first, label, _), *_ = sent.posted
    desk.sign("load", lines=tuple(read(sent.file(sent.event(first, "returned", note="R")))))
    desk.run()
    desk.sign("receive", subject="R", labels=(label,))
    desk.run()
    desk.sign("send_again", subject=label)
    desk.run()
    with desk.database.read() as conn:
        weighings.next_unweighed(conn)
        weighings.seen_once(conn)
        for listed in (weighings.PROGRESS, weighings.REFUSED_TRAYS):
            conn.execute(text(listed)).all()
        conn.execute(text(weighings.LATEST), {"mailer": desk.by["ann"].code, "most": 9}).all()
        conn.execute(text(LATEST), {"most": 9}).all()
    # The carrier of the tests asks for the latest moment of all.
    asked = [one for one in heard[before:] if "max(taken_us)" not in one]
    assert len(asked) > 100
    assert whole_tables(asked, tmp_path / "passline.db") == set()
