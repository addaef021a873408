"""A finder that finds what the test says, when the test says it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hw.finder import ANSWER_TARGET, Found
from miner.header import Nonce
from miner.share import Hit
from miner.target import Target
from miner.template import Template


class ListedFinder:
    """Notes what it is asked, and finds nothing by itself."""

    def __init__(self) -> None:
        self.asked: list[Template] = []
        self.told: Found = lambda place, hit: None

    def begin(self, templates: Sequence[Template], found: Found, target: Target = ANSWER_TARGET) -> None:
        self.asked += templates
        self.told = found

    def find(self, nonce: int, *, place: int = 0, block_hash: str = "00" * 32) -> None:
        """Tell of a nonce, for the work of now."""
        self.told(place, Hit(Nonce(nonce), block_hash))

    def stop(self) -> None:
        """Nothing is under way."""

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def finder() -> ListedFinder:
    return ListedFinder()
