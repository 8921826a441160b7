"""What the orders say must be on their documents, built anew from the applications."""

from collections.abc import Sequence

from stations.intake.pictures import outline
from stations.personalization import chip
from stations.personalization.data import expected_zone, sheets
from stations.qc.pieces import Piece
from stations.qc.rules import Expected
from stations.workplace import Workplace


def expected_documents(workplace: Workplace, pieces: Sequence[Piece]) -> dict[str, Expected]:
    """What must be on each piece, by document unit."""
    with workplace.database.read() as connection:
        found = sheets(connection, workplace.personal, [piece.application_id for piece in pieces])
    expected = {}
    for piece in pieces:
        sheet = found[piece.application_id]
        zone, face = expected_zone(sheet, piece.document_number), outline(sheet.portrait)
        portrait_group = chip.data_group_2(sheet.portrait, face.width, face.height)
        expected[piece.unit_id] = Expected(piece.blank_serial, zone, chip.data_group_1(zone), portrait_group)
    return expected
