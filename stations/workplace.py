"""Where and as whom station code acts: the database, the station, the shift and the people on duty there."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from handoff_logs.database import Database
from handoff_logs.records import Party
from stations.by import By
from stations.errors import NobodyOnDutyError
from stations.personal import PersonalData


@dataclass(frozen=True, slots=True)
class Workplace:
    """One station during one shift.

    `people` are the opaque codes of those on duty: EMULATED staff, those who have just signed in, or whom the open
    shift names here. Where nobody is, or one where an act needs two, the act is refused.
    `sign_ins` are the ids of the accepted sign-ins by which they act, by code, as far as they signed in.
    """

    database: Database
    station: str
    shift: str
    people: tuple[str, ...]
    emulated: bool
    personal: PersonalData
    sign_ins: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if len(set(self.people)) < len(self.people):
            raise ValueError(f"station {self.station} needs two different people where two act, got {self.people!r}")

    @property
    def first(self) -> str:
        """Whoever acts here. Raises NobodyOnDutyError."""
        if not self.people:
            raise NobodyOnDutyError(self.station, self.shift, 1, 0)
        return self.people[0]

    @property
    def second(self) -> str:
        """The second hand of an act that needs two. Raises NobodyOnDutyError."""
        others = [person for person in self.people if person != self.first]
        if not others:
            raise NobodyOnDutyError(self.station, self.shift, 2, 1)
        return others[0]

    def party(self, index: int = 0) -> Party:
        """The `index`-th person on duty, counted round and round, as a side of a handoff. Raises NobodyOnDutyError."""
        person = self.first if index == 0 else self.people[index % len(self.people)]
        return Party(self.station, person, self.shift, self.sign_ins.get(person))

    def at(self, station: str, people: tuple[str, ...], sign_ins: Mapping[str, str] | None = None) -> "Workplace":
        """The same run and shift at another station, with that station's people and the sign-ins they act by."""
        return replace(self, station=station, people=people, sign_ins=sign_ins or {})

    def acting(self, by: By) -> "Workplace":
        """The same place with whoever did something at its desk as the one who acts, by that sign-in."""
        others = tuple(code for code in self.people if code != by.code)
        return self.at(self.station, (by.code, *others), {by.code: by.sign_in} if by.sign_in else {})
