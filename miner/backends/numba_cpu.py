"""The CPU's vector units: 16 lanes with AVX-512, 8 with AVX2, else 4. Runs wherever Numba does."""

from __future__ import annotations

from collections.abc import Sequence

from miner.backends.kernel import AVX512_LANES
from miner.backends.object_code import target_features
from miner.backends.scan_loop import CHUNK_NONCES, VECTOR, Kernel, scan_versions_with, scan_with
from miner.share import Hit
from miner.target import Target
from miner.template import Template

__all__ = ["CHUNK_NONCES", "default_lanes", "scan", "scan_versions", "scan_words"]


def default_lanes() -> int:
    """Return the number of 32-bit lanes of the widest vectors that code is made for."""
    features = target_features()
    if features.get("avx512f"):
        return AVX512_LANES
    return 8 if features.get("avx2") or not features else 4  # nothing is known of a processor that is forced by its name


def scan(template: Template, start: int, count: int, target: Target) -> list[Hit]:
    """Return every hit among the `count` nonces from `start` on, in order."""
    return scan_with(Kernel(VECTOR, default_lanes()), [template], start, count, target)[0]


def _scan_together(templates: Sequence[Template], start: int, count: int, target: Target) -> list[list[Hit]]:
    """Return every hit of each template, in order of nonces; the templates share their tail."""
    return scan_versions_with(Kernel(VECTOR, default_lanes()), templates, start, count, target)


# One schedule for two midstates saves less than their 6,400 instructions cost: the first cache holds some 5,000 of them.
scan_versions = None if default_lanes() == AVX512_LANES else _scan_together


def scan_words(template: Template, start: int, count: int, target: Target) -> list[Hit]:
    """Return every hit among the nonces of the `count` message words from `start` on, in order of words."""
    return scan_with(Kernel(VECTOR, default_lanes(), by_word=True), [template], start, count, target)[0]
