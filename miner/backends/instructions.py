"""Which instructions code is made for, by the rules of Numba and LLVM, without importing Numba.

Asked before anything is compiled, since LLVM ends the process over an instruction that its target lacks.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

import llvmlite.binding as llvm

FORCED: Final = ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_ENABLE_AVX", "NUMBA_OPT")  # what a user may tell the compiler

# What a feature cannot be without. Source: LLVM, ``llvm/lib/Target/X86/X86.td``; only what leads to the kernels' own needs.
_IMPLIED: Final = {
    "sse2": ("sse",),
    "sse3": ("sse2",),
    "ssse3": ("sse3",),
    "sse4.1": ("ssse3",),
    "sse4.2": ("sse4.1",),
    "avx": ("sse4.2",),
    "f16c": ("avx",),
    "fma": ("avx",),
    "avx2": ("avx",),
    "avx512f": ("avx2", "f16c", "fma"),
    "avx512vl": ("avx512f",),
    "sha": ("sse2",),
}

# Processors on which Numba makes no use of AVX, whatever they have: LLVM is slow with it, or takes a virtual machine's
# processor for an older one. Source: Numba, ``numba/core/config.py``, ``avx_default``; numba issue 9582.
_WITHOUT_AVX: Final = frozenset({"corei7-avx", "core-avx-i", "sandybridge", "ivybridge", "nocona"})


def target_features() -> dict[str, bool]:
    """Return which instructions code is made for, as far as that is certain: those of this processor.

    If a user forces some upon the compiler, those are all that is known. A configuration file of Numba's is not read: who
    compiles asks the compiler itself.
    """
    _, forced = _forced()
    return _own_features() if forced is None else changed({}, forced)


def likely_features() -> dict[str, bool]:
    """Return which instructions code is made for in all likelihood: what a user forces changes those of this processor.

    Unless another processor is forced by its name, of which nothing is known.
    """
    name, forced = _forced()
    return _own_features() if forced is None else changed({} if name else _own_features(), forced)


def _forced() -> tuple[str | None, str | None]:
    """Return the name and the features that a user forces upon the compiler, which takes a generic processor to have none."""
    name, features = os.environ.get("NUMBA_CPU_NAME"), os.environ.get("NUMBA_CPU_FEATURES")
    return name, "" if features is None and (name or "").lower() == "generic" else features


def host_features() -> dict[str, bool]:
    """Return what LLVM says of this processor; nothing if it cannot say."""
    try:
        return dict(llvm.get_host_cpu_features())
    except RuntimeError:
        return {}


def changed(features: Mapping[str, bool], forced: str) -> dict[str, bool]:
    """Return `features` after what is `forced`, such as ``+avx2,-sha``, in LLVM's way.

    What comes brings along all that it implies, and what goes takes along all that implies it.
    """
    after = dict(features)
    for one in (part.strip() for part in forced.split(",")):
        if one.startswith("+"):
            after |= dict.fromkeys(_with_implied(one[1:]), True)
        elif one.startswith("-"):
            after |= dict.fromkeys((name for name in _IMPLIED if one[1:] in _with_implied(name)), False)
            after[one[1:]] = False
    return after


def _with_implied(feature: str) -> set[str]:
    return {feature}.union(*map(_with_implied, _IMPLIED.get(feature, ())))


def _own_features() -> dict[str, bool]:
    avx = _avx_enabled()
    return {name: there and (avx or not name.startswith("avx")) for name, there in host_features().items()}


def _avx_enabled() -> bool:
    """Return whether Numba makes use of AVX."""
    try:
        return bool(int(os.environ["NUMBA_ENABLE_AVX"]))
    except (KeyError, ValueError):  # Numba warns of what is no number, and goes on as if it were not there
        return (os.environ.get("NUMBA_CPU_NAME") or llvm.get_host_cpu_name()) not in _WITHOUT_AVX
