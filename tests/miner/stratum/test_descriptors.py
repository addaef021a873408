"""Room for connections: as many as the system lets a process have files, less what it needs itself."""

from __future__ import annotations

import resource

import pytest

from miner.stratum import descriptors
from miner.stratum.descriptors import SPARE, room_for

OPEN = 12


@pytest.mark.parametrize(
    ("limits", "room", "raised"),
    [
        ((1024, 4096), 256, None),
        ((64, 4096), 256, OPEN + SPARE + 256),
        ((64, resource.RLIM_INFINITY), 256, OPEN + SPARE + 256),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), 256, None),
        ((64, 128), 128 - OPEN - SPARE, 128),
        ((100, 100), 100 - OPEN - SPARE, None),
        ((20, 20), 1, None),
    ],
)
def test_room(monkeypatch: pytest.MonkeyPatch, limits: tuple[int, int], room: int, raised: int | None) -> None:
    """The soft limit is raised as far as needed, the hard one never."""
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _what: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _what, wanted: asked.append(wanted))
    monkeypatch.setattr(descriptors, "_open_now", lambda: OPEN)
    assert room_for(256) == room
    assert [soft for soft, _ in asked if soft != limits[0]] == ([] if raised is None else [raised])
    assert all(hard == limits[1] for _, hard in asked)
