"""Kernels of numba.cuda on disk: found again by another process, and done without where there is no place for them.

These compile nothing, but need numba-cuda: `make cuda-compile` runs them.
"""

from __future__ import annotations

from collections.abc import Callable
from subprocess import CompletedProcess
from typing import Any

import pytest

from miner.backends.gpu_variant import SHIFTS, VARIANTS, Variant

pytestmark = pytest.mark.cuda_compile

NAMES = """
from hashlib import sha256
from miner.backends.gpu_numba import compiled
from miner.backends.gpu_variant import VARIANTS, SHIFTS, Variant
from numba.cuda.serialize import dumps
for variant in (*VARIANTS, Variant(wide=SHIFTS, zero=False)):
    kernel = compiled(variant)
    closed_over = tuple(cell.cell_contents for cell in kernel.py_func.__closure__)
    print(variant.name, kernel._cache._impl.filename_base, sha256(dumps(closed_over)).hexdigest())
"""


@pytest.fixture
def gpu_numba() -> Any:
    pytest.importorskip("numba_cuda", reason="needs the group cuda-compile: make cuda-compile")
    from miner.backends import gpu_numba

    return gpu_numba


def test_two_processes_look_for_a_kernel_under_one_name(gpu_numba: Any, python: Callable[..., CompletedProcess[str]]) -> None:
    """What Numba looks up is the file, and what the kernel closes over; an intrinsic's random name would never be met again."""
    first, second = (python("-c", NAMES, PYTHONHASHSEED=seed).stdout.splitlines() for seed in ("1", "2"))
    assert first == second
    assert len(first) == len(VARIANTS) + 1
    for column in (1, 2):
        assert len({line.split()[column] for line in first}) == len(first), "each kernel has a file and a name of its own"


def test_without_a_place_to_keep_kernels_they_are_compiled_each_time(gpu_numba: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, bool]] = []

    def jit(*function: Any, **options: bool) -> Any:
        asked.append(options)
        if function:
            return "compiled when launched"

        def refuse(function: Any) -> Any:
            raise RuntimeError("cannot cache function 'search': no locator available")

        return refuse

    monkeypatch.setattr(gpu_numba.cuda, "jit", jit)
    assert gpu_numba.compiled.__wrapped__(Variant(wide=SHIFTS)) == "compiled when launched"
    assert asked == [{"cache": True}, {}]
