"""What a GPU is asked: a kernel with the words that all nonces of a job share; and what it must be able to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from miner.backends.cuda_source import argument_values, words_of
from miner.backends.gpu_variant import SHIFTS, USUAL_SHAPE, Shape, Variant
from miner.target import Target
from miner.template import Template

CAPACITY: Final = 1 << 16  # candidates that a device's buffer holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A kernel and what it is given besides its nonces: words that all of them share, the limit of top words, the shape."""

    variant: Variant
    shared: tuple[int, ...]
    limit: int
    shape: Shape = USUAL_SHAPE


class Device(Protocol):
    """One GPU with a buffer of `capacity` candidates and `processors` SMs."""

    capacity: int
    processors: int

    def launch(self, job: Job, start: int, count: int) -> None:
        """Begin to search `count` nonces from `start` on; do not wait."""
        ...

    def collect(self) -> tuple[int, list[int]]:
        """Wait; return how many candidates there are, and those that the buffer holds, in any order."""
        ...


def job_of(templates: Sequence[Template], target: Target, variant: Variant | None = None) -> Job:
    """Return the job for 1, 2 or 4 templates of one tail, by `variant` or by the best one that needs no measurement.

    Shifts as wide products pay at any rate that such products may have: ``docs/benchmarks/gpu.md``.
    """
    limit = target >> 224
    chosen = variant or Variant(midstates=len(templates), wide=SHIFTS, zero=limit == 0)
    uniforms = words_of(chosen).uniforms([template.midstate for template in templates], templates[0].tail)
    return Job(variant=chosen, shared=tuple(argument_values(chosen, uniforms)), limit=limit)
