"""Joules a hash from two windows, whatever a meter may tell; and the ratio of two benchmarks with its interval."""

from __future__ import annotations

from math import inf, nan

import numpy as np
import pytest

from miner.bench.compare import ratio_of_medians
from miner.bench.energy import EnergyPlan, measure_energy
from miner.bench.sampling import Sample
from miner.errors import BenchError, EnergyError
from miner.meter import Resolution


class Bench:
    """A clock, a sleep and a meter that go together: 40 W idle, 140 W at work; `story` holds what happened, in order."""

    source, boundary, boundary_kind, kind = "a test", "a plug", "wall", "measured"

    def __init__(self, work_w: float = 140.0, resolution: Resolution | None = None) -> None:
        self.work_w = work_w
        self.resolution = resolution or Resolution()
        self.now_s = 1000.0
        self.total_j = 5.0
        self.story: list[str] = []

    def plan(self, **more: float) -> EnergyPlan:
        return EnergyPlan(meter=self, clock=lambda: self.now_s, sleep=self.sleep, **more)

    def energy_j(self) -> float:
        self.story.append("read")
        return self.total_j

    def sleep(self, seconds: float) -> None:
        self.story.append(f"idle {seconds:g}")
        self.now_s += seconds
        self.total_j += 40.0 * seconds

    def work(self, seconds: float) -> Sample:
        self.story.append(f"work {seconds:g}")
        self.now_s += seconds
        self.total_j += self.work_w * seconds
        return Sample(hashes=int(seconds * 50e6), elapsed_s=seconds, verified_hits=(0,), threads=1, core_clock_hz=None)


class Told(Bench):
    """A meter that tells one energy after the other: as it begins to idle, then at the end, and the same two at work."""

    def __init__(self, *told_j: float) -> None:
        super().__init__()
        self.told_j = list(told_j)

    def energy_j(self) -> float:
        return self.told_j.pop(0)


def test_power_gross_and_net_of_idle() -> None:
    bench = Bench()
    energy = measure_energy(bench.plan(), bench.work)
    assert (energy.mean_w, energy.idle_w, energy.window_s, energy.idle_window_s) == (140.0, 40.0, 20.0, 10.0)
    assert energy.j_per_mh(net=False) == pytest.approx(140 / 50)  # 140 W at 50 MH/s
    assert energy.j_per_mh(net=True) == pytest.approx(100 / 50)
    assert energy.j_per_th(net=False) == pytest.approx(2.8e6)
    assert (energy.source, energy.boundary, energy.kind) == ("a test", "a plug", "measured")
    assert energy.boundary_kind == "wall"


def test_both_windows_begin_when_what_was_before_has_passed() -> None:
    """Boards tell a mean over the last second, and clocks rise for some; nothing lies between a warm-up and its window."""
    bench = Bench()
    measure_energy(bench.plan(), bench.work)
    assert bench.story == ["idle 2", "read", "idle 10", "read", "work 3", "read", "work 20", "read"]
    bench.story.clear()
    measure_energy(bench.plan(settle_s=5.0, warmup_s=0.0, idle_s=1.0, window_s=30.0), bench.work)
    assert bench.story == ["idle 5", "read", "idle 1", "read", "read", "work 30", "read"]


@pytest.mark.parametrize(
    ("told_j", "sentence"),
    [
        ((0.0, 400.0, 500.0, 200.0), "a test: the energy fell from 500.0 J to 200.0 J; want one that never falls"),
        ((0.0, 400.0, 300.0, 900.0), "a test: the energy fell from 400.0 J to 300.0 J"),
        ((500.0, 400.0), "a test: the energy fell from 500.0 J to 400.0 J"),
        ((-1.0,), "a test: the energy fell from 0.0 J to -1.0 J"),
        ((nan,), "a test: nan J was read; want a finite number"),
        ((0.0, 400.0, 500.0, inf), "a test: inf J was read; want a finite number"),
        ((0.0, 400.0, 500.0, nan), "a test: nan J was read"),
        ((0.0, 0.0, 0.0, 0.0), "a test: the counter did not move from 0 J in 20.0 s of work; want one that counts"),
        ((0.0, 400.0, 500.0, 500.0), "a test: the counter did not move from 500 J in 20.0 s of work"),
    ],
)
def test_what_no_energy_can_be_is_a_sentence_and_no_number(told_j: tuple[float, ...], sentence: str) -> None:
    meter = Told(*told_j)
    with pytest.raises(EnergyError) as caught:
        measure_energy(meter.plan(), meter.work)
    assert str(caught.value).startswith(sentence)


