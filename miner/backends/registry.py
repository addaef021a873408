"""The table of backends: loaded on demand, and refused if they answer a known question wrongly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from itertools import groupby
from logging import getLogger
from time import perf_counter
from typing import Final, NamedTuple

from miner.backends.error_words import first_line
from miner.backends.genesis import GENESIS_HASH, GENESIS_HEADER, GENESIS_HIT, GENESIS_NONCE
from miner.backends.once import once
from miner.backends.trial import Clock, best_times_s
from miner.errors import BackendSelfTestError, BackendUnavailableError, MinerError, WorkError
from miner.header import message_word
from miner.share import Hit
from miner.target import MAX_TARGET, Target
from miner.template import HeaderTemplate, Template, check_shared_tail

__all__ = [
    "BACKENDS",
    "GENESIS_HASH",
    "GENESIS_HEADER",
    "GENESIS_HIT",
    "GENESIS_NONCE",
    "KINDS",
    "MOST_LANES",
    "Backend",
    "Scan",
    "ScanVersions",
    "fastest",
    "load",
    "self_test",
    "versions_self_test",
    "words_self_test",
]

Scan = Callable[[Template, int, int, Target], list[Hit]]
ScanVersions = Callable[[Sequence[Template], int, int, Target], list[list[Hit]]]

BACKENDS: Final = {
    "cupy": "miner.backends.cupy_raw",
    "cuda": "miner.backends.cuda",
    "numba-sha": "miner.backends.numba_sha",
    "numba-cpu": "miner.backends.numba_cpu",
    "reference": "miner.backends.reference",
}
"""Backends by name, kind by kind, the fastest kind first."""

KINDS: Final = {"cuda": "GPU", "cupy": "GPU", "numba-sha": "CPU", "numba-cpu": "CPU"}
"""What is about as fast, so that only a trial tells which is faster; what is not named here is a kind of its own.

On Zen 4 the SHA extensions beat the vector units by 77 cycles a hash to 106, on Zen 5 they lose by 125 to 54.
"""

TRIED: Final = frozenset({"CPU"})
"""Kinds whose rivals are tried against each other. For a GPU one text is compiled by two ways to the same instructions within
0.2 %: not worth the seconds that the second way takes to start. CuPy takes a third of numba.cuda's.
"""

MOST_LANES: Final = 16  # nonces side by side in the widest kernel
EVERY_GROUP: Final = 7  # templates: four, two and one, which is how kernels take them
TRIAL_PART: Final = 4  # of the hashes that are asked of a backend at a time, those of a trial: some 5 ms


_LOG: Final = getLogger(__name__)


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

    It is tried first with one midstate, and with as many as are to be searched together. Threads that ask at the same time
    wait for one trial.

    Raises
    ------
    WorkError
        If there are to be fewer than one midstate.
    BackendUnavailableError
        If there is none of that name, or what it needs is missing.
    BackendSelfTestError
        If it does not find the nonce of block 0, or finds another; or, if it has kernels for CPUs, does not find all that they
        are asked.
    """
    if midstates < 1:
        raise WorkError(f"{midstates} midstates to be searched together; want 1 or more")
    return _load_for(_auto() if name == "auto" else name, midstates)


