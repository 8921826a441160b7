"""Which passes another reviewer decides again: those of chosen service classes, and a share that nobody foresees."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Why(StrEnum):
    """Why an application that was passed is decided again."""

    SHARE = "share"
    """Drawn by a keyed hash that nobody foresees."""
    CLASS = "class"
    """Every application of its service class is."""


@dataclass(frozen=True, slots=True)
class SecondLooks:
    """`share`: of all passes, 0 to 1; `classes`: service classes of which every pass is decided again."""

    share: float = 0.0
    classes: frozenset[str] = frozenset()

    def why(
        self, draw: Callable[[str], float], application_key: str, revision: int, round_: int, service_class: str
    ) -> Why | None:
        """Why this pass is decided again, None where it is not. The same for ever under the same key.

        `draw` (`PersonalData.draw`) is a keyed hash: whoever has no key can't foresee or steer it.
        """
        if service_class in self.classes:
            return Why.CLASS
        return Why.SHARE if draw(f"second:{application_key}:{revision}:{round_}") < self.share else None


NO_SECOND_LOOKS = SecondLooks()
