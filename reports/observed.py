"""What the real chain did: read only to compare with, never handed to a simulation."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from miner.retarget import EPOCH_BLOCKS
from miner.target import NBits, difficulty, target_from_nbits
from reports.errors import ObservedDataError

HASHES_PER_DIFFICULTY = 2**32  # mean hashes for a block at difficulty 1, as pools and explorers reckon
INTERVALS_PER_SPAN = EPOCH_BLOCKS - 1  # a span from first to last header holds one interval less than blocks


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedEpoch:
    """One complete epoch of the real chain; `next_nbits` is the target that closed it."""

    first_height: int
    nbits: NBits
    next_nbits: NBits
    first_unix_s: int
    last_unix_s: int

    @property
    def hashrate_hps(self) -> float:
        """Hash rate [H/s] by the estimator of `epoch_hashrate_hps`."""
        return epoch_hashrate_hps(self.nbits, self.last_unix_s - self.first_unix_s)

    @property
    def interval_s(self) -> float:
        """Mean time [s] between its blocks."""
        return (self.last_unix_s - self.first_unix_s) / INTERVALS_PER_SPAN

    @property
    def change_pct(self) -> float:
        """Change of difficulty [%] that closed the epoch."""
        return change_pct(self.nbits, self.next_nbits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Mean hash rate of the network between two dates, with its counting error."""

    hashrate_ehps: float
    standard_error_ehps: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineFacts:
    """Constants of the plain predictions: the cut, China's share, and each order's share and moment [Unix s]."""

    cut_unix_s: float
    china_share: float
    recovery_days: tuple[int, ...]
    orders: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """The observed epochs of one stretch of the chain, in order of height, named windows, and what baselines need."""

    epochs: tuple[ObservedEpoch, ...]
    windows: dict[str, Window]
    baselines: BaselineFacts | None

    def only(self, heights: Sequence[int]) -> Self:
        """Return the same data with the epochs of these heights alone."""
        return replace(self, epochs=tuple(epoch for epoch in self.epochs if epoch.first_height in set(heights)))

    def hashrates_hps(self) -> NDArray[np.float64]:
        """Return the hash rate of every epoch, float64[epoch]."""
        return np.array([epoch.hashrate_hps for epoch in self.epochs])


def epoch_hashrate_hps(nbits: NBits, span_s: int) -> float:
    """Return D * 2^32 * 2015 / span: the hash rate [H/s] that an epoch's headers show."""
    return difficulty(target_from_nbits(nbits)) * HASHES_PER_DIFFICULTY * INTERVALS_PER_SPAN / span_s


def change_pct(nbits: NBits, next_nbits: NBits) -> float:
    """Return the change of difficulty [%] from one compact target to the next."""
    return (target_from_nbits(nbits) / target_from_nbits(next_nbits) - 1) * 100


def check_observed(name: str, *, folder: Path | None = None) -> Path | Traversable:
    """Return the file of the observed data called `name`, unread; ObservedDataError lists the known if there is none."""
    home = (files("reports") / "data" / "observed") if folder is None else folder
    known = sorted(entry.name.removesuffix(".toml") for entry in home.iterdir() if entry.name.endswith(".toml"))
    if name not in known:
        raise ObservedDataError(f"no observed data {name!r}; known: {', '.join(known) or 'none'}")
    return home / f"{name}.toml"


def load_observed(name: str, *, folder: Path | None = None) -> Observed:
    """Return the observed data called `name`, from `folder` or from those that ship with the program."""
    source = check_observed(name, folder=folder)
    table = tomllib.loads(source.read_text(encoding="utf-8"))
    entries = table["epoch"]
    epochs = tuple(
        ObservedEpoch(
            first_height=entry["first_height"],
            nbits=NBits(int(entry["nbits"], 16)),
            next_nbits=NBits(int(following["nbits"], 16)),
            first_unix_s=entry["first_unix_s"],
            last_unix_s=entry["last_unix_s"],
        )
        for entry, following in pairwise(entries)
    )
    windows = {
        entry["name"]: Window(hashrate_ehps=entry["hashrate_ehps"], standard_error_ehps=entry["standard_error_ehps"])
        for entry in table.get("window", ())
    }
    return Observed(epochs=epochs, windows=windows, baselines=_baseline_facts(table.get("baselines")))


def _baseline_facts(table: dict[str, Any] | None) -> BaselineFacts | None:
    if table is None:
        return None
    return BaselineFacts(
        cut_unix_s=table["cut_utc"].timestamp(),
        china_share=table["china_share"],
        recovery_days=tuple(table["recovery_days"]),
        orders=tuple((entry["share"], entry["at"].timestamp()) for entry in table["order"]),
    )
