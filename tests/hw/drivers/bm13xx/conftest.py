"""A driver for an emulated chain, closed at the end of the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from hw.drivers.bm13xx.bringup import ChainPlan
from hw.drivers.bm13xx.chips import CHIPS
from hw.drivers.bm13xx.driver import Bm13xxDevice
from hw.drivers.port import SerialPort

if TYPE_CHECKING:
    from tests.hw.conftest import Emulated

Drive = Callable[..., Bm13xxDevice]


@pytest.fixture
def drive() -> Iterator[Drive]:
    devices = []

    def start(emulated: Emulated, name: str = "BM1366", **plan: object) -> Bm13xxDevice:
        chosen = ChainPlan(chip=CHIPS[name], **{"step_s": 0.0, **plan})  # type: ignore[arg-type]
        devices.append(Bm13xxDevice(chosen, lambda: SerialPort(emulated.path, 115200)))
        return devices[-1]

    yield start
    for device in devices:
        device.close()
