"""What the pages say, in one language; `texts` has their texts, `terms.py` the log's own vocabulary."""

from typing import Final

from handoff_logs.pages.languages import Language
from handoff_logs.pages.terms import TERMS
from handoff_logs.pages.texts import board, desks, log, machines, mailing, packing, patrol, qc, review, shift, sign_in

TEXTS: Final[dict[str, tuple[str, str]]] = {
    key: both
    for family in (board, desks, log, machines, mailing, packing, patrol, qc, review, shift, sign_in)
    for key, both in family.TEXTS.items()
}


class Words:
    """The texts in one language."""

    def __init__(self, language: Language) -> None:
        self._place = tuple(Language).index(language)

    def __call__(self, key: str, **facts: object) -> str:
        """Return a text with its facts put in. Raises KeyError for a text that is in no catalogue."""
        return TEXTS[key][self._place].format(**facts)

    def term(self, family: str, word: object) -> str:
        """Return a word of the log's own in this language; one that is in no catalogue stands for itself."""
        found = TERMS.get(f"{family}.{word}")
        return str(word) if found is None else found[self._place]

    def column(self, name: str) -> str:
        """Return the heading of a column."""
        plain = name.removesuffix("_us")
        found = TERMS.get(f"column.{plain}")
        return plain.replace("_", " ") if found is None else found[self._place]
