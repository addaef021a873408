"""What a scenario file may say: frozen models, every unknown key an error.

`gridsim.load` reads the files; nothing here opens one. A `Scenario` is whole: its regions, priors and machines
are inside, so a run is a function of (scenario, seed).
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, AwareDatetime, Field, field_validator, model_validator

from gridsim.clock import ScenarioClock
from gridsim.events import Event
from gridsim.priors import Prior
from gridsim.quantity import (
    AmountQuantity,
    FractionQuantity,
    Frozen,
    Number,
    OptionalFraction,
    PositiveQuantity,
    PueQuantity,
    Sourced,
    Stated,
    Text,
    Whole,
)
from gridsim.scenario_checks import (
    check_chain,
    check_events,
    check_names,
    check_priors,
    check_question,
    check_shares,
    check_times,
)
from hw.models import MachineModel
from miner.retarget import EPOCH_BLOCKS
from miner.target import NBits, target_from_nbits

Fraction = Annotated[Number, Field(ge=0, le=1)]
LONGEST_H = 1e6  # a century: what calendars can still add to a moment


class NetworkStart(Frozen):
    """The chain at the scenario's start; nothing after it is known.

    The block at `start_height`, the first of its epoch, is the one found at `start_utc`; `nbits` is its compact target in hex.
    `hashrate_scale` multiplies the starting hash rate (its measurement error, as a prior).
    """

    start_height: Annotated[Whole, Field(ge=0, multiple_of=EPOCH_BLOCKS)]
    end_height: Annotated[Whole, Field(ge=1)]
    nbits: Annotated[Text, Field(pattern="^[0-9a-f]{8}$")]
    hashrate_ehps: Annotated[Sourced, AfterValidator(Stated("EH/s", 1e-6, 1e6))]
    hashrate_scale: PositiveQuantity = 1.0

    @field_validator("nbits")
    @classmethod
    def _is_a_target(cls, nbits: str) -> str:
        target_from_nbits(NBits(int(nbits, 16)))  # its own error says what is wrong
        return nbits


class Cohort(Frozen):
    """Machines of one model; `share` of each region's hash rate, or a `rest` weight in what shares leave."""

    id: Text
    machine: Text
    share: OptionalFraction = None
    rest: Annotated[Number, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.share is None) == (self.rest is None):
            raise ValueError(f"cohort {self.id!r}: give either share or rest")
        return self


class Region(Frozen):
    """A region of a grid: who it belongs to, how its power is made and what it costs miners."""

    id: Text
    country: Text
    carbon_g_per_kwh: Annotated[Sourced, AfterValidator(Stated("gCO2/kWh", 0, 5_000))]
    tariff_usd_per_kwh: Annotated[Sourced, AfterValidator(Stated("USD/kWh", 0, 100))]


class RegionShare(Frozen):
    """Share of the world's hash rate in one region at the start, and its weight as host for displaced machines."""

    region: Text
    share: Sourced
    host_weight: Annotated[Number, Field(ge=0)] = 0.0


class ScaleShares(Frozen):
    """Multiply the shares of some regions by `factor`; all shares are normalised afterwards."""

    kind: Literal["scale"]
    regions: Annotated[tuple[Text, ...], Field(min_length=1)]
    factor: AmountQuantity
    reason: Text


class ReassignShares(Frozen):
    """Move `fraction` of one region's share to others, in proportion to theirs (masked addresses, for example)."""

    kind: Literal["reassign"]
    origin: Text
    regions: Annotated[tuple[Text, ...], Field(min_length=1)]
    fraction: FractionQuantity
    reason: Text


Adjustment = Annotated[ScaleShares | ReassignShares, Field(discriminator="kind")]


class PricePoint(Frozen):
    """The price of one bitcoin [USD] at a moment; the path between points is linear."""

    at: AwareDatetime
    usd: Annotated[Number, Field(gt=0)]


class Economy(Frozen):
    """What a miner earns: subsidy (consensus), `fees_btc_per_block` and a price path."""

    fees_btc_per_block: Annotated[Sourced, AfterValidator(Stated(None, 0, 1e6))]
    price_source: Text
    price: Annotated[tuple[PricePoint, ...], Field(min_length=1)]


