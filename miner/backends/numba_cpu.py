"""The CPU's vector units: 16 lanes with AVX-512, 8 with AVX2, else 4. Runs wherever Numba does."""

from __future__ import annotations

from collections.abc import Sequence

from miner.backends.instructions import likely_features, target_features
from miner.backends.kernel import AVX512_LANES, PAIRED, VECTOR, Kernel
from miner.backends.scan_loop import CHUNK_NONCES, scan_versions_with, scan_with
from miner.share import Hit
from miner.target import Target
from miner.template import Template

__all__ = ["CHUNK_NONCES", "default_kernel", "scan", "scan_versions", "scan_words"]


def default_kernel() -> Kernel:
    """Return the kernel for the widest vectors that code is made for."""
    if target_features().get("avx512f"):
        return Kernel(PAIRED, AVX512_LANES)
    # More lanes than vectors hold cost little, and nothing may be known of a processor that is forced by its name.
    features = likely_features()
    return Kernel(VECTOR, 8 if features.get("avx2") or not features else 4)


def scan(template: Template, start: int, count: int, target: Target) -> list[Hit]:
    """Return every hit among the `count` nonces from `start` on, in order."""
    return scan_with(default_kernel(), [template], start, count, target)[0]


def _scan_together(templates: Sequence[Template], start: int, count: int, target: Target) -> list[list[Hit]]:
    """Return every hit of each template, in order of nonces; the templates share their tail."""
    return scan_versions_with(default_kernel(), templates, start, count, target)


# Hashes in pairs have a midstate each; one schedule for several midstates saves less than that.
scan_versions = None if default_kernel().kind == PAIRED else _scan_together


def scan_words(template: Template, start: int, count: int, target: Target) -> list[Hit]:
    """Return every hit among the nonces of the `count` message words from `start` on, in order of words."""
    return scan_with(default_kernel()._replace(by_word=True), [template], start, count, target)[0]
