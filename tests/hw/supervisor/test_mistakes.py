"""What a keeper does about mistakes of drivers, and about work that was over before an order came."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hw.compute import ComputeDevice
from hw.device import DeviceState, DeviceWork
from hw.errors import SearchError
from hw.supervisor import Health, refusals
from miner.backends.registry import load
from miner.target import Target
from miner.template import HeaderTemplate

if TYPE_CHECKING:
    from tests.hw.supervisor.conftest import MakeQueue, Scripted, Supervise, Until

WITHIN_S = 10.0


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_mistake_in_a_driver_leaves_nobody_waiting(supervise: Supervise, scripted: type[Scripted], until: Until) -> None:
    """Its thread ends, and is seen to: the order is refused, the device closed and called dead."""
    device = scripted("slip")

    def slip(order: object) -> None:
        raise OverflowError("too large for a float")

    device.on_order = slip
    supervisor = supervise(device)
    outcomes = supervisor.set_frequency(500.0)
    assert refusals(outcomes, WITHIN_S) == {"slip": "slip: OverflowError: too large for a float"}
    assert until(lambda: supervisor.snapshot()[0].telemetry.state == DeviceState.CLOSED)
    [told] = supervisor.snapshot()
    assert (told.health, told.trouble) == (Health.DEAD, "too large for a float")
    assert "the mining is over" in refusals(supervisor.curtail(), WITHIN_S)["slip"]


def test_work_that_was_over_before_a_sleep_is_not_given_again(
    supervise: Supervise, scripted: type[Scripted], queue: MakeQueue, until: Until
) -> None:
    device, job = scripted(), queue()
    supervisor = supervise(device)
    supervisor.work_on(job, abandon=False)
    assert until(lambda: device.given)
    supervisor.work_on(None, abandon=False)
    device.wants = True  # it is through with it
    refusals(supervisor.curtail(), WITHIN_S)
    refusals(supervisor.resume(), WITHIN_S)
    supervisor.work_on(job, abandon=False)
    assert until(lambda: len(device.given) > 1)
    headers = [one.template.header for one in device.given]  # type: ignore[attr-defined]
    assert len(set(headers[:2])) == 2


def test_a_search_that_ends_by_an_error_is_told(monkeypatch: pytest.MonkeyPatch, until: Until) -> None:
    """Or else a device would hash for ever by its own account, and find nothing."""

    def broken(*_: object) -> object:
        raise RuntimeError("the kernel is gone")

    engine = load("reference")._replace(versions=None, scan=broken)  # type: ignore[arg-type]
    monkeypatch.setattr("hw.compute.load", lambda name: engine)
    device = ComputeDevice("reference")
    device.open()
    device.submit(DeviceWork(number=1, template=HeaderTemplate(bytes(80)), target=Target(1)))
    assert until(lambda: device.telemetry().state == DeviceState.IDLE)
    with pytest.raises(SearchError, match="reference at cpu0: the search ended: RuntimeError: the kernel is gone"):
        device.poll(0.01)
    device.close()
