"""Watts with their label: where they were seen, and whether they were measured, modelled or read off a nameplate.

The same machine draws more the farther out one looks. From the inside: "chip" (the hashing chips alone), "dc" (all that the
supply gives: chips, control board), "wall" (the machine's plug: supply's losses and fans too), "site" (the utility's meter:
cooling, lights, transformers), "grid" (the power station: lines' losses too). "machine" is another word for "wall". A "board"
(a GPU's card: chip, memory and what feeds them) is a part of a machine that others stand beside, so it is not in that row.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Final, Literal, get_args

from hw.errors import PowerError
from hw.models import MachineModel
from hw.units import energy_j

Boundary = Literal["machine", "site", "chip", "dc", "wall", "grid", "board"]
Quality = Literal["measured", "modelled", "nameplate", "integrated"]

OUTWARD: Final[tuple[Boundary, ...]] = ("chip", "dc", "wall", "site", "grid")  # each includes the one before


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerSample:
    """What a meter saw, or what stood in for one.

    Attributes
    ----------
    time_s : float
        When [s], on the clock of the meter; samples of one meter share one clock.
    power_w : float
        Power drawn [W], 0 or more.
    energy_j : float or None
        Energy [J] counted since the meter started; None where the meter keeps no counter.
    source : str
        Which meter or model gave the figure.
    boundary : str
        "machine" or "wall" (at its own plug), "site" (at the utility's meter: cooling and losses included), or another of the
        module's docstring.
    quality : str
        "measured", "integrated" (a measured power, read over and over again and added up), "modelled" or "nameplate": a
        modelled watt is never called measured.

    Raises
    ------
    PowerError
        If a figure is negative or not finite, or a label is unknown.
    """

    time_s: float
    power_w: float
    energy_j: float | None
    source: str
    boundary: Boundary
    quality: Quality

    def __post_init__(self) -> None:
        """Refuse what no meter could have seen."""
        if not isfinite(self.time_s):
            raise PowerError(f"time_s is {self.time_s}; want a finite number of seconds")
        _check_amount("power_w", self.power_w)
        if self.energy_j is not None:
            _check_amount("energy_j", self.energy_j)
        if not self.source.strip():
            raise PowerError("source is empty; say which meter or model gave the power")
        if self.boundary not in get_args(Boundary):
            raise PowerError(f"boundary is {self.boundary!r}; want one of {', '.join(get_args(Boundary))}")
        if self.quality not in get_args(Quality):
            raise PowerError(f"quality is {self.quality!r}; want one of {', '.join(get_args(Quality))}")


def site_power_w(power_w: float, pue: float) -> float:
    """Return the power [W] at the site's meter when its machines draw `power_w` [W].

    `pue` (power usage effectiveness, 1 or more) is site power over machine power.

    Raises
    ------
    PowerError
        If the power is negative, or `pue` is below 1: a site cannot draw less than its machines.
    """
    _check_amount("power_w", power_w)
    if not (isfinite(pue) and pue >= 1):
        raise PowerError(f"pue is {pue}; want 1 or more, site power over machine power")
    return power_w * pue


def grid_power_w(site_w: float, loss_fraction: float) -> float:
    """Return the power [W] that stations feed in when a site takes `site_w` [W] at its meter.

    `loss_fraction` is what lines and transformers on the way keep, over what is fed in: 0 or more, below 1.

    Raises
    ------
    PowerError
        If the power is negative or the fraction is out of its range.
    """
    _check_amount("site_w", site_w)
    if not (isfinite(loss_fraction) and 0 <= loss_fraction < 1):
        raise PowerError(f"loss_fraction is {loss_fraction}; want 0 or more and below 1, losses over what is fed in")
    return site_w / (1 - loss_fraction)


def nameplate_sample(model: MachineModel, *, started_s: float, time_s: float) -> PowerSample:
    """Return what a machine running at its rating since `started_s` [s] would have drawn by `time_s` [s].

    Raises
    ------
    PowerError
        If `time_s` lies before `started_s`.
    """
    if time_s < started_s:
        raise PowerError(f"time_s is {time_s}, before the start at {started_s}; want a later time")
    return PowerSample(
        time_s=time_s,
        power_w=model.power_w,
        energy_j=energy_j(model.power_w, time_s - started_s),
        source=f"nameplate of {model.name}: {model.source}",
        boundary="machine",
        quality="nameplate",
    )


def energy_between_j(earlier: PowerSample, later: PowerSample) -> float:
    """Return the energy [J] that one meter counted between two of its samples.

    Raises
    ------
    PowerError
        If the samples are of two meters, in the wrong order, without a counter, or the counter ran backwards.
    """
    if (earlier.source, earlier.boundary) != (later.source, later.boundary):
        raise PowerError(f"samples of two meters, {earlier.source!r} and {later.source!r}; want two samples of one")
    if later.time_s < earlier.time_s:
        raise PowerError(f"samples at {earlier.time_s} s and {later.time_s} s; want the earlier one first")
    if earlier.energy_j is None or later.energy_j is None:
        raise PowerError(f"{later.source}: no energy counter; integrate its power instead")
    if later.energy_j < earlier.energy_j:
        raise PowerError(
            f"{later.source}: counter fell from {earlier.energy_j} J to {later.energy_j} J; want one without a reset"
        )
    return later.energy_j - earlier.energy_j


def _check_amount(name: str, value: float) -> None:
    if not (isfinite(value) and value >= 0):
        raise PowerError(f"{name} is {value}; want a finite number, 0 or more")
