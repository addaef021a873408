"""The machine that a figure was measured on: processor, cores, GPU boards, load, versions."""

from __future__ import annotations

import os
import platform
import sys
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

Json = dict[str, object]

ROOT = Path("/")
LIBRARIES = ("numba", "llvmlite", "numpy", "cupy-cuda13x", "numba-cuda")


def cpu(root: Path = ROOT) -> Json:
    """Return model, physical cores, hardware threads and the digest of the feature flags of this processor."""
    model, flags = platform.processor() or platform.machine(), ""
    info = root / "proc" / "cpuinfo"
    if info.is_file():
        first = info.read_text(encoding="utf-8", errors="replace").split("\n\n", 1)[0]
        named = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in first.splitlines())}
        model, flags = named.get("model name", model), " ".join(sorted(named.get("flags", "").split()))
    return {
        "model": model,
        "physical_cores": psutil.cpu_count(logical=False),
        "hardware_threads": psutil.cpu_count(),
        "features_sha256": sha256(flags.encode()).hexdigest(),
    }


def gpus() -> list[Json]:
    """Return name, driver and PCI address of every GPU board that NVML tells of: none without NVML or without boards."""
    from miner.backends.gpu_nvml import Nvml

    boards: list[Json] = []
    try:
        nvml = Nvml()
        count = nvml.boards()
    except (ImportError, OSError):
        return []
    for number in range(count):
        with suppress(LookupError, OSError):  # one that is lost does not hide the others
            board = nvml.board("Index", number)
            boards.append({"name": board.name, "driver": board.driver, "address": board.address})
    return boards


def machine() -> Json:
    """Return what a benchmark's reader must know: processor, GPUs, system, versions, and the load when it began."""
    return {
        "cpu": cpu(),
        "gpus": gpus(),
        "usable_threads": len(usable_cpus()),
        "load_1min": os.getloadavg()[0],
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": ".".join(map(str, sys.version_info[:3])),
        "versions": {name: known for name in LIBRARIES if (known := distribution_version(name)) is not None},
    }


def usable_cpus(root: Path = ROOT) -> list[int]:
    """Return the logical processors that this process may use, one of each physical core first, then their siblings."""
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
    seen: dict[tuple[str, str], int] = {}
    rank = {}
    for number in allowed:
        core = tuple(_topology(root, number, name) for name in ("physical_package_id", "core_id"))
        key = (core[0], core[1] or str(number))
        rank[number] = seen[key] = seen.get(key, -1) + 1
    return sorted(allowed, key=lambda number: (rank[number], number))


def distribution_version(name: str) -> str | None:
    """Return the installed version of a distribution, or None."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _topology(root: Path, number: int, name: str) -> str:
    try:
        return (root / f"sys/devices/system/cpu/cpu{number}/topology/{name}").read_text(encoding="ascii").strip()
    except OSError:
        return ""
