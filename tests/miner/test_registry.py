"""Backends load on demand; a liar is refused, an absent one is a sentence."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from types import ModuleType

import llvmlite.binding as llvm
import pytest

from miner.backends import numba_cpu, reference, registry
from miner.backends.kernel import PAIRED, VECTOR, Kernel
from miner.backends.object_code import target_features
from miner.backends.registry import BACKENDS, GENESIS_HEADER, GENESIS_NONCE, Backend, fastest, load
from miner.errors import BackendSelfTestError, BackendUnavailableError
from miner.header import Nonce
from miner.share import Hit
from miner.target import Target
from miner.template import HeaderTemplate, Template

Nonces = Callable[[int, int], Iterable[int]]

LIES: dict[str, Nonces] = {
    "finds nothing": lambda start, count: [],
    "finds the next one": lambda start, count: [GENESIS_NONCE + 1],
    "finds it twice": lambda start, count: [GENESIS_NONCE] * 2 if start <= GENESIS_NONCE < start + count else [],
    "finds one too many": lambda start, count: (n for n in (GENESIS_NONCE, GENESIS_NONCE + 5) if start <= n < start + count),
    "finds it in any range": lambda start, count: [GENESIS_NONCE],
    "finds everything": lambda start, count: range(start, start + count),
    "swaps the bytes of nonces": lambda start, count: [0x1DAC2B7C] if start <= GENESIS_NONCE < start + count else [],
    "starts one late": lambda start, count: [GENESIS_NONCE] if start == GENESIS_NONCE + 1 else [],
}


def planted(monkeypatch: pytest.MonkeyPatch, name: str, nonces: Nonces) -> str:
    """Put a module of this name, with a scan that answers `nonces`, where backends are looked for; return its place."""

    def scan(header: bytes, start: int, count: int, target: int) -> list[Hit]:
        return [Hit(Nonce(nonce), "0" * 64) for nonce in nonces(start, count)]

    module = ModuleType(name)
    module.scan, module.CHUNK_NONCES = scan, 1  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, name, module)
    return name


@pytest.fixture(autouse=True)
def fresh() -> Iterable[None]:
    """Forget what was loaded, before and after: the table is patched here."""
    for remembered in (registry._load, registry._load_for, registry._auto):
        remembered.cache_clear()
    yield
    for remembered in (registry._load, registry._load_for, registry._auto):
        remembered.cache_clear()


def test_block_0_proves_itself() -> None:
    """What the self-test asks is real: the header's hash as every explorer prints it."""
    [hit] = reference.scan(HeaderTemplate(GENESIS_HEADER), GENESIS_NONCE, 1, registry.MAX_TARGET)
    assert hit.hash == "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"
    assert GENESIS_HEADER[76:] == GENESIS_NONCE.to_bytes(4, "little")


@pytest.mark.parametrize("lie", LIES)
def test_a_backend_that_lies_is_refused(monkeypatch: pytest.MonkeyPatch, lie: str) -> None:
    monkeypatch.setattr(registry, "BACKENDS", {"liar": planted(monkeypatch, "tests_liar", LIES[lie])})
    for _ in range(2):  # a refusal is not remembered as a success
        with pytest.raises(BackendSelfTestError, match=r"'liar': block 0 from nonce \d+ gave .*it is refused"):
            load("liar")


