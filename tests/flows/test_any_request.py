"""Whatever is sent to any route of the desks and the pages, by its people or by nobody: no answer is a fault of ours.

Hypothesis makes the requests; `--dense` lets it try longer. On both databases: each has words that it does not take.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from desk_surface import ANYBODY, BLANKS, COOKIE_KEY, DESK, NOTHING, PAGES, address, cookie
from enrolled import enrol
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from patrol_line import HOLDABLE, PLAN
from review_served import review_desk
from served import browser, serving
from signing_keys import open_signed
from small_desk import ALIKE, sign_in
from small_line import Line

from flows.app import Served, create_app
from flows.patrol_forms import Rounds
from flows.sessions import Sessions
from handoff_logs.asking import Asking
from stations.people import Role
from stations.review import leases, station

FORM = ("code", "password", "to", "decision", "lease", "revision", "round", "outcome", "reasons", "ahead", "what")
ASKED = ("number", "day", "from", "to", "after", "name", "station", "shift", "kind", "columns", "span", "lang", "why")
FIELDS = (*FORM, *ASKED, "theme", "all", "sensor", "zone", "answer/book-01/covers", "photo/book-01/covers")
"""What routes read by name, in forms and in addresses."""
EXAMPLES = 80
DENSE = 3_000
KNOWN = (
    *("", NOTHING, "1", "-1", "0", "999999999999999999999", "1e999", "nan", "p-0011", "E1234567", "370120261120001"),
    *("pass", "return", "hold", "taken", "photo", "all", "csv", "xlsx", "parquet", "en", "zh", "2026-11-30"),
    *("9999-12-31T23:59:59", "0001-01-01", "..", "../..", "'", "%", "_", "%00", "\x00", "\udcff", "\u202e", "𠮷"),
    *("{{7*7}}", "<script>", "=1+1", "x" * 3_000),
)
WORDS = st.one_of(st.sampled_from(KNOWN), st.text(max_size=40), st.integers().map(str))


class Fuzzed:
    """Both applications over one line, and who is signed in on each."""

    def __init__(self, line: Line, url: str, folder: Path) -> None:
        people = enrol(line.database, **{role.value: role.value for role in Role if role is not Role.ADMINISTRATOR})
        line.file(12)
        for offer in line.waiting("review"):
            station.accept_tray(line.at("review"), offer)
        self.people, self.line, self.sessions = people, line, Sessions()
        reviewer = sign_in(line.database, people["reviewer"])
        self.lease = leases.take(line.at("review"), reviewer, ahead=1)[0].lease_id
        personal = line.at("review").personal
        assert personal is not None
        rounds = Rounds((PLAN,), HOLDABLE, personal, "day", lambda: None)
        served = Served(folder, "test", True, COOKIE_KEY, Asking(url, str), rounds=rounds)
        desk = review_desk(folder, url, line.at("review"), sessions=self.sessions, cookie_key=COOKIE_KEY)
        self.apps = {"desk": desk}
        self.apps["pages"] = create_app(served, line.database, self.sessions)
        self.at: dict[str, str] = {}
        self.known: dict[Role, str] = {}

    def signed(self, role: Role) -> tuple[str, str]:
        """A session of somebody of a role: its cookie, and the token of its forms."""
        session = self.sessions.find(self.known.get(role, ""))
        if session is None:
            by = sign_in(self.line.database, self.people[role.value])
            self.known[role] = self.sessions.begin(by.code, by.sign_in)
            session = self.sessions.find(self.known[role])
        assert session is not None
        return cookie({"id": self.known[role], "token": "t"}), session.token


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def fuzzed(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    sqlite_templates: Callable[[bool], Path],
    signing_keys: Path,
) -> Iterator[Fuzzed]:
    """A line on each database, both applications served."""
    folder = tmp_path_factory.mktemp("fuzzed")
    if request.param == "sqlite":
        url = f"sqlite:///{shutil.copyfile(sqlite_templates(True), folder / 'passline.db')}"
    else:
        url = request.getfixturevalue("postgresql_databases")(True)
    with open_signed(url, signing_keys, folder / "signing") as database:
        line = Line(database, folder, shares=ALIKE)
        made = Fuzzed(line, url, folder)
        with serving(made.apps["desk"]) as desk, serving(made.apps["pages"]) as pages:
            made.at = {"desk": desk, "pages": pages}
            yield made
        line.close()


@st.composite
def requests(draw: st.DrawFn, stated: Any) -> dict[str, Any]:
    """A request to one of the stated routes, with anything in its address, its query, its form and its headers."""
    (method, path), roles = draw(st.sampled_from(sorted(stated.items(), key=lambda item: item[0])))
    who = draw(st.sampled_from([None, *sorted(roles)] if roles is not ANYBODY else [None, Role.LEAD]))
    where = path
    for part in path.split("{")[1:]:
        name = part.partition("}")[0]
        word = draw(st.one_of(st.just(BLANKS.get(name, "LEASE")), WORDS))
        where = where.replace(f"{{{name}}}", quote(word.encode("utf-8", "surrogatepass"), safe=""))
    pairs = draw(st.lists(st.tuples(st.sampled_from(FIELDS), WORDS), max_size=5))
    headers = draw(
        st.dictionaries(
            st.sampled_from(["accept-language", "passline-live", "cookie", "content-type", "range", "x-forwarded-for"]),
            st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=20).map("x{}x".format),
            max_size=2,
        )
    )
    odd = draw(st.sampled_from(["form", "form", "form", "files", "bytes", "json"]))
    return {"method": method, "where": where, "who": who, "pairs": pairs, "headers": headers, "odd": odd}


def send(fuzzed: Fuzzed, which: str, client: httpx.Client, made: dict[str, Any]) -> httpx.Response:
    own = "passline_desk" if which == "desk" else "passline_session"
    kept, token = fuzzed.signed(made["who"]) if made["who"] else (cookie({"token": "t"}), "t")
    headers = {name: value.encode("latin-1").strip() for name, value in made["headers"].items()}
    headers["cookie"] = b"".join((headers.get("cookie", b"x"), f"; {own}={kept}".encode()))
    said = "&".join(f"{quote(name)}={quote(word.encode('utf-8', 'surrogatepass'))}" for name, word in made["pairs"])
    where = made["where"].replace("LEASE", fuzzed.lease)
    if made["method"] == "GET":
        return client.get(f"{where}?{said}", headers=headers)
    body: dict[str, Any] = {"content": f"token={token}&{said}"}
    match made["odd"]:
        case "form":
            headers["content-type"] = b"application/x-www-form-urlencoded"
        case "files":
            headers.pop("content-type", None)
            words = {name: ("x", word.encode("utf-8", "surrogatepass")) for name, word in made["pairs"]}
            body = {"data": {"token": token}, "files": words or {"code": ("x", b"")}}
        case "bytes":
            headers.setdefault("content-type", b"multipart/form-data; boundary=x")
        case "json":
            body = {"json": dict.fromkeys(["token", "lease"], token)}
    return client.post(where, headers=headers, **body)


@pytest.mark.parametrize("which", ["desk", "pages"])
def test_no_request_is_answered_with_a_fault_of_ours(fuzzed: Fuzzed, which: str, dense: bool) -> None:
    """Nor with nothing; and afterwards the server still answers."""
    stated = DESK if which == "desk" else PAGES
    with browser(fuzzed.at[which]) as client:

        @settings(max_examples=DENSE if dense else EXAMPLES, suppress_health_check=list(HealthCheck))
        @given(requests(stated))
        def tried(made: dict[str, Any]) -> None:
            answer = send(fuzzed, which, client, made)
            assert answer.status_code < 500, (answer.status_code, answer.text[:300])
            assert answer.headers["cache-control"] == "no-store"

        tried()
        assert client.get("/sign-in").status_code == 200


@pytest.mark.parametrize("fuzzed", ["postgresql"], indirect=True)
@pytest.mark.parametrize("which", ["desk", "pages"])
def test_no_field_is_broken_by_a_word_that_a_database_refuses(fuzzed: Fuzzed, which: str) -> None:
    """NUL, which PostgreSQL has in no text: in each part of each address and in each field, one after another."""
    stated = DESK if which == "desk" else PAGES
    with browser(fuzzed.at[which]) as client:
        for (method, path), roles in stated.items():
            made: dict[str, Any] = {"method": method, "who": min(roles, default=None), "headers": {}, "odd": "form"}
            for part in re.findall(r"{(\w+)}", path):
                where = address(path, {"lease": fuzzed.lease, part: "%00"})
                answer = send(fuzzed, which, client, made | {"where": where, "pairs": []})
                assert answer.status_code < 500, (method, where)
            where = address(path, {"lease": fuzzed.lease, "name": "state" if "/questions/" in path else "machines"})
            for field in FORM if method == "POST" else ASKED[:7]:
                answer = send(fuzzed, which, client, made | {"where": where, "pairs": [(field, "\x00")]})
                assert answer.status_code < 500, (method, where, field, answer.text[:300])
