"""Devices by name and place: what cannot be is one sentence."""

from __future__ import annotations

import pytest

from hw.drivers.errors import SettingError
from hw.drivers.registry import device_from


@pytest.mark.parametrize(
    ("specification", "message"),
    [
        ("s9:/dev/ttyUSB0", "no device 's9'; known: icarus, erupter, u1, u2, bm1397, "),
        ("", "no device ''; known: "),
        ("/dev/ttyUSB0", "no device '/dev/ttyUSB0'; known: "),
        ("erupter", "erupter: at which port. want for example erupter:/dev/ttyUSB0"),
        ("bm1366:", "bm1366: at which port. want for example bm1366:/dev/ttyUSB0"),
    ],
)
def test_what_is_no_device(specification: str, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        device_from(specification)


def test_a_port_is_opened_only_when_the_device_is() -> None:
    assert device_from("erupter:/dev/no-such-port").name == "erupter"
