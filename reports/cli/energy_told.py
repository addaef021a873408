"""Joules a terahash, for who reads them: of each device that has a meter, and of all of them where that can be said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hw.errors import PowerError

if TYPE_CHECKING:
    from hw.meters.efficiency import Efficiency, Spent

JsonRow = dict[str, Any]


def of_all(spent: Sequence[Spent]) -> Efficiency | None:
    """Return what they spent a hash, or None if that cannot be said."""
    from hw.meters.efficiency import efficiency

    try:
        return efficiency(spent)
    except PowerError:
        return None


def energy_told(spent: Mapping[str, Spent]) -> JsonRow | None:
    """Return the JSON form, or None where nothing was metered; a figure that cannot be said is null."""
    if not spent:
        return None
    total = of_all(list(spent.values()))
    return {
        "devices": {label: _row(one, of_all([one])) for label, one in spent.items()},
        "all": None if total is None else _row(total, total),
    }


def energy_sentences(spent: Mapping[str, Spent]) -> Iterator[str]:
    """Yield a line for each device, and one for all if they are several."""
    named = {label: of_all([one]) for label, one in spent.items()}
    if len(named) > 1:
        named["all of them"] = of_all(list(spent.values()))
    for label, one in named.items():
        if one is not None:
            counted = f"{one.energy_j:,.4g} J {one.quality} at the {one.boundary}, hashes by its own count"
            yield f"{label}: {one.j_per_th:,.4g} J/TH ({counted})"


def _row(one: Spent | Efficiency, told: Efficiency | None) -> JsonRow:
    return {
        "joules": one.energy_j,
        "hashes": one.hashes,
        "j_per_th": None if told is None else told.j_per_th,
        "boundary": one.boundary,
        "quality": one.quality,
    }
