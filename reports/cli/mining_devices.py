"""The devices that `hashwatt mine` was given instead of threads."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from reports.cli.errors import UsageProblem

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

    from hw.meters.efficiency import Spent
    from hw.supervisor import DeviceSnapshot, Supervisor
    from miner.stratum.hashing import Failed, FoundShare

LOOK_S: Final = 0.1


class MiningDevices:
    """Devices by specification, such as ``erupter:/dev/ttyUSB0``; raise SettingError if one makes no sense."""

    def __init__(self, specifications: tuple[str, ...]) -> None:
        from hw.drivers.registry import device_from
        from hw.supervisor import unique_labels

        ports = [
            port
            for one in specifications
            if (port := one.partition("@")[0].partition(":")[2]) and not one.startswith("compute")
        ]
        if twice := {port for port in ports if ports.count(port) > 1}:
            raise UsageProblem(f"--device: {', '.join(sorted(twice))} is given twice; one port is one device")
        if shared := _shared_meter(specifications):
            raise UsageProblem(f"--device: {shared} stands behind two devices; what it tells of both is no device's own")
        self._specifications = dict(zip(unique_labels(specifications), specifications, strict=True))
        self._devices = {label: device_from(specification) for label, specification in self._specifications.items()}
        self._supervisor: Supervisor | None = None

    def hasher(self, found: FoundShare, failed: Failed) -> Supervisor:
        """Return what keeps them busy; a device that fails is its trouble, so `failed` is never called."""
        from hw.supervisor import Supervisor

        self._supervisor = Supervisor(self._devices, found)
        return self._supervisor

    def collector(self) -> Collector:
        """Return their metrics, by the specifications that they were given with; there are none before mining has begun."""
        from reports.device_exporter import DeviceCollector, supervised

        return DeviceCollector(lambda: [supervised(one, self._specifications[one.label]) for one in self._told()])

    def trouble(self) -> str | None:
        """Return why there is nothing to mine on, if no device was ever opened and none of them will be."""
        told = self._told()
        if not told or any(one.opened or _may_come(one) for one in told):
            return None
        return "; ".join(f"{one.name}: {one.trouble}" for one in told)

    def spent(self) -> dict[str, Spent]:
        """Return what each device that has a meter drew and hashed meanwhile."""
        return {one.label: one.totals.metered for one in self._told() if one.totals.metered is not None}

    def rows(self) -> list[dict[str, Any]]:
        """Return what each device did, by its own account; and how many nonces it should have found by that."""
        from miner.header import NONCE_SPACE  # a nonce that a device tells is one in so many hashes

        return [
            {
                "device": one.label,
                "health": str(one.health),
                "restarts": one.restarts,
                "work": one.work,
                "shares": one.shares,
                "nonces": one.totals.nonces,
                "expected_nonces": one.totals.hashes / NONCE_SPACE,
                "hardware_errors": one.totals.hardware_errors,
                "declared_hashes": one.totals.hashes,
                "trouble": one.trouble or None,
            }
            for one in self._told()
        ]

    async def watch(self, stopped: asyncio.Event) -> None:
        """Set `stopped` once there is nothing to mine on."""
        while not stopped.is_set():
            await asyncio.sleep(LOOK_S)
            if self.trouble() is not None:
                stopped.set()

    def _told(self) -> list[DeviceSnapshot]:
        return [] if self._supervisor is None else self._supervisor.snapshot()


def _shared_meter(specifications: tuple[str, ...]) -> str | None:
    """Return an instrument that stands behind two devices, options aside."""
    from hw.meters.registry import ON_PAPER

    behind = [one.partition("@")[2].partition(",")[0] for one in specifications]
    instruments = [meter for meter in behind if meter and meter.partition(":")[0] not in ON_PAPER]
    return next((meter for meter in instruments if instruments.count(meter) > 1), None)


def _may_come(device: DeviceSnapshot) -> bool:
    """Return whether a device that never was open is still tried for the first time, or was and went away meanwhile."""
    from hw.supervisor import Health

    return not device.trouble or (device.away and device.health is not Health.DEAD)
