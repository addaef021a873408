"""A device is not left at full power while there is nothing to mine on; and a header at which it failed is not left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hw.device import DeviceState, DeviceWork
from hw.drivers.errors import PortLostError
from hw.supervisor import Care, refusals

if TYPE_CHECKING:
    from tests.hw.supervisor.conftest import MakeQueue, Scripted, Supervise, Until

SOON = Care(first_s=0.01, longest_s=0.05, flat_s=0.0, jobless_s=0.05)
WITHIN_S = 10.0


@pytest.fixture
def hashing(scripted: type[Scripted]) -> Scripted:
    """Return a device that hashes once it is given work, and goes on."""
    device = scripted()

    def submit(work: DeviceWork) -> None:
        device.given.append(work)
        device.wants, device.state = False, DeviceState.HASHING

    device.submit = submit  # type: ignore[method-assign]
    return device


def headers(device: Scripted) -> list[bytes]:
    return [one.template.header for one in device.given]  # type: ignore[attr-defined]


def test_it_rests_while_there_is_no_job_and_goes_on_with_the_next(
    supervise: Supervise, hashing: Scripted, queue: MakeQueue, until: Until
) -> None:
    supervisor, job = supervise(hashing, care=SOON), queue()
    supervisor.work_on(job, abandon=False)
    assert until(lambda: hashing.given)
    assert not until(lambda: "curtail" in hashing.told, 0.2)
    supervisor.work_on(None, abandon=False)
    assert until(lambda: hashing.state is DeviceState.CURTAILED)
    assert not supervisor.snapshot()[0].standing.curtailed  # by no order of anybody
    supervisor.work_on(job, abandon=False)
    assert until(lambda: hashing.state is DeviceState.HASHING)
    assert hashing.told == ["open", "curtail", "resume"]
    assert headers(hashing)[1] == headers(hashing)[0]  # which it had not ended


def test_a_pool_that_is_away_for_a_moment_puts_nothing_to_rest(
    supervise: Supervise, hashing: Scripted, queue: MakeQueue, until: Until
) -> None:
    supervisor = supervise(hashing, care=Care(flat_s=0.0, jobless_s=30.0))
    supervisor.work_on(queue(), abandon=False)
    assert until(lambda: hashing.given)
    supervisor.work_on(None, abandon=False)
    assert not until(lambda: "curtail" in hashing.told, 0.3)


def test_orders_to_one_at_rest_hold_from_the_next_job_on(
    supervise: Supervise, hashing: Scripted, queue: MakeQueue, until: Until
) -> None:
    supervisor = supervise(hashing, care=SOON)
    supervisor.work_on(queue(), abandon=False)
    assert until(lambda: hashing.given)
    supervisor.work_on(None, abandon=False)
    assert until(lambda: hashing.state is DeviceState.CURTAILED)
    assert refusals(supervisor.set_frequency(400.0), WITHIN_S) == {}
    assert refusals(supervisor.resume(), WITHIN_S) == {}
    assert hashing.told == ["open", "curtail", 400.0, "curtail"]  # set, and still at rest
    assert refusals(supervisor.curtail(), WITHIN_S) == {}
    supervisor.work_on(queue(), abandon=True)
    assert not until(lambda: hashing.state is not DeviceState.CURTAILED, 0.3)
    assert refusals(supervisor.resume(), WITHIN_S) == {}
    assert until(lambda: hashing.state is DeviceState.HASHING)


def test_a_header_at_which_the_device_goes_away_is_given_to_it_again(
    supervise: Supervise, scripted: type[Scripted], queue: MakeQueue, until: Until
) -> None:
    device, tried = scripted(), list[DeviceWork]()

    def submit(work: DeviceWork) -> None:
        tried.append(work)
        if len(tried) == 1:
            raise PortLostError("/dev/x: lost (unplugged)")
        device.given.append(work)
        device.wants = False

    device.submit = submit  # type: ignore[method-assign]
    supervisor = supervise(device, care=SOON)
    supervisor.work_on(queue(), abandon=False)
    assert until(lambda: device.given)
    assert device.opened == 2
    assert headers(device)[0] == tried[0].template.header  # type: ignore[attr-defined]
