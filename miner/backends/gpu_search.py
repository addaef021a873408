"""A search on the GPUs of a machine: jobs for their kernels, pieces of a range, candidates, and the exact check.

A kernel reports every nonce whose hash has a top word of at most the target's, which loses no hit; the host checks those
exactly. Where more are found than a buffer holds, the piece is searched again in halves.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from threading import Lock
from typing import Final

from miner.backends.gpu_job import Device, Job, job_of
from miner.backends.gpu_proof import prove
from miner.backends.gpu_variant import Variant
from miner.header import NONCE_SPACE, Nonce
from miner.share import Hit
from miner.target import Target
from miner.template import Template, check_shared_tail, kernel_groups

MOST_NONCES: Final = 1 << 30  # of a piece: nonces and threads together stay below 2^32
LEAST_NONCES: Final = 1 << 20  # of a piece, if there are several devices: less is not worth a launch on another
CHUNK_PER_PROCESSOR: Final = 1 << 22  # 66 ms at the 64 MH/s that a GH100's SM should reach


class Searcher:
    """Searches on several devices at once; threads take turns.

    A kernel that is asked for the first time must first pass the test `proof` on every device: what a backend is asked on
    loading compiles one kernel of several.
    """

    def __init__(self, devices: Sequence[Device], proof: Callable[[Device, Variant], None] = prove) -> None:
        self._devices: Final = devices
        self._proof: Final = proof
        self._proven: Final[set[Variant]] = set()
        self._lock: Final = Lock()
        self.chunk_nonces: Final = sum(device.processors for device in devices) * CHUNK_PER_PROCESSOR

    def scan(self, template: Template, start: int, count: int, target: Target) -> list[Hit]:
        """Return every hit among the `count` nonces from `start` on, in order."""
        return self.scan_versions([template], start, count, target)[0]

    def scan_versions(self, templates: Sequence[Template], start: int, count: int, target: Target) -> list[list[Hit]]:
        """Return every hit of each template, in order of nonces; kernels take up to four templates at a time.

        Raises
        ------
        WorkError
            If the templates do not share their tail, as headers do that differ in their version only.
        """
        check_shared_tail(templates)
        hits: list[list[Hit]] = []
        for group in kernel_groups(templates):
            nonces = self.candidates(job_of(group, target), start, count)
            checked = [[template.check(Nonce(nonce), target) for nonce in nonces] for template in group]
            hits += [[hit for hit in one if hit is not None] for one in checked]
        return hits

    def candidates(self, job: Job, start: int, count: int) -> list[int]:
        """Return the nonces that the kernel reports, in order.

        Raises
        ------
        BackendSelfTestError
            If the kernel is used for the first time, and errs.
        """
        found: list[int] = []
        with self._lock:
            self._prove(job.variant)
            pieces = deque(self._pieces(job, start, count))
            while pieces:
                turn = [(device, pieces.popleft()) for device, _ in zip(self._devices, range(len(pieces)), strict=False)]
                for device, piece in turn:
                    device.launch(job, *piece)
                for device, (first, number) in turn:
                    total, some = device.collect()
                    if total > device.capacity:
                        half = number // 2
                        pieces.extend([(first, half), (first + half, number - half)])
                    else:
                        found += some
        return sorted(found)

    def _prove(self, variant: Variant) -> None:
        if variant not in self._proven:
            for device in self._devices:
                self._proof(device, variant)
            self._proven.add(variant)

    def _pieces(self, job: Job, start: int, count: int) -> Iterator[tuple[int, int]]:
        """Part a range so that all devices have work, and that buffers will be half full at most, by chance's mean."""
        shares = max(1, min(len(self._devices), count // LEAST_NONCES))
        room = min(device.capacity for device in self._devices) * NONCE_SPACE // (2 * job.variant.midstates * (job.limit + 1))
        size = max(1, min(-(-count // shares), MOST_NONCES, room))
        for at in range(start, start + count, size):
            yield at, min(size, start + count - at)
