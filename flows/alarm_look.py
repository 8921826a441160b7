"""How alarms look on a terminal: an icon, a word and a colour, so that each alone tells enough."""

from typing import Final

from stations.alarms.rules import Severity

LOOKS: Final = {
    Severity.URGENT: ("▲", "bold red"),
    Severity.WARNING: ("!", "yellow"),
    Severity.NOTICE: ("·", "cyan"),
}
ALARM_STATES: Final = {"open": ("○", "bold red"), "acknowledged": ("◐", "yellow"), "cleared": ("✓", "dim")}
