"""The physics of a machine during one step, written once over numbers of any kind.

With floats this text runs in `hw.running_machine`; with a compiler's values it becomes the loops of `gridsim.fleet_backends`.
All of them give the same bits. `hw.transient` and `hw.faulty` say the same in words, object by object, and tests hold them
together.
"""

from __future__ import annotations

from math import inf
from typing import Final, NamedTuple

from hw.stepping.figures import HourFigures, Level, StepFigures, SupplyFigures
from hw.stepping.functions import LARGEST_FEEDBACK, Choices, Real, exponential, feedback

HALF: Final = 0.5  # between what stands for no, 0, and for yes, 1


class Output(NamedTuple):
    """What a step gives: watts at the wall, double hashes a second in truth and by the firmware's word; 1 if it rests."""

    wall_w: Real
    hashrate_hps: Real
    reported_hps: Real
    resting: Real


class Surroundings(NamedTuple):
    """What is around a machine: inlet air [°C], and the part of the time that it is told to work, or to sleep, under power.

    A step in motion takes 1 or 0 of both; with 0 of both it is without power.
    """

    ambient_c: Real
    at_work: Real
    asleep: Real


class Moving(NamedTuple):
    """What changes from step to step.

    Temperatures [°C]; whether it rests for heat (1 or 0), its steps slower than set, and for how long so [s].
    """

    chip_c: Real
    sink_c: Real
    resting: Real
    slower: Real
    for_s: Real


class Physics:
    """The text, over the numbers that `of` chooses among."""

    def __init__(self, of: Choices) -> None:
        self._of = of

    def hour(self, machine: HourFigures, around: Surroundings) -> tuple[Output, Real]:
        """Return what the steady state gives, and the temperature [°C] of the chips at work in it.

        One whose steady state is too hot for its firmware, or that has none, rests all the time.
        """
        select, ambient_c = self._of.select, around.ambient_c
        bare_c = ambient_c + machine.heating_c
        z = machine.feedback * exponential(self._of, machine.growth_per_c * (bare_c - machine.reference_c))
        leakage_w = machine.leakage_scale_w * feedback(self._of, z)
        whole_w = machine.level.dynamic_w + leakage_w
        sensed_c = select(z > LARGEST_FEEDBACK, inf, ambient_c + machine.sensor_c_per_w * whole_w)
        chip_w = machine.switching * machine.level.dynamic_w + machine.leaking * leakage_w
        hashing_w = self.supply_w(machine.supply, chip_w) + machine.fan_w
        wall_w = select(sensed_c >= machine.shutdown_c, machine.rest_w, hashing_w)
        resting = select(sensed_c >= machine.shutdown_c, around.at_work, 0.0)
        hashing = around.at_work - resting
        output = Output(
            wall_w=around.at_work * wall_w + around.asleep * machine.idle_w,
            hashrate_hps=hashing * (machine.working * machine.level.hashrate_hps),
            reported_hps=hashing * (machine.told * machine.level.hashrate_hps),
            resting=resting,
        )
        return output, ambient_c + machine.chip_c_per_w * whole_w

    def step(
        self, machine: StepFigures, level: Level, now: Moving, around: Surroundings, duration_s: Real
    ) -> tuple[Output, Moving]:
        """Return what a step gives, and how the machine stands after it; `level` is that of its clock now."""
        select = self._of.select
        leakage_w = level.leakage_w * exponential(self._of, machine.growth_per_c * (now.chip_c - machine.reference_c))
        awake = select(now.resting > HALF, 0.0, around.at_work)
        chip_w = awake * (machine.switching * level.dynamic_w + machine.leaking * leakage_w)
        hashing_w = self.supply_w(machine.supply, chip_w) + machine.fan_w
        working_w = select(now.resting > HALF, machine.rest_w, hashing_w)
        output = Output(
            wall_w=around.at_work * working_w + around.asleep * machine.idle_w,
            hashrate_hps=awake * (machine.working * level.hashrate_hps),
            reported_hps=awake * (machine.told * level.hashrate_hps),
            resting=around.at_work - awake,
        )
        chip_c, sink_c = self._warmed(machine, now, around, chip_w)
        sensed_c = select(machine.senses_chip > HALF, chip_c, sink_c)
        return output, Moving(chip_c, sink_c, *self._protected(machine, now, sensed_c, duration_s))

    def supply_w(self, supply: SupplyFigures, chip_w: Real) -> Real:
        """Return what the supply takes while the chips draw `chip_w` [W]: its losses bend at two loads."""
        dc_w = chip_w + supply.overhead_w
        first, second = self._of.maximum(dc_w - supply.bend1_w, 0.0), self._of.maximum(dc_w - supply.bend2_w, 0.0)
        return dc_w + (supply.standby_w + supply.slope * dc_w + supply.bend1 * first + supply.bend2 * second)

    def _warmed(self, machine: StepFigures, now: Moving, around: Surroundings, chip_w: Real) -> tuple[Real, Real]:
        """Return the temperatures after the step: their goal, and what the moving air leaves of the distance to it."""
        select = self._of.select
        airs = zip(machine.hashing_air, machine.resting_air, machine.still_air, strict=True)
        chip_chip, chip_sink, sink_chip, sink_sink = (
            select(chip_w > 0.0, hashing, select(around.at_work * now.resting > HALF, resting, standing))
            for hashing, resting, standing in airs
        )
        sink_goal_c = around.ambient_c + machine.sink_to_air_c_per_w * chip_w
        chip_goal_c = sink_goal_c + machine.chip_to_sink_c_per_w * chip_w
        chip, sink = now.chip_c - chip_goal_c, now.sink_c - sink_goal_c
        return chip_goal_c + (chip_chip * chip + chip_sink * sink), sink_goal_c + (sink_chip * chip + sink_sink * sink)

    def _protected(self, machine: StepFigures, now: Moving, sensed_c: Real, duration_s: Real) -> tuple[Real, Real, Real]:
        """Return whether it rests, how many steps slower, and for how long so: `hw.protection.protect` in numbers."""
        select = self._of.select
        for_s = now.for_s + duration_s
        eased = select(sensed_c < machine.ease_c, select(now.slower > HALF, -1.0, 0.0), 0.0)
        due = select(for_s >= machine.interval_s, select(sensed_c >= machine.throttle_c, 1.0, eased), 0.0)
        stops = select(sensed_c >= machine.shutdown_c, 1.0, 0.0)
        starts = select(sensed_c < machine.restart_c, select(for_s >= machine.rest_s, 1.0, 0.0), 0.0)
        rests = select(now.resting > HALF, 1.0 - starts, stops)
        change = select(now.resting > HALF, 0.0, select(stops > HALF, machine.slower_after_shutdown, due))
        turns = select(now.resting > HALF, starts, select(stops > HALF, 1.0, due * due))
        return rests, now.slower + change, select(turns > HALF, 0.0, for_s)