def fastest(rivals: Sequence[Backend], clock: Clock = perf_counter) -> Backend:
    """Return the backend that takes the least of `clock` [s] a hash; a single one is not tried."""
    if len(rivals) == 1:
        return rivals[0]
    template, counts = HeaderTemplate(GENESIS_HEADER), [max(1, rival.chunk_nonces // TRIAL_PART) for rival in rivals]
    scans = [partial(rival.scan, template, 0, count, MAX_TARGET) for rival, count in zip(rivals, counts, strict=True)]
    each_s = [best_s / count for best_s, count in zip(best_times_s(scans, clock), counts, strict=True)]
    return rivals[each_s.index(min(each_s))]


@once
def _auto() -> str:
    """Return the name of the fastest backend of the first kind that works here."""
    reasons = []
    for kind, names in groupby(BACKENDS, key=lambda name: KINDS.get(name, name)):
        rivals: list[Backend] = []
        for name in names:
            if rivals and kind not in TRIED:
                break
            try:
                rivals.append(_load(name))
            except BackendUnavailableError as error:
                _LOG.info("auto does without a backend: %s", error)
                reasons.append(str(error))
        if rivals:
            return fastest(rivals).name
    raise BackendUnavailableError("no backend works here: " + "; ".join(reasons))


@once
def _load_for(name: str, midstates: int) -> Backend:
    backend = _load(name)
    if midstates > 1:
        versions_self_test(backend, min(midstates, EVERY_GROUP))
    return backend


@once
def _load(name: str) -> Backend:
    if name not in BACKENDS:
        raise BackendUnavailableError(f"no backend {name!r}; known: auto, {', '.join(BACKENDS)}")
    try:
        module = import_module(BACKENDS[name])
    except (ImportError, OSError) as error:  # a library of its own that cannot be opened is an OSError
        raise BackendUnavailableError(f"backend {name!r} cannot be loaded: {error}") from error
    kinds = (getattr(module, kind, None) for kind in ("scan_versions", "scan_words"))
    backend = Backend(name, module.scan, module.CHUNK_NONCES, *kinds)
    try:
        self_test(backend)
    except MinerError:
        raise
    except Exception as error:  # libraries raise what they like
        raise BackendUnavailableError(f"backend {name!r} cannot search: {first_line(error)}") from error
    return backend._replace(versions=_tested_versions(backend), words=_tested_words(backend))


def _tested_versions(backend: Backend) -> ScanVersions | None:
    """Return its scan of several templates, which is tested for each number of them before its first answer."""
    versions = backend.versions
    if versions is None:
        return None
    tested = once(partial(versions_self_test, backend))

    def scan(templates: Sequence[Template], start: int, count: int, target: Target) -> list[list[Hit]]:
        tested(min(len(templates), EVERY_GROUP))
        return versions(templates, start, count, target)

    return scan


def _tested_words(backend: Backend) -> Scan | None:
    """Return its scan of message words, which is tested before its first answer."""
    words = backend.words
    if words is None:
        return None
    tested = once(partial(words_self_test, backend, words))

    def scan(template: Template, start: int, count: int, target: Target) -> list[Hit]:
        tested()
        return words(template, start, count, target)

    return scan


def self_test(backend: Backend) -> None:
    """Search block 0 with its nonce in every lane, and again without room for it; refuse a backend that errs."""
    cases = [(GENESIS_NONCE - lane, 64, [GENESIS_HIT]) for lane in range(MOST_LANES)]
    template = HeaderTemplate(GENESIS_HEADER)
    for start, count, wanted in (*cases, (GENESIS_NONCE + 1, 64, [])):
        _compare(backend, start, wanted, backend.scan(template, start, count, MAX_TARGET))


def versions_self_test(backend: Backend, midstates: int) -> None:
    """Search block 0 in the place of every midstate, beside headers of other versions; refuse a backend that errs."""
    genesis = HeaderTemplate(GENESIS_HEADER)
    others = [HeaderTemplate((2 + other).to_bytes(4, "little") + GENESIS_HEADER[4:]) for other in range(midstates)]
    for place in range(midstates):
        templates = [genesis if other == place else template for other, template in enumerate(others)]
        wanted = [[GENESIS_HIT] if other == place else [] for other in range(midstates)]
        for start in (GENESIS_NONCE - MOST_LANES - place, GENESIS_NONCE):
            _compare(backend, start, wanted, backend.scan_versions(templates, start, 64, MAX_TARGET))


def words_self_test(backend: Backend, words: Scan) -> None:
    """Search block 0 by the words of its message, as `self_test` does by nonces; refuse a backend that errs."""
    word, template = message_word(GENESIS_NONCE), HeaderTemplate(GENESIS_HEADER)
    for start, wanted in (*((word - lane, [GENESIS_HIT]) for lane in range(MOST_LANES)), (word + 1, [])):
        _compare(backend, start, wanted, words(template, start, 64, MAX_TARGET))


def _compare(backend: Backend, start: int, wanted: object, found: object) -> None:
    if found != wanted:
        raise BackendSelfTestError(
            f"backend {backend.name!r}: block 0 from nonce {start} gave {found}, not {wanted}; it is refused"
        )
