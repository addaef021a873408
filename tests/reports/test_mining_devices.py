"""Which devices make no sense together, and when there is nothing to mine on."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from hw.supervisor import Health
from reports.cli.errors import UsageProblem
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


@pytest.mark.parametrize(
    ("devices", "sentence"),
    [
        (("erupter:/dev/a", "u1:/dev/a"), "/dev/a is given twice; one port is one device"),
        (("u1:/dev/a@pzem:/dev/m", "u1:/dev/b@pzem:/dev/m,address=2"), "pzem:/dev/m stands behind two devices"),
        (("compute@rapl", "compute:reference@rapl"), "rapl stands behind two devices"),
    ],
)
def test_one_thing_is_not_two(devices: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(UsageProblem, match=sentence):
        MiningDevices(devices)


def test_a_nameplate_may_stand_behind_as_many_as_have_it() -> None:
    MiningDevices(("compute@nameplate:65", "compute:reference@nameplate:65", "u1:/dev/a@simulated:5", "u1:/dev/b@simulated:5"))
