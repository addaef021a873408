"""Work as jobs for chips, and their answers as headers: who rolls which version bits."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from struct import Struct
from typing import Final

from hw.device import DeviceWork
from hw.drivers.bm13xx.chips import Chip
from hw.drivers.bm13xx.commands import SendJob
from hw.drivers.bm13xx.jobs import FullJob, Job, JobForm, MidstateJob
from hw.drivers.bm13xx.midstates import midstates
from hw.drivers.bm13xx.registers import VERSION_SHIFT
from hw.drivers.bm13xx.responses import NonceResponse
from hw.drivers.errors import SettingError
from miner.header import NONCE_AT, Nonce
from miner.template import HeaderTemplate, MidstateTemplate
from miner.work import spread_bits

MIDSTATES: Final = 4
_VERSION_BYTES: Final = 4
_HEADER: Final = Struct("<I72sI")  # version, what no chip rolls, nonce


@dataclass(frozen=True, slots=True)
class SentJob:
    """What was sent: the work, the version that a chip was given, and how it rolls versions.

    `rest` is what stands between the version and the nonce of every header of the job: 72 bytes. `rolled` holds the version of
    each midstate; it is empty where the chip rolls by itself.
    """

    work: DeviceWork
    version: int
    rest: bytes
    rolled: tuple[int, ...]

    @property
    def versions(self) -> int:
        """How many headers the job is."""
        return len(self.rolled) or 1 << self.work.version_mask.bit_count()

    def version_of(self, response: NonceResponse, low: int) -> int | None:
        """Return the version of the header that an answer is about, None if there is no such one in the job.

        `low` is the part of its result id that numbers a midstate, where there are several.
        """
        if self.rolled:
            return self.rolled[low] if low < len(self.rolled) else None
        bits = (response.version or 0) << VERSION_SHIFT
        return None if bits & ~self.work.version_mask else self.version | bits

    def digest(self, version: int, nonce: Nonce) -> bytes:
        """Return the hash of a header of this job, 32 bytes."""
        return sha256(sha256(_HEADER.pack(version, self.rest, nonce)).digest()).digest()


def send(work: DeviceWork, chip: Chip, job_id: int) -> tuple[SentJob, bytes]:
    """Return what is to be remembered of a job, and its frame.

    Raises
    ------
    SettingError
        If the work is a bare midstate: chips of this family are given headers, or midstates whose header the host must know.
    """
    if not isinstance(work.template, HeaderTemplate):
        raise SettingError(f"{chip.name} takes whole headers; got a midstate")
    header, mask = work.template.header, work.version_mask
    version, rest = int.from_bytes(header[:_VERSION_BYTES], "little"), header[_VERSION_BYTES:NONCE_AT]
    if chip.job_form is JobForm.FULL:
        plain = version & ~mask
        job: Job = FullJob.from_header(_with_version(header, plain), job_id)
        return SentJob(work, plain, rest, ()), SendJob(job).to_bytes()
    count = MIDSTATES if mask.bit_count() >= 2 else 1
    rolled = tuple(version ^ spread_bits(number, mask) for number in range(count))
    states, tail = midstates([_with_version(header, one) for one in rolled]), work.template.tail
    job = MidstateJob.from_templates([MidstateTemplate(state, tail) for state in states], job_id)
    return SentJob(work, version, rest, rolled), SendJob(job).to_bytes()


def _with_version(header: bytes, version: int) -> bytes:
    return version.to_bytes(_VERSION_BYTES, "little") + header[_VERSION_BYTES:]
