"""The supervisor: devices that fail in every way, and no header lost."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from hw.compute import ComputeDevice
from hw.device import DeviceWork, Solution
from hw.drivers.errors import PortLostError, ProbeError
from hw.drivers.icarus.driver import IcarusDevice
from hw.drivers.icarus.family import profile
from hw.drivers.port import SerialPort
from hw.supervisor import FLAT_NONCES, Care, Health, Supervisor
from hw.supervisor.flat_line import GARBAGE
from miner.header import NONCE_SPACE, Nonce
from miner.share import Hit
from miner.stratum.hashing import Share
from miner.target import MAX_TARGET, Target
from miner.work import Space
from miner.work_queue import WorkQueue

if TYPE_CHECKING:
    import pytest

    from tests.hw.conftest import Emulate
    from tests.hw.supervisor.conftest import MakeQueue, Scripted, Supervise, Until


def test_each_device_gets_headers_of_its_own(
    supervise: Supervise, scripted: type[Scripted], queue: MakeQueue, until: Until
) -> None:
    devices = [scripted(f"scripted at {number}") for number in range(4)]
    for device in devices:
        device.on_poll = lambda device=device: setattr(device, "wants", True) or []  # type: ignore[misc]
    supervise(*devices).work_on(queue(), abandon=False)
    assert until(lambda: min(len(device.given) for device in devices) >= 20)
    headers = [work.template.header for device in devices for work in list(device.given)]  # type: ignore[attr-defined]
    assert len(set(headers)) == len(headers)


def test_new_work_is_given_at_once_only_if_the_old_is_worth_nothing(
    supervise: Supervise, scripted: type[Scripted], queue: MakeQueue, until: Until
) -> None:
    device = scripted()
    supervisor = supervise(device)
    supervisor.work_on(queue(), abandon=False)
    assert until(lambda: len(device.given) == 1)
    supervisor.work_on(queue(), abandon=False)
    time.sleep(0.1)
    assert len(device.given) == 1
    supervisor.work_on(queue(), abandon=True)
    assert until(lambda: device.replaced == [2])


def test_a_device_that_is_lost_gets_the_same_work_again(
    supervise: Supervise, shares: list[Share], scripted: type[Scripted], queue: MakeQueue, until: Until
) -> None:
    """It breaks in mid-job twice; the third time it finds the share of that very header."""
    device = scripted()
    supervisor = supervise(device)

    def poll() -> list[Solution]:
        if not device.given:
            return []
        if device.opened < 3:
            device.wants = True
            raise PortLostError("/dev/x: lost (unplugged)")
        device.on_poll = lambda: []
        return [Solution(work=device.given[-1], hit=Hit(Nonce(7), "00" * 32))]

    device.on_poll = poll
    supervisor.work_on(queue(), abandon=False)
    assert until(lambda: shares)
    assert len({work.template.header for work in device.given}) == 1  # type: ignore[attr-defined]
    assert len({work.number for work in device.given}) == 3
    assert (shares[0].nonce, shares[0].roll.extranonce2) == (7, bytes(4))
    [told] = supervisor.snapshot()
    assert (told.restarts, told.shares, told.health, told.trouble) == (2, 1, Health.ALIVE, "")


def test_a_lost_device_does_not_get_work_of_a_job_that_is_over(
    supervise: Supervise, scripted: type[Scripted], queue: MakeQueue, until: Until
) -> None:
    device = scripted()
    gate = threading.Event()
    supervisor = supervise(device)
    supervisor.work_on(queue(), abandon=False)
    assert until(lambda: len(device.given) == 1)
    device.on_open = lambda: [gate.wait(5), None][1]
    device.on_poll = lambda: (_ for _ in ()).throw(PortLostError("lost"))
    assert until(lambda: device.opened == 2)
    device.on_poll = lambda: []
    second = queue(Target(MAX_TARGET // 2))
    supervisor.work_on(second, abandon=True)
    device.wants = True
    gate.set()
    assert until(lambda: len(device.given) == 2)
    assert device.given[-1].target == second.assignment.target


def test_one_that_never_opens_is_dead_and_still_tried(
    supervise: Supervise, scripted: type[Scripted], queue: MakeQueue, until: Until
) -> None:
    device, other = scripted("dead at 1"), scripted("alive at 2")

    def refuse() -> None:
        raise ProbeError("nothing answered\n within 0.1 s")

    device.on_open = refuse
    supervisor = supervise(device, other)
    supervisor.work_on(queue(), abandon=False)
    assert until(lambda: supervisor.snapshot()[0].health == Health.DEAD)
    told = supervisor.snapshot()
    assert (told[0].trouble, told[0].restarts, told[1].health) == ("nothing answered within 0.1 s", 0, Health.ALIVE)
    assert len(other.given) == 1
    device.on_open = lambda: None
    assert until(lambda: supervisor.snapshot()[0].health == Health.ALIVE)
    assert until(lambda: len(device.given) == 1)


def test_one_that_counts_hashes_and_finds_nothing_is_restarted(
    supervise: Supervise, scripted: type[Scripted], until: Until
) -> None:
    device = scripted()
    supervisor = supervise(device)
    device.hashes = (FLAT_NONCES - 1) * NONCE_SPACE
    time.sleep(0.1)
    assert device.opened == 1
    device.nonces = 1  # it found one: the count begins anew
    time.sleep(0.1)
    device.hashes = (2 * FLAT_NONCES - 1.5) * NONCE_SPACE
    time.sleep(0.1)
    assert device.opened == 1
    device.hashes = (2 * FLAT_NONCES) * NONCE_SPACE
    assert until(lambda: device.opened == 2)
    [told] = supervisor.snapshot()
    assert told.trouble.startswith("flat-lined: 56 billion hashes by its own account, and no nonce among them")


def test_one_that_answers_garbage_is_restarted(supervise: Supervise, scripted: type[Scripted], until: Until) -> None:
    device = scripted()
    supervisor = supervise(device)
    assert until(lambda: supervisor.snapshot()[0].health == Health.ALIVE)
    device.hardware_errors = GARBAGE
    assert until(lambda: device.opened == 2)
    assert "nothing but garbage: 32 hardware errors" in supervisor.snapshot()[0].trouble


def test_one_that_goes_away_while_it_is_first_opened_may_come_again(
    supervise: Supervise, scripted: type[Scripted], until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    device = scripted()

    def lost() -> None:
        device.on_open = lambda: None
        raise PortLostError("port 1: unplugged")

    device.on_open = lost
    supervisor = supervise(device)
    assert until(lambda: supervisor.snapshot()[0].trouble)
    [told] = supervisor.snapshot()
    assert (told.opened, told.away, told.health) == (False, True, Health.SICK)
    assert until(lambda: supervisor.snapshot()[0].opened)
    assert [record.message for record in caplog.records if "unplugged" in record.message] == [
        "scripted at 1: port 1: unplugged"
    ]


def test_an_answer_to_unknown_work_is_not_handed_over(
    supervise: Supervise, shares: list[Share], scripted: type[Scripted], queue: MakeQueue, until: Until
) -> None:
    device = scripted()
    supervise(device).work_on(queue(), abandon=False)
    assert until(lambda: device.given)
    strange = DeviceWork(number=99, template=device.given[0].template, target=MAX_TARGET)
    device.on_poll = lambda: [Solution(work=strange, hit=Hit(Nonce(7), "00" * 32))]
    time.sleep(0.1)
    assert shares == []


def test_it_ends_at_once_though_a_device_waits_to_be_opened(shares: list[Share], scripted: type[Scripted]) -> None:
    device = scripted()
    device.on_open = lambda: (_ for _ in ()).throw(ProbeError("no"))
    supervisor = Supervisor([device], shares.append, care=Care(first_s=60, longest_s=60))
    time.sleep(0.1)
    started_s = time.monotonic()
    supervisor.close()
    assert time.monotonic() - started_s < 1


def test_eight_devices_with_faults_and_every_share_accounted_for(
    emulate: Emulate, supervise: Supervise, shares: list[Share], queue: MakeQueue, until: Until
) -> None:
    """Seven emulated ones on pseudo-terminals, six of them faulty, and a processor: all work the same job at once.

    No known block is among the headers, so every nonce was searched for; what is handed over must be true and come once.
    """
    faults = ["", "noise@0.2", "late-nonce@0.2", "surplus-byte@0.2", "stuck-nonce@0.2", "hang-up@1", "hang@0.2"]
    kind = profile("erupter")
    devices: list[object] = [ComputeDevice()]
    for fault in faults:
        path = emulate("erupter", *[fault] if fault else []).path
        devices.append(IcarusDevice(kind, lambda path=path: SerialPort(path, 115200), time.monotonic))
    supervisor = supervise(*devices)
    easy = queue(Target((1 << 241) - 1))  # a share in 32,768 hashes of the processor, but the others must meet 32 bits
    supervisor.work_on(easy, abandon=False)
    assert until(lambda: len(shares) > 20, 20.0)
    time.sleep(1.5)
    told = {one.name: one for one in supervisor.snapshot()}
    assert sum(one.health == Health.ALIVE for one in told.values()) >= 7
    supervisor.close()
    headers = [share.assignment.header(share.roll, share.nonce) for share in shares]
    assert len(set(headers)) == len(headers)
    assert sum(one.shares for one in supervisor.snapshot()) == len(shares)
    lost = [one for one in supervisor.snapshot() if "lost" in one.trouble or "no such port" in one.trouble]
    assert len(lost) == 1


def test_a_space_may_be_small(supervise: Supervise, scripted: type[Scripted], queue: MakeQueue) -> None:
    """Once all is handed out, devices stay without work and nothing fails."""
    device = scripted()
    device.on_poll = lambda: setattr(device, "wants", True) or []  # type: ignore[misc]
    small = WorkQueue(replace(queue().assignment, extranonce2_bytes=0), Space())
    supervisor = supervise(device)
    supervisor.work_on(small, abandon=False)
    time.sleep(0.3)
    assert (len(device.given), supervisor.snapshot()[0].trouble) == (1, "")


def test_devices_of_one_name_are_told_apart(supervise: Supervise, scripted: type[Scripted]) -> None:
    supervisor = supervise(scripted("stick"), scripted("stick"), scripted("stick #2"))
    assert supervisor.labels == ("stick", "stick #2", "stick #2 #2")
    assert [one.label for one in supervisor.snapshot()] == list(supervisor.labels)


def test_counts_go_on_when_a_device_begins_anew(supervise: Supervise, scripted: type[Scripted], until: Until) -> None:
    """It had 5 nonces and 3 errors, failed, and began from nothing: 2 more make 7, and the 3 errors stay."""
    device = scripted()
    supervisor = supervise(device)
    device.hashes, device.nonces, device.hardware_errors = 100.0, 5, 3
    assert until(lambda: supervisor.snapshot()[0].totals.nonces == 5)

    def begin_anew() -> None:
        device.hashes, device.nonces, device.hardware_errors = 0.0, 0, 0
        device.on_poll = lambda: []

    device.on_open = begin_anew
    device.on_poll = lambda: (_ for _ in ()).throw(PortLostError("lost"))
    assert until(lambda: supervisor.snapshot()[0].restarts == 1)
    device.hashes, device.nonces = 40.0, 2
    assert until(lambda: supervisor.snapshot()[0].totals.nonces == 7)
    totals = supervisor.snapshot()[0].totals
    assert (totals.hashes, totals.hardware_errors, totals.energy_j) == (140.0, 3, None)
    assert supervisor.hashes == 140
