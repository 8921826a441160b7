"""The table artifact of a shift on Prefect's pages: its work by station and class, in counts, without anybody's code.

Made when the shift is closed, if a Prefect server runs then (`flows.shift_to_prefect` starts this module as a process
of its own: Prefect takes seconds to import); else when the line is next run. Once a shift: its id is the key.
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import httpx
import structlog
from prefect.artifacts import Artifact
from prefect.exceptions import PrefectException

from flows.run_folder import RunFolder
from flows.shift_report import ShiftReport, as_artifact, is_long_ago, shift_report, told
from flows.work_record import LAST_WORD_S, show_table
from handoff_logs.reading import open_reading
from stations.shift.errors import NoShiftYetError
from stations.shift.report import LATEST, find

log = structlog.get_logger()


def key_of(shift_id: str) -> str:
    """The artifact's key: small letters, digits and hyphens, as Prefect wants it."""
    return f"shift-report-{shift_id}"


async def keep_last(folder: RunFolder) -> None:
    """Keep the artifact of the shift that was closed last, unless Prefect has it: a line run shows what was missed."""
    with suppress(NoShiftYetError):
        await keep(folder, await asyncio.to_thread(_id_of_last, folder))


async def keep(folder: RunFolder, shift_id: str) -> bool:
    """Keep a shift's artifact unless Prefect has it; whether it has it now. Prefect being away stops nothing."""
    key = key_of(shift_id)
    kept = await _is_kept(key)
    if kept is None or kept:
        return bool(kept)
    # Only now, because it reads more than a line's end should for nothing.
    found = await asyncio.to_thread(_report, folder, shift_id)
    await show_table(key, as_artifact(found), told(found))
    return bool(await _is_kept(key))


async def _is_kept(key: str) -> bool | None:
    """Whether Prefect has the artifact; None where it does not answer."""
    try:
        async with asyncio.timeout(LAST_WORD_S):
            return await Artifact.aget(key) is not None
    except (httpx.HTTPError, PrefectException, TimeoutError) as error:
        log.warning("artifact_refused", artifact=key, error=type(error).__name__)
        return None


def _id_of_last(folder: RunFolder) -> str:
    with open_reading(folder.line().database_url) as reading:
        return find(reading, LATEST).shift_id


def _report(folder: RunFolder, shift_id: str) -> ShiftReport:
    with open_reading(folder.line().database_url, by_index=True) as reading:
        stood = not is_long_ago(find(reading, shift_id).closed_us, time.time_ns() // 1_000)
        return shift_report(reading, folder, shift_id, stood=stood)


def main(arguments: Sequence[str]) -> int:
    """Keep the artifact of the shift of a folder that the arguments name; 1 where Prefect does not have it then."""
    return 0 if asyncio.run(keep(RunFolder(Path(arguments[0])), arguments[1])) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
