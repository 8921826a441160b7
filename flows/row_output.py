"""Rows on standard output for other programs: JSON, or CSV with the names of the first row's columns."""

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Literal


def write_rows(rows: Sequence[Mapping[str, Any]], output: Literal["json", "csv"]) -> None:
    """Write rows that all have the same columns. No rows: an empty JSON array, and nothing as CSV."""
    if output == "json":
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
    elif rows:
        writer = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