def test_nothing_may_be_drawn_by_idling() -> None:
    """A meter at the wall tells nothing below 0.4 W."""
    meter = Told(0.0, 0.0, 0.0, 50.0)
    energy = measure_energy(meter.plan(), meter.work)
    assert (energy.idle_w, energy.mean_w) == (0.0, 2.5)


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
    bench = Bench(work_w, Resolution(step_w=step_w, step_s=step_s))
    energy = measure_energy(bench.plan(), bench.work)
    assert energy.net_is_within_resolution == within
    assert energy.j_per_mh(net=True) == pytest.approx((work_w - 40) / 50)


@pytest.mark.parametrize(
    ("late_s", "warmup_s", "expected_w"),
    [
        (2.0, 3.0, 0.0),
        (2.5, 3.0, 140 * 0.5 / 10),  # of the idle window, half a second tells of what was before
        (5.0, 3.0, 140 * (3 / 10 + 2 / 20)),
        (1.0, 0.0, 140 * 1 / 20),
    ],
)
def test_what_a_meter_tells_late_counts_as_far_as_nobody_waited(late_s: float, warmup_s: float, expected_w: float) -> None:
    bench = Bench(140.0, Resolution(late_s=late_s))
    energy = measure_energy(bench.plan(warmup_s=warmup_s), bench.work)
    assert energy.resolution_w == pytest.approx(expected_w + 140 * 0.001 * 0.15)


def test_noise_is_no_net() -> None:
    """The mean of 20 deviates of 5 W scatters by 1.12 W and that of 10 by 1.58 W, their difference by 1.94 W."""
    resolution = Resolution(noise_w=5.0, every_s=1.0)
    energies = [measure_energy(bench.plan(), bench.work) for bench in (Bench(46.3, resolution), Bench(46.5, resolution))]
    assert [energy.net_is_within_resolution for energy in energies] == [True, False]


def test_the_ratio_of_medians_and_its_interval() -> None:
    rng = np.random.default_rng(3)
    old, new = rng.normal(100, 1, 40), rng.normal(110, 1, 40)
    ratio = ratio_of_medians(new.tolist(), old.tolist(), np.random.default_rng(1))
    assert ratio.ratio == np.median(new) / np.median(old)
    assert ratio.low is not None
    assert ratio.high is not None
    assert ratio.low < 1.1 < ratio.high
    assert ratio.high - ratio.low < 0.02


def test_equal_machines_differ_by_chance_only() -> None:
    """The interval of two benches of the same machine holds 1 about 95 times in 100."""
    rng, held = np.random.default_rng(4), 0
    for _ in range(100):
        ratio = ratio_of_medians(rng.normal(50, 1, 15), rng.normal(50, 1, 15), rng)
        held += ratio.low is not None and ratio.high is not None and ratio.low <= 1 <= ratio.high
    assert 88 <= held <= 100


@pytest.mark.parametrize(("new", "old", "known"), [(1, 1, False), (4, 40, False), (40, 4, False), (5, 5, True)])
def test_an_interval_is_told_of_enough_samples_only(new: int, old: int, *, known: bool) -> None:
    """A single sample on each side has none: no spread is known, which is not the same as no spread."""
    rng = np.random.default_rng(5)
    ratio = ratio_of_medians(rng.normal(55, 1, new), rng.normal(50, 1, old), rng)
    assert ratio.ratio == pytest.approx(1.1, abs=0.1)
    assert (ratio.low is not None, ratio.high is not None) == (known, known)


@pytest.mark.parametrize("wrong", [[], [1.0, nan], [inf], [0.0], [-5.0, 1.0]])
def test_samples_that_are_no_rates_are_refused(wrong: list[float]) -> None:
    with pytest.raises(BenchError, match="finite rates above 0"):
        ratio_of_medians([1.0], wrong, np.random.default_rng(1))
    with pytest.raises(BenchError, match="finite rates above 0"):
        ratio_of_medians(wrong, [1.0], np.random.default_rng(1))
