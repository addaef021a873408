"""How many double-SHA256 hashes a second a backend does: a first, honest form.

Compilation and warm-up stay outside; hashes are counted from work done; an easy target gives hits on the way, which
are re-checked and counted against what chance expects, so a kernel that skipped nonces would show.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from statistics import median

from miner.backends.registry import Backend, load
from miner.header import NONCE_SPACE
from miner.target import HASH_SPACE, Target
from miner.template import HeaderTemplate, Template
from miner.vectors import header_at

BENCH_HEIGHT = 125552
EASY_TARGET = Target((HASH_SPACE >> 16) - 1)  # one nonce in 65,536 meets it

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchResult:
    """Samples of one backend on one thread [H/s], and the audit of its hits."""

    backend: str
    samples_hps: tuple[float, ...]
    hashes: int
    verified_hits: int
    expected_hits: float

    @property
    def median_hps(self) -> float:
        """Median of the samples [H/s]."""
        return median(self.samples_hps)

    @property
    def hits_z(self) -> float:
        """How many standard deviations the hits lie from what chance expects (Poisson)."""
        return (self.verified_hits - self.expected_hits) / sqrt(self.expected_hits)


def bench(backend: str, *, seconds: float, repeat: int, clock: Clock) -> BenchResult:
    """Scan one real header's nonces for `repeat` samples of about `seconds` [s] each, after one warm-up chunk.

    Raises
    ------
    BackendUnavailableError, BackendSelfTestError
        As `miner.backends.registry.load` does.
    """
    engine = load(backend)
    template = HeaderTemplate(header_at(BENCH_HEIGHT).to_bytes())
    engine.scan(template, 0, min(engine.chunk_nonces, 1 << 16), EASY_TARGET)
    samples, hashes, hits, at = [], 0, 0, 0
    for _ in range(repeat):
        done, found, elapsed_s, at = _sample(engine, template, at, seconds, clock)
        samples.append(done / elapsed_s)
        hashes += done
        hits += found
    return BenchResult(
        backend=engine.name,
        samples_hps=tuple(samples),
        hashes=hashes,
        verified_hits=hits,
        expected_hits=hashes * (EASY_TARGET + 1) / HASH_SPACE,
    )


def _sample(engine: Backend, template: Template, at: int, seconds: float, clock: Clock) -> tuple[int, int, float, int]:
    """Scan chunks from nonce `at` on until `seconds` have passed; return hashes, verified hits, seconds, next nonce."""
    step = engine.chunk_nonces if engine.name != "reference" else engine.chunk_nonces // 8
    started_s, done, hits = clock(), 0, 0
    while True:
        at = 0 if at + step > NONCE_SPACE else at
        found = engine.scan(template, at, step, EASY_TARGET)
        hits += len({hit for hit in found if at <= hit.nonce < at + step and template.check(hit.nonce, EASY_TARGET) == hit})
        done += step
        at += step
        elapsed_s = clock() - started_s
        if elapsed_s >= seconds:
            return done, hits, elapsed_s, at
