"""What a kernel is asked for: the top words of the hashes of some neighbouring nonces."""

from __future__ import annotations

from typing import NamedTuple

from llvmlite import ir


class Batch(NamedTuple):
    """A batch of `lanes` nonces from `first` on, as values of the compiler.

    All share `midstate` (8 words) and `tail` (3 words). `scratch` points to memory that stays from batch to batch.
    """

    lanes: int
    midstate: list[ir.Value]
    tail: list[ir.Value]
    first: ir.Value
    scratch: ir.Value
