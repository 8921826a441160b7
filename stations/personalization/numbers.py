"""Document numbers that no blank brings along: each is given out once, whatever becomes of the job it was given to."""

from sqlalchemy import Connection, insert, select, update

from stations.documents import PRODUCTS
from stations.personalization.errors import NumbersExhaustedError
from stations.personalization.tables import NumberRange

_RANGE = NumberRange.__table__  # type: ignore[attr-defined]


def add_range(tx: Connection, product: str, prefix: str, digits: int, first: int, last: int) -> None:
    """Let `product` take the numbers `prefix` + `digits` digits from `first` to `last`, after what it has already.

    Raises ValueError for numbers that are none of this product's; the database refuses a prefix twice.
    """
    for number in (first, last):
        if not PRODUCTS[product].number_is_valid(f"{prefix}{number:0{digits}d}"):
            raise ValueError(f"{prefix}{number:0{digits}d} is no number of a {product}")
    values = {"product": product, "prefix": prefix, "digits": digits, "next_number": first, "last_number": last}
    tx.execute(insert(_RANGE).values(**values))


def take(tx: Connection, product: str) -> str:
    """The next number of the product's ranges. Raises `NumbersExhaustedError`, and then nothing was written."""
    left = _RANGE.c.next_number <= _RANGE.c.last_number
    prefix = select(_RANGE.c.prefix).where(_RANGE.c.product == product, left).order_by(_RANGE.c.prefix).limit(1)
    row = tx.execute(
        update(_RANGE)
        .where(_RANGE.c.product == product, _RANGE.c.prefix == prefix.scalar_subquery(), left)
        .values(next_number=_RANGE.c.next_number + 1)
        .returning(_RANGE.c.prefix, _RANGE.c.digits, _RANGE.c.next_number)
    ).one_or_none()
    if row is None:
        raise NumbersExhaustedError(product)
    return f"{row.prefix}{row.next_number - 1:0{row.digits}d}"
