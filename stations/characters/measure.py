"""Measures which characters are like one another, and writes `alike.txt` beside this file.

    python -m stations.characters.measure /usr/share/fonts/truetype/wqy/wqy-microhei.ttc

Look-alikes by their glyphs, homophones by their readings. Run it again after a change of the characters or the known
pairs, with the font that `FONT_SHA256` names (Debian's fonts-wqy-microhei); a test says whether the file is
what it makes.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from pypinyin import Style, pinyin

from stations.characters.alike import FILE, GRID, MOST, Likeness

FONT_SHA256: Final = "2420e8078af796b19a3f6ef13de527a1a91c1e7171eea115926c614ced1009b3"
HEAD: Final = (
    "# A character and those like it: b looks and sounds alike, l looks, s sounds; then where it differs: left, top,",
    "# right and bottom in fifteenths of its square. Made by stations/characters/measure.py; not changed by hand.",
)
MORE: Final = (
    "祎袆喆堃淼垚彧翀珺琤玥玚琎珣璟瑄瑀瑨璠翾婳娴嫚暐旸昉晞暕曈曌栩椀榕檍沄沣泓泃洺浠淏湦溍潾澍炘烜焱燚燊犇猷畹皞矞禛禤竑箬綦翃翊芃葳"
    "薏蘅谞赟跹逯鄢鋆钰铖锴镕闫霏骁骐龑龢媖嫄嫕姞姮嬿宬崟弢彣忞悫愔昳昺暄暋曦栞桄棽楀橦毓洸浛浥渼湜滃漪灏炅炆炟焜煦熠燏牖玎玏玓玘玠玢"
    "玦玫珂珈珉珞珰珵琇琚琛琦琨琬琮琰瑗瑛瑢瑾璆璋璐瓒媞婠婍妤姝婵娅槿樾枳桦梓橪莜菡菀蓁蕤苡荞苒芊芷芸祺祐祾禔禧琲瑭璘甯畯旻晗昱晔"
)
"""Characters of names beyond GB 2312."""
NOT_WRITTEN: Final = frozenset(
    "丨丶丿亅乀乁丬亠亻冂冖冫凵刂勹匚匸卩厶囗夂宀尢屮巛廴廾弋彐彳忄扌攴攵氵灬爿犭疒疋癶礻糸纟罒艹虍衤訁讠豸辶钅镸阝隹饣髟乇丌彡"
)
"""Parts of characters that GB 2312 lists beside the characters: no name has them."""
KNOWN: Final = ("晓哓", "己已巳", "未末", "土士", "日曰", "戊戌戍", "侯候", "睛晴", "祎袆", "玮炜", "媛嫒", "昊吴")
"""Those that reviewers know to be confused, whatever their glyphs' distance."""
LOOKS_FROM: Final = 0.8
"""Share of likeness, 0 to 1, from which a glyph looks like another; seen to part 候 and 侯 from 丽 and 厕."""

_SIZE: Final = 60
_BLUR_PX: Final = 2.0
_FINE: Final = 30
_HALF_WEIGHT: Final = 0.3
_BASELINE: Final = 0.88
"""Share of the square that lies above the baseline."""
_NEAR_PX: Final = 5
_PART: Final = 0.2
_MOST_OF_IT: Final = 0.72
_ROWS_AT_ONCE: Final = 256

Glyphs = NDArray[np.float32]


def characters() -> tuple[str, ...]:
    """What is measured: GB 2312 by its rows, then `MORE`."""
    rows = range(0xB0, 0xF8)
    codes = (bytes((row, cell)).decode("gb2312", errors="ignore") for row in rows for cell in range(0xA1, 0xFF))
    return tuple(each for each in dict.fromkeys((*filter(None, codes), *MORE)) if each not in NOT_WRITTEN)


