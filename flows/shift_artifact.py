"""The table artifact of a shift on Prefect's pages: its work by station and class, in counts, without anybody's code.

Made when the shift is closed, if a Prefect server runs then (`flows.shift_to_prefect` starts this module as a process
of its own: Prefect takes seconds to import); else when the line is next run. Once a shift: its id is the key.
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx
import structlog
from prefect.artifacts import Artifact
from prefect.exceptions import PrefectException

from flows.run_folder import RunFolder
from flows.shift_report import ShiftReport, as_artifact, shift_report, told
from flows.work_record import LAST_WORD_S, show_table
from handoff_logs.reading import open_reading
from stations.shift.errors import NoShiftYetError
from stations.shift.report import LATEST

log = structlog.get_logger()


def key_of(shift_id: str) -> str:
    """The artifact's key: small letters, digits and hyphens, as Prefect wants it."""
    return f"shift-report-{shift_id}"


async def keep_last(folder: RunFolder) -> None:
    """Keep the artifact of the shift that was closed last, unless Prefect has it: a line run shows what was missed."""
    try:
        found = await asyncio.to_thread(_report, folder, LATEST)
    except NoShiftYetError:
        return
    await keep(found)


async def keep(found: ShiftReport) -> bool:
    """Keep a shift's artifact unless Prefect has it; whether it has it now. Prefect being away stops nothing."""
    key = key_of(found.facts.shift.shift_id)
    if await _is_kept(key):
        return True
    await show_table(key, as_artifact(found), told(found))
    return await _is_kept(key)


async def _is_kept(key: str) -> bool:
    try:
        async with asyncio.timeout(LAST_WORD_S):
            return await Artifact.aget(key) is not None
    except (httpx.HTTPError, PrefectException, TimeoutError) as error:
        log.warning("artifact_refused", artifact=key, error=type(error).__name__)
        return False


def _report(folder: RunFolder, wanted: str) -> ShiftReport:
    with open_reading(folder.line().database_url, by_index=True) as reading:
        return shift_report(reading, folder, wanted)


def main(arguments: Sequence[str]) -> int:
    """Keep the artifact of the shift of a folder that the arguments name; 1 where Prefect does not have it then."""
    folder, shift_id = RunFolder(Path(arguments[0])), arguments[1]
    return 0 if asyncio.run(keep(_report(folder, shift_id))) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
