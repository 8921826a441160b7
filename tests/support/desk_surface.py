"""What the desks and the pages answer to, and for whom. A new route or page gets its line here, or tests/flows fails.

`DESK` and `PAGES` state who may use each route; `LOOKED_AT` names the desks' pages that are looked at in a browser.
"""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any, Final

from itsdangerous import TimestampSigner
from starlette.routing import Mount

from stations.people import Role

COOKIE_KEY: Final = bytes(range(32))
Stated = Mapping[tuple[str, str], frozenset[Role]]

ANYBODY: Final = frozenset[Role]()
"""Open by design, signed in or not."""
REVIEWERS: Final = frozenset({Role.REVIEWER})
LEADS: Final = frozenset({Role.LEAD})
INSPECTORS: Final = frozenset({Role.INSPECTOR})
PACKERS: Final = frozenset({Role.PACKER})
LOG: Final = frozenset({Role.AUDITOR, Role.LEAD, Role.ADMINISTRATOR})
ALARMS: Final = LOG | {Role.KEEPER, Role.OPERATOR, Role.ENGINEER}
BOOK: Final = frozenset({Role.REVIEWER, Role.INSPECTOR, Role.PACKER, Role.LEAD})
MAILING: Final = frozenset({Role.MAILER, Role.LEAD})
OPERATORS: Final = frozenset({Role.OPERATOR, Role.LEAD})
PATROL: Final = frozenset({Role.OPERATOR, Role.LEAD, Role.ADMINISTRATOR, Role.ENGINEER})

