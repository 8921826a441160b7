"""The review items as data: complete, in both languages, each check and reason belonging to an item."""

import re

from stations.review.items import ITEM_OF, ITEMS, REASONS, Group
from stations.review.rules import CHECKS
from stations.review.words import DOUBTS, SHOWN, Shown

CHINESE = re.compile("[\u4e00-\u9fff]")


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


def test_everything_that_is_shown_is_shown_for_an_item_and_has_words():
    """No item without something to look at, nothing to look at without an item."""
    assert {item.shows for item in ITEMS.values()} == set(Shown) == set(SHOWN)
    # Hidden ears are the report's own example: no rule is trusted with them, so they are shown enlarged.
    assert (ITEMS["photo_ears"].shows, ITEMS["photo_ears"].automatic) == (Shown.EARS, False)
    assert ITEMS["signature_characters"].shows is Shown.SIGNATURE_BESIDE_NAME


def test_every_item_has_reasons_of_its_own_and_the_first_is_its_code():
    """So that a verdict with the item's code alone has words, and no code is of two items."""
    assert len(REASONS) == sum(len(item.reasons) for item in ITEMS.values()) == len(ITEM_OF)
    for code, item in ITEMS.items():
        assert item.reasons[0].code == code == f"{item.group}_{item.id}"
        assert all(ITEM_OF[reason.code] is item and reason.code.startswith(code) for reason in item.reasons)


def test_all_words_are_in_both_languages_and_never_the_same_within_an_item():
    """What a person picks from must differ."""
    words = [(reason.english, reason.chinese) for reason in REASONS.values()]
    words += [*SHOWN.values(), *DOUBTS.values()]
    for english, chinese in words:
        assert english and CHINESE.search(chinese) and not CHINESE.search(english)
    for item in ITEMS.values():
        assert len({reason.english for reason in item.reasons}) == len(item.reasons)


def test_codes_fit_a_verdict():
    """`review_verdict.reasons` takes 200 characters: five of the longest codes."""
    assert 5 * (max(map(len, REASONS)) + 1) <= 200
    assert all(re.fullmatch("[a-z_]+", code) for code in REASONS)
