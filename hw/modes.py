"""What a machine is told to do: presets of its firmware, low power, sleep; and how fast it gets from one to another.

A ramp is a curve of parts over time: 0 is the state before, 1 the state after, straight lines between the points, a jump where
two points share a time. Where a source says "in under five seconds", the ramp takes the whole five: a bound, not a measurement.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from typing import Final

from hw.curves import interpolate
from hw.errors import ModelError
from hw.machine_design import MachineDesign
from hw.operating_point import Setting
from hw.sourced import Basis, Sourced

PRESET_STEP_MHZ: Final = Sourced(
    value=25,
    unit="MHz",
    source="docs.luxor.tech/firmware/features: built-in profiles are linear steps of 25 MHz and 0.1 V",
    as_of="2026-11",
    basis="datasheet",
)
PRESETS_BELOW, PRESETS_ABOVE = 16, 8  # docs.luxor.tech/firmware/features, read 2026-11: 25 profiles with the default
LOW_POWER_PART: Final = Sourced(
    value=0.75,
    unit="1",
    source="docs.luxor.tech: a stock machine's Low Power Mode is a flat underclock of about 25 %",
    as_of="2026-11",
    basis="datasheet",
)
ESP_START_MHZ: Final = 56.25  # MHz: ESP-Miner and piaxe start their ramp about there, and go ...
ESP_STEP_MHZ: Final = 6.25  # ... by steps of 6.25 MHz ...
ESP_STEP_S: Final = 0.1  # ... every 100 ms (ESP-Miner components/asic; read 2026-11)
CHIP_START_S: Final = Sourced(
    value=2.0,
    unit="s",
    source="chips are reset, counted and set before the ramp of a Bitaxe begins; a few seconds",
    as_of="2026-11",
    basis="assumed",
)
STOCK_BOOT_S: Final = Sourced(
    value=450,
    unit="s",
    source="an S19 with stock firmware takes 5 to 10 minutes from cold to full, miners say; no public figure found. "
    "Hashcore's watchdog looks away for the first 5 to 10 minutes (docs.hashcore.com)",
    as_of="2026-11",
    basis="assumed",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp:
    """A way from one state to another.

    Attributes
    ----------
    name : str
        Of the ramp.
    times_s : tuple of float
        Points in time [s] from the order on: from 0, never falling, two or more; two alike are a jump.
    power_parts, hashrate_parts : tuple of float
        At those times, how far power and hash rate are on their way, 0 to 1; the last is 1.
    source, as_of, basis : str
        Where the times stand.

    Raises
    ------
    ModelError
        If the points are no such curve.
    """

    name: str
    times_s: tuple[float, ...]
    power_parts: tuple[float, ...]
    hashrate_parts: tuple[float, ...]
    source: str
    as_of: str
    basis: Basis

    def __post_init__(self) -> None:
        """Refuse points that are no way from here to there."""
        times = self.times_s
        if len(times) < 2 or times[0] != 0 or not isfinite(times[-1]) or any(b < a for a, b in pairwise(times)):
            raise ModelError(f"{self.name}: times {times} s; want two or more, from 0 on and never falling")
        for parts in (self.power_parts, self.hashrate_parts):
            if len(parts) != len(times) or parts[-1] != 1 or not all(0 <= part <= 1 for part in parts):
                raise ModelError(f"{self.name}: parts {parts}; want {len(times)} from 0 to 1, the last of them 1")

    @property
    def settled_s(self) -> float:
        """When [s] after the order the new state is reached."""
        return self.times_s[-1]

    def power_part(self, time_s: float) -> float:
        """Return how far the power is on its way `time_s` [s] after the order: 0 before it, 1 from `settled_s` on."""
        return self._part(time_s, self.power_parts)

    def hashrate_part(self, time_s: float) -> float:
        """Return how far the hash rate is on its way `time_s` [s] after the order."""
        return self._part(time_s, self.hashrate_parts)

    def power_w(self, time_s: float, *, from_w: float, to_w: float) -> float:
        """Return the power [W] `time_s` [s] after the order: `from_w` before it, `to_w` from `settled_s` on."""
        return from_w + (to_w - from_w) * self.power_part(time_s)

    def hashrate_hps(self, time_s: float, *, from_hps: float, to_hps: float) -> float:
        """Return the hash rate [H/s] `time_s` [s] after the order."""
        return from_hps + (to_hps - from_hps) * self.hashrate_part(time_s)

    def energy_j(self, until_s: float, *, from_w: float, to_w: float) -> float:
        """Return the energy [J] from the order until `until_s` [s] after it: the integral of `power_w`, exact.

        Raises
        ------
        ModelError
            If the time is negative or not finite.
        """
        if not (isfinite(until_s) and until_s >= 0):
            raise ModelError(f"until_s is {until_s}; want a finite number, 0 or more")
        total = 0.0
        for (start_s, one), (end_s, other) in pairwise(zip(self.times_s, self.power_parts, strict=True)):
            if start_s >= until_s:
                break
            stop_s = min(end_s, until_s)
            reached = one + (other - one) * (stop_s - start_s) / (end_s - start_s) if end_s > start_s else other
            total += (one + reached) / 2 * (stop_s - start_s)
        total += max(until_s - self.settled_s, 0.0)
        return from_w * until_s + (to_w - from_w) * total

    def _part(self, time_s: float, parts: tuple[float, ...]) -> float:
        if time_s < 0:
            return 0.0
        if time_s >= self.settled_s:
            return 1.0
        at = bisect_right(self.times_s, time_s)  # of points at one time the last counts
        return interpolate(time_s, self.times_s[at - 1 : at + 1], parts[at - 1 : at + 1])


def preset(design: MachineDesign, number: int) -> Setting:
    """Return the preset `number` steps of 25 MHz above the nominal clock, below it if negative, with the curve's voltage.

    Raises
    ------
    ModelError
        If there is no such preset: 16 below, 8 above, as LuxOS makes them.
    """
    if not -PRESETS_BELOW <= number <= PRESETS_ABOVE:
        raise ModelError(f"preset {number:+d}; want {-PRESETS_BELOW} to +{PRESETS_ABOVE}")
    return Setting(frequency_mhz=design.build.frequency_mhz + number * PRESET_STEP_MHZ.value)


def preset_range_mhz(design: MachineDesign) -> tuple[float, float]:
    """Return the clocks [MHz] of the lowest and of the highest preset."""
    return preset(design, -PRESETS_BELOW).frequency_mhz, preset(design, PRESETS_ABOVE).frequency_mhz


def low_power(design: MachineDesign) -> Setting:
    """Return a stock machine's low power mode: a quarter off the clock at the nominal voltage, which is why it saves little."""
    build = design.build
    return Setting(
        frequency_mhz=build.frequency_mhz * LOW_POWER_PART.value,
        voltage_v=build.curve.voltage(build.frequency_mhz).voltage_v,
    )


