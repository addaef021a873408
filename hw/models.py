"""What a mining machine is: its nameplate, and where each figure comes from.

The measured half and the simulated half of the program meet here: a simulation multiplies this by millions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import isfinite
from typing import Final, Literal, get_args

from hw.errors import ModelError
from hw.units import j_per_th

Precision = Literal["day", "month", "year", "unknown"]
Trust = Literal["high", "medium-high", "medium", "medium-low", "low"]

EFFICIENCY_TOLERANCE: Final = 1e-3  # relative; tables print watts and J/TH to three or four digits


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineModel:
    """One model of mining machine as its nameplate describes it.

    Attributes
    ----------
    maker, model : str
        As printed on the machine; a bin of the same model carries its rating, "Antminer S9 (13.5Th)".
    hashrate_hps : float
        Rated double-SHA-256 evaluations [H/s].
    power_w : float
        Rated power [W] at the wall of the machine, cooling of the building not included.
    source, as_of : str
        Where both ratings stand, and when that list was current (ISO 8601 to the precision known).
    trust : str
        How far the source is believed: high, medium-high, medium, medium-low or low.
    released : date or None
        First sale; days and months beyond `released_precision` are 1. None where the source does not tell.
    released_precision : str
        "day", "month", "year", or "unknown" without a date.
    quoted_efficiency_j_per_th : float or None
        Efficiency [J/TH] as the source prints it; it must agree with the ratings to 0.1 %.

    Raises
    ------
    ModelError
        If a rating is not positive and finite, a text is empty, or the quoted efficiency contradicts the ratings.
    """

    maker: str
    model: str
    hashrate_hps: float
    power_w: float
    source: str
    as_of: str
    trust: Trust
    released: date | None = None
    released_precision: Precision = "unknown"
    quoted_efficiency_j_per_th: float | None = None

    def __post_init__(self) -> None:
        """Refuse what no machine could be."""
        for field in ("maker", "model", "source", "as_of"):
            if not getattr(self, field).strip():
                raise ModelError(f"{self.model or 'machine'}: {field} is empty; every rating needs one")
        for field in ("hashrate_hps", "power_w"):
            value = getattr(self, field)
            if not (isfinite(value) and value > 0):
                raise ModelError(f"{self.model}: {field} is {value}; want a finite number above 0")
        self._check_words()
        self._check_quote()

    @property
    def name(self) -> str:
        """Maker and model, which together are unique in a catalogue."""
        return f"{self.maker} {self.model}"

    @property
    def efficiency_j_per_th(self) -> float:
        """Efficiency [J/TH] that follows from the two ratings."""
        return j_per_th(self.power_w, self.hashrate_hps)

    def _check_words(self) -> None:
        if self.trust not in get_args(Trust):
            raise ModelError(f"{self.model}: trust is {self.trust!r}; want one of {', '.join(get_args(Trust))}")
        if self.released_precision not in get_args(Precision):
            known = ", ".join(get_args(Precision))
            raise ModelError(f"{self.model}: released_precision is {self.released_precision!r}; want one of {known}")
        if (self.released is None) != (self.released_precision == "unknown"):
            raise ModelError(
                f"{self.model}: released {self.released} with precision {self.released_precision!r}; "
                "a date needs day, month or year, and no date needs unknown"
            )

    def _check_quote(self) -> None:
        quoted = self.quoted_efficiency_j_per_th
        if quoted is None:
            return
        own = self.efficiency_j_per_th
        if not (isfinite(quoted) and abs(quoted - own) <= EFFICIENCY_TOLERANCE * own):
            raise ModelError(
                f"{self.model}: {quoted:g} J/TH quoted, but {self.power_w:g} W at {self.hashrate_hps:g} H/s is {own:.3f} J/TH; "
                "one of the three is wrong"
            )
