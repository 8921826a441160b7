"""Run the explorer: `python -m tests.devices.explorer [--bounds large] [--only TEXT]` from the repository's root.

Prints what was searched, within which bounds, and the shortest trace of every weaker design. Ends with 1 if the chosen
protocol breaks a rule, if a weaker design breaks none, or if a search is cut short.
"""

import argparse
import sys
import time

from tests.devices.explorer.design import Design
from tests.devices.explorer.scenarios import GROWTHS, LARGE, WEAKER
from tests.devices.explorer.search import SearchCutShortError, search


def main() -> int:
    """Search everything that was asked for; 0 if all is as it must be."""
    parser = argparse.ArgumentParser(prog="python -m tests.devices.explorer", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--bounds", choices=["suite", "large"], default="suite", help="how far the growths are searched"
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="only searches whose name contains this")
    parser.add_argument("--max-states", type=int, default=5_000_000, help="a search with more states fails, cut short")
    asked = parser.parse_args()
    began, wrong, states, transitions = time.monotonic(), 0, 0, 0
    try:
        for name, bounds in (LARGE if asked.bounds == "large" else GROWTHS).items():
            if asked.only in name:
                found = search(Design(), bounds, max_states=asked.max_states)
                print(f"{name}: {found}\n", flush=True)
                wrong += found.violation is not None
                states, transitions = states + found.states, transitions + found.transitions
        if states:
            print(f"chosen protocol: {states:,} states, {transitions:,} transitions in all\n")
        for weaker in WEAKER:
            if asked.only in weaker.name:
                found = search(weaker.design, weaker.bounds, rule=weaker.rule, max_states=asked.max_states)
                print(f"WEAKER, {weaker.name}: {found}\n", flush=True)
                wrong += found.violation is None
    except SearchCutShortError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{wrong} not as expected, {time.monotonic() - began:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
