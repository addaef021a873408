"""Where the numbers of many machines lie in memory: blocks of as many machines as there are lanes, figure by figure.

Without Numba, so that loops whose machine code is kept need not import it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Final, NamedTuple, TypeVar, get_type_hints

import numpy as np
from numpy.typing import NDArray

from hw.stepping.figures import HourFigures, Level, StepFigures
from hw.stepping.physics_text import Moving

GROUP: Final = 16  # machines whose flows are summed apart, on every processor, so that sums do not depend on its lanes
CACHE_LINE: Final = 64  # bytes
LEVEL_COLUMNS: Final = len(Level._fields)
FLOWS: Final = ("wall_w", "hashrate_hps", "resting")
SUMS: Final = ("energy_j", "hashes", "resting_s")
"""What is added up of all machines in each step, and of each machine over all steps."""

Figures = TypeVar("Figures", bound=tuple[Any, ...])


class Form(NamedTuple):
    """What a block holds of each of its machines: constant figures, then what changes, then sums."""

    figures: type[tuple[Any, ...]]
    changing: tuple[str, ...]

    @property
    def constant(self) -> int:
        """How many numbers are constant."""
        return width(self.figures)

    @property
    def size(self) -> int:
        """How many numbers there are of each machine."""
        return self.constant + len(self.changing) + len(SUMS)


HOUR: Final = Form(HourFigures, ())
STEP: Final = Form(StepFigures, Moving._fields)


@cache
def width(figures: type[tuple[Any, ...]]) -> int:
    """Return how many numbers `figures` holds, those of its parts included."""
    return sum(width(part) if _is_figures(part) else 1 for part in get_type_hints(figures).values())


def nested(figures: type[Figures], numbers: Iterator[Any]) -> Figures:
    """Return `figures` filled with `numbers`, its parts included, in their order."""
    parts = [nested(part, numbers) if _is_figures(part) else next(numbers) for part in get_type_hints(figures).values()]
    return figures(*parts)


def flat(figures: tuple[Any, ...]) -> list[float]:
    """Return the numbers of `figures`, those of its parts included, in their order."""
    return [number for part in figures for number in (flat(part) if isinstance(part, tuple) else [part])]


def blocks_of(form: Form, rows: NDArray[np.float64], kinds: NDArray[np.int64], lanes: int) -> NDArray[np.float64]:
    """Return float64[block, number, lane] for machines of `kinds` (int64[machine]), their constant figures in place.

    `rows` is float64[kind, figure]. The last group is filled up with machines that draw nothing.
    """
    machines = -(-len(kinds) // GROUP) * GROUP
    every = np.zeros((machines, form.constant))
    every[: len(kinds)] = rows[kinds]
    every[len(kinds) :, place_of(form, "shutdown_c")] = np.inf
    blocks = _aligned(machines // lanes, form.size, lanes)
    blocks[:, : form.constant] = every.reshape(-1, lanes, form.constant).swapaxes(1, 2)
    return blocks


def column(blocks: NDArray[np.float64], form: Form, name: str, machines: int) -> NDArray[np.float64]:
    """Return a copy of the numbers called `name` of all machines: float64[machine]."""
    return blocks[:, place_of(form, name)].reshape(-1)[:machines].copy()


def fill(blocks: NDArray[np.float64], form: Form, name: str, numbers: NDArray[np.float64]) -> None:
    """Write float64[machine] to the numbers called `name`."""
    place, lanes = place_of(form, name), blocks.shape[-1]
    padded = np.zeros(len(blocks) * lanes)
    padded[: len(numbers)] = numbers
    blocks[:, place] = padded.reshape(-1, lanes)


def _aligned(*shape: int) -> NDArray[np.float64]:
    """Return zeros that begin at a cache line, as vectors want it."""
    size = int(np.prod(shape)) * 8
    raw = np.zeros(size + CACHE_LINE, dtype=np.uint8)
    skipped = -raw.ctypes.data % CACHE_LINE
    return raw[skipped : skipped + size].view(np.float64).reshape(shape)


def place_of(form: Form, name: str) -> int:
    """Return the place of the number called `name` among those of a machine."""
    return names(form).index(name)


@cache
def names(form: Form) -> tuple[str, ...]:
    """Return the names of a machine's numbers, in order; those of parts with the part's name before them."""
    return (*_names(form.figures), *form.changing, *SUMS)


def _names(figures: type[tuple[Any, ...]]) -> list[str]:
    found: list[str] = []
    for name, part in get_type_hints(figures).items():
        found += [f"{name}.{inner}" for inner in _names(part)] if _is_figures(part) else [name]
    return found


def _is_figures(part: Any) -> bool:  # noqa: ANN401  a type hint
    return isinstance(part, type) and issubclass(part, tuple)