@dataclass(frozen=True)
class Measured:
    """The glyphs of characters in one font."""

    characters: Sequence[str]
    font: Path

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Where each character stands among them."""
        return {character: place for place, character in enumerate(self.characters)}

    @cached_property
    def readings(self) -> Sequence[str]:
        """The usual reading of each, its tone as a digit behind it."""
        return [pinyin(each, style=Style.TONE3, neutral_tone_with_five=True)[0][0] for each in self.characters]

    @cached_property
    def sounding(self) -> Mapping[str, list[int]]:
        """The places of the characters of each syllable."""
        found: dict[str, list[int]] = {}
        for place, reading in enumerate(self.readings):
            found.setdefault(reading[:-1], []).append(place)
        return found

    @cached_property
    def _pictures(self) -> Sequence[Image.Image]:
        font = ImageFont.truetype(self.font, _SIZE, layout_engine=ImageFont.Layout.BASIC)
        return [_picture(font, each) for each in self.characters]

    @cached_property
    def _views(self) -> Sequence[Glyphs]:
        """Each glyph as it stands in its square and filling it; of both the whole and its halves, as unit vectors."""
        standing = np.stack([_blurred(each) for each in self._pictures])
        filling = np.stack([_blurred(each.crop(each.getbbox()).resize((_SIZE, _SIZE))) for each in self._pictures])
        middle, third = _FINE // 2, _FINE // 3
        cuts = (np.s_[:, :, :middle], np.s_[:, :, third:], np.s_[:, :middle], np.s_[:, third:])
        return [_unit(glyphs[cut]) for glyphs in (standing, filling) for cut in (np.s_[:], *cuts)]

    def likeness(self, places: Sequence[int]) -> Glyphs:
        """How like the characters at `places` are to all: a row each, 1 for the same.

        The whole, and to a lesser part the half that they share best: who mistakes a character mistakes one part of it.
        """
        shares = [view[list(places)] @ view.T for view in self._views]
        found = []
        for whole, *halves in (shares[:5], shares[5:]):
            found.append((1 - _HALF_WEIGHT) * whole + _HALF_WEIGHT * np.max(halves, axis=0))
        likest: Glyphs = np.maximum(*found)
        return likest

    def differs(self, character: str, other: str) -> str:
        """Where the glyph of `other` differs, as four digits; empty where that is most of it."""
        pictures = [self._pictures[self.places[each]] for each in (character, other)]
        strokes, near = ([np.asarray(each, np.float32) for each in of] for of in (pictures, map(_thick, pictures)))
        # What of one's strokes is not near the other's: a stroke that only moved a little differs in no part.
        beyond = np.maximum(strokes[0] - near[1], 0) + np.maximum(strokes[1] - near[0], 0)
        steps = beyond.reshape(GRID, _SIZE // GRID, GRID, -1).mean(axis=(1, 3))
        if not steps.any():
            return ""
        high, wide = np.nonzero(steps > _PART * steps.max())
        left, top, right, bottom = wide.min(), high.min(), wide.max() + 1, high.max() + 1
        if (right - left) * (bottom - top) > _MOST_OF_IT * GRID * GRID:
            return ""
        return f"{left:x}{top:x}{right:x}{bottom:x}"


def lines(measured: Measured, heads: Iterable[str]) -> Iterator[str]:
    """The file's lines of these characters."""
    wanted = [measured.places[head] for head in heads]
    for start in range(0, len(wanted), _ROWS_AT_ONCE):
        places = wanted[start : start + _ROWS_AT_ONCE]
        for place, row in zip(places, measured.likeness(places), strict=True):
            yield f"{measured.characters[place]} {' '.join(_chosen(measured, place, row))}".rstrip()


def _chosen(measured: Measured, place: int, row: Glyphs) -> Iterator[str]:
    """Those that look and sound alike; then half of the room for look-alikes and half for homophones."""
    head = measured.characters[place]
    known = {other for group in KNOWN if head in group for other in group}
    likest = [int(each) for each in np.argsort(-row, kind="stable")]
    looking = [each for each in likest if each != place and measured.characters[each] in known]
    looking += [
        each for each in likest[: 8 * MOST] if each != place and row[each] >= LOOKS_FROM and each not in looking
    ]
    spoken = measured.readings[place]
    # Spoken with the same tone first, and of these the likest.
    near = {each: (measured.readings[each] != spoken, -row[each]) for each in measured.sounding[spoken[:-1]]}
    sounding = sorted((each for each in near if each != place), key=near.__getitem__)
    both = [each for each in looking if each in near][:MOST]
    looks, sounds = ([each for each in of if each not in both] for of in (looking, sounding))
    room = MOST - len(both)
    share = max(room - room // 2, room - len(sounds))
    looks = looks[:share]
    for likeness, those in (
        (Likeness.BOTH, both),
        (Likeness.LOOKS, looks),
        (Likeness.SOUNDS, sounds[: room - len(looks)]),
    ):
        for each in those:
            other = measured.characters[each]
            yield other + likeness[0] + ("" if likeness is Likeness.SOUNDS else measured.differs(head, other))


def _picture(font: ImageFont.FreeTypeFont, character: str) -> Image.Image:
    picture = Image.new("L", (_SIZE, _SIZE), 0)
    ImageDraw.Draw(picture).text((0, round(_BASELINE * _SIZE)), character, fill=255, font=font, anchor="ls")
    return picture


def _thick(picture: Image.Image) -> Image.Image:
    return picture.filter(ImageFilter.MaxFilter(_NEAR_PX))


def _soft(picture: Image.Image, radius_px: float) -> Image.Image:
    return picture.filter(ImageFilter.GaussianBlur(radius_px))


def _blurred(picture: Image.Image) -> Any:
    return np.asarray(_soft(picture, _BLUR_PX).resize((_FINE, _FINE), Image.Resampling.BOX), np.float32)


def _unit(glyphs: Any) -> Glyphs:
    """Each as a vector of length one around its own mean, so that heavy glyphs are not like all others."""
    flat = glyphs.reshape(len(glyphs), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    unit: Glyphs = flat / (np.linalg.norm(flat, axis=1, keepdims=True) + 1e-6)
    return unit


def main(font: Path) -> None:
    """Write `alike.txt` anew. Raises SystemExit for any other font than FONT_SHA256 names."""
    if sha256(font.read_bytes()).hexdigest() != FONT_SHA256:
        raise SystemExit(f"{font} is not the font that alike.txt is made with; nothing was written")
    measured = Measured(characters(), font)
    FILE.write_text("\n".join((*HEAD, *lines(measured, measured.characters))) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
