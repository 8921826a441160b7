"""Lines whose documents are packed, or with the carrier."""

import pytest
from sent_parcels import Sent

from stations.packing import station as packing


@pytest.fixture
def packed(inspected):
    """Makes a line with `documents` packed documents on their way to mailing."""

    def make(documents):
        line = inspected(documents)
        for offer in line.waiting("packing"):
            packing.work_tray(line.at("packing"), offer, line.packer)
        return line

    return make


@pytest.fixture
def sent(packed, tmp_path):
    """Makes a line whose `documents` are with the carrier."""
    return lambda documents: Sent(packed(documents), tmp_path)
