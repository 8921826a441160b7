"""The machines of a line at work, one thread each, watched while personalization is served."""

from typing import Final

import structlog

log = structlog.get_logger()

POWER_ON_EVERY_S: Final = 1.0
"""How often emulated operators look whether a machine stands without power, and switch it on again."""
