"""The two functions that a machine's heat asks for, from plain arithmetic: every kind of number gives the same bits.

Additions, multiplications, divisions and square roots are rounded alike by Python, by compiled code and in every lane of a
vector (IEEE 754), library functions are not. So leakage's exponential, and the temperature at which it stays steady, are made
of those alone.
"""

from __future__ import annotations

from math import e, factorial
from typing import Any, Final, Protocol

Real = Any
"""A number that knows + - * / and comparisons: a float, or a compiler's value, maybe of many lanes."""

LARGEST_EXPONENT: Final = 8.0  # e^8 is leakage 346 degC away from its reference: no chip lives there
_HALVINGS: Final = 7  # bring 8 down to 1/16, where ...
_TERMS: Final = tuple(1 / factorial(power) for power in range(9))  # ... Taylor's next term is 4e-17
_FEW_HALVINGS: Final = 4  # bring 1 down to 1/16

LARGEST_FEEDBACK: Final = 1 / e
"""The largest z for which y = z·e^y has a solution."""

# y = 1 - p + p²·q(p) with p² = 2 - 2·e·z, q of least squares with weight p over z from 0 to 1/e: off by 2.4e-5 at most.
_START: Final = (0.3330492959137812, -0.14974928733579776, 0.0682624254276861, -0.023648029719434284, 0.004052157341471246)


class Choices(Protocol):
    """What numbers of one kind need besides their operators."""

    def select(self, condition: Real, yes: Real, no: Real) -> Real:
        """Return `yes` where `condition` holds, else `no`."""
        ...

    def maximum(self, one: Real, other: Real) -> Real:
        """Return the larger one."""
        ...

    def minimum(self, one: Real, other: Real) -> Real:
        """Return the smaller one."""
        ...

    def root(self, x: Real) -> Real:
        """Return the square root."""
        ...


def exponential(of: Choices, x: Real) -> Real:
    """Return e^x within 6e-14 of itself, for |x| up to 8; beyond, that of 8 or -8.

    Taylor's polynomial of x/128, squared seven times.
    """
    within = of.minimum(of.maximum(x, -LARGEST_EXPONENT), LARGEST_EXPONENT)
    return _squared(_taylor(within * (0.5**_HALVINGS)), _HALVINGS)


def feedback(of: Choices, z: Real) -> Real:
    """Return the smaller y with y = z·e^y, for z from 0 to 1/e: −W(−z), Lambert's function.

    A start that is good to 2.4e-5, and one step of Halley's rule, which makes that 1e-14.
    """
    squared = of.maximum(2.0 - (2.0 * e) * z, 0.0)
    distance = of.root(squared)  # from the largest z, where both solutions meet
    start = 1.0 - distance + squared * _polynomial(distance, _START)
    there = z * _squared(_taylor(start * (0.5**_FEW_HALVINGS)), _FEW_HALVINGS)
    off, slope = start - there, 1.0 - there
    return start - 2.0 * off * slope / (2.0 * slope * slope + off * there)


def _taylor(x: Real) -> Real:
    return _polynomial(x, _TERMS)


def _polynomial(x: Real, terms: tuple[float, ...]) -> Real:
    """Return the sum of `terms` times the powers of `x`, from 0 on.

    Even and odd powers by Horner's rule, apart, since neither then waits for the other.
    """
    square = x * x
    return _horner(square, terms[::2]) + x * _horner(square, terms[1::2])


def _horner(x: Real, terms: tuple[float, ...]) -> Real:
    *others, total = terms
    for term in reversed(others):
        total = term + x * total
    return total


def _squared(x: Real, times: int) -> Real:
    for _ in range(times):
        x = x * x
    return x
