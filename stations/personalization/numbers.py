"""Document numbers that no blank brings along: each is given out once, whatever becomes of the job it was given to."""

from sqlalchemy import Connection, bindparam, insert, select, tuple_, update

from handoff_logs.statements import Statement
from stations.documents import PRODUCTS
from stations.personalization.errors import NumbersExhaustedError
from stations.personalization.tables import NumberRange

_RANGE = NumberRange.__table__  # type: ignore[attr-defined]


def add_range(tx: Connection, product: str, prefix: str, digits: int, first: int, last: int) -> None:
    """Let `product` take the numbers `prefix` + `digits` digits from `first` to `last`, after what it has already.

    Raises ValueError for numbers that are none of this product's; the database refuses a number twice.
    """
    for number in (first, last):
        if not PRODUCTS[product].number_is_valid(f"{prefix}{number:0{digits}d}"):
            raise ValueError(f"{prefix}{number:0{digits}d} is no number of a {product}")
    values = {"product": product, "prefix": prefix, "digits": digits, "first_number": first}
    values |= {"next_number": first, "last_number": last}
    tx.execute(insert(_RANGE).values(**values))


_LEFT = _RANGE.c.next_number <= _RANGE.c.last_number
_NEXT = (
    select(_RANGE.c.prefix, _RANGE.c.last_number)
    .where(_RANGE.c.product == bindparam("of_product"), _LEFT)
    .order_by(_RANGE.c.prefix, _RANGE.c.last_number)
    .limit(1)
)
_TAKE = Statement(
    update(_RANGE)
    .where(
        _RANGE.c.product == bindparam("of_product"),
        tuple_(_RANGE.c.prefix, _RANGE.c.last_number).in_(_NEXT),
        _LEFT,
    )
    .values(next_number=_RANGE.c.next_number + 1)
    .returning(_RANGE.c.prefix, _RANGE.c.digits, _RANGE.c.next_number)
)


def take(tx: Connection, product: str) -> str:
    """The next number of the product's ranges. Raises `NumbersExhaustedError`, and then nothing was written."""
    row = _TAKE.run(tx, {"of_product": product}).fetchone()
    if row is None:
        raise NumbersExhaustedError(product)
    prefix, digits, following = row
    return f"{prefix}{following - 1:0{digits}d}"
