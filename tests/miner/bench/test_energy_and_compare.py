"""Joules a hash from two windows, and the ratio of two benchmarks with its interval."""

from __future__ import annotations

from math import inf, nan

import numpy as np
import pytest

from miner.bench.compare import ratio_of_medians
from miner.bench.energy import EnergyPlan, measure_energy
from miner.bench.sampling import Sample
from miner.errors import BenchError


class Bench:
    """A clock, a sleep and a meter that go together: 40 W idle, 140 W at work."""

    source, boundary, kind = "a test", "wall", "measured"

    def __init__(self, work_w: float = 140.0) -> None:
        self.work_w = work_w
        self.now_s = 1000.0
        self.total_j = 5.0

    def energy_j(self) -> float:
        return self.total_j

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        self.total_j += 40.0 * seconds

    def work(self, seconds: float) -> Sample:
        self.now_s += seconds
        self.total_j += self.work_w * seconds
        return Sample(hashes=int(seconds * 50e6), elapsed_s=seconds, verified_hits=(0,), threads=1, core_clock_hz=None)


def test_power_gross_and_net_of_idle() -> None:
    bench = Bench()
    energy = measure_energy(EnergyPlan(meter=bench, clock=lambda: bench.now_s, sleep=bench.sleep), bench.work)
    assert (energy.mean_w, energy.idle_w, energy.window_s, energy.idle_window_s) == (140.0, 40.0, 20.0, 10.0)
    assert energy.j_per_mh(net=False) == pytest.approx(140 / 50)  # 140 W at 50 MH/s
    assert energy.j_per_mh(net=True) == pytest.approx(100 / 50)
    assert energy.j_per_th(net=False) == pytest.approx(2.8e6)
    assert (energy.source, energy.boundary, energy.kind) == ("a test", "wall", "measured")


@pytest.mark.parametrize(
    ("work_w", "step_w", "step_s", "within"),
    [
        (140.0, 0.1, 0.1, False),
        (40.0, 0.0, 0.0, True),
        (40.0001, 0.0, 0.0, True),  # clock and meter are read within a millisecond: 6 mW of 40 W over 20 and 10 s
        (39.99, 0.0, 0.0, False),
        (40.09, 0.1, 0.0, True),  # a meter by steps of 0.1 W
        (40.5, 0.0, 0.1, True),  # a counter that moves every 0.1 s: 0.6 W of 40 over 20 and 10 s
        (40.7, 0.0, 0.1, False),
    ],
)
def test_net_of_idle_is_told_from_nothing_as_far_as_the_meter_can(
    work_w: float, step_w: float, step_s: float, *, within: bool
) -> None:
    bench = Bench(work_w)
    plan = EnergyPlan(meter=bench, clock=lambda: bench.now_s, sleep=bench.sleep, step_w=step_w, step_s=step_s)
    energy = measure_energy(plan, bench.work)
    assert energy.net_is_within_resolution == within
    assert energy.j_per_mh(net=True) == pytest.approx((work_w - 40) / 50)


def test_the_ratio_of_medians_and_its_interval() -> None:
    rng = np.random.default_rng(3)
    old, new = rng.normal(100, 1, 40), rng.normal(110, 1, 40)
    ratio = ratio_of_medians(new.tolist(), old.tolist(), np.random.default_rng(1))
    assert ratio.ratio == np.median(new) / np.median(old)
    assert ratio.low < 1.1 < ratio.high
    assert ratio.high - ratio.low < 0.02


def test_equal_machines_differ_by_chance_only() -> None:
    """The interval of two benches of the same machine holds 1 about 95 times in 100."""
    rng, held = np.random.default_rng(4), 0
    for _ in range(100):
        ratio = ratio_of_medians(rng.normal(50, 1, 15), rng.normal(50, 1, 15), rng)
        held += ratio.low <= 1 <= ratio.high
    assert 88 <= held <= 100


@pytest.mark.parametrize("wrong", [[], [1.0, nan], [inf], [0.0], [-5.0, 1.0]])
def test_samples_that_are_no_rates_are_refused(wrong: list[float]) -> None:
    with pytest.raises(BenchError, match="finite rates above 0"):
        ratio_of_medians([1.0], wrong, np.random.default_rng(1))
    with pytest.raises(BenchError, match="finite rates above 0"):
        ratio_of_medians(wrong, [1.0], np.random.default_rng(1))
