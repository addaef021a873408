"""A whole machine: its nameplate exactly, public measurements within what they allow, and no surprise in between."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.catalogue import machine
from hw.designs import bitaxe_gamma, s19_build, s19_kind
from hw.errors import ModelError, OperatingPointError, PowerError
from hw.fans import S19_FANS, FanControl
from hw.machine_design import MachineDesign, calibrate
from hw.models import MachineModel
from hw.operating_point import OperatingPoint, Setting, chip_power_at_w, controlled_point, operating_point
from hw.power import OUTWARD

S19J_PRO = s19_kind(machine("Antminer S19j Pro (104Th)"))
S19_PRO = s19_kind(machine("Antminer S19 Pro (110Th)"), chips=342)
GAMMA = bitaxe_gamma(
    MachineModel(
        maker="Bitaxe (open source)",
        model="Bitaxe Gamma",
        hashrate_hps=1.071e12,
        power_w=19,
        source="ESP-Miner device_config.h",
        as_of="2026-11",
        trust="medium",
    )
)

clocks_mhz = st.floats(min_value=200, max_value=700)
ambients_c = st.floats(min_value=-10, max_value=45)


def at(design: MachineDesign, mhz: float, ambient_c: float = 25, fan_speed: float | None = None) -> OperatingPoint:
    return operating_point(design, Setting(frequency_mhz=mhz, fan_speed=fan_speed), ambient_c)


@pytest.mark.parametrize(
    "name",
    ["Antminer S19j Pro (104Th)", "Antminer S19 Pro (110Th)", "Antminer S9 (13.5Th)", "Whatsminer M30S++", "AvalonMiner 1246"],
)
def test_the_nameplate_comes_out_exactly(name: str) -> None:
    """The free constant is taken from it."""
    model = machine(name)
    point = at(s19_kind(model), 545)
    assert point.wall_power_w == pytest.approx(model.power_w, rel=1e-12)
    assert point.hashrate_hps == pytest.approx(model.hashrate_hps, rel=1e-12)
    assert point.efficiency_j_per_th == pytest.approx(model.efficiency_j_per_th, rel=1e-12)
    assert not point.extrapolated


def test_the_nominal_state_comes_out_too() -> None:
    point = at(S19J_PRO, 545)
    assert (point.chip_c, point.sink_c, point.voltage_v) == pytest.approx((65, 50, 13.4))


@pytest.mark.parametrize(
    ("mhz", "thps", "power_w"),
    [
        # 0.191 TH/s a megahertz; watts by V²·f alone from 3068 W at 545 MHz and 13.4 V: derived, not measured.
        (495, 94.5, 2704),
        (545, 104, 3068),
        (595, 113.5, 3450),
    ],
)
def test_the_luxos_ladder_of_the_s19j_pro(mhz: float, thps: float, power_w: float) -> None:
    """Fans and control board do not scale and leakage does: within 0.3 % of the bare rule all the same."""
    point = at(S19J_PRO, mhz)
    assert point.hashrate_hps / 1e12 == pytest.approx(thps, abs=0.06)
    assert point.wall_power_w == pytest.approx(power_w, rel=3e-3)
    assert not point.extrapolated


@pytest.mark.parametrize("mhz", [494, 596, 145, 745])
def test_outside_the_ladder_results_are_marked(mhz: float) -> None:
    assert at(S19J_PRO, mhz).extrapolated
    assert operating_point(S19J_PRO, Setting(frequency_mhz=545, voltage_v=13.7), 25).extrapolated


def test_the_measured_s19_pro() -> None:
    """111.8 TH/s, 3320 W at the wall, air of 23.1 degC (buybtc123.com); the model knows only 110 TH/s and 3250 W at 25 degC."""
    point = at(S19_PRO, 545 * 111.8 / 110, ambient_c=23.1)
    assert point.hashrate_hps == pytest.approx(111.8e12)
    assert point.wall_power_w == pytest.approx(3320, rel=0.01)
    assert point.efficiency_j_per_th == pytest.approx(29.70, rel=0.01)
    assert point.outlet_c == pytest.approx(38.8, abs=1)


def test_a_hot_day_costs_some_percent() -> None:
    """A T21 at fixed settings varied by 7.3 % with the day (guzmanpintos.com); a swing of 25 degC here gives less than that."""
    cool, warm = at(S19J_PRO, 545, ambient_c=15), at(S19J_PRO, 545, ambient_c=40)
    assert 1.02 < warm.wall_power_w / cool.wall_power_w < 1.073
    assert warm.hashrate_hps == cool.hashrate_hps


def test_a_bitaxe_gamma() -> None:
    """Its 19 W are those of the 5 V input; at the wall there is an adapter besides."""
    point = at(GAMMA, 525)
    assert point.dc_power_w == pytest.approx(19)
    assert point.wall_power_w > 19
    assert point.chip_c == pytest.approx(58)
    assert point.hashrate_hps == pytest.approx(1.071e12)


@given(clocks_mhz, st.floats(min_value=0.1, max_value=100), ambients_c)
def test_a_faster_clock_draws_more_and_is_hotter(mhz: float, more_mhz: float, ambient_c: float) -> None:
    slow, fast = at(S19J_PRO, mhz, ambient_c), at(S19J_PRO, mhz + more_mhz, ambient_c)
    assert slow.wall_power_w < fast.wall_power_w
    assert slow.chip_c < fast.chip_c
    assert slow.hashrate_hps < fast.hashrate_hps


def heat_left_over_w(mhz: float, ambient_c: float, fan_speed: float, chip_c: float) -> float:
    """Return what heats the chips further [W] while they are at `chip_c`: heat in less heat out."""
    thermal = S19J_PRO.thermal_at(fan_speed)
    out_w = (chip_c - ambient_c) / (thermal.chip_to_sink_c_per_w + thermal.sink_to_air_c_per_w)
    return chip_power_at_w(S19J_PRO, Setting(frequency_mhz=mhz), chip_c)[0] - out_w


@given(clocks_mhz, ambients_c, st.floats(min_value=0, max_value=1))
def test_the_steady_state_is_the_coolest_there_is_and_none_is_missed(mhz: float, ambient_c: float, fan_speed: float) -> None:
    """A slow twin: try the temperatures one by one. Below the steady one chips still warm up; without one they always do."""
    try:
        end_c = at(S19J_PRO, mhz, ambient_c, fan_speed).chip_c
    except OperatingPointError:
        end_c = 400.0
    for part in range(400):
        assert heat_left_over_w(mhz, ambient_c, fan_speed, ambient_c + (end_c - ambient_c) * part / 400) > 0


@given(clocks_mhz, ambients_c, st.floats(min_value=0.5, max_value=1))
def test_a_point_is_steady_and_its_watts_add_up(mhz: float, ambient_c: float, fan_speed: float) -> None:
    """Heat in is heat out, and every boundary holds the one inside it."""
    point = at(S19J_PRO, mhz, ambient_c, fan_speed)
    thermal = S19J_PRO.thermal_at(fan_speed)
    again_w, leaking_w = chip_power_at_w(S19J_PRO, Setting(frequency_mhz=mhz), point.chip_c)
    assert (again_w, leaking_w) == pytest.approx((point.chip_power_w, point.leakage_power_w), rel=1e-12)
    flowing_w = (point.chip_c - ambient_c) / (thermal.chip_to_sink_c_per_w + thermal.sink_to_air_c_per_w)
    assert flowing_w == pytest.approx(point.chip_power_w, rel=1e-9)
    assert point.dc_power_w == pytest.approx(point.chip_power_w + S19J_PRO.build.overhead_w)
    assert point.wall_power_w == pytest.approx(S19J_PRO.build.supply.input_w(point.dc_power_w) + point.fan_power_w)


def test_every_boundary_holds_the_one_inside_it() -> None:
    point = at(S19J_PRO, 545)
    outward = [point.power_w(where, pue=1.1, grid_loss=0.05) for where in OUTWARD]
    assert outward == sorted(outward)
    assert point.power_w("machine") == point.power_w("wall") == pytest.approx(3068)
    assert point.power_w("site", pue=1.1) == pytest.approx(3068 * 1.1)
    assert point.power_w("grid", pue=1.1, grid_loss=0.05) == pytest.approx(3068 * 1.1 / 0.95)
    with pytest.raises(PowerError, match="want 1 or more"):
        point.power_w("site", pue=0.9)
    with pytest.raises(PowerError, match="no power of a GPU's board"):
        point.power_w("board")


def test_tuning_down_saves_energy_per_hash() -> None:
    assert at(S19J_PRO, 400).efficiency_j_per_th < at(S19J_PRO, 545).efficiency_j_per_th < at(S19J_PRO, 650).efficiency_j_per_th


def test_less_air_is_hotter_and_draws_more() -> None:
    full, slow = at(S19J_PRO, 545, fan_speed=1.0), at(S19J_PRO, 545, fan_speed=0.6)
    broken = operating_point(S19J_PRO.with_fans(S19_FANS.with_failed(2)), Setting(frequency_mhz=545), 25)
    assert slow.chip_c > full.chip_c
    assert slow.chip_power_w > full.chip_power_w
    assert broken.chip_c > full.chip_c + 10
    assert broken.fan_power_w == pytest.approx(full.fan_power_w / 2)


def test_without_any_fan_the_chips_run_away() -> None:
    still = S19J_PRO.with_fans(S19_FANS.with_failed(4))
    with pytest.raises(OperatingPointError, match="leakage heats the chips without end"):
        operating_point(still, Setting(frequency_mhz=545), 25)


@given(ambients_c, st.floats(min_value=300, max_value=600))
def test_controlled_fans_agree_with_the_temperature_they_make(ambient_c: float, mhz: float) -> None:
    control = FanControl(low_c=40, target_c=55)
    point = controlled_point(S19J_PRO, Setting(frequency_mhz=mhz), ambient_c, control)
    asked = control.speed(point.sink_c, S19_FANS.minimum_speed)
    assert point.fan_speed == pytest.approx(asked, abs=1e-6) or (point.fan_speed == 1 and asked == 1)


def test_a_cool_day_slows_the_fans() -> None:
    control = FanControl(low_c=40, target_c=55)
    cold, warm = (controlled_point(S19J_PRO, Setting(frequency_mhz=545), ambient_c, control) for ambient_c in (0.0, 35.0))
    assert cold.fan_speed < 0.6 < warm.fan_speed == 1
    assert cold.fan_power_w < warm.fan_power_w / 4


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"overhead_w": 5000.0}, "want something for the chips"),
        ({"sink_c": 70.0}, "want each above the one before"),
        ({"ambient_c": 55.0}, "want each above the one before"),
    ],
)
def test_a_build_that_the_nameplate_contradicts_is_refused(change: dict[str, float], sentence: str) -> None:
    with pytest.raises(ModelError) as caught:
        calibrate(machine("Antminer S19j Pro (104Th)"), replace(s19_build(378), **change))  # type: ignore[arg-type]
    assert sentence in str(caught.value)


@pytest.mark.parametrize("volt", [0.0, -1.0, float("nan")])
def test_a_voltage_that_is_none_is_refused(volt: float) -> None:
    with pytest.raises(OperatingPointError, match="voltage_v is"):
        operating_point(S19J_PRO, Setting(frequency_mhz=545, voltage_v=volt), 25)


def test_an_ambient_that_is_none_is_refused() -> None:
    with pytest.raises(OperatingPointError, match="ambient_c is nan"):
        at(S19J_PRO, 545, float("nan"))
