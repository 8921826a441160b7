"""What is put on a piece: the printed zone, the page and the chip, built for one application and one number.

Everything but the chip's signature follows from the application and the number alone, so QC can build it again and
compare.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone

from sqlalchemy import Connection

from devices.piece import PieceData
from stations import mrz
from stations.documents import PRODUCTS
from stations.intake import filed
from stations.intake.batch import Applicant
from stations.intake.pictures import outline
from stations.personal import PersonalData
from stations.personalization import chip
from stations.personalization.chip import SecurityObjectMaker

CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")


@dataclass(frozen=True, slots=True)
class Sheet:
    """One application as the machine needs it; `portrait` is the photo file."""

    application_id: str
    product: str
    accepted_us: int
    holder: Applicant
    portrait: bytes

    @property
    def issued_on(self) -> date:
        """The day of issue: that of acceptance, in China's time, so that the print follows from the order alone."""
        return (datetime.fromtimestamp(0, UTC) + timedelta(microseconds=self.accepted_us)).astimezone(CHINA).date()

    @property
    def expires_on(self) -> date:
        """The last day of validity."""
        return PRODUCTS[self.product].expires_on(self.holder.born_on, self.issued_on)


def sheets(conn: Connection, personal: PersonalData, application_ids: Sequence[str]) -> dict[str, Sheet]:
    """The sheets of these applications, opened from their sealed fields; one without a photo is left out."""
    photos = filed.images(conn, personal, application_ids, "photo")
    return {
        each.application_id: Sheet(
            each.application_id,
            each.product,
            each.accepted_us,
            each.record.applicant,
            photos[each.application_id].image,
        )
        for each in filed.by_ids(conn, personal, application_ids).values()
        if each.application_id in photos
    }


def expected_zone(sheet: Sheet, number: str) -> tuple[str, ...]:
    """The printed zone of the document `number` for this application: two lines of 44, or one of 30."""
    product, holder = PRODUCTS[sheet.product], sheet.holder
    if product.blank == "card":
        code = product.document_code
        return (mrz.permit_line(code=code, number=number, expires=sheet.expires_on, born=holder.born_on),)
    return mrz.passport_lines(
        surname=holder.surname_latin,
        given_names=holder.given_names_latin,
        number=number,
        born=holder.born_on,
        sex=holder.sex,
        expires=sheet.expires_on,
        code=product.document_code,
    )


def expected_page(sheet: Sheet, number: str) -> Mapping[str, str]:
    """The printed texts of the page, by field."""
    holder = sheet.holder
    return {
        "number": number,
        "name": f"{holder.surname}{holder.given_names}",
        "name_latin": f"{holder.surname_latin}, {holder.given_names_latin}",
        "sex": holder.sex,
        "born": holder.born_on.isoformat(),
        "birthplace": f"{holder.birthplace}/{holder.birthplace_latin}",
        "issued": sheet.issued_on.isoformat(),
        "expires": sheet.expires_on.isoformat(),
    }


def build(sheet: Sheet, number: str, blank_serial: str, maker: SecurityObjectMaker) -> PieceData:
    """All that goes onto the blank `blank_serial`, the chip signed by `maker`."""
    zone = expected_zone(sheet, number)
    face = outline(sheet.portrait)
    groups = {
        chip.DG1: chip.data_group_1(zone),
        chip.DG2: chip.data_group_2(sheet.portrait, face.width, face.height),
    }
    files = {chip.EF_COM: chip.COM_FILE, **groups, chip.EF_SOD: maker.sign(groups)}
    return PieceData(sheet.product, blank_serial, zone, expected_page(sheet, number), sheet.portrait, files)
