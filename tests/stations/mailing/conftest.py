"""Lines whose documents are packed."""

import pytest

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