def sleep_power_w(design: MachineDesign) -> float:
    """Return what a sleeping machine draws [W, boundary "wall"]: boards, fans and the supply's output off, control board on."""
    return design.build.supply.standby_w


def boot_power_w(design: MachineDesign) -> float:
    """Return what a booting machine draws [W, boundary "wall"] until its chips start: its control board is on, as in a sleeper.

    What is known of sleepers is the draw of the whole machine (`hw.psu.SLEEP_W`). A machine that is rated at its input hangs on
    an adapter whose standby holds no control board: there it is the overhead of its design, the fan included (assumed).
    """
    build = design.build
    return sleep_power_w(design) if build.rated_at == "wall" else build.supply.input_w(build.overhead_w)


def esp_resume(frequency_mhz: float) -> Ramp:
    """Return the way of a Bitaxe from pause to `frequency_mhz` [MHz].

    Its chips are started, then the clock climbs by 6.25 MHz every 100 ms. Power is taken to climb with the clock; the voltage
    is set at once, so it climbs a little less steeply at first.

    Raises
    ------
    ModelError
        If the clock is not above that of the ramp's start.
    """
    if not (isfinite(frequency_mhz) and frequency_mhz > ESP_START_MHZ):
        raise ModelError(f"a clock of {frequency_mhz} MHz; want one above {ESP_START_MHZ}, where the ramp starts")
    start = ESP_START_MHZ / frequency_mhz
    begin_s = CHIP_START_S.value
    end_s = begin_s + (frequency_mhz - ESP_START_MHZ) / ESP_STEP_MHZ * ESP_STEP_S
    return Ramp(
        name=f"ESP-Miner resume to {frequency_mhz:g} MHz",
        times_s=(0.0, begin_s, begin_s, end_s),
        power_parts=(0.0, 0.0, start, 1.0),
        hashrate_parts=(0.0, 0.0, start, 1.0),
        source="bitaxeorg/ESP-Miner components/asic: 6.25 MHz every 100 ms; start of the chips assumed",
        as_of="2026-11",
        basis="assumed",
    )


