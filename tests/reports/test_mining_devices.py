"""When there is nothing to mine on."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from hw.supervisor import Health
from reports.cli.mining_devices import MiningDevices


def standing(
    *, opened: bool = False, trouble: str = "no such port", away: bool = False, health: Health = Health.SICK
) -> object:
    return SimpleNamespace(name="one", opened=opened, trouble=trouble, away=away, health=health)


@pytest.mark.parametrize(
    ("devices", "trouble"),
    [
        ([standing(trouble="")], None),  # it is still being opened
        ([standing()], "one: no such port"),
        ([standing(), standing(trouble="not a serial port")], "one: no such port; one: not a serial port"),
        ([standing(), standing(opened=True, trouble="unplugged", away=True)], None),
        ([standing(trouble="unplugged", away=True)], None),  # it may be plugged in again
        ([standing(trouble="unplugged", away=True, health=Health.DEAD)], "one: unplugged"),
        ([], None),
    ],
)
def test_trouble_is_that_of_all_and_for_good(
    devices: list[object], trouble: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    mining = MiningDevices(())
    monkeypatch.setattr(mining, "_supervisor", SimpleNamespace(snapshot=lambda: devices))
    assert mining.trouble() == trouble
