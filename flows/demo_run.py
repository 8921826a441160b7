"""How a demonstration goes: set-up, a batch, blanks from the vault, the line, the count."""

import json
import shutil
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from devices.emulation.faults import FaultName, striking
from devices.emulation.storm import Plan, storm, write_plans
from flows.alarm_targets import open_targets
from flows.configuration import read_settings
from flows.default_line import LineExistsError, write_default
from flows.demo_shift import DemoShift
from flows.line_rules import DIFFERENCES
from flows.line_run import prefect_ready, run_line_on
from flows.locks import line_lock
from flows.program_log import set_up_log
from flows.reckoning import Reckoning, reckon
from flows.run_folder import RunFolder
from handoff_logs.reading import open_reading
from handoff_logs.verify import report
from handoff_logs.verify.run import Asked, verify
from stations.calendar import CHINA
from stations.intake.batch import MANIFEST

PLAN = "demo.json"
BATCH = "batch"
GRACE_S = 2.0
LOOK_S = 0.25
"""A demo is over in a minute; a real zone's grace is minutes."""
REPLIES = "replies"


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """What a demonstration is to be: how much, from which seed, at which speed, on how many machines."""

    documents: int
    seed: int
    speed: float
    books: int
    cards: int
    readers: int
    tray_size: int
    faults: str = "none"

    def keep(self, folder: RunFolder) -> None:
        """Keep the plan in `folder`: a demo that was cut off before its batch was whole is gone on with by it."""
        folder.make()
        (folder.path / PLAN).write_text(json.dumps(asdict(self)), "ascii")

    @classmethod
    def kept(cls, folder: RunFolder) -> "DemoPlan | None":
        """The plan that was kept in `folder`; None where the line there is no demo."""
        file = folder.path / PLAN
        return cls(**json.loads(file.read_text("ascii"))) if file.exists() else None


def move_aside(folder: RunFolder, say: Callable[[str], None]) -> Path | None:
    """Move an earlier demo out of the way, so that nothing of it is lost; its new path, None if there was none."""
    if not folder.configuration.exists():
        return None
    number = 1
    while (aside := folder.path.with_name(f"{folder.path.name}.{number}")).exists():
        number += 1
    with line_lock(folder):
        folder.path.rename(aside)
    say(f"The earlier demo is now in {aside}.")
    return aside


def play(folder: RunFolder, plan: DemoPlan | None, screen: Console) -> Reckoning:
    """Set the demo of `plan` up and run it, or go on with the one in `folder` (no plan); returns the final count."""
    set_up(folder, plan)
    settings = read_settings(folder)
    open_targets(folder, settings)
    set_up_log(folder, level=settings.logging.level, form=settings.logging.form)
    with line_lock(folder):
        with prefect_ready(folder, settings) as ready:
            _fill(folder, DemoPlan.kept(folder), screen)
            shift = DemoShift(folder, settings)
            shift.open()
            end = run_line_on(folder, settings, ready, shift=None, screen=screen, beside=shift.beside)
            released_us, again_us = end.released_us, None
            if end.paused:
                screen.print(shift.hand_over(), highlight=False)
                end = run_line_on(folder, settings, ready, shift=None, screen=screen, beside=shift.beside)
                again_us = end.released_us
        if end.stop_reason is not None:
            screen.print(f"Stopped: {end.stop_reason}. Go on with: passline demo --resume {folder.path}")
        else:
            shift.close()
        counted = count(folder, since_us=released_us, again_us=again_us)
        return replace(counted, log=verify_log(folder), shift=shift.told())


def set_up(folder: RunFolder, plan: DemoPlan | None) -> None:
    """Write what a demo begins with, or what one in `folder` lacks that was cut off before its batch was whole.

    Raises LineExistsError where a new plan is to go into a folder that has a line.
    """
    if plan is not None:
        if folder.configuration.exists():
            raise LineExistsError(folder.configuration)
        plan.keep(folder)
    plan = DemoPlan.kept(folder)
    if plan is None or (folder.path / BATCH / MANIFEST).exists():
        return
    if not folder.configuration.exists():
        write_default(
            folder,
            books=plan.books,
            cards=plan.cards,
            readers=plan.readers,
            tray_size=plan.tray_size,
            grace_s=GRACE_S,
            every_s=LOOK_S,
            speed=plan.speed,
            seed=plan.seed,
        )
    write_plans(folder.machines, _faults(folder, plan))


def _faults(folder: RunFolder, plan: DemoPlan) -> dict[str, Plan]:
    """What is to strike: in a storm everything that can, otherwise one page that a book machine prints badly."""
    settings = read_settings(folder)
    # No document passes a climate sensor: it has few occasions. The gate is passed before the first document.
    spared = (
        *(device.id for device in settings.devices if device.is_sensor),
        *(settings.gate.machines if settings.gate else ()),
    )
    struck = {device.id: striking(device.driver) for device in settings.devices if device.id not in spared}
    if plan.faults == "storm":
        return storm(struck, plan.documents, plan.seed)
    books = [machine for machine, names in struck.items() if FaultName.PRINT_FAILURE in names]
    return {books[0]: [{"name": FaultName.PRINT_FAILURE.value, "times": 1}]} if books else {}


def verify_log(folder: RunFolder) -> dict[str, Any]:
    """Verify the whole log of the run in `folder`, and say how it came out: the demo's last word is its own check."""
    verdict = verify(folder.line().database_url, Asked(differences=DIFFERENCES))
    told = report.as_json(verdict)
    names = ("verdict", "origin", "size", "unsealed", "cosigned_size", "cosigned_s")
    return {name: told[name] for name in names} | {"problems": len(verdict.problems)}


def count(folder: RunFolder, *, since_us: int, again_us: int | None = None) -> Reckoning:
    """Count the run in `folder` from its database and, where it has one, its emulated physical world.

    `since_us`: when it was released; `again_us`: when it was released again after a pause, None if it had none.
    """
    world = folder.world if folder.world.is_dir() else None
    with closing(open_reading(folder.line().database_url)) as reading:
        return reckon(reading, world, since_us=since_us, again_us=again_us)


def _fill(folder: RunFolder, plan: DemoPlan | None, screen: Console) -> None:
    """Make the plan's batch and load it; a demo that is gone on with makes and loads what was not made and loaded."""
    from flows.composition import open_line, prepare
    from stations.intake.generator.generate import generate
    from stations.intake.load import load

    prepare(folder)
    batch = folder.path / BATCH
    if plan is not None and not (batch / MANIFEST).exists():
        shutil.rmtree(batch, ignore_errors=True)  # what a kill cut off while it was made
        made = generate(batch, plan.documents, plan.seed, day=datetime.now(CHINA).date())
        screen.print(f"Batch: {made.documents} applications, {made.images} pictures, seed {plan.seed}.")
    if not (batch / MANIFEST).exists():
        return
    settings = read_settings(folder)
    started = time.perf_counter()
    with open_line(folder, shift=settings.staff.shift, stations=("intake",)) as line:
        report = load(
            line.workplace("intake"),
            batch,
            folder.path / REPLIES,
            tray_size=settings.tray_size,
            allowances=settings.allowances.by_class(),
            accepts_until=settings.acceptance.until,
        )
    seconds = time.perf_counter() - started
    if not report.repeated:
        screen.print(
            f"Intake: {report.loaded} loaded, {report.set_aside} set aside, {report.trays} trays offered to review, "
            f"{report.lines / seconds:.0f} applications/s."
        )
