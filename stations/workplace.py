"""Where and as whom station code acts: the database, the station, the shift and the people on duty there."""

from dataclasses import dataclass, replace

from handoff_logs.database import Database
from handoff_logs.records import Party
from stations.personal import PersonalData


@dataclass(frozen=True, slots=True)
class Workplace:
    """One station during one shift.

    `people` are the opaque codes of those on duty, at least two, so that acts which need two hands have them.
    """

    database: Database
    station: str
    shift: str
    people: tuple[str, ...]
    emulated: bool
    personal: PersonalData

    def __post_init__(self) -> None:
        if len(set(self.people)) < 2:
            raise ValueError(f"station {self.station} needs two different people on duty, got {self.people!r}")

    def party(self, index: int = 0) -> Party:
        """The `index`-th person on duty, counted round and round, as a side of a handoff."""
        return Party(self.station, self.people[index % len(self.people)], self.shift)

    def at(self, station: str, people: tuple[str, ...]) -> "Workplace":
        """The same run and shift at another station, with that station's people."""
        return replace(self, station=station, people=people)
