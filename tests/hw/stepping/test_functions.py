"""The two functions made of plain arithmetic."""

from __future__ import annotations

from math import e, exp

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hw.stepping.floats import Floats
from hw.stepping.functions import LARGEST_EXPONENT, LARGEST_FEEDBACK, exponential, feedback


@given(st.floats(-LARGEST_EXPONENT, LARGEST_EXPONENT))
@example(0.0)
@example(LARGEST_EXPONENT)
@example(-LARGEST_EXPONENT)
def test_the_exponential_is_the_librarys(x: float) -> None:
    assert exponential(Floats, x) == pytest.approx(exp(x), rel=6e-14, abs=0)


def test_beyond_its_range_the_exponential_stays() -> None:
    assert exponential(Floats, 1e300) == exponential(Floats, LARGEST_EXPONENT)
    assert exponential(Floats, -1e300) == exponential(Floats, -LARGEST_EXPONENT)


@given(st.floats(0, 1))
@example(0.0)
@example(0.5)
@example(1.0)
def test_feedback_gives_back_the_solution(y: float) -> None:
    """The steeper z rises with y, the better it is known; where both solutions meet it does not rise at all."""
    error = min(5e-15 + 3e-16 / max(1 - y, 1e-16), 1e-7)
    assert feedback(Floats, y * exp(-y)) == pytest.approx(y, rel=0, abs=error)


def test_both_solutions_meet_at_one() -> None:
    assert pytest.approx(1 / e) == LARGEST_FEEDBACK
    assert feedback(Floats, LARGEST_FEEDBACK) == pytest.approx(1, abs=1e-7)
    assert feedback(Floats, 1.0) == pytest.approx(1, abs=1e-14)
