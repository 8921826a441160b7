"""Every text is there in English and Chinese, and a page is told in the one that its reader chose."""

import re
import string
from pathlib import Path

import httpx
import pytest

from handoff_logs.pages import words as catalogue
from handoff_logs.pages.languages import Language, accepted
from handoff_logs.pages.rendering import HOME
from handoff_logs.pages.terms import FAMILIES, TERMS
from handoff_logs.pages.words import TEXTS, Words
from handoff_logs.questions.registry import ASKED, LOOKUPS
from handoff_logs.records import Act, CaseKind, Kind, Outcome, State
from stations.mailing.delivery_rules import REASONS

CHINESE = re.compile(r"[\u4e00-\u9fff]")
SAME_IN_BOTH = {"question.time_form"}


def fields(text: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("texts", [TEXTS, TERMS], ids=["pages", "log"])
def test_every_text_is_there_in_both_languages_with_the_same_facts(texts: dict[str, tuple[str, str]]) -> None:
    for key, (english, chinese) in texts.items():
        assert english and not CHINESE.search(english), key
        assert CHINESE.search(chinese) or key in SAME_IN_BOTH, key
        assert fields(english) == fields(chinese), key


def test_every_word_of_the_log_has_a_translation() -> None:
    families = (("act", Act), ("kind", Kind), ("state", State), ("outcome", Outcome), ("case", CaseKind))
    for family, values in families:
        assert [value for value in values if f"{family}.{value}" not in TERMS] == []
    every = [*ASKED.values(), LOOKUPS]
    assert [question.name for question in every if f"question.{question.name}" not in TERMS] == []
    names = {name for question in every for name in question.shown}
    names |= {column.name.removesuffix("_us") for question in every for column in question.columns}
    assert sorted(name for name in names if f"column.{name}" not in TERMS) == []
    filters = {name for question in every for name in (*question.filters, question.subject) if name}
    assert sorted(name for name in filters if f"filter.{name}" not in TERMS) == []
    assert [reason for reason in REASONS if f"delivery_reason.{reason}" not in TERMS] == []
    assert set(FAMILIES.values()) <= {key.partition(".")[0] for key in TERMS}


def test_every_text_that_a_template_names_is_in_the_catalogue_and_none_is_left_over() -> None:
    flows = Path(catalogue.__file__).parents[2] / "flows"
    sources = [
        *HOME.rglob("*.html"),
        *HOME.glob("*.py"),
        *flows.glob("templates/*.html"),
        flows / "app.py",
        *flows.glob("*_page*.py"),
    ]
    sources = [source for source in sources if source.name not in ("words.py", "terms.py")]
    named = "\n".join(source.read_text("utf-8") for source in sources)
    for key in re.findall(r'\bt\("([a-z_.]+)"[,)]', named):
        assert key in TEXTS, key
    composed = (
        "mailing.",
        "machines.",
        "nav.",
        "fact.",
        "integrity.state.",
        "shift.line.",
        "board.theme.",
        "review.key.",
        "review.rates.",
        "qc.key.",
        "qc.page.",
    )
    for key in TEXTS:
        assert key.removesuffix(".next") in named or key.startswith(composed), f"{key} is used nowhere"


def test_a_word_that_no_catalogue_has_stands_for_itself() -> None:
    assert Words(Language.CHINESE).term("station", "office:jinan") == "office:jinan"


@pytest.mark.parametrize(
    ("header", "language"),
    [("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("en-GB,zh;q=0.5", "en"), ("fr", "en"), ("", "en"), ("zh;q=nonsense,en", "en"),
     ("zh-Hant-TW", "zh")],
)  # fmt: skip
def test_the_browsers_preferred_language_is_taken(client: httpx.Client, header: str, language: str) -> None:
    assert accepted({"accept-language": header}) == language
    page = client.get("/", headers={"accept-language": header})
    assert f'<html lang="{"zh-CN" if language == "zh" else "en"}">' in page.text


def test_the_switch_is_kept_and_goes_before_the_browser(client: httpx.Client) -> None:
    page = client.get("/stations?lang=zh", headers={"accept-language": "en"})
    assert "工位" in page.text and "HttpOnly" in page.headers["set-cookie"] and "strict" in page.headers["set-cookie"]
    assert "<h1>工位</h1>" in client.get("/stations", headers={"accept-language": "en"}).text
    assert "<h1>Stations</h1>" in client.get("/stations?lang=en").text
    assert "<h1>Stations</h1>" in client.get("/stations?lang=xx").text


def test_the_switch_keeps_what_was_asked(client: httpx.Client) -> None:
    assert 'href="/custody?number=E1&amp;lang=zh"' in client.get("/custody?number=E1").text


@pytest.mark.parametrize("path", ["/", "/custody?number=E1", "/stations", "/shifts", "/integrity", "/questions/late"])
def test_a_chinese_page_has_no_english_text_left(client: httpx.Client, path: str) -> None:
    page = client.get(path, headers={"accept-language": "zh"}).text
    for english, chinese in TEXTS.values():
        if " " in english and "{" not in english and english != chinese:
            assert english not in page, english
