"""The SHA extensions of x86 CPUs: for the rounds, with schedules in AVX-512's vector units; without those, for all of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from miner.backends.instructions import host_features, target_features
from miner.backends.kernel import SHA, WOVEN, Kernel
from miner.backends.llvm_sha import CHAINS
from miner.backends.llvm_woven import LANES
from miner.backends.scan_loop import CHUNK_NONCES, scan_versions_with, scan_with
from miner.share import Hit
from miner.target import Target
from miner.template import Template

__all__ = ["CHUNK_NONCES", "scan", "scan_versions", "scan_words"]

_FEATURES: Final = target_features()

if not host_features().get("sha"):
    raise ImportError("this CPU has no SHA extensions")
if not _FEATURES.get("sha"):
    raise ImportError("NUMBA_CPU_NAME or NUMBA_CPU_FEATURES leaves the SHA extensions out; add +sha to NUMBA_CPU_FEATURES")

# Where vectors have no EVEX form, going from wide ones to the extensions' legacy form and back can cost 400 cycles (Zen 3).
KERNEL: Final = Kernel(WOVEN, LANES) if _FEATURES.get("avx512vl") else Kernel(SHA, CHAINS)


def scan(template: Template, start: int, count: int, target: Target) -> list[Hit]:
    """Return every hit among the `count` nonces from `start` on, in order."""
    return scan_versions([template], start, count, target)[0]


def scan_versions(templates: Sequence[Template], start: int, count: int, target: Target) -> list[list[Hit]]:
    """Return every hit of each template, in order of nonces; the templates share their tail."""
    return scan_versions_with(KERNEL, templates, start, count, target)


def scan_words(template: Template, start: int, count: int, target: Target) -> list[Hit]:
    """Return every hit among the nonces of the `count` message words from `start` on, in order of words."""
    return scan_with(KERNEL._replace(by_word=True), [template], start, count, target)[0]
