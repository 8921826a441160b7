"""Tracking numbers: taken from ranges that the carrier gave out, each once."""

from sqlalchemy import Connection, insert, select, update

from handoff_logs.records import new_id
from stations import s10
from stations.errors import StationError
from stations.mailing.tables import TrackingRange

_range = TrackingRange.__table__  # type: ignore[attr-defined]


class TrackingNumbersSpentError(StationError):
    """The ranges hold fewer numbers than parcels; nothing was taken."""

    def __init__(self, wanted: int, left: int) -> None:
        super().__init__(wanted, left)
        self.wanted, self.left = wanted, left

    def __str__(self) -> str:
        return (
            f"{self.wanted} tracking numbers are needed and {self.left} are left; "
            "the parcels wait at mailing until two people give the line a range of the carrier's: passline numbers add "
            "parcel FIRST LAST"
        )


def add_range(
    tx: Connection,
    *,
    form: str,
    prefix: str,
    suffix: str,
    first: int,
    last: int,
    emulated: bool,
    width: int = 8,
) -> str:
    """Enter a range of serials `first` to `last`; its id.

    `form` "s10": `prefix` is the service (two letters), `suffix` the country, width eight. "opaque": the number is
    prefix, serial of `width` digits, suffix. Raises `ValueError` when the parts make no number of that form.
    """
    if last >= 10**width:
        raise ValueError(f"serial {last} has more than {width} digits")
    _write(form, prefix, last, suffix, width)
    range_id = new_id()
    row = TrackingRange(
        range_id=range_id,
        form=form,
        prefix=prefix,
        suffix=suffix,
        width=width,
        first_serial=first,
        last_serial=last,
        next_serial=first,
        emulated=emulated,
    )
    tx.execute(insert(_range), row.model_dump())
    return range_id


def take(tx: Connection, count: int) -> list[str]:
    """The next `count` numbers, oldest range first. Raises `TrackingNumbersSpentError`."""
    taken: list[str] = []
    left = 0
    rows = tx.execute(
        select(_range).where(_range.c.next_serial <= _range.c.last_serial).order_by(_range.c.range_id).with_for_update()
    )
    for row in rows.all() if count else ():
        available = row.last_serial - row.next_serial + 1
        left += available
        serials = range(row.next_serial, row.next_serial + min(available, count - len(taken)))
        tx.execute(update(_range).where(_range.c.range_id == row.range_id).values(next_serial=serials.stop))
        taken += [_write(row.form, row.prefix, serial, row.suffix, row.width) for serial in serials]
        if len(taken) == count:
            return taken
    if len(taken) < count:
        raise TrackingNumbersSpentError(count, left)
    return taken


def _write(form: str, prefix: str, serial: int, suffix: str, width: int) -> str:
    if form == "s10":
        return s10.number(prefix, serial, suffix)
    return f"{prefix}{serial:0{width}d}{suffix}"
