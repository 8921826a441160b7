"""The data of jobs about to be made: collected chunk by chunk, then held in memory until the work begins."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from devices.emulation.machine import Marking
from devices.errors import DeviceError
from devices.messages import Data, DataCollector, Prepare
from devices.piece import PieceData


class OtherBlankError(DeviceError):
    """Data were built for another blank: its number would get onto this one."""

    def __init__(self, job_id: str, drawn: str, built_for: str) -> None:
        super().__init__(job_id, drawn, built_for)
        self.job_id, self.drawn, self.built_for = job_id, drawn, built_for

    def __str__(self) -> str:
        return (
            f"job {self.job_id} drew blank {self.drawn}, its data name {self.built_for}; build them for the drawn one"
        )


@dataclass(frozen=True, slots=True)
class Transfer:
    """Data on their way for one job, which drew the blank `drawn`."""

    job_id: str
    drawn: str
    collector: DataCollector

    @property
    def complete(self) -> bool:
        """Whether all bytes have come."""
        return self.collector.complete

    def marking(self) -> Marking:
        """What is to be put on the blank. Raises MalformedError, or OtherBlankError for data of another blank."""
        whole = self.collector.take()
        data = PieceData.decode(whole)
        if data.serial != self.drawn:
            raise OtherBlankError(self.job_id, self.drawn, data.serial)
        return Marking(whole, hashlib.sha256(data.portrait).hexdigest())


class Preparations:
    """Transfers of this session, and the markings that wait for START."""

    def __init__(self) -> None:
        self._transfers: dict[int, Transfer] = {}
        self._markings: dict[str, Marking] = {}

    def begin(self, prepare: Prepare, drawn: str) -> Transfer:
        """Expect the data that `prepare` announces, instead of any earlier ones of its job."""
        collector = DataCollector(prepare.request, prepare.size, prepare.data_sha256)
        transfer = Transfer(prepare.job_id, drawn, collector)
        self._transfers = {n: other for n, other in self._transfers.items() if other.job_id != prepare.job_id}
        self._transfers[prepare.request] = transfer
        return transfer

    def add(self, data: Data) -> Transfer | None:
        """Take a chunk; None if no transfer expects it. Raises MalformedError for one out of place: `abandon` it."""
        transfer = self._transfers.get(data.request)
        if transfer is not None:
            transfer.collector.add(data)
        return transfer

    def abandon(self, request: int) -> Transfer:
        """Expect no more data for this request."""
        return self._transfers.pop(request)

    def keep(self, job_id: str, marking: Marking) -> None:
        """Hold what is to be made until START."""
        self._markings[job_id] = marking

    def take(self, job_id: str) -> Marking:
        """Hand out what was kept for a prepared job, once."""
        return self._markings.pop(job_id)

    def drop(self, job_id: str) -> None:
        """A job will not be made: forget its data."""
        self._markings.pop(job_id, None)

    def end_session(self) -> None:
        """Forget unfinished transfers; what is whole stays."""
        self._transfers.clear()
