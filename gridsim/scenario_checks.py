"""Checks that need the whole scenario: names that must exist, shares that must fit, dates in order.

Each check raises ValueError with the key path, the value and what would be right.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from pydantic import AfterValidator, BaseModel
from pydantic.fields import FieldInfo

from gridsim.quantity import Bounds, PriorRef
from gridsim.units import S_PER_HOUR
from miner.retarget import EPOCH_BLOCKS
from miner.target import NBits, expected_hashes, target_from_nbits
from miner.units import HASHES_PER_EH

if TYPE_CHECKING:
    from gridsim.scenario import Scenario

FIRST_YEAR, LAST_YEAR = 2009, 2200  # of the chain, and of what a clock in whole seconds is meant for
SHORTEST_BLOCK_S, LONGEST_BLOCK_S = 1.0, 1e6
SHARE_TOLERANCE = 1e-6  # published shares carry four digits; their sum is exact to this


def check_times(scenario: Scenario) -> None:
    """Hold the cap against the start, the end height against the start height, and prices against their order."""
    if scenario.cap_utc <= scenario.start_utc:
        start, cap = scenario.start_utc.isoformat(), scenario.cap_utc.isoformat()
        raise ValueError(f"cap_utc: {cap} is not after start_utc, {start}; want a later moment")
    if scenario.cap_s < S_PER_HOUR:
        raise ValueError(f"cap_utc: {scenario.cap_s:g} s after start_utc; want at least an hour, the step of the tables")
    for key in ("start_utc", "cap_utc"):
        moment = getattr(scenario, key)
        if not FIRST_YEAR <= moment.year <= LAST_YEAR:
            raise ValueError(f"{key}: {moment.isoformat()}; want a year from {FIRST_YEAR} to {LAST_YEAR}")
    moments = [point.at for point in scenario.economy.price]
    if moments != sorted(set(moments)):
        raise ValueError("economy.price: the points are not in order of time; want each `at` after the one before")


def check_chain(scenario: Scenario) -> None:
    """Refuse a chain without a whole epoch, or one whose blocks would come at a pace that no chain has."""
    network = scenario.network
    if network.end_height < network.start_height + EPOCH_BLOCKS:
        raise ValueError(
            f"network.end_height: {network.end_height} is not a whole epoch of {EPOCH_BLOCKS} blocks above start_height "
            f"{network.start_height}; want {network.start_height + EPOCH_BLOCKS} or higher"
        )
    hashes = expected_hashes(target_from_nbits(NBits(int(network.nbits, 16))))
    interval_s = hashes / (network.hashrate_ehps.value * HASHES_PER_EH)
    if not SHORTEST_BLOCK_S <= interval_s <= LONGEST_BLOCK_S:
        raise ValueError(
            f"network: {network.hashrate_ehps.value:g} EH/s at nbits {network.nbits} make a block every {interval_s:.3g} s; "
            f"want {SHORTEST_BLOCK_S:g} to {LONGEST_BLOCK_S:g} s (the chain aims at 600)"
        )


def check_events(scenario: Scenario) -> None:
    """Refuse an event that begins before the run does: its past would be acted out at the start."""
    for event in scenario.events:
        if event.start < scenario.start_utc:
            raise ValueError(
                f"events.{event.id}: it starts at {event.start.isoformat()}, before start_utc "
                f"({scenario.start_utc.isoformat()}); want only what happens in the run, with its rest from the start on"
            )


def check_question(scenario: Scenario) -> None:
    """Refuse a question whose moments are not in order, or not all between the start and the cap."""
    question = scenario.question
    if question is None:
        return
    for early, late in (("before_start", "before_end"), ("after_start", "after_end"), ("at", "horizon_end")):
        first, last = getattr(question, early), getattr(question, late)
        if last <= first:
            raise ValueError(f"question.{late}: {last.isoformat()} is not after question.{early}, {first.isoformat()}")
    settled = question.at + timedelta(hours=question.settled_h)
    if settled > scenario.cap_utc:
        raise ValueError(f"question.settled_h: {question.settled_h:g} h after the cut is {settled.isoformat()}, after cap_utc")
    for key in ("at", "before_start", "before_end", "after_start", "after_end", "horizon_end"):
        moment = getattr(question, key)
        if not scenario.start_utc <= moment <= scenario.cap_utc:
            raise ValueError(
                f"question.{key}: {moment.isoformat()} is not between start_utc and cap_utc; want it inside the run"
            )


def check_shares(scenario: Scenario) -> None:
    """Refuse region shares that are negative or do not sum to 1, and cohort shares that leave no room for the rest."""
    for share in scenario.shares:
        if not 0 <= share.share.value <= 1:
            raise ValueError(
                f"shares.{share.region}: {share.share.value} is not a share of the world; want a number from 0 to 1"
            )
    total = sum(share.share.value for share in scenario.shares)
    if abs(total - 1) > SHARE_TOLERANCE:
        raise ValueError(f"shares: they sum to {total:.6g}; want exactly 1 (give what is left to a region such as 'Other')")
    written = sum(cohort.share for cohort in scenario.cohorts if isinstance(cohort.share, float))
    if written > 1 + SHARE_TOLERANCE:
        raise ValueError(f"cohorts: their shares sum to {written:.6g}; want at most 1")
    if all(cohort.rest is None for cohort in scenario.cohorts) and abs(written - 1) > SHARE_TOLERANCE:
        raise ValueError(f"cohorts: their shares sum to {written:.6g} and none takes the rest; want 1, or a cohort with `rest`")


def check_names(scenario: Scenario) -> None:
    """Refuse a region, cohort or event that is named but does not exist, or stands there twice."""
    regions = _unique("shares", [share.region for share in scenario.shares])
    described = _unique("regions", [region.id for region in scenario.regions])
    cohorts = _unique("cohorts", [cohort.id for cohort in scenario.cohorts])
    events = _unique("events", [event.id for event in scenario.events])
    _unique("priors", [prior.name for prior in scenario.priors])
    for region in regions:
        _known(f"shares.{region}", region, described, "region")
    for event in scenario.events:
        for region in event.regions:
            _known(f"events.{event.id}", region, regions, "region")
    for number, change in enumerate(scenario.adjustments):
        named = (change.origin, *change.regions) if change.kind == "reassign" else change.regions
        for region in named:
            _known(f"adjustments[{number}]", region, regions, "region")
    _known("growth.cohort", scenario.growth.cohort, cohorts, "cohort")
    if scenario.question is not None:
        _known("question.region", scenario.question.region, regions, "region")
        for event_id in scenario.question.events:
            _known("question.events", event_id, events, "event")


def check_priors(scenario: Scenario) -> None:
    """Refuse a number whose prior does not exist, or whose prior's range leaves that number's bounds."""
    by_name = {prior.name: prior for prior in scenario.priors}
    for key, name, bounds in _prior_uses(scenario):
        if name not in by_name:
            raise ValueError(f"{key}: no prior {name!r}; known: {', '.join(sorted(by_name)) or 'none'}")
        for end in (by_name[name].low, by_name[name].high):
            try:
                bounds.check(end)
            except ValueError as error:
                raise ValueError(f"{key}: prior {name!r}: {error}") from None


def _prior_uses(part: BaseModel, path: str = "") -> Iterator[tuple[str, str, Bounds]]:
    """Yield (key path, prior's name, bounds) for every number of `part` that refers to a prior."""
    for key, field in type(part).model_fields.items():
        value = getattr(part, key)
        for place, item in _flatten(f"{path}{key}", value):
            if isinstance(item, PriorRef):
                yield place, item.prior, _bounds(field)
            elif isinstance(item, BaseModel):
                yield from _prior_uses(item, f"{place}.")


def _bounds(field: FieldInfo) -> Bounds:
    """Return the bounds that a quantity's type carries."""
    return next(entry.func for entry in field.metadata if isinstance(entry, AfterValidator) and isinstance(entry.func, Bounds))


def _flatten(path: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, tuple):
        for number, item in enumerate(value):
            name = getattr(item, "id", None) or getattr(item, "region", None) or number
            yield f"{path}[{name}]", item
    else:
        yield path, value


def _unique(what: str, names: list[str]) -> list[str]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{what}: {twice[0]!r} stands there twice; want each once")
    return names


def _known(key: str, name: str, known: list[str], what: str) -> None:
    if name not in known:
        raise ValueError(f"{key}: no {what} {name!r}; known: {', '.join(known)}")
