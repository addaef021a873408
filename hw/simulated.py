"""A machine of the catalogue as a mining device: its power, heat and faults are modelled, its nonces are real.

It hashes as fast as the model says. Work with a known answer is answered when that rate would have found it; other nonces are
found by a finder, if it has one, which delivers what this machine can. A nonce that was not found is never reported.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Mapping
from typing import Final

from hw.device import DeviceState, DeviceWork, Solution, Telemetry
from hw.drivers.errors import PortError, SettingError
from hw.drivers.icarus.frames import place_in_sweep
from hw.emulators.answers import Key, key_of, known_answers
from hw.errors import HardwareError
from hw.finder import ANSWER_TARGET, Finder
from hw.modes import preset_range_mhz
from hw.power import PowerSample
from hw.running_machine import MachinePlan, MachineState, Reading, RunningMachine
from miner.header import NONCE_SPACE, Nonce
from miner.share import Hit
from miner.target import Target

SWEEP_S: Final = 1.5  # work is renewed so often, as hosts of chips that roll versions do

_STATES: Final = {
    MachineState.RUNNING: DeviceState.HASHING,
    MachineState.STARTING: DeviceState.HASHING,
    MachineState.OVERHEATED: DeviceState.OVERHEATED,
    MachineState.CURTAILED: DeviceState.CURTAILED,
    MachineState.STOPPING: DeviceState.CURTAILED,
}


class SimulatedDevice:
    """The machine of `plan`, from the moment it is opened.

    `place` tells it from others, `clock` gives seconds; without a `finder` it knows known answers only.
    """

    def __init__(
        self,
        plan: MachinePlan,
        *,
        finder: Finder | None = None,
        clock: Callable[[], float] = time.monotonic,
        known: Mapping[Key, Nonce] | None = None,
        place: str = "0",
    ) -> None:
        self._plan, self._finder, self._clock, self._place = plan, finder, clock, place
        self._known = known_answers() if known is None else known
        self._machine: RunningMachine | None = None
        self._work: DeviceWork | None = None
        self._work_s = 0.0
        self._due: list[tuple[float, DeviceWork, Hit]] = []
        self._found: queue.SimpleQueue[tuple[DeviceWork, Hit]] = queue.SimpleQueue()
        self._nonces = 0
        self._curtailed = False

    @property
    def name(self) -> str:
        """The machine's name, and which one it is."""
        return f"simulated {self._plan.design.name} at {self._place}"

    @property
    def machine(self) -> RunningMachine:
        """The machine itself, for who wants to break it; raise PortError if it is not open."""
        if self._machine is None:
            raise PortError(f"{self.name}: not open; open it first")
        return self._machine

    def open(self) -> None:
        """Switch it on."""
        self.close()
        self._machine = RunningMachine(self._plan, self._clock())
        self._curtailed = False

    def submit(self, work: DeviceWork) -> None:
        """Give it work in place of what it has; it holds one piece only."""
        self.replace(work)

    def replace(self, work: DeviceWork) -> None:
        """Give it work in place of what it has."""
        machine, now_s = self.machine, self._clock()
        if self._curtailed:
            raise SettingError(f"{self.name} is curtailed; resume it first")
        self._forget()
        self._work, self._work_s = work, now_s
        nonce = self._known.get(key_of(work.template))
        hit = None if nonce is None else work.template.check(nonce, ANSWER_TARGET)
        rate_hps = machine.read(now_s).hashrate_hps
        if hit is not None:
            if rate_hps > 0:
                self._due.append((now_s + (place_in_sweep(hit.nonce) + 1) / rate_hps, work, hit))
        elif self._finder is not None:
            target = Target(max(work.target, ANSWER_TARGET))
            self._finder.begin([work.template], lambda _, found: self._found.put((work, found)), target)

    def wants_work(self) -> bool:
        """Return whether its work is used up or old."""
        if self._machine is None or self._curtailed:
            return False
        if self._work is None:
            return True
        rate_hps = max(self.machine.read(self._clock()).hashrate_hps, 1.0)
        return self._clock() - self._work_s >= max(SWEEP_S, NONCE_SPACE / rate_hps) and not self._due

    def poll(self, timeout_s: float) -> list[Solution]:
        """Return what it found, waiting up to `timeout_s` [s] for the first; while it does not hash it finds nothing."""
        machine, until_s = self.machine, self._clock() + timeout_s
        while True:
            now_s = self._clock()
            hashing = machine.read(now_s).hashrate_hps > 0
            found = [(work, hit) for due_s, work, hit in self._due if due_s <= now_s]
            self._due = [one for one in self._due if one[0] > now_s]
            while not self._found.empty():
                found.append(self._found.get_nowait())
            if found and hashing:
                return self._solutions(found)
            left_s = until_s - now_s
            if left_s <= 0:
                return []
            next_s = min((due_s - now_s for due_s, _, _ in self._due), default=left_s)
            self._wait(min(left_s, max(next_s, 0.0)))

    def telemetry(self) -> Telemetry:
        """Return what the model says; hashes are the machine's, nonces those reported."""
        if self._machine is None:
            return Telemetry(state=DeviceState.CLOSED, hashes=0.0, nonces=self._nonces, hardware_errors=0)
        told = self._machine.read(self._clock())
        return Telemetry(
            state=self._state(told),
            hashes=told.hashes,
            nonces=self._nonces,
            hardware_errors=0,
            frequency_mhz=told.frequency_mhz,
            voltage_v=told.voltage_v,
            temperature_c=told.chip_c,
            power=PowerSample(
                time_s=told.time_s,
                power_w=told.wall_power_w,
                energy_j=told.energy_j,
                source=f"model of {self._plan.design.name}",
                boundary="wall",
                quality="modelled",
            ),
        )

    def set_frequency(self, frequency_mhz: float) -> None:
        """Set its clock [MHz]; raise SettingError outside its firmware's presets."""
        lowest_mhz, highest_mhz = preset_range_mhz(self._plan.design)
        if not lowest_mhz <= frequency_mhz <= highest_mhz:
            raise SettingError(f"{self.name}: {frequency_mhz:g} MHz; its presets are {lowest_mhz:g} to {highest_mhz:g} MHz")
        try:
            self.machine.set_frequency(frequency_mhz, self._clock())
        except HardwareError as error:
            raise SettingError(f"{self.name}: {frequency_mhz:g} MHz cannot be set: {error}") from None

    def set_power_target(self, power_w: float) -> None:
        """Tune it to hash most within `power_w` [W]; raise SettingError if no setting keeps that."""
        try:
            self.machine.set_power_target(power_w, self._clock())
        except HardwareError as error:
            raise SettingError(f"{self.name}: {power_w:g} W cannot be kept: {error}") from None

    def curtail(self) -> None:
        """Go to sleep by the firmware's ramp; work is forgotten."""
        self.machine.curtail(self._clock())
        self._forget()
        self._curtailed = True

    def resume(self) -> None:
        """Wake up by the firmware's ramp."""
        self.machine.resume(self._clock())
        self._curtailed = False

    def close(self) -> None:
        """Switch it off; closing twice is nothing."""
        self._forget()
        self._machine = None

    def _forget(self) -> None:
        if self._finder is not None:
            self._finder.stop()
        self._work, self._due = None, []
        while not self._found.empty():
            self._found.get_nowait()

    def _solutions(self, found: list[tuple[DeviceWork, Hit]]) -> list[Solution]:
        self._nonces += sum(int(hit.hash, 16) <= ANSWER_TARGET for _, hit in found)
        return [Solution(work=work, hit=hit) for work, hit in found if int(hit.hash, 16) <= work.target]

    def _state(self, told: Reading) -> DeviceState:
        state = _STATES.get(told.state, DeviceState.IDLE)
        return DeviceState.IDLE if state == DeviceState.HASHING and self._work is None else state

    def _wait(self, for_s: float) -> None:
        """Wait for the finder, or for time to pass."""
        try:
            self._found.put(self._found.get(timeout=for_s))
        except queue.Empty:
            return
