"""Does a GPU's kernel answer as hashlib does? Asked around the nonce of block 0, before a kernel is first used."""

from __future__ import annotations

from typing import Final

from miner.backends.gpu_job import Device, Job, job_of
from miner.backends.gpu_variant import Variant
from miner.backends.registry import GENESIS_HEADER, GENESIS_NONCE
from miner.errors import BackendSelfTestError
from miner.header import Nonce
from miner.target import Target
from miner.template import HeaderTemplate

AROUND: Final = 300  # nonces before that of block 0, and as many from it on
EASY_LIMIT: Final = (1 << 28) - 1  # of top words: one hash in 16 meets it


def prove(device: Device, variant: Variant) -> None:
    """Search a few hundred nonces and compare them all with hashlib's.

    Raises
    ------
    BackendSelfTestError
        If the kernel reports another number of nonces than there are, or others.
    """
    templates, target = block_0(variant.midstates), _target(variant)
    nonces = range(GENESIS_NONCE - AROUND, GENESIS_NONCE + AROUND)
    device.launch(job_of(templates, target, variant), nonces[0], len(nonces))
    number, found = device.collect()
    wanted = {nonce for nonce in nonces if any(template.check(Nonce(nonce), target) for template in templates)}
    if number != len(wanted) or len(set(found)) != min(number, device.capacity) or not wanted.issuperset(found):
        raise BackendSelfTestError(
            f"kernel {variant.name}: of {len(nonces)} nonces around that of block 0 it reports {number}, "
            f"{len(wanted.intersection(found))} of them rightly, where {len(wanted)} meet the target; it is refused"
        )


def block_0(midstates: int) -> list[HeaderTemplate]:
    """Return block 0's header after others that differ from it in their version bits: one for each midstate."""
    return [HeaderTemplate(bytes([GENESIS_HEADER[0] ^ place]) + GENESIS_HEADER[1:]) for place in range(midstates)][::-1]


def block_0_job(variant: Variant) -> Job:
    """Return the job of a kernel for those headers."""
    return job_of(block_0(variant.midstates), _target(variant), variant)


def _target(variant: Variant) -> Target:
    return Target(((0 if variant.zero else EASY_LIMIT) + 1 << 224) - 1)
