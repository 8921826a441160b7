"""The ids that a desk makes before it sends something, so that what is sent again is the same."""

import re
from typing import Final

from stations.mailing.errors import BadDeskIdError

_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)


def check_id(sent: str) -> None:
    """Raise BadDeskIdError unless it is one: 32 hexadecimal digits."""
    if _ID.fullmatch(sent) is None:
        raise BadDeskIdError
