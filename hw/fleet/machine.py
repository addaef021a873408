"""One machine of a fleet over time: a running machine, and what its firmware was told and has counted since it started."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from hw.errors import FaultError, NoSettingError, OperatingPointError
from hw.fleet.counts import WINDOWS_S, BoardCount, Session
from hw.fleet.errors import ControllerHangsError, OrderRefusedError
from hw.fleet.plans import Identity, PlannedMachine
from hw.fleet.power_limit import checked_limit_w, clock_within
from hw.fleet.spec import Firmware
from hw.modes import low_power
from hw.operating_point import Setting
from hw.running_machine import MachineState, Reading, RunningMachine
from hw.stepping.floats import Stepper, step_many
from hw.thermal import TwoTemperatures

FRESH_S: Final = 1.5  # s: so old a firmware's figures may be; real ones read their sensors about once a second


@dataclass(frozen=True, slots=True)
class FleetClock:
    """Simulated time: `now_s` tells the seconds [s] since the fleet began, `began_unix_s` is the Unix time [s] of that."""

    now_s: Callable[[], float]
    began_unix_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a firmware knows at a moment.

    Attributes
    ----------
    unix_s, elapsed_s : float
        The time, and how long the firmware has been running [s].
    reading : Reading
        Of the running machine.
    average_hps : mapping
        Hash rate [H/s] by window [s], averages that decay.
    mean_hps : float
        Over `elapsed_s` [H/s].
    hashes, wrong_hashes : float
        Counted in that time: those that the firmware believes in, and those whose result was wrong.
    boards : tuple of BoardCount
        Its hashboards; hashes are parted by the chips that work.
    """

    unix_s: float
    elapsed_s: float
    reading: Reading
    average_hps: Mapping[int, float]
    mean_hps: float
    hashes: float
    wrong_hashes: float
    boards: tuple[BoardCount, ...]


@dataclass(slots=True)
class _Orders:
    """What the firmware was told, and keeps through restarts."""

    setting: Setting
    power_limit_w: float | None = None
    low_power: bool = False
    curtailed_unix_s: float | None = None


