"""What is remembered so that it does not count twice."""

from __future__ import annotations

from hw.drivers.recent import Recent


def test_what_was_there_is_not_new_until_enough_others_came() -> None:
    recent = Recent[int](3)
    assert [recent.is_new(number) for number in (1, 2, 3)] == [True] * 3
    assert [recent.is_new(number) for number in (1, 2, 3)] == [False] * 3
    assert recent.is_new(4)  # which is one too many: 1 is forgotten
    assert [recent.is_new(number) for number in (2, 3, 4)] == [False] * 3
    assert recent.is_new(1)
