"""Work as jobs for chips, and their answers as headers: who rolls which version bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hw.device import DeviceWork
from hw.drivers.bm13xx.chips import Chip
from hw.drivers.bm13xx.commands import SendJob
from hw.drivers.bm13xx.jobs import FullJob, JobForm, MidstateJob
from hw.drivers.bm13xx.nonces import FoundNonce
from hw.drivers.errors import SettingError
from miner.share import Hit
from miner.target import Target
from miner.template import HeaderTemplate
from miner.work import spread_bits

MIDSTATES: Final = 4
_VERSION_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class SentJob:
    """What was sent: the work, the header that a chip was given, and how it rolls versions.

    `rolled` holds the version of each midstate; it is empty where the chip rolls by itself.
    """

    work: DeviceWork
    header: bytes
    rolled: tuple[int, ...]

    @property
    def versions(self) -> int:
        """How many headers the job is."""
        return len(self.rolled) or 1 << self.work.version_mask.bit_count()

    def check(self, found: FoundNonce, target: Target) -> tuple[int | None, Hit | None]:
        """Return the version of the answer's header if it was rolled, and its hit if the hash meets `target`."""
        own = int.from_bytes(self.header[:_VERSION_BYTES], "little")
        version = self.rolled[found.midstate or 0] if self.rolled else own | found.version_bits
        if found.version_bits & ~self.work.version_mask:
            return None, None
        hit = HeaderTemplate(_with_version(self.header, version)).check(found.nonce, target)
        return (version if self.work.version_mask else None), hit


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
    version = int.from_bytes(header[:_VERSION_BYTES], "little")
    if chip.job_form is JobForm.FULL:
        plain = _with_version(header, version & ~mask)
        job = FullJob.from_header(plain, job_id)
        return SentJob(work, plain, ()), SendJob(job).to_bytes()
    count = MIDSTATES if mask.bit_count() >= 2 else 1
    rolled = tuple(version ^ spread_bits(number, mask) for number in range(count))
    templates = [HeaderTemplate(_with_version(header, one)) for one in rolled]
    return SentJob(work, header, rolled), SendJob(MidstateJob.from_templates(templates, job_id)).to_bytes()


def _with_version(header: bytes, version: int) -> bytes:
    return version.to_bytes(_VERSION_BYTES, "little") + header[_VERSION_BYTES:]