DESK: Final[Stated] = {
    ("GET", "/"): ANYBODY,
    ("GET", "/healthz"): ANYBODY,
    ("GET", "/sign-in"): ANYBODY,
    ("POST", "/sign-in"): ANYBODY,
    ("POST", "/sign-out"): ANYBODY,
    ("GET", "/review"): REVIEWERS,
    ("POST", "/review/take"): REVIEWERS,
    ("GET", "/review/case/{lease}"): REVIEWERS,
    ("GET", "/review/picture/{lease}/{role}"): REVIEWERS,
    ("POST", "/review/verdict"): REVIEWERS,
    ("POST", "/review/undo"): REVIEWERS,
    ("GET", "/rates"): LEADS,
    ("GET", "/casebook"): BOOK,
    ("GET", "/casebook/case/{case_id}"): BOOK,
    ("GET", "/casebook/picture/{case_id}"): BOOK,
    ("GET", "/casebook/today"): BOOK,
    ("GET", "/casebook/form"): BOOK,
    ("POST", "/casebook/similar"): BOOK,
    ("POST", "/casebook/write"): BOOK,
    ("GET", "/training"): LEADS,
    ("GET", "/qc"): INSPECTORS,
    ("GET", "/qc/overview"): INSPECTORS,
    ("GET", "/qc/piece/{hold}"): INSPECTORS,
    ("GET", "/qc/portrait/{hold}"): INSPECTORS,
    ("GET", "/qc/printed/{hold}"): INSPECTORS,
    ("POST", "/qc/emulated"): INSPECTORS,
    ("POST", "/qc/scan"): INSPECTORS,
    ("POST", "/qc/decide"): INSPECTORS,
    ("POST", "/qc/undo"): INSPECTORS,
    ("POST", "/qc/back"): INSPECTORS,
    ("POST", "/qc/again"): INSPECTORS,
    ("POST", "/qc/void"): INSPECTORS,
    ("GET", "/qc/count"): INSPECTORS,
    ("POST", "/qc/count/begin"): INSPECTORS,
    ("POST", "/qc/count/scan"): INSPECTORS,
    ("POST", "/qc/count/close"): INSPECTORS,
    ("POST", "/qc/count/anew"): INSPECTORS,
    ("POST", "/qc/count/emulated"): INSPECTORS,
    ("GET", "/packing"): PACKERS,
    ("GET", "/packing/now"): PACKERS,
    ("POST", "/packing/match"): PACKERS,
    ("POST", "/packing/undo"): PACKERS,
    ("POST", "/packing/release"): PACKERS,
    ("POST", "/packing/close"): PACKERS,
    ("POST", "/packing/answer"): PACKERS,
    ("POST", "/packing/emulated"): PACKERS,
    ("GET", "/packing/label/{label}.pdf"): PACKERS,
    ("GET", "/packing/box/{label}.pdf"): PACKERS,
    ("GET", "/packing/box/{label}.csv"): PACKERS,
    ("GET", "/packing/tray/{tray}.pdf"): PACKERS,
    ("GET", "/packing/tray/{tray}.csv"): PACKERS,
    ("GET", "/packing/count"): PACKERS,
    ("POST", "/packing/count/begin"): PACKERS,
    ("POST", "/packing/count/scan"): PACKERS,
    ("POST", "/packing/count/close"): PACKERS,
    ("POST", "/packing/count/anew"): PACKERS,
    ("POST", "/packing/count/emulated"): PACKERS,
    ("GET", "/mailing"): MAILING,
    ("POST", "/mailing/weigh"): MAILING,
    ("GET", "/mailing/scale"): MAILING,
    ("POST", "/mailing/scale"): MAILING,
    ("POST", "/mailing/emulated"): MAILING,
    ("GET", "/mailing/manifests"): MAILING,
    ("POST", "/mailing/manifests/print"): MAILING,
    ("GET", "/mailing/door"): MAILING,
    ("POST", "/mailing/door"): MAILING,
    ("POST", "/mailing/door/number"): MAILING,
    ("POST", "/mailing/door/emulated"): MAILING,
    ("GET", "/mailing/retake"): MAILING,
    ("POST", "/mailing/retake"): MAILING,
    ("POST", "/mailing/retake/emulated"): MAILING,
    ("GET", "/mailing/returns"): MAILING,
    ("POST", "/mailing/returns/receive"): MAILING,
    ("POST", "/mailing/returns/decide"): MAILING,
    ("POST", "/mailing/returns/emulated"): MAILING,
    ("GET", "/mailing/deliveries"): MAILING,
    ("POST", "/mailing/deliveries/load"): MAILING,
    ("POST", "/mailing/deliveries/settle"): MAILING,
    ("GET", "/mailing/acts"): MAILING,
    ("GET", "/mailing/count"): MAILING,
    ("POST", "/mailing/count/begin"): MAILING,
    ("POST", "/mailing/count/scan"): MAILING,
    ("POST", "/mailing/count/close"): MAILING,
    ("POST", "/mailing/count/anew"): MAILING,
    ("POST", "/mailing/count/emulated"): MAILING,
    ("GET", "/machines"): OPERATORS,
    ("GET", "/machines/act"): OPERATORS,
    ("POST", "/machines/act"): OPERATORS,
    ("GET", "/machines/acts"): OPERATORS,
    ("POST", "/machines/emulated"): OPERATORS,
}
PAGES: Final[Stated] = {
    ("GET", "/sign-in"): ANYBODY,
    ("POST", "/sign-in"): ANYBODY,
    ("POST", "/sign-out"): ANYBODY,
    ("GET", "/board/display"): ANYBODY,
    ("POST", "/board/display"): ANYBODY,
    ("GET", "/"): LOG,
    ("GET", "/custody"): LOG,
    ("GET", "/custody/proof"): LOG,
    ("GET", "/stations"): LOG,
    ("GET", "/station"): LOG,
    ("GET", "/shifts"): LOG,
    ("GET", "/shifts/{shift}"): LOG,
    ("GET", "/shifts/{shift}/report.pdf"): LOG,
    ("GET", "/day"): LOG,
    ("GET", "/questions"): LOG,
    ("GET", "/questions/{name}"): LOG,
    ("GET", "/questions/{name}/export.{form}"): LOG,
    ("GET", "/integrity"): LOG,
    ("GET", "/alarms"): ALARMS,
    ("POST", "/alarms/{alarm}/acknowledge"): ALARMS,
    ("GET", "/board"): ALARMS,
    ("GET", "/climate"): ALARMS,
    ("GET", "/patrol"): PATROL,
    ("GET", "/patrol/alive"): PATROL,
    ("GET", "/patrol/round/{name}"): PATROL,
    ("POST", "/patrol/round/{name}"): PATROL,
    ("GET", "/patrol/finding/{number}"): PATROL,
    ("POST", "/patrol/finding/{number}/{step}"): PATROL,
    ("GET", "/patrol/photo/{sha256}"): PATROL,
}
BLANKS: Final = {"role": "photo", "form": "csv", "name": "person", "number": "1", "step": "taken", "alarm": "1"}
"""What stands in an address for each name in braces; for any other, the id of nothing."""
ROUND: Final = {"name": "machines"}
NOTHING: Final = "0" * 32
LOOKED_AT: Final[tuple[tuple[str, Role | None, str], ...]] = (
    ("/sign-in", None, "form"),
    ("/review", Role.REVIEWER, "article"),
    ("/rates", Role.LEAD, "table"),
    ("/packing", Role.PACKER, "#now section"),
    ("/packing/count", Role.PACKER, "form.big"),
    ("/casebook", Role.REVIEWER, "h1"),
    ("/training", Role.LEAD, "h1"),
    ("/qc", Role.INSPECTOR, "#overview article"),
    ("/qc/count", Role.INSPECTOR, "form.big"),
    ("/mailing", Role.MAILER, "h1"),
    ("/mailing/door", Role.MAILER, "h1"),
    ("/mailing/manifests", Role.MAILER, "h1"),
    ("/mailing/deliveries", Role.MAILER, "h1"),
    ("/mailing/returns", Role.MAILER, "h1"),
    ("/machines", Role.OPERATOR, "h1"),
)
"""The desks' pages: address, whose (None: nobody is signed in), and what stands on it once all is there."""


def routes(app: Any) -> set[tuple[str, str]]:
    """Each method and path that an application answers, however it was joined together; its assets are left out."""
    return set(_walk(app.routes))


def _walk(found: Any) -> Iterator[tuple[str, str]]:
    for route in found:
        if isinstance(route, Mount):
            assert route.path == "/static", route.path
        elif (joined := getattr(route, "original_router", None)) is not None:
            yield from _walk(joined.routes)
        else:
            yield from ((method, route.path) for method in route.methods)


def address(path: str, blanks: Mapping[str, str] | None = None) -> str:
    """A route's address, its blanks filled in."""
    given = {**BLANKS, **(ROUND if "/round/" in path else {}), **(blanks or {})}
    for part in path.split("{")[1:]:
        name = part.partition("}")[0]
        path = path.replace(f"{{{name}}}", given.get(name, NOTHING))
    return path


def cookie(session: Mapping[str, str]) -> str:
    """The signed value of a cookie that holds a session, as the server would set it."""
    signer = TimestampSigner(COOKIE_KEY.hex())
    return signer.sign(b64encode(json.dumps(dict(session)).encode())).decode()
