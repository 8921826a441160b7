"""The whole line as a newcomer runs it: one command, real processes, real ports, one report."""

import json
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from passline_process import Passline, kill_all, running_in

from devices.emulation.faults import SENSOR, SHOWER, FaultName
from flows.run_folder import RunFolder
from handoff_logs.reading import open_reading

pytestmark = [pytest.mark.line, pytest.mark.timeout(400)]

KEYS = (
    *("emulated", "documents", "dispatched", "returned_for_recapture", "held", "stopped", "set_aside", "in_doubt"),
    *("remade", "blanks_voided", "live_duplicates", "custody_violations", "blanks_unaccounted", "handoffs"),
    *("handoff_units", "line_seconds", "documents_per_second", "log", "shift", "faults"),
)
"""Issue 2, commands that others script against; nothing is in doubt, so no list of doubts follows."""
ENDS = ("dispatched", "returned_for_recapture", "held", "stopped", "set_aside", "in_doubt")
RULES = ("live_duplicates", "custody_violations", "blanks_unaccounted")
DOCUMENTS = 40
QUICK_S = 0.5
"""What a command that runs no flow may take; measured as processor time, which a busy machine does not lengthen."""
TRIES = 3


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Passline]:
    """One small demo, from set-up to report."""
    folder = tmp_path_factory.mktemp("demo") / "line"
    finished = start_demo(folder, speed=0)
    finished.wait()
    yield finished
    kill_all(folder)


@pytest.fixture
def fresh_line(tmp_path: Path) -> Iterator[Path]:
    """A folder for a line of which nothing outlives the test."""
    yield tmp_path / "line"
    kill_all(tmp_path / "line")


def start_demo(folder: Path, *, speed: float, **environment: str) -> Passline:
    """Start a demo with a board that nobody sees."""
    arguments = ["--documents", str(DOCUMENTS), "--seed", "7", "--speed", str(speed), "--tray-size", "8"]
    arguments += ["--dir", str(folder), "--output", "json"]
    environment.setdefault("PASSLINE_EMULATION__SPOIL_RATE", "0.15")
    return Passline(folder, "demo", *arguments, environment=environment)


