"""The two functions that a machine's heat asks for, from plain arithmetic: every kind of number gives the same bits.

Additions, multiplications, divisions and square roots are rounded alike by Python, by compiled code and in every lane of a
vector (IEEE 754), library functions are not. So leakage's exponential, and the temperature at which it stays steady, are made
of those alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import e, factorial
from typing import Any, Final, Protocol

Real = Any
"""A number that knows + - * / and comparisons: a float, or a compiler's value, maybe of many lanes."""

LARGEST_EXPONENT: Final = 8.0  # e^8 is leakage 346 degC away from its reference: no chip lives there
_HALVINGS: Final = 7  # bring 8 down to 1/16, where ...
_TERMS: Final = tuple(1 / factorial(power) for power in range(9))  # ... Taylor's next term is 4e-17

LARGEST_FEEDBACK: Final = 1 / e
"""The largest z for which y = z·e^y has a solution."""

# The smaller y with y = z·e^y, by powers of u = 2·sqrt(1 - e·z) - 1, which takes the root out of it and runs from -1 to 1:
# the Chebyshev series at 64 points, cut after its 17th power, computed with 40 digits; off by 3e-15 at most.
_FEEDBACK_TERMS: Final = (
    0.41986860097402506,
    -0.48249827732013273,
    0.07580130831450534,
    -0.016355445598830707,
    0.0040134594184641345,
    -0.0010562201429069008,
    0.0002904643143060973,
    -8.232908523100698e-05,
    2.3855683207415942e-05,
    -7.0293186650099976e-06,
    2.0973258742762774e-06,
    -6.327301242443493e-07,
    1.9504223915623867e-07,
    -6.000779391526493e-08,
    1.6125594337187926e-08,
    -4.893472851565718e-09,
    2.8017818779336254e-09,
    -9.028422482125266e-10,
)


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
    power = _polynomial(within * (0.5**_HALVINGS), _TERMS)
    for _ in range(_HALVINGS):
        power = power * power
    return power


def feedback(of: Choices, z: Real) -> Real:
    """Return the smaller y with y = z·e^y, within 5e-15, for z from 0 to 1/e; beyond, 1: −W(−z), Lambert's function."""
    return _polynomial(2.0 * of.root(of.maximum(1.0 - e * z, 0.0)) - 1.0, _FEEDBACK_TERMS)


def _polynomial(x: Real, terms: Sequence[Real]) -> Real:
    """Return the sum of `terms` times the powers of `x`, from 0 on: by pairs, pairs of pairs and so on (Estrin).

    Few of its operations wait for another, which is what costs time where many machines go side by side.
    """
    while len(terms) > 1:
        pairs = [low + x * high for low, high in zip(terms[::2], terms[1::2], strict=False)]
        terms = pairs + list(terms[2 * len(pairs) :])
        x = x * x
    return terms[0]