def set_ramp(duration_s: float) -> Ramp:
    """Return a straight ramp of `duration_s` [s], as Braiins OS takes it from its user (quick_ramping_time_down_s and _up_s).

    Raises
    ------
    ModelError
        If the duration is negative or not finite.
    """
    if not (isfinite(duration_s) and duration_s >= 0):
        raise ModelError(f"duration_s is {duration_s}; want a finite number, 0 or more")
    return Ramp(
        name=f"ramp of {duration_s:g} s",
        times_s=(0.0, duration_s),
        power_parts=(0.0, 1.0),
        hashrate_parts=(0.0, 1.0),
        source="set by the user: braiins/bos-plus-api proto/bos/v1/performance.proto; that it is straight is assumed",
        as_of="2026-11",
        basis="assumed",
    )


BREAKER_OPENS: Final = Ramp(
    name="breaker opens",
    times_s=(0.0, 0.0),
    power_parts=(0.0, 1.0),
    hashrate_parts=(0.0, 1.0),
    source="power is cut: within a cycle of the mains, taken as at once",
    as_of="2026-11",
    basis="assumed",
)
LUXOS_SLEEP: Final = Ramp(
    name="LuxOS sleep",
    times_s=(0.0, 5.0),
    power_parts=(0.0, 1.0),
    hashrate_parts=(0.0, 1.0),
    source="hashrateindex.com, 'How LuxOS Powers Down Fast': roughly 25 W in under five seconds; straight until then assumed",
    as_of="2026-11",
    basis="datasheet",
)
LUXOS_WAKE_FAST: Final = Ramp(
    name="LuxOS wake, unsafe",
    times_s=(0.0, 10.0),
    power_parts=(0.0, 1.0),
    hashrate_parts=(0.0, 1.0),
    source="hashrateindex.com, same article: full power in under ten; docs.luxor.tech curtail: mode=unsafe, one step",
    as_of="2026-11",
    basis="datasheet",
)
STOCK_BOOT: Final = Ramp(
    name="stock boot",
    times_s=(0.0, 120.0, STOCK_BOOT_S.value),
    power_parts=(0.0, 0.0, 1.0),
    hashrate_parts=(0.0, 0.0, 1.0),
    source=f"two minutes for the control board, then the chips: {STOCK_BOOT_S.source}",
    as_of="2026-11",
    basis="assumed",
)
LUXOS_WAKE: Final = Ramp(
    name="LuxOS wake",
    times_s=(0.0, 60.0, STOCK_BOOT_S.value - 60.0),
    power_parts=(0.0, 0.0, 1.0),
    hashrate_parts=(0.0, 0.0, 1.0),
    source="docs.luxor.tech curtail: ramps as on a reboot unless told otherwise; a stock boot less a minute, board being up",
    as_of="2026-11",
    basis="assumed",
)
ESP_PAUSE: Final = Ramp(
    name="ESP-Miner pause",
    times_s=(0.0, 1.0),
    power_parts=(0.0, 1.0),
    hashrate_parts=(0.0, 1.0),
    source="bitaxeorg/ESP-Miner POST /api/system/pause: seconds at most",
    as_of="2026-11",
    basis="assumed",
)
