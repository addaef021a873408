"""From a pool through a driver and a real pseudo-terminal to an emulated device, and back: shares are accepted.

Block 0 is the job, with its own difficulty: nothing but its real nonce will do.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

import pytest

from hw.device import Device
from hw.drivers.bm13xx.bringup import ChainPlan
from hw.drivers.bm13xx.chips import CHIPS
from hw.drivers.bm13xx.driver import Bm13xxDevice
from hw.drivers.icarus.driver import IcarusDevice
from hw.drivers.icarus.family import PROFILES
from hw.drivers.port import SerialPort
from hw.drivers.registry import DRIVERS, device_from
from hw.supervisor import Care, DeviceSnapshot, Health, Supervisor
from miner.stratum.address import PoolAddress
from miner.stratum.client import StratumClient
from miner.stratum.client_session import Login
from miner.stratum.client_settings import ClientSettings, ClientSnapshot
from miner.stratum.hashing import Failed, FoundShare
from miner.stratum.jobs import JobSource, KnownJobs, SyntheticJobs
from miner.stratum.known_jobs import Split, known_block
from miner.stratum.pool import StratumPool
from miner.stratum.pool_core import PoolCore, PoolSettings, PoolSnapshot

if TYPE_CHECKING:
    from tests.hw.conftest import Emulate

FAST_HPS = 20e9
SLOW_MHZ = 60.0
CARE = Care(first_s=0.05, longest_s=0.2)


def mine(
    devices: Sequence[Device], source: JobSource, *, difficulty: float, shares: int, mask: int = 0x1FFFE000
) -> tuple[ClientSnapshot, PoolSnapshot, list[DeviceSnapshot]]:
    """Mine with these devices at our pool until so many shares were accepted; return how all stand."""
    supervisors: list[Supervisor] = []

    def supervise(found: FoundShare, failed: Failed) -> Supervisor:
        supervisors.append(Supervisor(devices, found, care=CARE))
        return supervisors[-1]

    async def play() -> tuple[ClientSnapshot, PoolSnapshot]:
        core = PoolCore(source, PoolSettings(difficulty=difficulty, interval_s=60), clock=time.monotonic, unix_clock=time.time)
        async with asyncio.timeout(40), StratumPool(core) as pool:
            _, port = await pool.listen("127.0.0.1", 0)
            settings = ClientSettings(hasher=supervise, stop_after=shares)
            client = StratumClient(
                PoolAddress("127.0.0.1", port), Login(user="w.1", version_mask=mask), settings, random=Random(5)
            )
            await client.run()
            return client.snapshot(), pool.snapshot()

    return *asyncio.run(play()), supervisors[0].snapshot()


def device(name: str, path: str, clock_mhz: float | None = None) -> Device:
    """The driver of this name, without the pauses that real chips need; chips are clocked if told so."""
    if name in PROFILES:
        return IcarusDevice(PROFILES[name], lambda: SerialPort(path, 115200), time.monotonic)
    plan = ChainPlan(chip=CHIPS[name.upper()], step_s=0.0, baud=1_000_000, clock_mhz=clock_mhz)
    return Bm13xxDevice(plan, lambda: SerialPort(path, 115200))


@pytest.mark.parametrize("mask", [0, 0x1FFFE000])
@pytest.mark.parametrize("name", [name for name in DRIVERS if name != "compute"])
def test_each_device_finds_the_nonce_of_block_0_for_our_pool(emulate: Emulate, name: str, mask: int) -> None:
    emulated = emulate(name, rate_hps=FAST_HPS) if name in PROFILES else emulate(name)
    # Without rolling, chips at full clock want work every 4 ms: on a busy machine two pieces come at once, the first in vain.
    clock_mhz = SLOW_MHZ if mask == 0 else None
    client, pool, [told] = mine(
        [device(name, emulated.path, clock_mhz)], KnownJobs(known_block(0), Split.PREVOUT), difficulty=2536, shares=1, mask=mask
    )
    assert (client.accepted, client.rejected, pool.accepted, pool.blocks) == (1, (), 1, 1)
    assert (told.shares, told.telemetry.hardware_errors) == (1, 0)


def test_eight_devices_with_faults_and_every_share_is_accounted_for(emulate: Emulate) -> None:
    """Five serial ones with a fault each, two without, and the processor of this machine, at one synthetic job.

    Its shares take a million hashes, so the processor finds them by the dozen; serial devices find one in four billion.
    """
    faults = {
        "erupter": ["noise@0.5", "hang-up@2", "late-nonce@0.5"],
        "bm1366": ["bad-crc@1", "surplus-byte@1", ""],
        "icarus": [""],
    }
    devices = [device_from("compute:auto")]
    for name, some in faults.items():
        devices += [device(name, emulate(name, *[fault] if fault else []).path) for fault in some]
    client, pool, told = mine(devices, SyntheticJobs(7), difficulty=1 / 4096, shares=60)
    assert len(told) == 8
    assert client.rejected == ()
    assert client.found == sum(one.shares for one in told)
    assert client.found == client.accepted + client.stale + client.repeated + client.lost + client.open
    assert pool.accepted == client.accepted >= 60
    assert sum(one.health == Health.ALIVE for one in told) >= 6


def test_every_driver_is_named_with_its_port() -> None:
    for name in DRIVERS:
        assert device_from(f"{name}:/dev/ttyUSB0" if name != "compute" else "compute").telemetry().hashes == 0
