"""Cases of a rule that is decided before a database is asked: all on SQLite, and one of them on PostgreSQL."""

from collections.abc import Sequence
from typing import Any

import pytest


def once_on_postgresql(names: str, cases: Sequence[Any], ids: Sequence[str] | None = None) -> pytest.MarkDecorator:
    """Parametrize `names` ("one", or "one, another" with tuples) with all cases, for tests with a `database_url`.

    Not for what a constraint, a trigger or a statement decides: that is asked of both.
    """
    single = "," not in names
    rows = [(case,) if single else tuple(case) for case in cases]
    on_each = [(*row, "sqlite") for row in rows] + [(*rows[0], "postgresql")]
    named = [f"{name}-sqlite" for name in ids] + [f"{ids[0]}-postgresql"] if ids else None
    return pytest.mark.parametrize(f"{names}, database_url", on_each, indirect=["database_url"], ids=named)
