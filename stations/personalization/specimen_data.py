"""What is put on a specimen: the same on every one, nobody's, under a number that is none of a document's.

The book's zone is the specimen of ICAO Doc 9303 part 4, of the state UTO, which there is not; a card's bears the same
number and days in the permits' own line.
"""

import io
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Final

from PIL import Image, ImageDraw

from devices.piece import PieceData
from stations import mrz
from stations.documents import PRODUCTS
from stations.personalization import chip
from stations.personalization.chip import SecurityObjectMaker

NUMBER: Final = "L898902C3"
"""Of no range: a document's number ends in digits alone."""
BORN: Final = date(1974, 8, 12)
EXPIRED: Final = date(2012, 4, 15)
"""Long ago: even one that was never defaced passes nowhere."""
BOOK_ZONE: Final = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", f"{NUMBER}6UTO7408122F1204159ZE184226B<<<<<10")
PAGE: Final[Mapping[str, str]] = {
    "number": NUMBER,
    "name": "样证",
    "name_latin": "SPECIMEN, SPECIMEN",
    "sex": "F",
    "born": BORN.isoformat(),
    "birthplace": "样证/SPECIMEN",
    "issued": "2002-04-16",
    "expires": EXPIRED.isoformat(),
}
_SIZE: Final = (354, 472)


def zone(product: str) -> tuple[str, ...]:
    """The printed zone of a specimen of `product`.

    >>> zone("passport")[1], zone("hk_macau_permit")
    ('L898902C36UTO7408122F1204159ZE184226B<<<<<10', ('CSL898902C36<1204159<7408122<6',))
    """
    made_as = PRODUCTS[product]
    if made_as.blank == "book":
        return BOOK_ZONE
    return (mrz.permit_line(code=made_as.document_code, number=NUMBER, expires=EXPIRED, born=BORN),)


@lru_cache
def portrait() -> bytes:
    """A test card (JPEG) where a face would be: grey steps under a cross, and the word."""
    card = Image.new("RGB", _SIZE, "white")
    pen, (width, height) = ImageDraw.Draw(card), _SIZE
    for step in range(8):
        pen.rectangle((step * width // 8, height // 4, (step + 1) * width // 8, height // 2), fill=(step * 36,) * 3)
    for line in ((0, 0, width, height), (0, height, width, 0)):
        pen.line(line, fill="red", width=6)
    pen.text((width // 4, height * 3 // 4), "SPECIMEN", fill="black", font_size=36)
    file = io.BytesIO()
    card.save(file, "JPEG", quality=85)
    return file.getvalue()


def piece(product: str, blank_serial: str, maker: SecurityObjectMaker) -> PieceData:
    """All that goes onto the blank `blank_serial`, the chip signed by `maker` as any other."""
    printed, face = zone(product), portrait()
    groups = {chip.DG1: chip.data_group_1(printed), chip.DG2: chip.data_group_2(face, *_SIZE)}
    files = {chip.EF_COM: chip.COM_FILE, **groups, chip.EF_SOD: maker.sign(groups)}
    return PieceData(product, blank_serial, printed, PAGE, face, files)