def passline(*arguments: str, folder: Path) -> str:
    """What a command prints."""
    command = [str(Path(sys.executable).with_name("passline")), *arguments, "--dir", str(folder)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def facts(folder: Path, sql: str) -> list[dict[str, Any]]:
    """Rows of a question to a line's database."""
    with closing(open_reading(RunFolder(folder).line().database_url)) as reading:
        return reading.rows(sql)


def assert_sound(report: dict[str, Any]) -> None:
    """Every application ended where it may, and no rule is broken."""
    assert report["documents"] == DOCUMENTS == sum(report[end] for end in ENDS)
    assert [report[rule] for rule in RULES] == [0, 0, 0]
    assert report["in_doubt"] == 0


def test_a_demo_reports_one_json_object_whose_sums_add_up(demo):
    """The keys are an interface; every application ended where it may, and no rule is broken."""
    assert demo.process.returncode == 0, demo.said
    report = demo.report()
    assert tuple(report) == KEYS
    assert_sound(report)
    assert report["emulated"] is True
    assert report["dispatched"] > DOCUMENTS / 2
    assert report["blanks_voided"] >= report["remade"] > 0


def test_a_demo_ends_with_a_log_that_is_sealed_witnessed_and_verified(demo):
    """To its last record, from its first."""
    log = demo.report()["log"]
    records = facts(demo.folder, "SELECT count(*) AS records FROM custody_event")[0]["records"]
    assert (log["size"], log["unsealed"], log["cosigned_size"]) == (records, 0, records)
    assert (log["verdict"], log["problems"]) == ("clean", 0)


def test_a_demo_is_a_shift_that_closes_on_a_count_that_balances(demo):
    """Opened and closed by two who counted blind, with an emergency and a spoiled document in between."""
    shift = demo.report()["shift"]
    assert (shift["closed"], shift["difference"], shift["refused"]) == ("balanced", 0, [])
    assert shift["emergencies"] <= 1  # without machine time nothing may wait long enough to be raised
    (lying,) = facts(
        demo.folder,
        "SELECT count(*) AS blanks FROM whereabouts WHERE kind = 'blank' AND state <> 'ended'"
        " AND station IN ('vault', 'personalization')",
    )
    assert shift["counted"] == lying["blanks"] > 0
    assert demo.report()["faults"]["print-failure"] == 1
    assert "no shift is open" in passline("shift", "status", folder=demo.folder)


def test_a_demo_shows_no_fault_and_leaves_nothing_running(demo):
    """No traceback on the screen, no emulator, no Prefect server."""
    assert "Traceback" not in demo.said
    assert "Error" not in demo.said
    assert running_in(demo.folder) == {}


def test_a_documents_whole_custody_is_told_by_its_number(demo):
    """Order, blank, document and parcel, from intake and supplier to the carrier, each step with its custodian."""
    (made,) = facts(demo.folder, "SELECT document_number AS number FROM job WHERE outcome = 'good' LIMIT 1")
    steps = json.loads(passline("logs", "document", made["number"], "--output", "json", folder=demo.folder))
    assert {step["kind"] for step in steps} == {"order", "blank", "document", "parcel"}
    assert {"receive", "offer", "accept", "move", "transform", "pack"} <= {step["act"] for step in steps}
    stations = {step["station"] for step in steps}
    assert {"intake", "review", "vault", "personalization", "qc", "packing", "mailing", "carrier"} <= stations
    assert steps[-1]["station"] == "carrier"
    assert all(step["person"] and step["emulated"] for step in steps)
    assert "transform" in passline("logs", "document", made["number"], folder=demo.folder)


def test_every_parcel_of_a_demo_was_weighed_and_labelled_once(demo):
    """On the default line's scale and label printer; the printer itself counts the labels."""
    (parcels,) = facts(demo.folder, "SELECT COUNT(*) AS made, COUNT(weighed_g) AS weighed FROM parcel")
    (jobs,) = facts(demo.folder, "SELECT COUNT(*) AS jobs FROM label_job WHERE state = 'printed' AND attempt = 1")
    labels = (demo.folder / "world" / "printed").read_text().splitlines()
    assert parcels["made"] == parcels["weighed"] == jobs["jobs"] == len(labels) > 0


def test_the_log_of_a_demo_keeps_every_rule(demo):
    """`passline logs check` recomputes them from the rows."""
    assert json.loads(passline("logs", "check", "--output", "json", folder=demo.folder)) == []
    assert json.loads(passline("logs", "waiting", "--output", "json", folder=demo.folder)) == []


def test_status_counts_what_the_report_counts(demo):
    """An attempt after one that made nothing is no remake in either."""
    documents = json.loads(passline("status", "--output", "json", folder=demo.folder))["documents"]
    assert documents["remade"] == demo.report()["remade"]


def test_the_shifts_report_counts_what_the_demo_counts(demo):
    """From the database alone, what the demo counted from the books and the pieces; its blanks are on either side."""
    counted = demo.report()
    report = json.loads(passline("shift", "report", "last", "--output", "json", folder=demo.folder))
    done = Counter()
    for row in report["work"]:
        done[row["station"]] += row["done"]
        assert row["waiting"] == 0
    assert done["mailing"] == done["packing"] == counted["dispatched"]
    assert done["review"] == counted["documents"] - counted["set_aside"]
    assert done["personalization"] == done["qc"] == sum(row["good"] for row in report["machines"])
    assert (report["returned"], report["held"]) == (counted["returned_for_recapture"], counted["held"])
    assert sum(row["pieces"] for row in report["spoils"]) == counted["blanks_voided"]
    assert {row["reason"] for row in report["spoils"]} >= {"print-failed"}
    whole = [row for row in report["balance"] if not row["machine"]]
    assert sum(row["still_here"] for row in whole) == counted["shift"]["counted"]
    assert [row["difference"] for row in report["balance"]] == [0] * len(report["balance"])
    assert report["line"].startswith(f"{counted['log']['origin']} ")


def test_every_machines_shift_adds_up_to_what_it_made(demo):
    """Time in state and pieces of the whole demo, from the first machine's first period to the last one's stop."""
    shifts = json.loads(passline("devices", "oee", "--output", "json", folder=demo.folder))
    booked = "SELECT machine, outcome, COUNT(*) AS jobs FROM job GROUP BY machine, outcome"
    jobs = {(row["machine"], row["outcome"]): row["jobs"] for row in facts(demo.folder, booked)}
    for row in shifts:
        assert row["mode"] == "EMULATED"
        assert row["good"] == jobs.get((row["machine"], "good"), 0)
        assert row["spoiled"] == jobs.get((row["machine"], "failed"), 0)
        spent_s = sum(row[f"{state}_s"] for state in ("execute", "idle", "suspended", "held", "stopped"))
        assert spent_s == pytest.approx((row["ended_us"] - row["began_us"]) / 1e6)
        assert row["effectiveness"] is None  # at speed 0 machines take no time
    assert {row["machine"] for row in shifts} >= {machine for machine, _ in jobs}
    assert facts(demo.folder, "SELECT 1 FROM machine_state WHERE state <> 'stopped'") == []


def test_status_answers_at_once(demo):
    """Commands that run no flow answer within half a second."""
    took_s = []
    for _ in range(TRIES):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert json.loads(passline("status", "--output", "json", folder=demo.folder))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took_s.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(took_s) < QUICK_S


def test_a_line_told_to_stop_or_evacuated_finishes_its_documents_and_goes_on(fresh_line):
    """By Ctrl-C, then by an evacuation: nothing is left in a machine or in doubt, and the next run completes the rest.

    Evacuated, trays stay where they are, and nothing runs before two have counted. What is left then is half done when
    one shift hands it over to the next.
    """
    stopped = start_demo(fresh_line, speed=40)
    stop_at_work(stopped, lambda: stopped.signal(signal.SIGINT))
    assert "told to stop (SIGINT)" in stopped.said
    assert stopped.report()["in_doubt"] == 0
    assert stopped.report()["dispatched"] < DOCUMENTS / 2

    evacuated = Passline(fresh_line, "run", "--dir", str(fresh_line), "--output", "json")
    stop_at_work(evacuated, lambda: passline("shift", "evacuate", "--reason", "fire", "--emulated", folder=fresh_line))
    assert "the line is evacuated (fire)" in evacuated.said
    [(moved,)] = [tuple(row.values()) for row in facts(fresh_line, MOVED_SINCE)]
    assert moved == 0

    refused = Passline(fresh_line, "run", "--dir", str(fresh_line))
    assert refused.wait() == 2 and "passline shift return" in refused.said
    passline("shift", "return", "--emulated", folder=fresh_line)
    quick = {"PASSLINE_SPEED": "400"}
    # Gone on with as a demo: its lead resumes the zone that the evacuation may have found suspended.
    going_on = Passline(fresh_line, "demo", "--resume", str(fresh_line), "--output", "json", environment=quick)
    assert going_on.wait() == 0, going_on.said
    assert_sound(going_on.report())
    shift = going_on.report()["shift"]
    assert (shift["hand_overs"], shift["closed"], shift["difference"]) == (1, "balanced", 0)
    listed = json.loads(passline("shift", "list", "--output", "json", folder=fresh_line))
    assert sorted((one["shift"], one["closed_how"]) for one in listed) == [("day", "balanced"), ("evening", "balanced")]


def stop_at_work(running: Passline, stop: Callable[[], object]) -> None:
    """Stop a line with documents in its machines: they are finished, and nothing is left running."""
    assert running.wait_until_released()
    wait_for(lambda: facts(running.folder, "SELECT 1 FROM job WHERE unfinished"), running)
    stop()
    assert running.wait() == 1, running.said
    assert "Traceback" not in running.said
    assert running_in(running.folder) == {}
    assert facts(running.folder, "SELECT job_id, state FROM job WHERE unfinished OR state <> 'RELEASED'") == []


MOVED_SINCE = """
SELECT count(*) AS moved FROM custody_event AS event WHERE event.act IN ('offer', 'accept', 'refuse', 'dispatch')
AND event.seq > (SELECT max(ordered.seq) FROM custody_event AS ordered JOIN custody_register AS said
    ON said.event_id = ordered.event_id WHERE said.subject = 'line' AND said.field = 'evacuated')
"""


def wait_for(holds: Callable[[], object], while_runs: Passline) -> None:
    """Return when something holds; fails if the command ends before."""
    while not holds():
        assert while_runs.process.poll() is None, while_runs.said
        time.sleep(0.05)


def test_a_storm_of_every_fault_breaks_no_rule_and_leaves_no_doubt(fresh_line):
    """Issue 3: each kind strikes at least once, the people at the line put it right, and the pieces say so."""
    arguments = ["--documents", "100", "--seed", "56", "--speed", "0", "--tray-size", "10", "--faults", "storm"]
    arguments += ["--books", "1", "--cards", "1", "--readers", "1", "--dir", str(fresh_line), "--output", "json"]
    storm = Passline(fresh_line, "demo", *arguments)
    assert storm.wait() == 0, storm.said
    report = storm.report()
    assert sum(report[end] for end in ENDS) == report["documents"] == 100
    assert ([report[rule] for rule in RULES], report["in_doubt"]) == ([0, 0, 0], 0)
    # No document passes the air's sensors or the shower.
    assert set(report["faults"]) - SENSOR == set(FaultName) - SHOWER - SENSOR, report["faults"]
    assert all(report["faults"].values()), report["faults"]
