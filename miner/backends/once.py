"""Results that are made once, however many threads ask for them at the same time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import update_wrapper
from threading import RLock
from typing import Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class once(Generic[P, R]):  # noqa: N801  a decorator, as functools.cache is
    """Remember what `make` returned for arguments by position; who asks meanwhile waits for it. Errors are not remembered."""

    def __init__(self, make: Callable[P, R]) -> None:
        self._make, self._made, self._lock = make, dict[object, R](), RLock()
        update_wrapper(self, make)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return what `make` returns, or returned."""
        key = (args, tuple(kwargs.items()))
        with suppress(KeyError):
            return self._made[key]
        with self._lock:
            if key not in self._made:
                self._made[key] = self._make(*args, **kwargs)
            return self._made[key]

    def cache_clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._made.clear()
