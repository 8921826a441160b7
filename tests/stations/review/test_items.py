"""The review items as data: complete, in both languages, each check belonging to an item."""

from stations.review.items import ITEMS, Group
from stations.review.rules import CHECKS


def test_there_are_more_than_twenty_items_in_every_group():
    """The report's own figure."""
    assert len(ITEMS) > 20
    assert {item.group for item in ITEMS.values()} == set(Group)


def test_each_automatic_item_has_exactly_one_check():
    """An item says whether a rule looks at it, and one does."""
    assert set(CHECKS) == {code for code, item in ITEMS.items() if item.automatic}


def test_every_item_asks_in_english_and_chinese():
    """Both are shown at the desk."""
    for item in ITEMS.values():
        assert item.question.endswith("?")
        assert item.question_zh.endswith("？")


def test_pictures_are_taken_again_and_people_are_asked():
    """A new photo or signature settles its own items; the rest only the applicant can answer."""
    for item in ITEMS.values():
        assert item.asks == (item.group in (Group.PERSON, Group.APPLICATION))