class Migration(Frozen):
    """What becomes of a machine that an order displaced.

    `covert_fraction` starts again unseen in its region after about `covert_median_days`; of the others, models up to
    `ship_limit_j_per_th` are shipped abroad with probability `ship_fraction`; the rest is out for the whole run.
    Freight days are lognormal with the given median and `freight_sigma`, one draw a consignment of `lot_machines`.
    """

    covert_fraction: FractionQuantity
    covert_median_days: AmountQuantity
    ship_limit_j_per_th: AmountQuantity
    ship_fraction: FractionQuantity
    freight_median_days: AmountQuantity
    freight_sigma: Annotated[Number, Field(gt=0)]
    lot_machines: Annotated[Number, Field(ge=100)]


class Hosting(Frozen):
    """Power that hosts abroad can offer: headroom at the start, then growth that speeds up over `ramp_months`."""

    headroom_gw: AmountQuantity
    growth_start_gw_per_month: AmountQuantity
    growth_full_gw_per_month: AmountQuantity
    ramp_months: Annotated[Number, Field(gt=0)]
    ramp_from: AwareDatetime


class Growth(Frozen):
    """New machines of one cohort leaving the factories, all for hosts abroad."""

    cohort: Text
    ehps_per_month: AmountQuantity


class Question(Frozen):
    """The cut that a run is asked about: the same worlds are run again without `events`."""

    region: Text
    events: Annotated[tuple[Text, ...], Field(min_length=1)]
    at: AwareDatetime
    settled_h: Annotated[Number, Field(gt=0, le=LONGEST_H)]
    before_start: AwareDatetime
    before_end: AwareDatetime
    after_start: AwareDatetime
    after_end: AwareDatetime
    horizon_end: AwareDatetime


class Mark(Frozen):
    """A moment worth a line in the figures, with a short label."""

    at: AwareDatetime
    label: Text


class Scenario(Frozen):
    """One scenario, whole. See `docs/models.md` for what each part does.

    `exogenous` says what is taken as given, `judged` which numbers of the file are plain judgement, with reason and without a
    prior. `history` names the observed data to compare with, `proof_height` a real block whose nonce the run finds again.
    """

    schema_version: Literal[1]
    id: Annotated[Text, Field(pattern="^[a-z0-9][a-z0-9-]*$")]
    title: Text
    summary: Text
    start_utc: AwareDatetime
    cap_utc: AwareDatetime
    network: NetworkStart
    pue: PueQuantity
    cohorts: Annotated[tuple[Cohort, ...], Field(min_length=1)]
    shares: Annotated[tuple[RegionShare, ...], Field(min_length=1)]
    economy: Economy
    migration: Migration
    hosting: Hosting
    growth: Growth
    adjustments: tuple[Adjustment, ...] = ()
    events: tuple[Event, ...] = ()
    question: Question | None = None
    marks: tuple[Mark, ...] = ()
    history: Text | None = None
    replicates: Annotated[Whole, Field(ge=1, le=10_000)] = 32
    proof_height: Annotated[Whole, Field(ge=0)] | None = None
    exogenous: tuple[Text, ...] = ()
    judged: tuple[Text, ...] = ()
    regions: tuple[Region, ...]
    priors: tuple[Prior, ...] = ()
    machines: tuple[MachineModel, ...]
    priors_sha256: Text

    @property
    def clock(self) -> ScenarioClock:
        """The clock whose second 0 is the scenario's start."""
        return ScenarioClock(self.start_utc)

    @property
    def cap_s(self) -> float:
        """Simulation time [s] at which a world stops even if its chain has not reached the end height."""
        return self.clock.seconds(self.cap_utc)

    def region_index(self, region: str) -> int:
        """Return the row of `region` in every array of the simulation."""
        return [share.region for share in self.shares].index(region)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        check_times(self)
        check_chain(self)
        check_events(self)
        check_question(self)
        check_shares(self)
        check_names(self)
        check_priors(self)
        return self