def test_auto_does_not_pass_over_a_liar_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a fault of this machine or of the program, and the user is to hear of it."""
    table = {"liar": planted(monkeypatch, "tests_liar", LIES["finds nothing"]), "reference": BACKENDS["reference"]}
    monkeypatch.setattr(registry, "BACKENDS", table)
    with pytest.raises(BackendSelfTestError, match="'liar'"):
        load("auto")


def test_an_honest_backend_passes_with_its_own_chunk() -> None:
    loaded = load("reference")
    assert (loaded.name, loaded.scan, loaded.chunk_nonces) == ("reference", reference.scan, reference.CHUNK_NONCES)


@pytest.mark.parametrize("lost", range(4))
def test_a_backend_that_loses_the_hits_of_one_of_four_midstates_is_refused(monkeypatch: pytest.MonkeyPatch, lost: int) -> None:
    """With one midstate it is honest, and so it loads; with four it is found out."""

    def versions(templates: Sequence[Template], start: int, count: int, target: Target) -> list[list[Hit]]:
        honest = [reference.scan(template, start, count, target) for template in templates]
        return [[] if place == lost else hits for place, hits in enumerate(honest)]

    name = planted(monkeypatch, "tests_one_of_four", lambda start, count: [])
    module = sys.modules[name]
    module.scan, module.scan_versions = reference.scan, versions  # type: ignore[attr-defined]
    monkeypatch.setattr(registry, "BACKENDS", {"three": name})
    load("three")
    with pytest.raises(BackendSelfTestError, match="'three': block 0 from nonce"):
        load("three", midstates=4)


@pytest.mark.parametrize("midstates", [2, 4])
@pytest.mark.parametrize("name", list(BACKENDS))
def test_every_backend_that_works_here_passes_with_several_midstates(name: str, midstates: int) -> None:
    try:
        load(name)
    except BackendUnavailableError as error:
        pytest.skip(str(error))
    assert load(name, midstates).name == name


def test_an_unknown_backend_is_told_which_are_known() -> None:
    known = "auto, cuda, cupy, numba-sha, numba-cpu, reference"
    with pytest.raises(BackendUnavailableError, match=f"no backend 'cuda9'; known: {known}"):
        load("cuda9")


def test_an_absent_library_is_a_sentence_with_the_library_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "BACKENDS", {"cuda": "no_such_library.kernels"})
    with pytest.raises(BackendUnavailableError, match="'cuda' cannot be loaded: No module named 'no_such_library'"):
        load("cuda")


def test_auto_takes_the_first_that_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    table = {"absent": "no_such_library", "reference": BACKENDS["reference"], "numba-cpu": BACKENDS["numba-cpu"]}
    monkeypatch.setattr(registry, "BACKENDS", table)
    assert load("auto").name == "reference"


def test_auto_takes_the_faster_one_of_a_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """The order in the table does not count within a kind, and a slower kind is not even loaded."""
    table = {"absent": "no_such_library", "slow": BACKENDS["reference"], "fast": BACKENDS["numba-cpu"], "last": "nor_this_one"}
    monkeypatch.setattr(registry, "BACKENDS", table)
    monkeypatch.setattr(registry, "KINDS", {"slow": "CPU", "fast": "CPU"})
    assert load("auto").name == "fast"


def test_the_fastest_is_the_one_with_the_best_trial_a_hash() -> None:
    """Each takes as long as it says, a hash; one is held up once, and one is asked for fewer hashes at a time."""
    now_s, asked = [0.0], list[str]()

    def rival(name: str, chunk: int, each_s: float, held_up_s: float) -> Backend:
        def scan(template: Template, start: int, count: int, target: Target) -> list[Hit]:
            now_s[0] += each_s * count + (held_up_s if name not in asked else 0.0)
            asked.append(name)
            return []

        return Backend(name, scan, chunk)

    rivals = [rival("a", 4000, 2e-6, 0.0), rival("b", 400, 1e-6, 9.0), rival("c", 4000, 3e-6, 0.0)]
    assert fastest(rivals, lambda: now_s[0]).name == "b"
    assert asked == ["a", "b", "c"] * 3
    assert fastest(rivals[:1], lambda: 0 / 0).name == "a"


def test_auto_says_of_each_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "BACKENDS", {"one": "no_such_library", "two": "nor_this_one"})
    with pytest.raises(BackendUnavailableError, match=r"no backend works here: .*'no_such_library'; .*'nor_this_one'"):
        load("auto")


def test_sha_extensions_are_asked_for_before_anything_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a CPU without them LLVM would end the process; of the kernels for CPUs `auto` then takes the one for vectors."""
    table = {name: BACKENDS[name] for name in ("numba-sha", "numba-cpu", "reference")}
    monkeypatch.setattr(registry, "BACKENDS", table)
    without = type(llvm.get_host_cpu_features())({"avx2": True})  # as LLVM tells it, with what Numba asks of it
    monkeypatch.setattr(llvm, "get_host_cpu_features", lambda: without)
    monkeypatch.delitem(sys.modules, "miner.backends.numba_sha", raising=False)
    with pytest.raises(BackendUnavailableError, match="'numba-sha' cannot be loaded: this CPU has no SHA extensions"):
        load("numba-sha")
    assert load("auto").name == "numba-cpu"


@pytest.mark.parametrize(("name", "features"), [("generic", None), ("x86-64-v3", ""), ("znver3", "+avx2,-sha")])
def test_what_a_user_forces_upon_the_compiler_is_asked_for_too(
    monkeypatch: pytest.MonkeyPatch, name: str, features: str | None
) -> None:
    """Or else LLVM would end the process over an instruction that this processor has and the target has not."""
    monkeypatch.setenv("NUMBA_CPU_NAME", name)
    if features is not None:
        monkeypatch.setenv("NUMBA_CPU_FEATURES", features)
    assert not target_features().get("sha")
    monkeypatch.setenv("NUMBA_CPU_FEATURES", "+avx2,+sha")
    assert target_features() == {"avx2": True, "sha": True}


@pytest.mark.parametrize(
    ("features", "kernel"),
    [
        ({"avx512f": True, "avx2": True}, Kernel(PAIRED, 16)),
        ({"avx2": True}, Kernel(VECTOR, 8)),
        ({"sse2": True}, Kernel(VECTOR, 4)),
    ],
)
def test_lanes_follow_the_widest_vectors(monkeypatch: pytest.MonkeyPatch, features: dict[str, bool], kernel: Kernel) -> None:
    monkeypatch.setattr(llvm, "get_host_cpu_features", lambda: features)
    assert numba_cpu.default_kernel() == kernel


@pytest.mark.parametrize(
    ("features", "kernel"),
    [
        ("", Kernel(VECTOR, 8)),
        ("+avx2,-avx512f", Kernel(VECTOR, 8)),
        ("+avx512f", Kernel(PAIRED, 16)),
        ("+sse4.2", Kernel(VECTOR, 4)),
    ],
)
def test_lanes_follow_what_a_user_forces_upon_the_compiler(
    monkeypatch: pytest.MonkeyPatch, features: str, kernel: Kernel
) -> None:
    monkeypatch.setenv("NUMBA_CPU_NAME", "x86-64-v3")
    monkeypatch.setenv("NUMBA_CPU_FEATURES", features)
    assert numba_cpu.default_kernel() == kernel
