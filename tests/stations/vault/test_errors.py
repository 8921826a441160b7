"""What the vault refuses survives the way out of another process, and says what happened in a sentence."""

import inspect
import pickle

import pytest

from stations.errors import StationError
from stations.vault import errors
from stations.vault.scans import ScanFileError

FACTS = {
    "serials": ("EA0000001", "EA0000002"),
    "pieces": (("EA0000001", "void at vault, voided"),),
    "missing": ("EA0000001",),
    "surplus": (),
    **dict.fromkeys(("asked", "there", "orders", "reserve", "in_range", "counted", "delivered", "erased"), 3),
    **dict.fromkeys(("noticed_us", "since_us"), 1_790_000_000_000_000),
}
REFUSALS = [
    refusal
    for refusal in (*vars(errors).values(), ScanFileError)
    if inspect.isclass(refusal) and issubclass(refusal, StationError) and refusal is not StationError
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.__name__)
def test_a_refusal_is_a_sentence_and_survives_pickling(refusal):
    """With its facts; and it says that nothing was done, or what to do."""
    names = list(inspect.signature(refusal.__init__).parameters)[1:]
    named = [FACTS.get(name, f"a {name}") for name in names if name not in ("args", "kwargs")]
    error = refusal(*named)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.args, str(again)) == (refusal, error.args, str(error))
    assert any(
        words in str(error) for words in ("nothing was", "count again", "lists them", "keep to the paper", "then")
    )
