"""How often a process looks for garbage.

What is imported stays: some hundred thousand objects, which by default are looked through again and again while they
come in. That is a quarter of the start of a line, and of Prefect's server.
"""

import gc
from typing import Final

NEW_OBJECTS: Final = 50_000
"""Between two looks; the default is 700."""


def collect_seldom() -> None:
    """Call it first of all."""
    gc.set_threshold(NEW_OBJECTS)
