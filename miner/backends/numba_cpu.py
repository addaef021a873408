"""The CPU's vector units: 16 lanes with AVX-512, 8 with AVX2, else 4. Runs wherever Numba does."""

from __future__ import annotations

from collections.abc import Sequence

import llvmlite.binding as llvm

from miner.backends.scan_loop import CHUNK_NONCES, VECTOR, Kernel, scan_versions_with, scan_with
from miner.share import Hit
from miner.target import Target
from miner.template import Template

__all__ = ["CHUNK_NONCES", "default_lanes", "scan", "scan_versions", "scan_words"]


def default_lanes() -> int:
    """Return the number of 32-bit lanes of this CPU's widest vectors."""
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return 16
    return 8 if features.get("avx2") else 4


def scan(template: Template, start: int, count: int, target: Target) -> list[Hit]:
    """Return every hit among the `count` nonces from `start` on, in order."""
    return scan_versions([template], start, count, target)[0]


def scan_versions(templates: Sequence[Template], start: int, count: int, target: Target) -> list[list[Hit]]:
    """Return every hit of each template, in order of nonces; the templates share their tail."""
    return scan_versions_with(Kernel(VECTOR, default_lanes()), templates, start, count, target)


def scan_words(template: Template, start: int, count: int, target: Target) -> list[Hit]:
    """Return every hit among the nonces of the `count` message words from `start` on, in order of words."""
    return scan_with(Kernel(VECTOR, default_lanes(), by_word=True), [template], start, count, target)[0]
