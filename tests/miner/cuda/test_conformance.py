"""The suite of every backend, on CUDA devices where there are any, and everywhere on the CUDA C++ kernels run by the CPU."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from miner.backends import gpu_search
from miner.backends.gpu_job import Device
from miner.backends.gpu_search import Searcher
from miner.backends.registry import Backend, load, self_test

ON_DEVICES = [pytest.param(name, marks=pytest.mark.gpu) for name in ("cuda", "cupy")]


@pytest.fixture(scope="module", params=["text-on-1-cpu", "text-on-3-cpus", *ON_DEVICES])
def backend(request: pytest.FixtureRequest, cpu_device: Callable[..., Device]) -> Iterator[Backend]:
    """Yield a backend, with ranges split over devices however small they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gpu_search, "LEAST_NONCES", 16)
        if not request.param.startswith("text"):
            request.getfixturevalue("needs_device")
            yield load(request.param)
            return
        searcher = Searcher([cpu_device(capacity=1 << 12) for _ in range(int(request.param[8]))])
        yield Backend(request.param, searcher.scan, searcher.chunk_nonces)


def test_it_passes_the_self_test(backend: Backend) -> None:
    self_test(backend)


def _suite(root: Path) -> ModuleType:
    """Return the tests that every backend passes, as a module: folders of tests are no packages."""
    spec = importlib.util.spec_from_file_location("suite_of_every_backend", root / "tests/miner/test_backends.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


globals().update({name: test for name, test in vars(_suite(Path(__file__).parents[3])).items() if name.startswith("test_")})
