"""On PostgreSQL the line runs as a role that can only append to custody; every way past that is tried and refused.

The server, the roles and the logins are real; the database is made by the command itself.
"""

import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import a_day_of_air
import psycopg
import pytest
from patrol_line import CRACK, HOLDABLE, picture, walked
from read_by_hand import means_by_hand
from signing_keys import keyring_copy
from small_desk import ALIKE, verdict
from small_line import Line as HandMade
from small_shift import ONE as OPENERS
from small_shift import plan, scanned
from sqlalchemy import create_engine, make_url

from flows.board_watch import BoardWatch
from flows.cli import run
from flows.composition import _upgrade, open_database, open_line, prepare, record_settings
from flows.configuration import read_settings
from flows.database_commands import apply
from flows.default_line import write_default
from flows.errors import Exit, NotMigratedError
from flows.facts import board_facts, months_alarms
from flows.line_rules import DIFFERENCES
from flows.program_log import set_up_log
from flows.run_folder import RunFolder
from flows.shift_report import shift_report
from handoff_logs import log, offers, questions, register
from handoff_logs.asking import Asking
from handoff_logs.database import Database
from handoff_logs.errors import UnsafeDatabaseError
from handoff_logs.guard_names import GUARDED
from handoff_logs.key_register import Reason, Signers, rotate
from handoff_logs.keyring import Keyring, station_owner
from handoff_logs.log_key import read as read_log_key
from handoff_logs.months import DEFAULT, Month, Part
from handoff_logs.reading import open_reading
from handoff_logs.records import Act, Birth, Kind, Party, new_id
from handoff_logs.roles import Roles
from handoff_logs.sealing import Sealer
from stations.by import By
from stations.casebook import listing as casebook_listing
from stations.casebook import station as casebook
from stations.casebook.rules import CaughtAt
from stations.casebook.station import Told
from stations.climate import bar
from stations.climate import station as climate
from stations.gate.passages import settle
from stations.gate.rules import Found
from stations.intake.generator.defects import Shares
from stations.intake.generator.generate import generate
from stations.intake.load import load
from stations.patrol.rounds import record_round, record_step
from stations.patrol.rules import Step
from stations.people import Role
from stations.people_register import displays
from stations.people_register import register as people_register
from stations.people_register.credentials import Credentials, SignedIn
from stations.people_register.rules import ADMINISTRATORS
from stations.people_register.sign_in import sign_in_as, sign_in_two
from stations.personal import PersonalData
from stations.qc import at_desks, in_hand, inspecting, overview
from stations.qc import viewing as qc_viewing
from stations.qc.errors import NotInHandError
from stations.qc.pieces import document_units, offered_numbers
from stations.review import decisions, leases, rates, viewing
from stations.review import station as review
from stations.rolls import balance as rolls_balance
from stations.rolls import station as rolls
from stations.rolls.rules import Delivered
from stations.shift.counting import Signers as TwoWhoSettle
from stations.shift.rules import Ending
from stations.shift.station import close_shift, open_shift
from stations.trays import accept_by_scan, unfinished_trays
from stations.workplace import Workplace

