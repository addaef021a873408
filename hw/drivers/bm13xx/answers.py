"""The jobs that a chain was given, and its answers to them: each is hashed again before it counts."""

from __future__ import annotations

from typing import Final

from hw.device import Solution
from hw.drivers.bm13xx.chips import Chip
from hw.drivers.bm13xx.nonces import split_result_id
from hw.drivers.bm13xx.responses import NonceResponse
from hw.drivers.bm13xx.work import SentJob
from hw.drivers.recent import Recent
from hw.finder import ANSWER_TARGET
from miner.header import hash_hex, hash_value
from miner.share import Hit

REMEMBERED: Final = 256  # answers, so that none counts twice


class AnswerBook:
    """Holds the jobs whose answers may still come, by the id that these bear, and counts the answers.

    `nonces` are those whose hash ends on 32 zero bits, `errors` those whose hash does not, or that were given before, and
    `unknown` those to jobs that are not held.
    """

    def __init__(self, chip: Chip) -> None:
        self._chip = chip
        self._jobs: dict[int, SentJob] = {}
        self._seen = Recent[tuple[int, int, int]](REMEMBERED)
        self.nonces = self.errors = self.unknown = 0

    def add(self, job_id: int, job: SentJob) -> None:
        """Hold a job, in place of the one that had its id before."""
        self._jobs[job_id] = job

    def keep_only(self, *job_ids: int) -> None:
        """Forget all jobs but these."""
        self._jobs = {job_id: self._jobs[job_id] for job_id in job_ids}

    def check(self, response: NonceResponse) -> Solution | None:
        """Hash an answer again; return it if it is a share, and count what it is."""
        job_id, low = split_result_id(self._chip, response.result_id)
        sent = self._jobs.get(job_id)
        if sent is None:
            self.unknown += 1  # of a job that was replaced
            return None
        work, nonce, version = sent.work, response.nonce, sent.version_of(response, low)
        digest = b"" if version is None else sent.digest(version, nonce)
        value = hash_value(digest)
        if version is None or value > ANSWER_TARGET or not self._seen.is_new((work.number, nonce, version)):
            self.errors += 1
            return None
        self.nonces += 1
        if value > work.target:
            return None
        return Solution(work=work, hit=Hit(nonce, hash_hex(digest)), version=version if work.version_mask else None)
