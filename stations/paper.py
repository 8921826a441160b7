"""Papers that come out the same for ever: pages as PDF 1.7, the font embedded, without clock or chance.

Nothing is compressed, because another version of a compressor would write other bytes (ISO 32000-1).
"""

import hashlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

_FONTS: Final = Path(__file__).with_name("fonts")
FONT_FILE: Final = _FONTS / "wqy-microhei-subset.ttf"
"""The font of certificates: whoever prints one again must get its bytes, so it is never cut anew for other papers."""
REPORT_FONT_FILE: Final = _FONTS / "wqy-microhei-report.ttf"
"""The font of reports."""
MANIFEST_FONT_FILE: Final = _FONTS / "wqy-microhei-manifest.ttf"
"""The font of manifests."""
PACKING_FONT_FILE: Final = _FONTS / "wqy-microhei-packing.ttf"
"""The font of what packing prints: labels, and the lists in boxes and trays."""
WIDTH_MM, HEIGHT_MM = 210, 297
"""A4."""
_PT: Final = 72 / 25.4


class NoGlyphError(ValueError):
    """A character that the font of papers does not have."""

    def __init__(self, character: str) -> None:
        super().__init__(character)
        self.character = character

    def __str__(self) -> str:
        return f"the font of papers has no {self.character!r}; see stations/fonts/README.md"


class Words(NamedTuple):
    """Words at a place on a page: millimetres from its left and upper edge to where their line stands."""

    x_mm: float
    y_mm: float
    size_pt: float
    text: str


class Rule(NamedTuple):
    """A straight line on a page, in millimetres from its left and upper edge."""

    x_mm: float
    y_mm: float
    to_x_mm: float
    to_y_mm: float
    width_pt: float = 0.3


Mark = Words | Rule


@dataclass(frozen=True, slots=True)
class Font:
    """What a page needs of a TrueType font: glyphs by character, their widths and the whole in 1/1000 of the size."""

    content: bytes
    glyphs: Mapping[str, int]
    widths: Sequence[int]
    ascent: int
    descent: int
    box: tuple[int, int, int, int]

    def shown(self, text: str) -> str:
        """The text as glyph numbers in hex. Raises `NoGlyphError`."""
        try:
            return "".join(f"{self.glyphs[character]:04X}" for character in text)
        except KeyError as error:
            raise NoGlyphError(str(error.args[0])) from None


def pdf(
    pages: Sequence[Sequence[Mark]],
    title: str,
    font_file: Path = FONT_FILE,
    size_mm: tuple[float, float] = (WIDTH_MM, HEIGHT_MM),
) -> bytes:
    """The pages, of one size, as one PDF file; the same marks give the same bytes. Raises `NoGlyphError`."""
    font = _font(font_file)
    used = sorted({each for page in pages for mark in page if isinstance(mark, Words) for each in mark.text})
    first_page = 8
    kids = " ".join(f"{first_page + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type0 /BaseFont /WQYMHA+WenQuanYiMicroHei /Encoding /Identity-H"
        b" /DescendantFonts [4 0 R] /ToUnicode 7 0 R >>",
        _descendant(font, used),
        _descriptor(font),
        _stream(font.content, f"/Length1 {len(font.content)}"),
        _stream(_to_unicode(font, used)),
    ]
    for number, page in enumerate(pages):
        size = f"{size_mm[0] * _PT:.2f} {size_mm[1] * _PT:.2f}"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {size}] /Resources << /Font << /F 3 0 R >> >>"
            f" /Contents {first_page + 2 * number + 1} 0 R >>".encode()
        )
        objects.append(_stream("\n".join(_drawn(font, mark, size_mm[1]) for mark in page).encode()))
    objects.append(f"<< /Title <FEFF{title.encode('utf-16-be').hex().upper()}> >>".encode())
    return _file(objects)


def width_mm(text: str, size_pt: float, font_file: Path = FONT_FILE) -> float:
    """How wide words are on the page, in millimetres. Raises `NoGlyphError`."""
    font = _font(font_file)
    try:
        return sum(font.widths[font.glyphs[character]] for character in text) * size_pt / 1000 / _PT
    except KeyError as error:
        raise NoGlyphError(str(error.args[0])) from None


def _drawn(font: Font, mark: Mark, height_mm: float) -> str:
    x, y = mark.x_mm * _PT, (height_mm - mark.y_mm) * _PT
    if isinstance(mark, Words):
        return f"BT /F {mark.size_pt:g} Tf {x:.2f} {y:.2f} Td <{font.shown(mark.text)}> Tj ET"
    to_x, to_y = mark.to_x_mm * _PT, (height_mm - mark.to_y_mm) * _PT
    return f"{mark.width_pt:g} w {x:.2f} {y:.2f} m {to_x:.2f} {to_y:.2f} l S"


