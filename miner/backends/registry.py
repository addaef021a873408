"""The table of backends: loaded on demand, and refused if they answer a known question wrongly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from typing import Final, NamedTuple

from miner.errors import BackendSelfTestError, BackendUnavailableError
from miner.header import Nonce
from miner.share import Hit
from miner.target import MAX_TARGET, Target
from miner.template import HeaderTemplate, Template, check_shared_tail

Scan = Callable[[Template, int, int, Target], list[Hit]]
ScanVersions = Callable[[Sequence[Template], int, int, Target], list[list[Hit]]]

BACKENDS: Final = {
    "cuda": "miner.backends.cuda",
    "cupy": "miner.backends.cupy_raw",
    "numba-sha": "miner.backends.numba_sha",
    "numba-cpu": "miner.backends.numba_cpu",
    "reference": "miner.backends.reference",
}
"""Backends by name, the fastest first; `auto` takes the first that loads."""

GENESIS_HEADER: Final = bytes.fromhex(
    "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9f"
    "b8aa4b1e5e4a29ab5f49ffff001d1dac2b7c"
)  # block 0, 2009-01-03: it proves itself
GENESIS_NONCE: Final = Nonce(0x7C2BAC1D)
GENESIS_HASH: Final = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"
GENESIS_HIT: Final = Hit(GENESIS_NONCE, GENESIS_HASH)
MOST_LANES: Final = 16  # nonces side by side in the widest kernel


class Backend(NamedTuple):
    """A backend that passed its self-test: its name, its scan, and how many hashes to ask of it at a time.

    `versions` searches several templates of one tail at once, and `words` counts the message's words up instead of nonces, as
    some devices do, if the backend has a kernel for that.
    """

    name: str
    scan: Scan
    chunk_nonces: int
    versions: ScanVersions | None = None
    words: Scan | None = None

    def scan_versions(self, templates: Sequence[Template], start: int, count: int, target: Target) -> list[list[Hit]]:
        """Return the hits of each template among the `count` nonces from `start` on, in order of nonces.

        Raises
        ------
        WorkError
            If the templates do not share their tail, as headers do that differ in their version only.
        """
        check_shared_tail(templates)
        if self.versions is None or len(templates) == 1:
            return [self.scan(template, start, count, target) for template in templates]
        return self.versions(templates, start, count, target)


def load(name: str, midstates: int = 1) -> Backend:
    """Return the backend called `name`, or the fastest one that works here for `auto`.

    It is tried first with one midstate, and with as many as are to be searched together.

    Raises
    ------
    BackendUnavailableError
        If there is none of that name, or what it needs is missing.
    BackendSelfTestError
        If it does not find the nonce of block 0, or finds another.
    """
    if name != "auto":
        return _load_for(name, midstates)
    reasons = []
    for candidate in BACKENDS:
        try:
            return _load_for(candidate, midstates)
        except BackendUnavailableError as error:
            reasons.append(str(error))
    raise BackendUnavailableError("no backend works here: " + "; ".join(reasons))


@cache
def _load_for(name: str, midstates: int) -> Backend:
    backend = _load(name)
    if midstates > 1:
        versions_self_test(backend, midstates)
    return backend


@cache
def _load(name: str) -> Backend:
    if name not in BACKENDS:
        raise BackendUnavailableError(f"no backend {name!r}; known: auto, {', '.join(BACKENDS)}")
    try:
        module = import_module(BACKENDS[name])
    except ImportError as error:
        raise BackendUnavailableError(f"backend {name!r} cannot be loaded: {error}") from error
    kinds = (getattr(module, kind, None) for kind in ("scan_versions", "scan_words"))
    backend = Backend(name, module.scan, module.CHUNK_NONCES, *kinds)
    self_test(backend)
    return backend


def self_test(backend: Backend) -> None:
    """Search block 0 with its nonce in every lane, and again without room for it; refuse a backend that errs."""
    cases = [(GENESIS_NONCE - lane, 64, [GENESIS_HIT]) for lane in range(MOST_LANES)]
    template = HeaderTemplate(GENESIS_HEADER)
    for start, count, wanted in (*cases, (GENESIS_NONCE + 1, 64, [])):
        _compare(backend, start, wanted, backend.scan(template, start, count, MAX_TARGET))


def versions_self_test(backend: Backend, midstates: int) -> None:
    """Search block 0 in the place of every midstate, beside headers of other versions; refuse a backend that errs."""
    for place in range(midstates):
        versions = [bytes([2 + other]) + GENESIS_HEADER[1:] for other in range(midstates)]
        versions[place] = GENESIS_HEADER
        templates = [HeaderTemplate(header) for header in versions]
        wanted = [[GENESIS_HIT] if other == place else [] for other in range(midstates)]
        for start in (GENESIS_NONCE - MOST_LANES - place, GENESIS_NONCE):
            _compare(backend, start, wanted, backend.scan_versions(templates, start, 64, MAX_TARGET))


def _compare(backend: Backend, start: int, wanted: object, found: object) -> None:
    if found != wanted:
        raise BackendSelfTestError(
            f"backend {backend.name!r}: block 0 from nonce {start} gave {found}, not {wanted}; it is refused"
        )
