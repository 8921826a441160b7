"""The rules of the line's own tables that are verified with the log: each table that follows it is what it says."""

from typing import Final

from stations.climate import projection as climate
from stations.gate import projection as gate
from stations.mailing import projection as mailing
from stations.patrol import projection as patrol
from stations.people_register import projection as people
from stations.rolls import projection as rolls
from stations.shift import projection as shift

DIFFERENCES: Final = (
    *people.DIFFERENCES,
    *shift.DIFFERENCES,
    *climate.DIFFERENCES,
    *rolls.DIFFERENCES,
    *patrol.DIFFERENCES,
    *gate.DIFFERENCES,
    *mailing.DIFFERENCES,
)
"""Each rule with the SQL that finds what breaks it: `subject` and `what`."""