class FleetMachine:
    """A machine as its network face sees it; it catches up with `clock` when it is asked, or told to, by `stepper`.

    While its controller hangs, every order but a restart raises ControllerHangsError and changes nothing.
    """

    def __init__(self, planned: PlannedMachine, clock: FleetClock, stepper: Stepper = step_many) -> None:
        self.identity: Final[Identity] = planned.identity
        self.design: Final = planned.plan.design
        self._clock = clock
        self._faults = list(planned.faults)
        self._began_s = 0.0  # of all machines at the same moment, however fast their time goes
        self._machine = RunningMachine(planned.plan, self._began_s, stepper)
        self._last = self._machine.read(self._began_s)
        self._session = Session(self._last, self._last.reported_hps)
        self._orders = _Orders(Setting(frequency_mhz=planned.plan.frequency_mhz or self.design.build.frequency_mhz))

    @property
    def setting(self) -> Setting:
        """The clock [MHz] and the voltage [V] that it was last told."""
        return self._orders.setting

    @property
    def power_limit_w(self) -> float | None:
        """The wall power [W] that it was told to keep; None if none, and then a Whatsminer keeps its nameplate's."""
        return self._orders.power_limit_w

    @property
    def low_power(self) -> bool:
        """Whether it was told to run in its low power mode."""
        return self._orders.low_power

    @property
    def curtailed_unix_s(self) -> float | None:
        """When [s, Unix] it was told to sleep; None while it was not."""
        return self._orders.curtailed_unix_s

    def has_power(self) -> bool:
        """Tell whether anything in it can answer: not after its supply tripped or broke."""
        return self._recent().state is not MachineState.OFF

    def unix_s(self) -> float:
        """Return the time [s, Unix] of its clock."""
        return self._clock.began_unix_s + self._clock.now_s()

    def advance(self, now_s: float | None = None) -> Reading:
        """Catch up with the clock, or with `now_s` [s] of it, and return what the running machine reads."""
        now_s = self._clock.now_s() if now_s is None else now_s
        while self._faults and self._began_s + self._faults[0].time_s <= now_s:
            event = self._faults.pop(0)
            at_s = max(self._began_s + event.time_s, self._last.time_s)
            self._account(self._machine.read(at_s))
            with suppress(FaultError):  # what is broken already cannot break again
                self._machine.break_down(event.name, at_s, unit=event.unit)
            self._last = self._machine.read(at_s)
            self._keep_limit()
        reading = self._machine.read(now_s)
        self._account(reading)
        return reading

    def snapshot(self) -> Snapshot:
        """Return what its firmware knows: figures up to `FRESH_S` [s] old, but for orders."""
        reading = self._recent()
        boards = self._session.boards(reading)
        return Snapshot(
            unix_s=self._clock.began_unix_s + reading.time_s,
            elapsed_s=self._session.elapsed_s(reading),
            reading=reading,
            average_hps={window_s: sum(board.average_hps[window_s] for board in boards) for window_s in WINDOWS_S},
            mean_hps=sum(board.mean_hps for board in boards),
            hashes=sum(board.hashes for board in boards),
            wrong_hashes=self._session.wrong_hashes,
            boards=boards,
        )

    def pause(self) -> None:
        """Go to sleep by the firmware's ramp."""
        now_s = self._ready_s()
        self._machine.curtail(now_s)
        self._last = self._machine.read(now_s)
        if self._orders.curtailed_unix_s is None:
            self._orders.curtailed_unix_s = self._clock.began_unix_s + now_s

    def resume(self) -> None:
        """Wake up by the firmware's ramp; during a boot, no faster than that."""
        now_s = self._ready_s()
        self._machine.resume(now_s)
        self._last = self._machine.read(now_s)
        self._orders.curtailed_unix_s = None

    def restart(self) -> None:
        """Switch it off and on: it boots, counts from 0, and keeps its settings."""
        now_s = self.advance().time_s
        self._machine.restart(now_s)
        self._orders.curtailed_unix_s = None
        self._last = self._machine.read(now_s)
        self._session = Session(self._last, 0.0)

    def set_clock(self, frequency_mhz: float | None = None, voltage_v: float | None = None) -> None:
        """Set the clock [MHz] or the chips' voltage [V]; what is None stays.

        Raises
        ------
        OrderRefusedError
            If no machine can hold that.
        """
        before = self._orders.setting
        mhz = before.frequency_mhz if frequency_mhz is None else frequency_mhz
        self._apply(Setting(frequency_mhz=mhz, voltage_v=before.voltage_v if voltage_v is None else voltage_v))

    def limit_power(self, power_w: float) -> None:
        """Tune it to the most hashes within `power_w` [W] at the wall, no faster than by its nameplate.

        Raises
        ------
        OrderRefusedError
            If no setting keeps that, or it is more than the nameplate's watts.
        """
        limit_w = checked_limit_w(power_w, self.identity.entry.machine.power_w)
        self._ready_s()
        try:
            self._apply(self._within(limit_w))
        except NoSettingError as error:
            raise OrderRefusedError(f"a power limit of {error}") from None
        self._orders.power_limit_w, self._orders.low_power = limit_w, False

    def set_low_power(self, *, on: bool) -> None:
        """Run in the low power mode of stock firmware, or as its nameplate says; either ends a power limit that was ordered."""
        nominal = Setting(frequency_mhz=self.design.build.frequency_mhz)
        self._apply(low_power(self.design) if on else nominal)
        self._orders.power_limit_w, self._orders.low_power = None, on
        self._keep_limit()

    def _within(self, limit_w: float) -> Setting:
        """Return the fastest setting that keeps `limit_w` [W] from now on, its fans and its air being as they are."""
        last = self._last
        now = TwoTemperatures(last.chip_c, last.sink_c)
        return Setting(frequency_mhz=clock_within(self.design, last.health, last.ambient_c, limit_w, now))

    def _keep_limit(self) -> None:
        """Let a Whatsminer go on within its limit after something changed; where no setting does, heat stops it anyway."""
        if self.identity.firmware is not Firmware.BTMINER or self._orders.low_power or self._last.health.hung:
            return
        with suppress(NoSettingError):
            setting = self._within(self._orders.power_limit_w or self.identity.entry.machine.power_w)
            self._machine.set_frequency(setting.frequency_mhz, self._last.time_s)
            self._last, self._orders.setting = self._machine.read(self._last.time_s), setting

    def _ready_s(self) -> float:
        """Catch up and return the time [s]; raise ControllerHangsError while its controller carries out no order."""
        reading = self.advance()
        if reading.health.hung:
            raise ControllerHangsError("its controller hangs and carries out no order; want a restart, or its power off and on")
        return reading.time_s

    def _apply(self, setting: Setting) -> None:
        now_s = self._ready_s()
        try:
            self._machine.set_frequency(setting.frequency_mhz, now_s, voltage_v=setting.voltage_v)
        except OperatingPointError as error:
            raise OrderRefusedError(str(error)) from None
        self._last = self._machine.read(now_s)
        self._orders.setting = setting

    def _recent(self) -> Reading:
        age_s = self._clock.now_s() - self._last.time_s
        return self._last if 0 <= age_s <= FRESH_S else self.advance()

    def _account(self, reading: Reading) -> None:
        """Add to the firmware's count what came since the last reading."""
        self._session.add(self._last, reading)
        self._last = reading
