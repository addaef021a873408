"""The table of backends: loaded on demand, and refused if they answer a known question wrongly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from importlib import import_module
from itertools import groupby
from time import perf_counter
from typing import Final, NamedTuple

from miner.backends.trial import Clock, best_times_s
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
"""Backends by name, kind by kind, the fastest kind first."""

KINDS: Final = {"cuda": "GPU", "cupy": "GPU", "numba-sha": "CPU", "numba-cpu": "CPU"}
"""What is about as fast, so that only a trial tells which is faster; what is not named here is a kind of its own.

On Zen 4 the SHA extensions beat the vector units by 77 cycles a hash to 116, on Zen 5 they lose by 125 to 54.
"""

GENESIS_HEADER: Final = bytes.fromhex(
    "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9f"
    "b8aa4b1e5e4a29ab5f49ffff001d1dac2b7c"
)  # block 0, 2009-01-03: it proves itself
GENESIS_NONCE: Final = Nonce(0x7C2BAC1D)
GENESIS_HASH: Final = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"
GENESIS_HIT: Final = Hit(GENESIS_NONCE, GENESIS_HASH)
MOST_LANES: Final = 16  # nonces side by side in the widest kernel
TRIAL_PART: Final = 4  # of the hashes that are asked of a backend at a time, those of a trial: some 5 ms


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
    """Return the backend called `name`, or for `auto` the fastest one that works here, which a trial tells.

    It is tried first with one midstate, and with as many as are to be searched together.

    Raises
    ------
    BackendUnavailableError
        If there is none of that name, or what it needs is missing.
    BackendSelfTestError
        If it does not find the nonce of block 0, or finds another.
    """
    return _load_for(_auto() if name == "auto" else name, midstates)


def fastest(rivals: Sequence[Backend], clock: Clock = perf_counter) -> Backend:
    """Return the backend that takes the least of `clock` [s] a hash; a single one is not tried."""
    if len(rivals) == 1:
        return rivals[0]
    template, counts = HeaderTemplate(GENESIS_HEADER), [max(1, rival.chunk_nonces // TRIAL_PART) for rival in rivals]
    scans = [partial(rival.scan, template, 0, count, MAX_TARGET) for rival, count in zip(rivals, counts, strict=True)]
    each_s = [best_s / count for best_s, count in zip(best_times_s(scans, clock), counts, strict=True)]
    return rivals[each_s.index(min(each_s))]


@cache
def _auto() -> str:
    """Return the name of the fastest backend of the first kind that works here."""
    reasons = []
    for _, names in groupby(BACKENDS, key=lambda name: KINDS.get(name, name)):
        rivals = []
        for name in names:
            try:
                rivals.append(_load(name))
            except BackendUnavailableError as error:
                reasons.append(str(error))
        if rivals:
            return fastest(rivals).name
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
