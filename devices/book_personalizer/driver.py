"""Driver of the book personalizer."""

from devices.personalizer import LinkPersonalizer


class BookPersonalizer(LinkPersonalizer):
    """Makes passports from blank books."""

    model = "book-personalizer"
