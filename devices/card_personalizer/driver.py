"""Driver of the card personalizer."""

from devices.personalizer import LinkPersonalizer


class CardPersonalizer(LinkPersonalizer):
    """Makes permits from blank cards."""

    model = "card-personalizer"