def _file(objects: Sequence[bytes]) -> bytes:
    """Number the objects and index them; the last is what the document says of itself."""
    out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    start, own = len(out), hashlib.sha256(out).hexdigest()[:32]
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = f"<< /Size {len(objects) + 1} /Root 1 0 R /Info {len(objects)} 0 R /ID [<{own}> <{own}>] >>"
    return bytes(out + f"trailer\n{trailer}\nstartxref\n{start}\n%%EOF\n".encode())


def _stream(content: bytes, more: str = "") -> bytes:
    return f"<< /Length {len(content)} {more}>>\nstream\n".encode() + content + b"\nendstream"


def _descendant(font: Font, used: Sequence[str]) -> bytes:
    widths = " ".join(f"{font.glyphs[each]} [{font.widths[font.glyphs[each]]}]" for each in used if each in font.glyphs)
    return (
        "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /WQYMHA+WenQuanYiMicroHei"
        " /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /CIDToGIDMap /Identity"
        f" /FontDescriptor 5 0 R /DW 1000 /W [{widths}] >>"
    ).encode()


def _descriptor(font: Font) -> bytes:
    box = " ".join(map(str, font.box))
    return (
        "<< /Type /FontDescriptor /FontName /WQYMHA+WenQuanYiMicroHei /Flags 4 /ItalicAngle 0 /StemV 80"
        f" /FontBBox [{box}] /Ascent {font.ascent} /Descent {font.descent} /CapHeight {font.ascent}"
        " /FontFile2 6 0 R >>"
    ).encode()


def _to_unicode(font: Font, used: Sequence[str]) -> bytes:
    """So that what is on the page can be searched and copied as text."""
    named = [each for each in used if each in font.glyphs]
    blocks = []
    for first in range(0, len(named), 100):
        block = named[first : first + 100]
        lines = "\n".join(f"<{font.glyphs[each]:04X}> <{ord(each):04X}>" for each in block)
        blocks.append(f"{len(block)} beginbfchar\n{lines}\nendbfchar")
    head = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
        "/CMapName /Adobe-Identity-UCS def /CMapType 2 def\n1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n"
    )
    tail = "\nendcmap CMapName currentdict /CMap defineresource pop end end"
    return (head + "\n".join(blocks) + tail).encode()


@cache
def _font(file: Path) -> Font:
    """Read the tables that a page needs (ISO/IEC 14496-22): `head`, `hhea`, `hmtx`, `cmap` in format 4."""
    content = file.read_bytes()
    (count,) = struct.unpack_from(">H", content, 4)
    tables = {}
    for number in range(count):
        tag, _, offset, _ = struct.unpack_from(">4sIII", content, 12 + 16 * number)
        tables[tag.decode()] = offset
    (per_em,) = struct.unpack_from(">H", content, tables["head"] + 18)
    box = struct.unpack_from(">4h", content, tables["head"] + 36)
    ascent, descent = struct.unpack_from(">2h", content, tables["hhea"] + 4)
    (metrics,) = struct.unpack_from(">H", content, tables["hhea"] + 34)
    (glyphs,) = struct.unpack_from(">H", content, tables["maxp"] + 4)
    advances = [struct.unpack_from(">H", content, tables["hmtx"] + 4 * each)[0] for each in range(metrics)]
    advances += advances[-1:] * (glyphs - metrics)

    def scaled(units: int) -> int:
        return round(units * 1000 / int(per_em))

    return Font(
        content,
        _characters(content, tables["cmap"]),
        [scaled(advance) for advance in advances],
        scaled(ascent),
        scaled(descent),
        (scaled(box[0]), scaled(box[1]), scaled(box[2]), scaled(box[3])),
    )


def _characters(content: bytes, table: int) -> dict[str, int]:
    """Glyph by character, from the first subtable."""
    (at,) = struct.unpack_from(">I", content, table + 8)
    at += table
    form, _, _, doubled = struct.unpack_from(">4H", content, at)
    if form != 4:
        raise ValueError(f"the font's characters are in format {form}, not 4")
    segments = doubled // 2

    def column(number: int, sign: str) -> tuple[int, ...]:
        # The ends come first, then two bytes of padding, then starts, deltas and offsets.
        return struct.unpack_from(f">{segments}{sign}", content, at + 14 + number * doubled + (2 if number else 0))

    ends, starts, deltas, offsets = column(0, "H"), column(1, "H"), column(2, "h"), column(3, "H")
    offsets_at = at + 16 + 3 * doubled
    found = {}
    for number in range(segments):
        for code in range(starts[number], min(ends[number], 0xFFFE) + 1):
            glyph = code
            if offsets[number]:
                place = offsets_at + 2 * number + offsets[number] + 2 * (code - starts[number])
                (glyph,) = struct.unpack_from(">H", content, place)
            if glyph := (glyph + deltas[number]) & 0xFFFF if glyph else 0:
                found[chr(code)] = glyph
    return found
