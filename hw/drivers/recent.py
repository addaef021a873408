"""The last few of many things, so that none counts twice."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Thing = TypeVar("Thing", bound=Hashable)


class Recent(Generic[Thing]):
    """Remembers the last `most` things that were new, whatever their number by a look-up in no time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._things: OrderedDict[Thing, None] = OrderedDict()

    def is_new(self, thing: Thing) -> bool:
        """Return whether it is none of those remembered, and remember it."""
        if thing in self._things:
            return False
        self._things[thing] = None
        if len(self._things) > self._most:
            self._things.popitem(last=False)
        return True
