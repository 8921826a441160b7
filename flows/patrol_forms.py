"""The form of a round as it comes from a browser: its names, its limits, and the round that it says was walked.

Nothing that a browser sends becomes a name of a file: photographs are known by their hash.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from stations.patrol.photos import MOST_BYTES
from stations.patrol.rules import Answer, Found, Kind, Patrol, Walked
from stations.personal import PersonalData

MOST_FORM_BYTES: Final = 32 * 1024 * 1024
"""Of a round with its photographs."""
LONGEST_FIELD: Final = 4_096
"""Bytes of a field that is no photograph."""
PARTS: Final = ("answer", "what", "kind", "photo", "hold")
"""What a form asks of each item of each point."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """What the pages walk: the plan, the machines that can be held, the key of photographs, the line's usual shift.

    `seal` is called after each record.
    """

    plan: tuple[Patrol, ...]
    holdable: tuple[str, ...]
    personal: PersonalData
    shift: str
    seal: Callable[[], None]


def field(part: str, point: str, item: str) -> str:
    """The name of a field; no name of a point or an item has a `/`.

    >>> field("answer", "place:server-room", "covers")
    'answer/place:server-room/covers'
    """
    return f"{part}/{point}/{item}"


async def read_form(request: Request, patrol: Patrol) -> FormData:
    """The form in a request, no larger than this patrol can need. Raises starlette's HTTPException for any other."""
    cells = sum(1 for _ in patrol.cells)
    return await request.form(max_files=cells, max_fields=cells * (len(PARTS) - 1) + 2, max_part_size=LONGEST_FIELD)


def words(form: FormData) -> dict[str, str]:
    """The fields that are no files, by name: what is shown again where a round is refused."""
    return {name: value for name, value in form.items() if isinstance(value, str)}


async def walked(form: FormData, patrol: Patrol) -> Walked:
    """The round that a form says was walked; `rules.check_walked` says whether it is whole.

    An item with an unknown word is one that was not answered. A photograph of an item that is in order is left out.
    """
    said = words(form)
    answers: dict[tuple[str, str], Answer] = {}
    found: list[Found] = []
    for point, item in patrol.cells:
        cell = (point, item.id)
        answer = said.get(field("answer", *cell))
        if answer not in tuple(Answer):
            continue
        answers[cell] = Answer(answer)
        if answers[cell] is Answer.BAD:
            found.append(await _found(form, said, cell))
    return Walked(patrol, answers, tuple(found))


async def _found(form: FormData, said: Mapping[str, str], cell: tuple[str, str]) -> Found:
    kind = said.get(field("kind", *cell), "")
    photo = form.get(field("photo", *cell))
    data = await photo.read(MOST_BYTES + 1) if isinstance(photo, UploadFile) and photo.size else None
    return Found(
        *cell,
        Kind(kind) if kind in tuple(Kind) else Kind.DEVICE,
        said.get(field("what", *cell), "").strip(),
        said.get(field("hold", *cell)) == "yes",
        data,
    )
