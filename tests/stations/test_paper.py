"""A paper is whole, can be read without its program, and is the same whenever it is printed."""

import re

import pytest

from stations.paper import FONT_FILE, NoGlyphError, Words, pdf

PAGES = [
    [Words(20, 30, 17, "销毁证明 Certificate of destruction"), Words(20, 50, 10, "EA0000001 (a) <b> \\ ~")],
    [Words(20, 30, 10, "第 2 页 共 2 页")],
]


def texts(paper: bytes) -> list[str]:
    """What each line of each page says, by the map from glyphs to characters that the paper carries."""
    pairs = re.findall(rb"<([0-9A-F]{4})> <([0-9A-F]{4})>", paper)
    characters = {int(glyph, 16): chr(int(code, 16)) for glyph, code in pairs}
    shown = re.findall(rb"<([0-9A-F]+)> Tj", paper)
    return ["".join(characters[int(line[at : at + 4], 16)] for at in range(0, len(line), 4)) for line in shown]


def test_the_same_words_give_the_same_bytes_and_can_be_read_back():
    """No clock, no chance, no compressor: what was printed can be printed again."""
    paper = pdf(PAGES, "销毁证明")
    assert paper == pdf(PAGES, "销毁证明") != pdf(PAGES[:1], "销毁证明")
    assert texts(paper) == [words.text for page in PAGES for words in page]


def test_every_object_is_where_the_index_says():
    """A reader finds each by its byte; the font is in the file."""
    paper = pdf(PAGES, "a title")
    (start,) = re.findall(rb"startxref\n(\d+)\n%%EOF\n$", paper)
    places = [int(place) for place in re.findall(rb"(\d{10}) 00000 n ", paper[int(start) :])]
    assert len(places) == 7 + 2 * len(PAGES) + 1
    for number, place in enumerate(places, 1):
        assert paper[place:].startswith(b"%d 0 obj\n" % number)
    for length, stream in re.findall(rb"/Length (\d+) [^>]*>>\nstream\n(.*?)\nendstream", paper, re.DOTALL):
        assert len(stream) == int(length)
    assert FONT_FILE.read_bytes() in paper


def test_a_character_that_the_font_lacks_is_refused():
    """Rather than print a box where a name should be."""
    with pytest.raises(NoGlyphError, match="龘"):
        pdf([[Words(20, 30, 10, "龘")]], "a title")
