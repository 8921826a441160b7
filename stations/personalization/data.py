"""What is put on a piece: the printed zone, the page and the chip, built for one application and one number.

Everything but the chip's signature follows from the application and the number alone, so QC can build it again and
compare.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone

from sqlalchemy import Connection, select

from devices.piece import PieceData
from handoff_logs.statements import Statement
from stations import mrz
from stations.documents import PRODUCTS
from stations.intake.batch import Applicant, ApplicationRecord
from stations.intake.pictures import outline
from stations.intake.tables import Application, ApplicationImage
from stations.personal import PersonalData, image_context
from stations.personalization import chip
from stations.personalization.chip import SecurityObjectMaker
from stations.statements import Among, listed

CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")


_APPLICATION = Application.__table__  # type: ignore[attr-defined]
_IMAGE = ApplicationImage.__table__  # type: ignore[attr-defined]
PHOTO = "photo"
_SHEETS = Statement(
    select(
        _APPLICATION.c.application_id,
        _APPLICATION.c.product,
        _APPLICATION.c.accepted_us,
        _APPLICATION.c.applicant,
        _IMAGE.c.image,
    )
    .join(_IMAGE, _IMAGE.c.application_id == _APPLICATION.c.application_id)
    .where(Among(_APPLICATION.c.application_id, "ids"), _IMAGE.c.role == PHOTO)
)


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
    found = {}
    rows = _SHEETS.run(conn, {"ids": listed(application_ids)}).fetchall()
    for application_id, product, accepted_us, sealed, portrait in rows:
        record = ApplicationRecord.model_validate_json(personal.decrypt(sealed, application_id))
        photo = personal.decrypt(portrait, image_context(application_id, PHOTO))
        found[application_id] = Sheet(application_id, product, accepted_us, record.applicant, photo)
    return found


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