SERVICE = "passline"
NOW = Month.at(time.time_ns() // 1_000)
PARTS = (Part.of(NOW).table, Part.of(NOW.plus(6)).table, DEFAULT.table)
"""Tables that the custody units lie in: by the migration, by `database roles`, and for the rest."""
ROLES = Roles.of(SERVICE)


@pytest.fixture(scope="module")
def server(postgresql_server: str) -> Iterator[Callable[[str], str]]:
    """An empty database of its own on the server; its url by login."""
    name = f"roles_{uuid4().hex}"
    with psycopg.connect(postgresql_server.format(database="postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    administrator = make_url(postgresql_server.format(database=name))

    def url(login: str = "") -> str:
        made = administrator if not login else administrator.set(username=login, password=None)
        return made.render_as_string(hide_password=False)

    yield url
    with psycopg.connect(postgresql_server.format(database="postgres"), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def driver(url: str) -> str:
    """The url as line.toml has it."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


@pytest.fixture(scope="module")
def folder(server: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A line on that database, whose login is the service's; nothing is in it yet."""
    folder = RunFolder(tmp_path_factory.mktemp("roles") / "line")
    write_default(folder, books=1, cards=0, readers=1, small=0)
    text = folder.configuration.read_text("utf-8")
    folder.configuration.write_text(
        text.replace("[database]", f'[database]\nurl = "{driver(server(SERVICE))}"'), "utf-8"
    )
    return folder


@pytest.fixture(scope="module")
def line(server: Callable[[str], str], folder: RunFolder) -> RunFolder:
    """The same with its roles, prepared by the service's own login, with a batch in it."""
    arguments = ["database", "roles", "--dir", str(folder.path), "--as", server("")]
    for _ in range(2):  # repeating it changes nothing
        assert run(arguments) == Exit.FINE
    prepare(folder)
    batch = folder.path.with_name("batch")
    generate(batch, 3, 1, day=date(2026, 9, 1), shares=Shares(intake_defects=0, review_defects=0))
    with open_database(folder, driver(server(SERVICE))) as database:
        personal = PersonalData(folder.keys)
        here = Workplace(database, "intake", "day", ("e-int-1", "e-int-2"), True, personal)
        load(here, batch, folder.path / "replies", tray_size=3)
    return folder


@pytest.fixture
def tried(line: RunFolder, server: Callable[[str], str]) -> Callable[..., None]:
    """Runs statements one after another as a login; each on its own connection if given apart."""

    def attempt(*statements: str, login: str = SERVICE) -> None:
        with psycopg.connect(server(login)) as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[arg-type]

    return attempt


WAYS = (
    *[(f"UPDATE {table} SET {column} = {column}",) for table, column in (
        ("custody_event", "person"), ("custody_unit", "place"), ("custody_case", "kind"), ("custody_move", "act"),
        ("custody_register", "value"), ("seal_origin", "origin"), ("seal_leaf", "leaf_hash"), ("seal_node", "hash"),
        ("seal_checkpoint", "root"), ("seal_cosignature", "signature"))],
    *[(f"DELETE FROM {table}",) for table in GUARDED],
    *[(f"TRUNCATE {table} CASCADE",) for table in GUARDED],
    *[(f"DROP TABLE {table} CASCADE",) for table in GUARDED],
    ("UPDATE climate_reading SET looks = 1",),
    ("UPDATE climate_crossing SET value = 1",),
    ("DELETE FROM climate_suspension",),
    ("DELETE FROM climate_zone",),
    ("ALTER TABLE custody_event DISABLE TRIGGER ALL",),
    ("ALTER TABLE custody_event DISABLE TRIGGER custody_event_append_only",),
    ("ALTER TABLE custody_event DROP CONSTRAINT uq_custody_event_id CASCADE",),
    ("ALTER TABLE custody_event ALTER COLUMN person DROP NOT NULL",),
    ("ALTER TABLE custody_event RENAME TO custody_event_old",),
    (f"ALTER TABLE custody_event OWNER TO {SERVICE}",),
    ("DROP TRIGGER custody_event_append_only ON custody_event",),
    ("CREATE TRIGGER own BEFORE INSERT ON custody_event FOR EACH ROW EXECUTE FUNCTION custody_append_only()",),
    ("CREATE RULE own AS ON INSERT TO custody_event DO INSTEAD NOTHING",),
    ("DROP FUNCTION custody_append_only() CASCADE",),
    ("CREATE OR REPLACE FUNCTION custody_append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",),
    ("SET session_replication_role = replica",),
    (f"SET ROLE {ROLES.owner}",),
    ("SET SESSION AUTHORIZATION postgres",),
    (f"GRANT {ROLES.owner} TO {SERVICE}",),
    (f"GRANT UPDATE ON custody_event TO {SERVICE}", "UPDATE custody_event SET person = 'x'"),
    (f"ALTER ROLE {SERVICE} SUPERUSER",),
    ("INSERT INTO custody_event SELECT * FROM custody_event ON CONFLICT (seq) DO UPDATE SET person = 'x'",),
    ("MERGE INTO custody_event AS e USING custody_event AS o ON e.seq = o.seq WHEN MATCHED THEN DELETE",),
    ("COPY custody_event FROM PROGRAM 'cat /etc/passwd'",),
    ("CREATE FUNCTION own() RETURNS void LANGUAGE sql SECURITY DEFINER AS 'DELETE FROM custody_event'",),
    ("CREATE TEMPORARY TABLE custody_register (register text)",),
    ("CREATE SCHEMA own",),
    ("CREATE TABLE own (a int)",),
    ("LOCK TABLE custody_event IN ACCESS EXCLUSIVE MODE",),
    ("SELECT 1 FROM custody_event FOR UPDATE",),
    ("INSERT INTO custody_move VALUES ('void', 'ended', 'held')",),
    ("UPDATE pg_class SET relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)",),
    ("SELECT setval('custody_event_seq_seq', 1)",),
    ("DELETE FROM sign_in_attempt",),
    ("DELETE FROM issuer_sign_in",),
    ("UPDATE issuer_sign_in SET accepted = true",),
    ("DELETE FROM terminal_session",),
    *[(f"UPDATE {table} SET reviewer = 'x'",) for table in ("review_verdict", "inspection")],
    *[(f"DELETE FROM {table}",) for table in ("review_verdict", "inspection", "application", "application_stop")],
    ("DELETE FROM shift",),
    ("UPDATE shift_count SET counted_second = 'x'",),
    ("DELETE FROM shift_difference",),
    ("UPDATE shift_settlement SET finding = 'x'",),
    ("INSERT INTO inside VALUES ('p-0666', '1', 1)",),
    ("DELETE FROM inside",),
    ("DELETE FROM core_station",),
    ("DELETE FROM open_case",),
    ("UPDATE open_case SET station = 'x'",),
    ("UPDATE core_station SET emulated = true",),
    *[(f"{change} {table} {what}".strip(),) for table in ("gate_passage", "gate_step", "gate_ending")
      for change, what in (("DELETE FROM", ""), ("UPDATE", "SET number = 9"), ("TRUNCATE", ""))],
    ("UPDATE roll SET pieces = 1",),
    ("DELETE FROM roll_step",),
    *[(f"DELETE FROM patrol_{table}",) for table in ("round", "answer", "photo", "finding", "step")],
    *[(f"UPDATE patrol_{table} SET round_id = 'x'",) for table in ("round", "answer")],
    ("UPDATE patrol_photo SET sealed = ''",),
    ("UPDATE patrol_step SET person = 'x'",),
    ("TRUNCATE terminal_session",),
    *[(f"UPDATE terminal_session SET {column} = {column}",) for column in (
        "code", "sign_in", "password_us", "begun_us", "until_us", "mac", "account")],
    ("UPDATE person_role SET role = 'administrator'",),
    ("DELETE FROM alembic_version_custody",),
    *[(way.format(part),) for part in PARTS for way in (
        "SELECT * FROM {}", "INSERT INTO {0} SELECT * FROM {0}", "UPDATE {} SET place = 'x'", "DELETE FROM {}",
        "TRUNCATE {}", "DROP TABLE {}", "COPY {} FROM STDIN", "ALTER TABLE {} DISABLE TRIGGER ALL",
        "ALTER TABLE custody_unit DETACH PARTITION {}", "ALTER TABLE {} OWNER TO " + SERVICE,
        "DROP TRIGGER custody_unit_append_only ON {}", "LOCK TABLE {} IN SHARE MODE")],
    ("LOCK TABLE custody_unit IN SHARE UPDATE EXCLUSIVE MODE",),
    ("CREATE TABLE own PARTITION OF custody_unit FOR VALUES FROM ('y') TO ('z')",),
)  # fmt: skip
"""What somebody with the service's password may try."""


@pytest.mark.parametrize("way", WAYS, ids=[way[0][:60] for way in WAYS])
def test_the_services_login_changes_no_record(tried: Callable[..., None], way: tuple[str, ...]) -> None:
    """Refused for want of the right, before any trigger is asked."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        tried(*way)


def test_who_is_inside_follows_the_records_by_the_guards_own_rights(
    line: RunFolder, server: Callable[[str], str]
) -> None:
    """The service's login writes the record, and what follows from it is not its to write."""

    def found(where: Found) -> list[str]:
        with open_database(line, driver(server(SERVICE))) as database:
            settle(database, "e-per-1", where, TwoWhoSettle("e-lead-1", "e-lead-2"), emulated=True)
        with open_reading(driver(server(ROLES.auditor))) as reading:
            return [row["person"] for row in reading.rows("SELECT person FROM inside")]

    assert found(Found.INSIDE) == ["e-per-1"]
    assert found(Found.OUTSIDE) == []


def test_a_copy_over_what_is_there_is_refused(line: RunFolder, server: Callable[[str], str]) -> None:
    """COPY is an insert: neither a row that is there nor one like it under another number comes in."""
    copy_out = "COPY (SELECT * FROM custody_event ORDER BY seq LIMIT 1) TO STDOUT"
    with psycopg.connect(server(SERVICE)) as connection, connection.cursor().copy(copy_out) as out:
        row = b"".join(out)
    seq, _, rest = row.partition(b"\t")
    for copied in (row, str(int(seq) + 10_000).encode() + b"\t" + rest):
        with (
            psycopg.connect(server(SERVICE)) as connection,
            pytest.raises(psycopg.errors.IntegrityError),
            connection.cursor().copy("COPY custody_event FROM STDIN") as into,
        ):
            into.write(copied)


def test_no_function_runs_with_more_rights_than_its_caller_but_the_guards_that_follow_the_records(
    line: RunFolder, server: Callable[[str], str]
) -> None:
    """They are triggers', which nobody can call, and find their tables by a path that nobody else can stand in."""
    with psycopg.connect(server("")) as connection:
        query = (
            "SELECT proname, prorettype::regtype::text, proconfig FROM pg_proc"
            " WHERE prosecdef AND pronamespace = 'public'::regnamespace ORDER BY proname"
        )
        found = connection.execute(query).fetchall()
    following = ("custody_case_opened", "custody_event_settled", "custody_register_gate")
    assert found == [(name, "trigger", ["search_path=public, pg_temp"]) for name in following]


def test_the_owner_of_the_tables_can_not_log_in(line: RunFolder, server: Callable[[str], str]) -> None:
    with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
        psycopg.connect(server(ROLES.owner))
    with psycopg.connect(server("")) as connection:
        query = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
        assert connection.execute(query).fetchall() == [(ROLES.owner,)]


def test_the_lines_own_acts_work_as_the_service(line: RunFolder, server: Callable[[str], str]) -> None:
    """Founding, signing in, enrolling, displays, keys, sealing, the air, a shift, its report, acts, the board."""
    url = driver(server(SERVICE))
    one, two = (Credentials(f"p-000{number}", f"a password of {number}") for number in (1, 2))
    with Database(url, keyring=Keyring(line.signing_keys), bound=True) as database:
        people_register.found(database, one, two, emulated=True)
        by = sign_in_two(database, one, two, ADMINISTRATORS)
        people_register.enrol(database, by, Credentials("p-0417", "a long password"), [Role.OPERATOR], emulated=True)
        keepers = Credentials("p-0501", "a long password"), Credentials("p-0502", "another long one")
        for keeper in keepers:
            people_register.enrol(database, by, keeper, [Role.KEEPER], emulated=True)
        hands = sign_in_two(database, *keepers, (Role.KEEPER,))
        vault = Workplace(database, "vault", "day", hands.codes, True, PersonalData(line.keys), hands.sign_ins)
        rolls.receive(vault, [Delivered("LR-1", "book", 1000, "LN-1")])
        people_register.end(database, by, "p-0417", emulated=True)
        lead = Credentials("p-0418", "a lead's password")
        people_register.enrol(database, by, lead, [Role.LEAD], emulated=True)
        a_day_of_air.tell(database, sign_in_as(database, lead, (Role.LEAD,)), minutes=600)
        assert database.write(lambda tx: bar.barred(tx, "book-01", database.clock_us(tx))) is None
        record_settings(database, read_settings(line))
        assert database.write(lambda tx: climate.purge(tx, "core", database.clock_us(tx))) == 0
        signers = Signers(register.administration(by.first, by.first_sign_in), by.second, by.second_sign_in)
        made, token = displays.make(
            database, bytes(32), SignedIn(by.first, frozenset(), by.first_sign_in), "hall-1", emulated=True
        )
        rotate(database, line.signing_keys, station_owner("review"), Reason.LOST, signers, emulated=True)
        assert open_shift(database, plan(), scanned(), OPENERS).shift_id
        assert close_shift(database, scanned(), OPENERS).how is Ending.BALANCED
        here = Workplace(database, "personalization", "day", ("e-per-1", "e-per-2"), True, PersonalData(line.keys))
        photographed = dataclasses.replace(CRACK, photo=picture((90, 90)))
        found = record_round(here, walked(photographed), new_id(), By("e-pat-1"), HOLDABLE).findings[0]
        record_step(here, found, Step.TAKEN, By("e-pat-2"))
        record_step(here, found, Step.MENDED, By("e-pat-2"), "a new cover")
        assert record_step(here, found, Step.CHECKED, By("e-pat-1")).freed == "book-01"
        review, qc, stamp = Party("review", "r-1", "day"), Party("qc", "q-1", "day"), log.Stamp(1, True)
        births = [Birth(new_id(), Kind.BLANK, f"EZ{number:07}") for number in range(4)]
        units = [birth.unit_id for birth in births]
        write = database.write
        write(lambda tx: log.receive(tx, review, "r-2", births, "shelf", stamp))
        offer = write(lambda tx: log.offer(tx, review, "out", "qc", units, priority=2, stamp=stamp))
        write(lambda tx: log.accept(tx, qc, offer.handoff_id, units[:3], "in", stamp))
        write(lambda tx: log.void(tx, qc, "q-2", units[:1], "voided", log.Stamp(1, True, reason="torn")))
        back = write(lambda tx: log.offer(tx, qc, "out", "review", units[1:2], priority=2, stamp=stamp))
        write(lambda tx: log.refuse(tx, review, back.handoff_id, log.Stamp(1, True, reason="torn")))
        write(lambda tx: log.settle(tx, review, "r-2", units[3:], "found-at-sender", "shelf", stamp))
        assert Sealer(database, read_log_key(line.log_key)).seal() is not None
    watch = BoardWatch(Asking(server(SERVICE), str))
    assert watch.now().value.seals["size"] and watch.slow().value.throughput.hours
    assert displays.admitted(watch.displays(), bytes(32), token, made.made_us) == made
    with open_reading(server(SERVICE)) as reading:
        assert questions.violations(reading) == []
        found = shift_report(reading, line, "last")
        assert (found.facts.shift.closed_how, found.facts.no_line) == (Ending.BALANCED, None)
        acts = {row["act"] for row in reading.rows("SELECT DISTINCT act FROM custody_event")}
    assert acts >= {Act.RECEIVE, Act.OFFER, Act.ACCEPT, Act.VOID, Act.REFUSE, Act.SETTLE, Act.REGISTER}


def test_the_review_desk_works_as_the_service(line: RunFolder, server: Callable[[str], str], tmp_path: Path) -> None:
    """Assigning, looking, deciding, undoing, booking, giving up; and nothing of it is changed in any other way."""
    url, by, lines = driver(server(SERVICE)), By("e-rev-9"), PersonalData(line.keys)
    generate(tmp_path / "batch", 3, 77, day=date(2026, 9, 1), shares=ALIKE)
    with Database(url, keyring=Keyring(line.signing_keys), bound=True) as database:
        clerks = Workplace(database, "intake", "day", ("e-int-1", "e-int-2"), True, lines)
        load(clerks, tmp_path / "batch", tmp_path / "replies", tray_size=2)
        here = clerks.at("review", ("e-rev-1", "e-rev-2"))
        with database.read() as conn:
            waiting = offers.waiting(conn, "review")
        for offer in waiting:
            review.accept_tray(here, offer)
        held = leases.take(here, by)
        assert len(held) >= 3 and viewing.facts(here, by, held[0].lease_id).filed.order_unit
        first = verdict(held[0])
        assert decisions.decide(here, by, first) and decisions.undo(here, by, first.decision_id)
        for lease in leases.take(here, by):
            decisions.decide(here, by, verdict(lease))
        booked = [review.book_decided(here, tray) for tray in unfinished_trays(here)]
        assert sum(outcome.passed for outcome in booked if outcome) == len(held)
        assert leases.give_up(here, by) == 0
        assert casebook.write_of_nothing(here, by, casebook.fresh_id(), CaughtAt.REVIEW, Told("photo_ears"))
    with open_reading(server(SERVICE)) as reading, open_reading(server(ROLES.auditor)) as auditors:
        assert casebook_listing.search(reading, {}) == casebook_listing.search(auditors, {}) != []
        assert [rate.passed for rate in rates.rates(reading, 0, 1)] == [len(held)]
        assert rates.nobodys(reading) == []
    with psycopg.connect(server(SERVICE), autocommit=True) as login:
        for statement in (
            "UPDATE review_lease SET reviewer = 'e-rev-8'",
            "UPDATE review_decision SET outcome = 'hold'",
            "UPDATE review_view SET what = 'photo'",
            "DELETE FROM review_view",
            "UPDATE casebook_entry SET words = ''",
            "DELETE FROM casebook_attachment",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                login.execute(statement)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("table", "may_change"),
    [
        ("packing_match", set()),
        ("packing_box", {"closed_us", "closed_by", "closed_sign_in"}),
        ("packing_mismatch", {"resolution"}),
        ("packing_release", set()),
        ("packing_ask", {"answer", "answered_us", "answered_by", "sign_in"}),
    ],
)
def test_the_service_changes_of_the_packing_desk_only_what_ends(
    line: RunFolder, server: Callable[[str], str], table: str, may_change: set[str]
) -> None:
    """It adds matches, boxes and questions, closes and answers, and deletes nothing; auditors read."""
    of_columns = (
        "SELECT column_name FROM information_schema.columns WHERE table_name = %(table)s"
        " AND has_column_privilege(current_user, table_name, column_name, 'UPDATE')"
    )
    of_table = "SELECT has_table_privilege(current_user, %(table)s, %(what)s)"
    with psycopg.connect(server(SERVICE), autocommit=True) as login:
        assert {row[0] for row in login.execute(of_columns, {"table": table})} == may_change
        for what, may in (("INSERT", True), ("SELECT", True), ("DELETE", False), ("TRUNCATE", False)):
            assert login.execute(of_table, {"table": table, "what": what}).fetchone() == (may,), what
    with psycopg.connect(server(ROLES.auditor), autocommit=True) as login:
        assert login.execute(of_table, {"table": table, "what": "SELECT"}).fetchone() == (True,)


def test_the_qc_desk_works_as_the_service(line: RunFolder, server: Callable[[str], str]) -> None:
    """Reading, taking, looking, deciding, undoing, booking; and nothing of it is changed in any other way."""
    url, by = driver(server(SERVICE)), By("e-qc-9")
    with Database(url, keyring=Keyring(line.signing_keys), bound=True) as database:
        # Another test may have put its gate before the core stations, and nobody here has passed it.
        record_settings(database, read_settings(line).model_copy(update={"gate": None}))
        small = HandMade(database, line.path, shares=ALIKE)
        small.file(2, seed=78)
        for offer in small.waiting("review"):
            review.work_tray(small.at("review"), offer, small.reviewer)
        small.machines_made = 7_000_000
        small.make_documents(only=small.waiting("personalization")[-1])
        here = small.at("qc")
        means = means_by_hand(small)
        for offer in small.waiting("qc"):
            with database.read() as conn:
                expected = offered_numbers(conn, offer.handoff_id)
            accept_by_scan(here, offer, small.inspector, expected, document_units)
        (tray,) = unfinished_trays(here)
        assert at_desks.read_tray(here, tray, means) == 2
        with database.read() as conn:
            (_, first), (_, second) = overview.next_to_take(conn, here, by)
        held = in_hand.take(here, by, first)
        assert qc_viewing.facts(here, by, held.hold_id).codes == ()
        decision = new_id()
        assert inspecting.decide(here, by, held.hold_id, decision, ())
        held = inspecting.undo(here, by, decision)
        for hold_id in (held.hold_id, in_hand.take(here, by, second).hold_id):
            with suppress(NotInHandError):
                inspecting.decide(here, by, hold_id, new_id(), ())
        inspecting.decide(here, by, in_hand.take(here, by, first).hold_id, new_id(), ())
        outcome = at_desks.book_decided(here, tray, small.inspector)
        assert outcome is not None and outcome.passed == 2
        small.close()
    with psycopg.connect(server(SERVICE), autocommit=True) as login:
        for statement in (
            "UPDATE qc_reading SET codes = 'zone'",
            "UPDATE qc_hold SET inspector = 'e-qc-8'",
            "UPDATE qc_decision SET outcome = 'fail'",
            "UPDATE qc_void SET second = 'e-qc-8'",
            "DELETE FROM qc_view",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                login.execute(statement)  # type: ignore[call-overload]


def test_an_auditor_reads_the_log_and_nothing_personal_and_writes_nothing(
    line: RunFolder, server: Callable[[str], str], tried: Callable[..., None]
) -> None:
    with open_reading(server(ROLES.auditor)) as reading:
        assert questions.violations(reading) == []
        assert questions.size(reading)["events"] > 0
        assert questions.waiting(reading)
        assert questions.totals(reading)
        assert [reading.rows(sql) for _, sql in DIFFERENCES] == [[]] * len(DIFFERENCES)
        assert [row["findings"] for row in rolls_balance.rolls(reading) if row["findings"]] == []
        assert reading.rows(rolls_balance.SINCE, machine="book-01", since_us=0) == [{"made": 0, "spoiled": 0}]
    for statement in (
        "SELECT * FROM application",
        "SELECT * FROM application_image",
        "SELECT hash FROM person_password",
        "SELECT sealed FROM patrol_photo",
        "SELECT * FROM qc_reading",
        "INSERT INTO custody_event SELECT * FROM custody_event",
        "UPDATE open_offer SET priority = 1",
        "DELETE FROM whereabouts",
        "SELECT nextval('custody_event_seq_seq')",
        f"SELECT * FROM {PARTS[0]}",
        "CREATE TEMPORARY TABLE custody_event (seq int)",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            tried(statement, login=ROLES.auditor)


def test_nobody_else_gets_into_the_database(line: RunFolder, server: Callable[[str], str]) -> None:
    stranger = f"stranger_{uuid4().hex[:8]}"
    with psycopg.connect(server(""), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {stranger} LOGIN")  # type: ignore[arg-type]
    with pytest.raises(psycopg.OperationalError, match="CONNECT privilege"):
        psycopg.connect(server(stranger))


def test_a_production_line_refuses_a_login_that_could_change_records(
    line: RunFolder, server: Callable[[str], str], signing_keys: Path, tmp_path: Path
) -> None:
    """The service is let in; the administrator, and a service that was given too much, are not."""
    keys = keyring_copy(signing_keys, tmp_path / "signing")
    Database(driver(server(SERVICE)), keyring=keys, bound=True).close()
    Database(driver(server("")), bound=False).close()
    with pytest.raises(UnsafeDatabaseError, match=r"update custody_event.*passline database roles"):
        Database(driver(server("")), bound=True)
    for given, said in (
        (f"GRANT UPDATE (person) ON custody_event TO {SERVICE}", "update custody_event"),
        (f"GRANT TRUNCATE ON seal_leaf TO {SERVICE}", "truncate seal_leaf"),
        (f"GRANT DELETE ON {PARTS[1]} TO {SERVICE}", f"delete {PARTS[1]}"),
        (f"GRANT {ROLES.owner} TO {SERVICE}", "own custody_event"),
        (f"GRANT TEMPORARY ON DATABASE {make_url(server('')).database} TO {SERVICE}", "make tables"),
    ):
        with psycopg.connect(server(""), autocommit=True) as connection:
            connection.execute(given)  # type: ignore[arg-type]
        try:
            with pytest.raises(UnsafeDatabaseError, match=said):
                Database(driver(server(SERVICE)), bound=True)
        finally:
            with psycopg.connect(server(""), autocommit=True) as connection:
                connection.execute(f"REVOKE {ROLES.owner} FROM {SERVICE}")
            apply(server(""), ROLES, str(make_url(server("")).database))
    Database(driver(server(SERVICE)), bound=True).close()


def test_only_a_production_line_asks_for_it(line: RunFolder, server: Callable[[str], str], monkeypatch: Any) -> None:
    open_database(line, driver(server(""))).close()
    monkeypatch.setenv("PASSLINE_MODE", "production")
    with pytest.raises(UnsafeDatabaseError):
        open_database(line, driver(server("")))


def test_the_service_can_not_bring_tables_up_to_date_and_says_who_does(
    line: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def upgrade(url: str) -> None:
        """As a later version's migration would."""
        engine = create_engine(url)
        try:
            with engine.begin() as tx:
                tx.exec_driver_sql("ALTER TABLE custody_event ADD COLUMN later int")
        finally:
            engine.dispose()

    prepare(line)
    monkeypatch.setattr("flows.composition.upgrade_custody", upgrade)
    with pytest.raises(NotMigratedError) as refused:
        prepare(line)
    assert "passline database roles" in refused.value.next_step


def test_without_a_login_the_statements_are_printed_and_nothing_is_done(
    folder: RunFolder, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(["database", "roles", "--dir", str(folder.path)]) == Exit.FINE
    printed = capsys.readouterr().out
    assert f'CREATE ROLE "{ROLES.owner}" NOLOGIN' in printed
    assert all(line.endswith(";") or line.startswith("--") for line in printed.splitlines())
    write_default(RunFolder(tmp_path / "sqlite"))
    assert run(["database", "roles", "--dir", str(tmp_path / "sqlite")]) == Exit.REFUSED
    assert "no PostgreSQL database" in capsys.readouterr().err


def test_an_administrators_login_to_another_database_is_refused(
    folder: RunFolder, server: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    other = make_url(server("")).set(database="postgres").render_as_string(hide_password=False)
    assert run(["database", "roles", "--dir", str(folder.path), "--as", other]) == Exit.REFUSED
    assert "leads to the database postgres" in capsys.readouterr().err


def test_months_are_made_by_the_owner_and_none_of_them_is_the_services(
    line: RunFolder, server: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    months = ["database", "months", "--dir", str(line.path)]
    assert run(months) == Exit.FINE
    before = capsys.readouterr().out.splitlines()
    assert before[-1] == f"6 months ahead of {NOW}"
    assert before[1] == str(NOW)
    assert run([*months, "--ahead", "8", "--as", server("")]) == Exit.FINE
    assert capsys.readouterr().out.splitlines() == [f"made: {NOW.plus(7)}", f"made: {NOW.plus(8)}"]
    assert run([*months, "--ahead", "8", "--as", server("")]) == Exit.FINE
    assert capsys.readouterr().out == "nothing to make\n"
    assert run([*months, "--ahead", "25", "--as", server("")]) == Exit.REFUSED
    with psycopg.connect(server("")) as connection:
        query = "SELECT tableowner FROM pg_tables WHERE tablename = %s"
        assert connection.execute(query, (Part.of(NOW.plus(8)).table,)).fetchone() == (ROLES.owner,)
        query = "SELECT count(*) FROM information_schema.table_privileges WHERE table_name LIKE %s AND grantee <> %s"
        assert connection.execute(query, (r"custody\_unit\_%", ROLES.owner)).fetchone() == (0,)
    Database(driver(server(SERVICE)), bound=True).close()


def test_months_that_run_out_are_said_at_the_start_and_on_the_board_and_stop_nothing(
    line: RunFolder, server: Callable[[str], str]
) -> None:
    with psycopg.connect(server(""), autocommit=True) as connection:
        for month in range(2, 9):
            connection.execute(f"DROP TABLE {Part.of(NOW.plus(month)).table}")  # type: ignore[arg-type]
    prepare(line)  # as the service, who can't make them
    set_up_log(line)
    with open_line(line, shift="day", stations=("review",)):
        pass
    events = [json.loads(said) for said in line.program_log.read_text("utf-8").splitlines()]
    assert [said["count"] for said in events if said["event"] == "few_months_ahead"] == [1]
    with open_reading(driver(server(SERVICE))) as reading:
        (alarm,) = [one for one in board_facts(reading).alarms if one.where == "database"]
    assert (alarm.code, alarm.detail) == ("few months", "1 made ahead; passline database months")
    apply(server(""), ROLES, str(make_url(server("")).database))
    with open_reading(driver(server(SERVICE))) as reading:
        assert months_alarms(reading, time.time_ns() // 1_000) == []


def test_a_line_that_owns_its_tables_makes_its_months_itself(
    postgresql_databases: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgresql_databases(True)
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        for month in range(4):
            connection.execute(f"DROP TABLE {Part.of(NOW.plus(month)).table}")  # type: ignore[arg-type]
    _upgrade(url, RunFolder(tmp_path))
    with open_reading(url) as reading:
        assert months_alarms(reading, time.time_ns() // 1_000) == []


def test_the_mailing_desk_stores_as_the_service_and_changes_nothing_otherwise(
    line: RunFolder,
    server: Callable[[str], str],
) -> None:
    """It writes what was weighed, signed and printed; an act is booked once; auditors read all of it."""
    tables = ("mailing_weighing", "mailing_act", "manifest_print")
    with psycopg.connect(server(SERVICE), autocommit=True) as login:
        for table in tables:
            for right, may in (("INSERT", True), ("SELECT", True), ("DELETE", False)):
                asked = "SELECT has_table_privilege(%s, %s, %s), has_table_privilege(%s, %s, 'SELECT')"
                answer = login.execute(asked, (SERVICE, table, right, ROLES.auditor, table)).fetchone()
                assert answer == (may, True), (table, right)
        for column in ("booked_us", "refusal", "told", "content"):
            login.execute(f"UPDATE mailing_act SET {column} = {column} WHERE false")
        for statement in (
            "UPDATE mailing_weighing SET grams = 1",
            "UPDATE mailing_act SET second = 'p-0009'",
            "UPDATE mailing_act SET subject = ''",
            "DELETE FROM mailing_act",
            "UPDATE manifest_print SET person = 'p-0009'",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                login.execute(statement)
