"""Is this a share? Exact, all 256 bits, in the order in which the field's pools ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from miner.errors import TargetError
from miner.header import Nonce, double_sha256, hash_value
from miner.stratum.jobs import ServedJob
from miner.stratum.messages import Submit
from miner.stratum.tally import Outcome
from miner.target import NBits, Target, target_from_nbits
from miner.work import Assignment, Roll, hash_difficulty, roll_version

MOST_JOBS: Final = 16  # held where a block has no more
MOST_SHARES: Final = 100_000  # of all live jobs; then the pool begins a new block, so that memory stays bounded


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a share is, why if it is none, the difficulty of its hash (0 if it was not hashed), and whether it is a block."""

    outcome: Outcome
    reason: str = ""
    difficulty: float = 0.0
    is_block: bool = False


class JobBook:
    """The jobs that may be handed in, and the hashes that were."""

    def __init__(self, time_window_s: int, most_jobs: int = MOST_JOBS) -> None:
        self._time_window_s, self._most_jobs = time_window_s, most_jobs
        self._live: dict[str, ServedJob] = {}
        self._seen: dict[str, set[bytes]] = {}

    def add(self, served: ServedJob) -> None:
        """Take up a job; if it is clean, or there are too many, earlier ones are void."""
        if served.clean:
            self._live.clear()
            self._seen.clear()
        self._live[served.job.job_id] = served
        self._seen[served.job.job_id] = set()
        while len(self._live) > self._most_jobs:
            oldest = next(iter(self._live))
            del self._live[oldest], self._seen[oldest]

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._live

    def get(self, job_id: str) -> ServedJob | None:
        """Return a job that may still be handed in."""
        return self._live.get(job_id)

    @property
    def is_full(self) -> bool:
        """Whether so many shares came that a new block should begin."""
        return sum(map(len, self._seen.values())) >= MOST_SHARES

    def judge(self, share: Submit, terms: Assignment | None, version_mask: int) -> Verdict:
        """Return what `share` is, under the `terms` on which its job was given out.

        `version_mask` is the last that the miner was told; what it found under the one of the job may still be under way. The
        header's version is made as BIP 310 says, with whichever of them fits. An accepted share is remembered.
        """
        if terms is None or share.job_id not in self._live:
            return Verdict(outcome=Outcome.STALE)
        if len(share.extranonce2) != terms.extranonce2_bytes:
            told = f"extranonce2 has {len(share.extranonce2)} bytes; want {terms.extranonce2_bytes}"
            return Verdict(outcome=Outcome.MALFORMED, reason=told)
        later_s = share.time_s - terms.job.time_s
        if not 0 <= later_s <= self._time_window_s:
            return Verdict(outcome=Outcome.OUT_OF_RANGE, reason=f"ntime out of range: {later_s} s from the job's")
        bits = share.version_bits or 0
        masks = [mask for mask in (version_mask, terms.version_mask) if not bits & ~mask]
        if not masks:
            return Verdict(outcome=Outcome.OUT_OF_RANGE, reason=f"version bits {bits:08x} leave the mask {version_mask:08x}")
        job_version = terms.job.version
        versions = {job_version if share.version_bits is None else roll_version(job_version, mask, bits) for mask in masks}
        return self._weigh(share, terms, versions)

    def _weigh(self, share: Submit, terms: Assignment, versions: set[int]) -> Verdict:
        """Return what `share` is with the one of `versions` (unsigned) that suits it best."""
        rolls = [Roll(share.extranonce2, version, share.time_s) for version in versions]
        digest = min((double_sha256(terms.header(roll, Nonce(share.nonce))) for roll in rolls), key=hash_value)
        value = hash_value(digest)
        difficulty = hash_difficulty(value)
        if value > terms.target:
            return Verdict(
                outcome=Outcome.LOW_DIFFICULTY, reason=f"share of difficulty {difficulty:.6g}", difficulty=difficulty
            )
        if any(digest in seen for seen in self._seen.values()):
            return Verdict(outcome=Outcome.DUPLICATE, difficulty=difficulty)
        self._seen[share.job_id].add(digest)
        is_block = value <= _block_target(terms.job.nbits)
        return Verdict(outcome=Outcome.ACCEPTED, difficulty=difficulty, is_block=is_block)


def _block_target(nbits: NBits) -> Target:
    """Return the target of a whole block, 0 where nBits packs none."""
    try:
        return target_from_nbits(nbits)
    except TargetError:
        return Target(0)
