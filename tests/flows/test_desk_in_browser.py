"""Every page of the desks in a real browser, with applications that were written to attack whoever looks at them.

The pages are those of `desk_surface.LOOKED_AT`: small and large, light and dark, in both languages, by keyboard.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from contrast import CONTRAST
from desk_surface import COOKIE_KEY, LOOKED_AT, cookie
from enrolled import enrol
from real_browser import listen, picture_of
from review_served import review_desk
from served import serving
from signing_keys import open_signed
from small_desk import ALIKE, sign_in, verdict
from small_line import DAY, Line

from flows.sessions import Sessions
from stations.intake.batch import APPLICATIONS, MANIFEST
from stations.intake.generator.generate import generate
from stations.intake.load import load
from stations.people import Role
from stations.review import decisions, leases, station

SCREENS = {"desk": (1280, 800), "phone": (390, 844)}
LEAST_TARGET_PX = 24
"""WCAG 2.2, success criterion 2.5.8."""
HOSTILE = (
    "<img src=x onerror=window.struck=1>",
    "</dd></dl></article></div><script>window.struck=1</script>",
    "<svg/onload=window.struck=1>",
    '"><iframe srcdoc="<script>top.struck=1</script>">',
    "{{7*7}}${7*7}{% raw %}",
    "<link rel=stylesheet href=https://elsewhere.example/x.css>",
    "<meta http-equiv=refresh content='0;url=https://elsewhere.example/'>",
    "<form action=https://elsewhere.example/><button accesskey=p>",
    "' OR 1=1; DROP TABLE application; --",
)


@dataclass
class Desks:
    """The desks of a line, served; what browsers said of them, and what they asked for."""

    address: str
    line: Line
    sessions: Sessions
    people: Any
    chromium: Any
    said: list[str]
    asked: list[str]

    def context(self, role: Role | None, **more: Any) -> Any:
        """A browser of its own in which somebody of a role is signed in."""
        context = self.chromium.new_context(base_url=self.address, **{"locale": "en-GB", **more})
        listen(context, self.said)
        context.on("request", lambda request: self.asked.append(request.url))
        context.add_init_script(
            "addEventListener('securitypolicyviolation', event => console.log('policy', event.violatedDirective))"
        )
        if role is not None:
            by = sign_in(self.line.database, self.people[role.value])
            value = cookie({"id": self.sessions.begin(by.code, by.sign_in)})
            context.add_cookies([{"name": "passline_desk", "value": value, "url": self.address}])
        return context


@pytest.fixture(scope="module")
def desks(
    tmp_path_factory: pytest.TempPathFactory,
    sqlite_templates: Callable[[bool], Path],
    signing_keys: Path,
    chromium: Any,
) -> Iterator[Desks]:
    """Desks whose applications are hostile, each in its own way; some are decided already."""
    folder = tmp_path_factory.mktemp("desks")
    url = f"sqlite:///{shutil.copyfile(sqlite_templates(True), folder / 'passline.db')}"
    with open_signed(url, signing_keys, folder / "signing") as database:
        line = Line(database, folder, shares=ALIKE)
        people = enrol(
            database,
            reviewer="reviewer",
            another="reviewer",
            lead="lead",
            packer="packer",
            inspector="inspector",
            mailer="mailer",
            operator="operator",
        )
        generate(folder / "batch", len(HOSTILE), 1, day=DAY, shares=ALIKE)
        strike(folder / "batch")
        assert load(line.at("intake"), folder / "batch", folder / "replies").loaded == len(HOSTILE)
        for offer in line.waiting("review"):
            station.accept_tray(line.at("review"), offer)
        by = sign_in(database, people["another"])
        decisions.decide(line.at("review"), by, verdict(leases.take(line.at("review"), by, ahead=0)[0]))
        sessions = Sessions()
        with serving(
            review_desk(folder, url, line.at("review"), sessions=sessions, cookie_key=COOKIE_KEY, hands=line.hands)
        ) as address:
            yield Desks(address, line, sessions, people, chromium, [], [])
        line.close()


def strike(batch: Path) -> None:
    """Give each application of a batch a hostile birthplace and address, and seal it anew as its sender would."""
    import hashlib

    lines = []
    for word, content in zip(HOSTILE, (batch / APPLICATIONS).read_text("utf-8").splitlines(), strict=True):
        record = json.loads(content)
        record["applicant"]["birthplace"] = word
        record["delivery"] = "post"
        record["address"] = {"recipient": "王晓明", "phone": "13800000000", "lines": word, "postcode": "250000"}
        lines.append(json.dumps(record, ensure_ascii=False) + "\n")
    data = "".join(lines).encode()
    (batch / APPLICATIONS).write_bytes(data)
    manifest = json.loads((batch / MANIFEST).read_text("utf-8"))
    sealed = manifest | {"applications_sha256": hashlib.sha256(data).hexdigest()}
    (batch / MANIFEST).write_text(json.dumps(sealed), "utf-8")


@pytest.fixture(autouse=True)
def _nothing_said(desks: Desks) -> Iterator[None]:
    """No script broke, nothing was blocked by the policy, and nothing was asked of anybody else."""
    yield
    said, desks.said[:] = list(desks.said), []
    asked, desks.asked[:] = list(desks.asked), []
    # What Chromium advises of forms in which two people sign is no fault.
    assert [each for each in said if not each.startswith("[DOM] ")] == []
    assert [url for url in asked if not url.startswith(desks.address)] == []


def opened(context: Any, path: str, ready: str, language: str = "en") -> Any:
    """A page once all is on it."""
    page = context.new_page()
    page.goto(f"{path}?lang={language}")
    page.wait_for_selector(ready)
    return page


def test_what_was_filed_does_nothing_to_whoever_looks_at_it(desks: Desks, tmp_path: Path) -> None:
    """It stands there as it was written: no script of it ran, no request left, nothing became a part of the page."""
    context = desks.context(Role.REVIEWER)
    page = opened(context, "/review", "article")
    dialogs: list[Any] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog))
    seen = set()
    for _ in range(len(HOSTILE) - 1):
        page.wait_for_timeout(450)
        shown = page.locator("article").inner_text()
        found = [word for word in HOSTILE if shown.count(word) == 2]
        assert len(found) == 1, shown
        seen.update(found)
        assert page.evaluate("window.struck ?? null") is None
        assert page.locator("article script, article iframe, article form, article link").count() == 0
        assert page.locator("article svg:not(.guides, .taken-for *)").count() == 0
        picture_of(page, "hostile", tmp_path)
        before = page.locator("article").get_attribute("data-lease")
        page.keyboard.press("p")
        page.wait_for_function("lease => document.querySelector('article')?.dataset.lease !== lease", arg=before)
    assert len(seen) == len(HOSTILE) - 1
    assert dialogs == []
    page.keyboard.press("u")
    page.wait_for_selector("article")
    context.close()


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize(("path", "role", "ready"), LOOKED_AT, ids=[path for path, *_ in LOOKED_AT])
def test_each_page_fits_its_screen_and_is_read_easily(
    desks: Desks, path: str, role: Role | None, ready: str, screen: str, tmp_path: Path
) -> None:
    """No wider than the screen, contrast of 4.5 to 1 at least, targets large enough, in both languages and schemes."""
    width, height = SCREENS[screen]
    for scheme in ("light", "dark"):
        context = desks.context(role, color_scheme=scheme, viewport={"width": width, "height": height})
        for language in ("en", "zh"):
            page = opened(context, path, ready, language)
            where = (scheme, language)
            assert page.evaluate("[document.documentElement.scrollWidth, innerWidth]") == [width, width], where
            assert page.evaluate(CONTRAST) == [], where
            assert page.evaluate(SMALL, LEAST_TARGET_PX) == [], where
            assert page.evaluate("document.documentElement.lang") == {"en": "en", "zh": "zh-CN"}[language]
            assert page.evaluate("document.querySelectorAll('h1').length") == 1, where
            picture_of(page, f"{path.strip('/')}-{screen}-{language}-{scheme}", tmp_path, full_page=True)
            page.close()
        context.close()


@pytest.mark.parametrize(("path", "role", "ready"), LOOKED_AT, ids=[path for path, *_ in LOOKED_AT])
def test_each_page_is_used_by_keyboard_and_by_name(desks: Desks, path: str, role: Role | None, ready: str) -> None:
    """Tab reaches each control once around, in the order in which it stands, and it is seen where it is."""
    context = desks.context(role, viewport={"width": 1280, "height": 800})
    page = opened(context, path, ready)
    assert page.evaluate(NAMELESS) == []
    controls = page.evaluate(NUMBERED)
    assert controls
    page.evaluate("document.activeElement.blur(); getSelection().removeAllRanges(); scrollTo(0, 0)")
    page.evaluate(
        "document.body.setAttribute('tabindex', '-1'); document.body.focus(); document.body.removeAttribute('tabindex')"
    )
    reached = []
    for _ in range(4 * len(controls)):
        page.keyboard.press("Tab")
        number, outlined = page.evaluate(FOCUSED)
        if reached and number == reached[-1]:
            # A date has a part for its day, its month and its year.
            continue
        if number is None or number in reached:
            break
        assert outlined, controls[number]
        reached.append(number)
    assert [controls[number] for number in sorted(set(range(len(controls))) - set(reached))] == []
    assert reached == sorted(reached)
    context.close()


CONTROLS = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]:not([tabindex='-1'])"
NAMELESS = f"""() => [...document.querySelectorAll("img, canvas, [role=img], iframe, dialog[open], {CONTROLS}")]
    .filter(each => each.getClientRects().length && !each.closest("[aria-hidden=true]"))
    .filter(each => !(each.alt || each.getAttribute("aria-label") || each.innerText || each.labels?.[0]?.innerText
        || document.getElementById(each.getAttribute("aria-labelledby"))?.innerText))
    .map(each => each.outerHTML.slice(0, 120))"""
"""What a screen reader has no name for."""
NUMBERED = f"""() => [...document.querySelectorAll("{CONTROLS}")]
    .filter(each => each.getClientRects().length && !each.disabled && each.tabIndex >= 0)
    .map((each, number) => {{ each.dataset.number = number; return each.outerHTML.slice(0, 120); }})"""
FOCUSED = """() => {
  const at = document.activeElement;
  if (at?.dataset?.number === undefined) return [null, false];
  const look = getComputedStyle(at), around = getComputedStyle(at.closest("label") ?? at);
  const seen = (style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  return [Number(at.dataset.number), seen(look) || seen(around)];
}"""
SMALL = """(least) => [...document.querySelectorAll("button, input:not([type=hidden]), select, textarea, nav a")]
    .filter(each => each.getClientRects().length)
    .map(each => [each, (each.closest("label") ?? each).getBoundingClientRect()])
    .filter(([, box]) => box.width < least || box.height < least)
    .map(([each, box]) => `${box.width} x ${box.height} ${each.outerHTML.slice(0, 100)}`)"""
"""What is too small to be hit with a finger; links within a line of text may be."""
