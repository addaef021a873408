"""Where there is a CUDA device, tests of it do not skip because something else is missing: they would pass for nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

DRIVER = """
int cuInit(unsigned flags) { return 0; }
int cuDeviceGetCount(int *number) { *number = DEVICES; return 0; }
"""
Tests = Callable[[int], "subprocess.CompletedProcess[str]"]


@pytest.fixture
def gpu_tests(tmp_path: Path, root: Path) -> Tests:
    """Return a function that runs the tests of devices, as if the driver found so many."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or find_spec("cupy") is not None or find_spec("numba_cuda") is not None:
        pytest.skip("needs a C compiler, and none of the packages that a device is used through")
    text = tmp_path / "driver.c"
    text.write_text(DRIVER)

    def run(devices: int) -> subprocess.CompletedProcess[str]:
        shared = ["-shared", "-fPIC", f"-DDEVICES={devices}", "-o", str(tmp_path / "libcuda.so.1"), str(text)]
        subprocess.run([compiler, *shared], check=True, timeout=60)
        command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "-p", "no:cacheprovider", "--tb=line", "-rs"]
        files = [str(root / "tests/miner/cuda" / name) for name in ("test_on_device.py", "test_conformance.py")]
        environment = os.environ | {"LD_LIBRARY_PATH": str(tmp_path)}
        return subprocess.run(
            [*command, "-k", "self_test or block_0 or pipes", *files],
            cwd=root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def test_without_a_device_they_are_skipped_and_say_why(gpu_tests: Tests) -> None:
    done = gpu_tests(0)
    assert done.returncode == 0
    assert "the NVIDIA driver finds no CUDA device; the extra `gpu` needs one" in done.stdout


def test_with_a_device_that_nothing_can_use_they_fail(gpu_tests: Tests) -> None:
    done = gpu_tests(1)
    assert done.returncode == 1
    assert "package cupy is missing; the extra `gpu` brings it" in done.stdout
    assert " skipped" not in done.stdout
