"""The SHA extensions of x86 CPUs for the rounds, vector units for the schedules.

Asked of the host before anything is compiled: without them LLVM would end the process.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import llvmlite.binding as llvm

from miner.backends.llvm_woven import LANES
from miner.backends.scan_loop import CHUNK_NONCES, WOVEN, Kernel, scan_versions_with
from miner.share import Hit
from miner.target import Target
from miner.template import Template

__all__ = ["CHUNK_NONCES", "scan", "scan_versions"]

KERNEL: Final = Kernel(WOVEN, LANES)

if not llvm.get_host_cpu_features().get("sha"):
    raise ImportError("this CPU has no SHA extensions")


def scan(template: Template, start: int, count: int, target: Target) -> list[Hit]:
    """Return every hit among the `count` nonces from `start` on, in order."""
    return scan_versions([template], start, count, target)[0]


def scan_versions(templates: Sequence[Template], start: int, count: int, target: Target) -> list[list[Hit]]:
    """Return every hit of each template, in order of nonces; the templates share their tail."""
    return scan_versions_with(KERNEL, templates, start, count, target)
