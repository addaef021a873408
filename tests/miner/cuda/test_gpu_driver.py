"""What is said where a package, the driver or a device is missing; and how soon."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from subprocess import CompletedProcess
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from miner.backends import gpu_driver, registry
from miner.backends.gpu_driver import devices_through, require_device
from miner.backends.registry import BACKENDS
from miner.errors import BackendUnavailableError


class Driver:
    """A stand-in for libcuda: what it answers to its start, and how many devices it finds."""

    def __init__(self, status: int, devices: int) -> None:
        self._devices = devices
        self.cuInit: Callable[[int], int] = lambda flags: status

    def cuDeviceGetCount(self, count: Any) -> int:  # noqa: N802
        ctypes.cast(count, ctypes.POINTER(ctypes.c_int))[0] = self._devices
        return 0


def installed(monkeypatch: pytest.MonkeyPatch, *, status: int = 0, devices: int = 1) -> None:
    """Let any package be installed, and the driver answer like this."""
    monkeypatch.setattr(gpu_driver, "find_spec", lambda name: SimpleNamespace(name=name))
    monkeypatch.setattr(gpu_driver, "CDLL", lambda name: Driver(status, devices))


def planted(monkeypatch: pytest.MonkeyPatch, opened: Callable[[], list[object]]) -> str:
    module = ModuleType("tests_planted_devices")
    module.open_devices = opened  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module.__name__


def test_a_missing_package_is_named_with_the_extra_that_brings_it() -> None:
    with pytest.raises(
        ImportError, match=r"^package no_such_package is missing; the extra `gpu` brings it: tools/setup-venv \+gpu$"
    ):
        devices_through("no_such_package", "json")


def test_a_missing_driver_is_a_sentence() -> None:
    with pytest.raises(
        ImportError, match=r"^no NVIDIA driver here \(libnone.so.1 is not found\); the extra `gpu` needs a machine"
    ):
        require_device("libnone.so.1")


@pytest.mark.parametrize(
    ("status", "devices", "said"),
    [
        (100, 0, "the NVIDIA driver finds no CUDA device; the extra `gpu` needs one"),
        (0, 0, "the NVIDIA driver finds no CUDA device; the extra `gpu` needs one"),
        (803, 0, "the NVIDIA driver does not start (CUDA error 803); the extra `gpu` needs one that does"),
    ],
)
def test_a_driver_without_a_device_is_a_sentence(monkeypatch: pytest.MonkeyPatch, status: int, devices: int, said: str) -> None:
    installed(monkeypatch, status=status, devices=devices)
    with pytest.raises(ImportError) as raised:
        devices_through("json", "json")
    assert str(raised.value) == said


def test_devices_are_counted_by_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, devices=3)
    assert require_device() == 3


def test_devices_that_open_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch)
    devices = [object()]
    assert devices_through("json", planted(monkeypatch, lambda: devices)) is devices


def test_whatever_goes_wrong_with_a_device_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Libraries for GPUs raise what they like, over many lines; `auto` must fall through all the same."""

    def opened() -> list[object]:
        raise RuntimeError("cuMemAlloc: out of memory\nat line 17\nof nothing")

    installed(monkeypatch)
    with pytest.raises(ImportError) as raised:
        devices_through("json", planted(monkeypatch, opened))
    assert str(raised.value) == "there is a CUDA device, but json cannot use it: RuntimeError: cuMemAlloc: out of memory"
    assert gpu_driver.first_line(KeyError()) == "KeyError"


@pytest.mark.parametrize("name", ["cuda", "cupy"])
def test_the_registry_tells_it_and_remembers_no_half_loaded_module(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(gpu_driver, "find_spec", lambda package: None)
    for _ in range(2):
        monkeypatch.delitem(sys.modules, BACKENDS[name], raising=False)
        with pytest.raises(
            BackendUnavailableError, match=rf"backend '{name}' cannot be loaded: package \w+ is missing; the extra"
        ):
            registry._load.__wrapped__(name)


ASK_BOTH = """
import sys, time
from miner.backends.registry import load
from miner.errors import BackendUnavailableError
started_s = time.perf_counter()
for name in ("cuda", "cupy"):
    try:
        load(name)
    except BackendUnavailableError:
        continue
    sys.exit(3)
print(time.perf_counter() - started_s, *sorted({"numba", "cupy", "numpy"} & set(sys.modules)))
"""


def test_asking_in_vain_costs_no_tenth_of_a_second_and_no_slow_import(python: Callable[..., CompletedProcess[str]]) -> None:
    """Best of three fresh interpreters: other work on the machine can only add."""
    least_s = 9.0
    for _ in range(3):
        told = python("-c", ASK_BOTH)
        if told.returncode == 3:
            pytest.skip("this machine has a CUDA device")
        elapsed_s, *slow = told.stdout.split()
        assert (told.stderr, slow) == ("", [])
        least_s = min(least_s, float(elapsed_s))
    assert least_s < 0.1
