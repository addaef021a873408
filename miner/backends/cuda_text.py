"""Words as text of CUDA C++: a variable for each operation."""

from __future__ import annotations

from miner.backends.gpu_program import TOP_IS_ZERO, TOP_OF_INITIAL
from miner.backends.gpu_variant import Variant


def screen(variant: Variant, result: str) -> str:
    """Return the statement that looks whether a hash may hit: of `result`, which is E after round 60."""
    met = f"{result} == {TOP_IS_ZERO:#x}u" if variant.zero else f"swapped({result} + {TOP_OF_INITIAL:#x}u) <= limit"
    return f"met = met | ({met});"


class CudaText:
    """Words as names of variables, declared line by line."""

    def __init__(self, variant: Variant) -> None:
        self.lines: list[str] = []
        self._variant = variant

    def const(self, value: int) -> str:
        """Return a literal."""
        return f"{value:#x}u"

    def add(self, *terms: str) -> str:
        """Add modulo 2^32, on the pipe that multiplies if so wanted."""
        x, y = terms
        return self._named(f"{x} * one + {y}" if self._variant.multiplied else f"{x} + {y}")

    def xor(self, *terms: str) -> str:
        """Return the exclusive or of all terms."""
        return self._named(" ^ ".join(terms))

    def and_(self, x: str, y: str) -> str:
        """Return the bits set in both."""
        return self._named(f"{x} & {y}")

    def not_(self, x: str) -> str:
        """Return the bits not set."""
        return self._named(f"~{x}")

    def rotr(self, x: str, n: int) -> str:
        """Rotate right by `n` bits."""
        return self._named(f"multiplied({x}, p{n}, one)" if n in self._variant.wide else f"rotated({x}, {n})")

    def shr(self, x: str, n: int) -> str:
        """Shift right by `n` bits."""
        return self._named(f"shifted({x}, p{n})" if n in self._variant.wide else f"{x} >> {n}")

    def _named(self, expression: str) -> str:
        name = f"r{len(self.lines)}"
        self.lines.append(f"const word {name} = {expression};")
        return name
