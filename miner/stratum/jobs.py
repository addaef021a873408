"""Where a pool's jobs come from: a real block again and again, or made-up blocks at any difficulty."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final, Protocol

from miner.stratum.known_jobs import KnownBlock, Split, known_work
from miner.target import NBits
from miner.work import Job

SYNTHETIC_NBITS: Final = NBits(0x1B0404CB)  # difficulty 16,307: a block now and then, mostly shares
SYNTHETIC_VERSION: Final = 0x20000000  # BIP 9: no bit of it is a signal
MOST_BRANCH: Final = 12  # hashes: a block of up to 4096 transactions
SUBSIDY_SAT: Final = 312_500_000  # 3.125 BTC, the subsidy since April 2024


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedJob:
    """A job to hand out; `clean` makes all earlier ones void, `transactions` are known only of whole blocks (hex)."""

    job: Job
    clean: bool
    transactions: tuple[str, ...] | None = None


class JobSource(Protocol):
    """Makes jobs and the extranonces that go with them."""

    extranonce2_bytes: int

    def extranonce1(self, number: int) -> bytes:
        """Return the extranonce1 of the session of this number, counted from 0."""
        ...

    def next_job(self, job_id: str, unix_s: float, *, new_block: bool) -> ServedJob:
        """Return the job to hand out from the moment `unix_s` [s, Unix] on, the first of a block if `new_block`."""
        ...


class KnownJobs:
    """One real block, served anew each time: its miner's nonce is an accepted share once a job."""

    def __init__(self, block: KnownBlock, split: Split = Split.PREVOUT) -> None:
        self._block, self._split = block, split
        work = known_work(block, split, "")
        self._extranonce1 = work.extranonce1
        self.extranonce2_bytes = len(work.extranonce2)

    def extranonce1(self, number: int) -> bytes:
        """Return the genuine one, whoever asks: all sessions search the same header."""
        return self._extranonce1

    def next_job(self, job_id: str, unix_s: float, *, new_block: bool) -> ServedJob:
        """Return the block under another name; its predecessor is void, so the same nonce counts again."""
        work = known_work(self._block, self._split, job_id)
        return ServedJob(job=work.job, clean=True, transactions=() if not self._block.others else None)


class SyntheticJobs:
    """Made-up blocks: everything random but well-formed, and the same again from the same seed."""

    extranonce2_bytes = 4

    def __init__(self, seed: int = 0, nbits: NBits = SYNTHETIC_NBITS) -> None:
        self._random, self._nbits = Random(seed), nbits
        self._height = 840_000
        self._previous = bytes(32)

    def extranonce1(self, number: int) -> bytes:
        """Return another one for each session, so that no two search the same header."""
        return (number % (1 << 32)).to_bytes(4, "big")

    def next_job(self, job_id: str, unix_s: float, *, new_block: bool) -> ServedJob:
        """Return a new coinbase and branch, on top of a new previous block if `new_block`."""
        if new_block:
            self._height += 1
            self._previous = self._random.randbytes(28) + bytes(4)
        before, after = self._coinbase()
        job = Job(
            job_id=job_id,
            previous=self._previous,
            coinbase1=before,
            coinbase2=after,
            branch=tuple(self._random.randbytes(32) for _ in range(self._random.randint(0, MOST_BRANCH))),
            version=SYNTHETIC_VERSION,
            nbits=self._nbits,
            time_s=int(unix_s),
        )
        return ServedJob(job=job, clean=new_block)

    def _coinbase(self) -> tuple[bytes, bytes]:
        """Return the parts around 8 bytes of extranonces: one input with the height (BIP 34), one output to a key's hash."""
        tag = b"/hashwatt/" + self._random.randbytes(8)
        script = b"\x03" + self._height.to_bytes(3, "little") + bytes([len(tag)]) + tag + b"\x08"
        before = bytes.fromhex("0100000001") + bytes(32) + b"\xff" * 4 + bytes([len(script) + 8]) + script
        output = SUBSIDY_SAT.to_bytes(8, "little") + bytes.fromhex("160014") + self._random.randbytes(20)
        return before, b"\xff" * 4 + b"\x01" + output + bytes(4)
