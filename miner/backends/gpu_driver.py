"""Is there a CUDA device, and may its backend be loaded? Asked of the driver itself, before any slow import."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import CDLL, byref, c_int
from importlib import import_module
from importlib.util import find_spec
from typing import Final

from miner.backends.error_words import first_line
from miner.backends.gpu_job import Device

DRIVER: Final = "libcuda.so.1"
REMEDY: Final = "the extra `gpu` brings it: tools/setup-venv +gpu"
NO_DEVICE: Final = 100  # CUDA_ERROR_NO_DEVICE


def devices_through(package: str, module: str) -> Sequence[Device]:
    """Return the devices that `module.open_devices` opens, once `package` and a device are known to be there.

    Raises
    ------
    ImportError
        One sentence: the package, the driver or the device is missing, or the device cannot be opened.
    """
    if find_spec(package) is None:
        raise ImportError(f"package {package} is missing; {REMEDY}")
    require_device()
    try:
        devices: Sequence[Device] = import_module(module).open_devices()
    except Exception as error:  # whatever a driver or a library may raise, it means that there is no such backend here
        raise ImportError(f"there is a CUDA device, but {package} cannot use it: {first_line(error)}") from error
    return devices


def require_device(driver: str = DRIVER) -> int:
    """Return the number of CUDA devices, at least one; raise ImportError with the reason if there is none."""
    try:
        library = CDLL(driver)
    except OSError:
        raise ImportError(f"no NVIDIA driver here ({driver} is not found); the extra `gpu` needs a machine with one") from None
    count = c_int()
    for status in (library.cuInit(0), library.cuDeviceGetCount(byref(count))):
        if status == NO_DEVICE:
            break
        if status:
            raise ImportError(f"the NVIDIA driver does not start (CUDA error {status}); the extra `gpu` needs one that does")
    if not count.value:
        raise ImportError("the NVIDIA driver finds no CUDA device; the extra `gpu` needs one")
    return count.value
