"""Which machines make which documents."""

from collections.abc import Mapping
from typing import Final

MAKES: Final[Mapping[str, tuple[str, ...]]] = {
    "book-personalizer": ("passport",),
    "card-personalizer": ("hk_macau_permit", "taiwan_permit"),
}
"""The products that each driver's machine makes."""

SCALES: Final = ("mt-sics-scale",)
"""Drivers of scales."""
