"""How many lanes the vector kernel has: as many as code is made for, by the processor, by Numba, or by the user's will."""

from __future__ import annotations

import llvmlite.binding as llvm
import pytest

from miner.backends import numba_cpu
from miner.backends.instructions import target_features
from miner.backends.kernel import PAIRED, VECTOR, Kernel


@pytest.mark.parametrize(
    ("features", "kernel"),
    [
        ({"avx512f": True, "avx2": True}, Kernel(PAIRED, 16)),
        ({"avx2": True}, Kernel(VECTOR, 8)),
        ({"sse2": True}, Kernel(VECTOR, 4)),
    ],
)
def test_lanes_follow_the_widest_vectors(monkeypatch: pytest.MonkeyPatch, features: dict[str, bool], kernel: Kernel) -> None:
    monkeypatch.setattr(llvm, "get_host_cpu_features", lambda: features)
    assert numba_cpu.default_kernel() == kernel


@pytest.mark.parametrize(
    ("name", "features", "kernel"),
    [
        ("x86-64-v3", "", Kernel(VECTOR, 8)),
        ("x86-64-v3", "+avx2,-avx512f", Kernel(VECTOR, 8)),
        ("x86-64-v3", "+avx512f", Kernel(PAIRED, 16)),
        ("x86-64-v3", "+avx512f,-avx2", Kernel(VECTOR, 4)),
        ("x86-64-v3", "+sse4.2", Kernel(VECTOR, 4)),
        (None, "-avx512f", Kernel(VECTOR, 8)),
        (None, "-avx2", Kernel(VECTOR, 4)),
        (None, "-sha", Kernel(VECTOR, 8)),
        (None, "", Kernel(VECTOR, 8)),
    ],
)
def test_lanes_follow_what_a_user_forces_upon_the_compiler(
    monkeypatch: pytest.MonkeyPatch, name: str | None, features: str, kernel: Kernel
) -> None:
    monkeypatch.setattr(llvm, "get_host_cpu_features", lambda: {"avx512f": True, "avx2": True, "sha": True})
    if name is not None:
        monkeypatch.setenv("NUMBA_CPU_NAME", name)
    monkeypatch.setenv("NUMBA_CPU_FEATURES", features)
    assert numba_cpu.default_kernel() == kernel


@pytest.mark.parametrize(("name", "value"), [("NUMBA_ENABLE_AVX", "0"), ("NUMBA_CPU_NAME", "nocona")])
def test_lanes_follow_numba_where_it_leaves_avx_alone(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setattr(llvm, "get_host_cpu_features", lambda: {"avx512f": True, "avx2": True, "sha": True})
    assert numba_cpu.default_kernel() == Kernel(PAIRED, 16)
    monkeypatch.setenv(name, value)
    assert numba_cpu.default_kernel() == Kernel(VECTOR, 4)
    assert target_features() == {"avx512f": False, "avx2": False, "sha": True}
