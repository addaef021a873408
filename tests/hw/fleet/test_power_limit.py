"""A Whatsminer keeps its power limit: the nameplate's watts until it is told less, and never more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hw.catalogue import entry
from hw.designs import s19_kind
from hw.errors import NoSettingError
from hw.fleet.errors import OrderRefusedError
from hw.fleet.power_limit import SHOWN_TO_W, checked_limit_w, clock_within
from hw.health import healthy
from hw.operating_point import Setting, operating_point
from hw.running_machine import MachineState

if TYPE_CHECKING:
    from tests.hw.fleet.conftest import Build, HandClock

M30S = entry("Whatsminer M30S+").machine
DESIGN = s19_kind(M30S, chips=468)
WHOLE = healthy(3, 156)


def steady_w(mhz: float, ambient_c: float) -> float:
    return operating_point(DESIGN, Setting(frequency_mhz=mhz), ambient_c).wall_power_w


@pytest.mark.parametrize("ambient_c", [-10.0, 15.0, 25.0])
def test_in_air_up_to_that_of_the_rating_it_runs_at_its_nominal_clock(ambient_c: float) -> None:
    assert clock_within(DESIGN, WHOLE, ambient_c, M30S.power_w) == 545


@pytest.mark.parametrize("ambient_c", [27.0, 35.0, 45.0])
@pytest.mark.parametrize("limit_w", [3400.0, 3000.0, 1800.0])
def test_it_is_the_highest_clock_that_keeps_the_limit(ambient_c: float, limit_w: float) -> None:
    """In steps of 5 MHz."""
    mhz = clock_within(DESIGN, WHOLE, ambient_c, limit_w)
    assert steady_w(mhz, ambient_c) <= limit_w + SHOWN_TO_W < steady_w(mhz + 5, ambient_c)


def test_hotter_chips_leak_so_that_blocked_air_slows_it() -> None:
    blocked = replace(WHOLE, air_part=0.6)
    assert clock_within(DESIGN, blocked, 25.0, 3000.0) < clock_within(DESIGN, WHOLE, 25.0, 3000.0)


@pytest.mark.parametrize(
    ("watts", "sentence"),
    [
        (3400.5, "a power limit of 3400.5 W; want at most 3400 W, what this machine draws by its nameplate"),
        (1e9, "a power limit of 1000000000 W; want at most 3400 W"),
        (0.0, "want a finite number above 0"),
        (float("inf"), "want a finite number above 0"),
    ],
)
def test_a_limit_that_it_cannot_have_is_refused(watts: float, sentence: str) -> None:
    with pytest.raises(OrderRefusedError, match=sentence):
        checked_limit_w(watts, M30S.power_w)
    assert checked_limit_w(3400.0, M30S.power_w) == 3400.0


def test_one_below_its_slowest_clock_says_what_would_do() -> None:
    with pytest.raises(NoSettingError, match=r"^900 W; want 1\d\d\d W or more, what this machine draws at its slowest clock$"):
        clock_within(DESIGN, WHOLE, 25.0, 900.0)


@pytest.mark.parametrize("ambient_c", [20.0, 27.0, 35.0, 40.0])
def test_left_alone_it_never_draws_more_than_its_limit(build: Build, hand: HandClock, ambient_c: float) -> None:
    machine = build(("rig", f"ambient_c = {ambient_c}\n"))[0]
    for hand.now_s in (0.0, 2.0, 60.0, 600.0, 7200.0):
        assert round(machine.snapshot().reading.wall_power_w) <= 3400
    assert machine.snapshot().reading.hashrate_hps > 0.97 * M30S.hashrate_hps


def test_a_fan_that_fails_does_not_take_it_beyond_its_limit(build: Build, hand: HandClock) -> None:
    fault = '[[groups.faults]]\nname = "fan failure"\nat_s = 10.0\nunit = 0\n'
    machine = build(("rig", fault))[0]
    for hand.now_s in range(0, 3600, 5):
        assert round(machine.snapshot().reading.wall_power_w) <= 3400
    told = machine.snapshot().reading
    assert told.fan_rpm.count(0.0) == 1


def test_what_was_ordered_is_kept_after_a_restart_and_ended_by_a_mode(build: Build, hand: HandClock) -> None:
    machine = build(("rig", "ambient_c = 35.0\n"))[0]
    machine.limit_power(2500.0)
    for hand.now_s in (60.0, 3600.0):
        assert machine.snapshot().reading.wall_power_w <= 2500 + SHOWN_TO_W
    machine.restart()
    hand.now_s = 7200.0
    now = machine.snapshot().reading
    assert (now.state, machine.power_limit_w) == (MachineState.RUNNING, 2500)
    assert 2400 < now.wall_power_w <= 2500 + SHOWN_TO_W
    machine.set_low_power(on=False)
    hand.now_s = 10_800.0
    assert machine.power_limit_w is None
    assert 3300 < machine.snapshot().reading.wall_power_w <= 3400 + SHOWN_TO_W


def test_a_lowered_limit_is_kept_from_the_first_moment_on(build: Build, hand: HandClock) -> None:
    """Chips are still hot and leak more than they will: it is tuned for that, and ends some percent below the limit."""
    machine = build("rig")[0]
    for limit_w in (3000.0, 2000.0, 1500.0):
        machine.limit_power(limit_w)
        for _ in range(4):
            assert machine.snapshot().reading.wall_power_w <= limit_w + SHOWN_TO_W
            hand.now_s += 60.0
        assert machine.snapshot().reading.wall_power_w > 0.94 * limit_w
        machine.set_low_power(on=False)
        hand.now_s += 600.0
