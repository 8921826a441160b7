"""A verdict for people and for programs."""

import json
import sys
from collections.abc import Sequence
from typing import Any

from handoff_logs.reading import Row
from handoff_logs.verify.problems import STEPS, Problem
from handoff_logs.verify.run import BROKEN, CLEAN, Verdict

_WORDS = {CLEAN: "clean", BROKEN: "broken"}


def as_json(verdict: Verdict) -> dict[str, Any]:
    """Return everything that a verdict says; times in microseconds UTC, the root in hex."""
    tree = verdict.sealed.tree
    return {
        "verdict": _WORDS.get(verdict.exit_code, "findings"),
        "emulated": verdict.emulated,
        "origin": verdict.sealed.origin,
        "size": tree.size if tree else 0,
        "root": tree.root.hex() if tree else None,
        "cosigned_size": verdict.sealed.cosigned_size,
        "cosigned_s": verdict.sealed.cosigned_s or None,
        "key_changes": [
            {"epoch": one.epoch, "leaf": one.leaf, "key": str(one.key)} for one in verdict.sealed.key_changes
        ],
        "events": verdict.events,
        "units": verdict.units,
        "unsealed": verdict.unsealed,
        "seconds": round(verdict.seconds, 3),
        "problems": problem_rows(verdict),
        "open_offers": list(verdict.open_offers),
    }


def problem_rows(verdict: Verdict) -> list[Row]:
    """Return what is wrong, a row a problem, in the steps' order."""
    return [_row(problem) for problem in verdict.problems]


def step_rows(verdict: Verdict) -> list[Row]:
    """Return each step's outcome. The first step needs a proof, not a log."""
    rows = []
    for number, name in STEPS.items():
        found = [problem for problem in verdict.problems if problem.step == number]
        left = [problem for problem in found if problem.explained_by is None]
        outcome = f"{len(left)} {'broken' if left[0].is_breaking else 'findings'}" if left else "holds"
        if explained := len(found) - len(left):
            outcome += f", {explained} explained"
        if verdict.is_stopped and not found:
            outcome = "not tried"
        rows.append({"step": number, "what": name, "outcome": outcome if number > 1 else "asked of a proof"})
    return rows


def summary(verdict: Verdict) -> str:
    """Return what was verified, in a line."""
    if verdict.is_stopped:
        return "Nothing was recomputed: the database holds values that no record has"
    tree, seen = verdict.sealed.tree, verdict.sealed
    size = f"{tree.size:,} leaves of {seen.origin}" if tree else "no leaf"
    witnessed = f"cosigned up to {seen.cosigned_size:,}" if seen.cosigned_s else "not witnessed"
    offers = f"{len(verdict.open_offers)} open offers"
    if verdict.open_offers:
        offers += f", the oldest {int(verdict.open_offers[0]['age_us']) // 1_000_000} s"
    rate = f"{verdict.units:,} unit rows in {verdict.seconds:.1f} s"
    mark = "EMULATED log: " if verdict.emulated else ""
    return f"{mark}{size}, {witnessed}; {verdict.events:,} events, {rate}; {verdict.unsealed} unsealed; {offers}"


def print_json(verdict: Verdict, archives: Sequence[Row] = ()) -> None:
    """Print a verdict as JSON, and what is said of `archives` that were held against the log."""
    json.dump(
        as_json(verdict) | ({"archives": list(archives)} if archives else {}), sys.stdout, ensure_ascii=False, indent=2
    )
    sys.stdout.write("\n")


def _row(problem: Problem) -> Row:
    return {
        "finding": problem.finding_id,
        "step": problem.step,
        "rule": problem.rule,
        "subject": problem.subject,
        "explained_by": problem.explained_by,
    }
