"""Backends load on demand; a liar is refused, an absent one is a sentence."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from types import ModuleType

import llvmlite.binding as llvm
import pytest
from numba.core.registry import cpu_target

from miner.backends import native, reference, registry
from miner.backends.kernel import Kernel
from miner.backends.registry import BACKENDS, GENESIS_HEADER, GENESIS_NONCE, Backend, fastest, load
from miner.errors import BackendSelfTestError, BackendUnavailableError, WorkError
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
    for remembered in (registry._load, registry._load_for, registry._auto, native.machine_code):
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


def test_who_searches_two_midstates_without_loading_it_for_two_hears_of_a_liar(monkeypatch: pytest.MonkeyPatch) -> None:
    """With four it is right, and with one; nobody asked it for two before it is used."""

    def versions(templates: Sequence[Template], start: int, count: int, target: Target) -> list[list[Hit]]:
        return [[] if len(templates) == 2 else reference.scan(template, start, count, target) for template in templates]

    name = planted(monkeypatch, "tests_two_midstates", lambda start, count: [])
    module = sys.modules[name]
    module.scan, module.scan_versions = reference.scan, versions  # type: ignore[attr-defined]
    monkeypatch.setattr(registry, "BACKENDS", {"not for two": name})
    engine, easy = load("not for two", 4), Target((1 << 255) - 1)
    templates = [HeaderTemplate(bytes([version]) + GENESIS_HEADER[1:]) for version in range(4)]
    assert all(engine.scan_versions(templates, 0, 99, easy))
    for _ in range(2):
        with pytest.raises(BackendSelfTestError, match="'not for two': block 0 from nonce"):
            engine.scan_versions(templates[:2], 0, 99, easy)


def test_who_searches_by_words_hears_of_a_liar(monkeypatch: pytest.MonkeyPatch) -> None:
    name = planted(monkeypatch, "tests_words", lambda start, count: [])
    module = sys.modules[name]
    module.scan = module.scan_words = reference.scan  # type: ignore[attr-defined]
    monkeypatch.setattr(registry, "BACKENDS", {"nonces for words": name})
    words = load("nonces for words").words
    assert words is not None
    with pytest.raises(BackendSelfTestError, match="'nonces for words': block 0 from nonce 497822588 gave "):
        words(HeaderTemplate(GENESIS_HEADER), 0, 10, Target((1 << 255) - 1))


def test_any_number_of_headers_may_be_searched_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels take four, two and one of them: no more than seven at a time are asked for in advance."""

    def versions(templates: Sequence[Template], start: int, count: int, target: Target) -> list[list[Hit]]:
        asked.append(len(templates))
        return [reference.scan(template, start, count, target) for template in templates]

    asked, name = list[int](), planted(monkeypatch, "tests_any_number", lambda start, count: [])
    module = sys.modules[name]
    module.scan, module.scan_versions = reference.scan, versions  # type: ignore[attr-defined]
    monkeypatch.setattr(registry, "BACKENDS", {"any number": name})
    templates = [HeaderTemplate(version.to_bytes(4, "little") + GENESIS_HEADER[4:]) for version in range(300)]
    assert len(load("any number", 300).scan_versions(templates, 0, 1, Target(0))) == 300
    assert sorted({*asked}) == [7, 300]


@pytest.mark.parametrize("midstates", [0, -1])
def test_fewer_than_one_midstate_are_refused(midstates: int) -> None:
    with pytest.raises(WorkError, match=f"{midstates} midstates to be searched together; want 1 or more"):
        load("reference", midstates)


@pytest.mark.parametrize("midstates", [2, 4])
@pytest.mark.parametrize("name", list(BACKENDS))
def test_every_backend_that_works_here_passes_with_several_midstates(name: str, midstates: int) -> None:
    try:
        load(name)
    except BackendUnavailableError as error:
        pytest.skip(str(error))
    assert load(name, midstates).name == name


def test_an_unknown_backend_is_told_which_are_known() -> None:
    known = "auto, cupy, cuda, numba-sha, numba-cpu, reference"
    with pytest.raises(BackendUnavailableError, match=f"no backend 'cuda9'; known: {known}"):
        load("cuda9")


def test_an_absent_library_is_a_sentence_with_the_library_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "BACKENDS", {"cuda": "no_such_library.kernels"})
    with pytest.raises(BackendUnavailableError, match="'cuda' cannot be loaded: No module named 'no_such_library'"):
        load("cuda")


def test_whatever_a_library_raises_lets_auto_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the first search, since that is when machine code is made; the first line of the message is told."""

    def fails(start: int, count: int) -> list[int]:
        raise OSError("out of device memory\nat 0x7f")

    table = {"broken": planted(monkeypatch, "tests_broken", fails), "reference": BACKENDS["reference"]}
    monkeypatch.setattr(registry, "BACKENDS", table)
    with pytest.raises(BackendUnavailableError, match=r"^backend 'broken' cannot search: OSError: out of device memory$"):
        load("broken")
    assert load("auto").name == "reference"


def test_a_library_that_cannot_be_opened_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def import_module(name: str) -> ModuleType:
        raise OSError("Could not find/load shared object file 'libllvmlite.so'")

    monkeypatch.setattr(registry, "import_module", import_module)
    with pytest.raises(BackendUnavailableError, match=r"'numba-cpu' cannot be loaded: Could not find/load .* 'libllvmlite.so'"):
        load("numba-cpu")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(28, "No space left on device"), r"OSError: \[Errno 28\] No space left on device"),
        (AttributeError("no overloads"), "AttributeError: no overloads"),
        (RuntimeError("LLVM ERROR:\nof many lines"), "RuntimeError: LLVM ERROR:"),
    ],
)
def test_a_kernel_that_cannot_be_made_lets_auto_go_on(monkeypatch: pytest.MonkeyPatch, error: Exception, told: str) -> None:
    def placed(kernel: Kernel) -> None:
        raise error

    monkeypatch.setattr(native, "_placed", placed)
    monkeypatch.setattr(registry, "BACKENDS", {name: BACKENDS[name] for name in ("numba-sha", "numba-cpu", "reference")})
    native.machine_code.cache_clear()
    with pytest.raises(BackendUnavailableError, match=f"kernel of .* cannot be compiled or loaded here: {told}$"):
        load("numba-cpu")
    assert load("auto").name == "reference"


def test_threads_that_ask_at_the_same_time_wait_for_one_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    tried, asked = list[int](), threading.Barrier(4)

    def slow(rivals: Sequence[Backend]) -> Backend:
        tried.append(len(rivals))
        time.sleep(0.1)
        return rivals[0]

    def ask() -> None:
        asked.wait(10)
        names.append(load("auto").name)

    monkeypatch.setattr(registry, "fastest", slow)
    monkeypatch.setattr(registry, "BACKENDS", {"reference": BACKENDS["reference"]})
    names = list[str]()
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert (names, tried) == (["reference"] * 4, [1])


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


def test_of_two_ways_to_the_same_kernel_auto_takes_the_first_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU's second backend is not even loaded: it takes seconds to start, and computes the same."""
    table = {"absent": "no_such_library", "first": BACKENDS["reference"], "second": "nor_this_one"}
    monkeypatch.setattr(registry, "BACKENDS", table)
    monkeypatch.setattr(registry, "KINDS", dict.fromkeys(table, "GPU"))
    asked: list[str] = []
    load_one = registry._load
    monkeypatch.setattr(registry, "_load", lambda name: asked.append(name) or load_one(name))  # type: ignore[func-returns-value]
    assert registry._auto() == "first"
    assert asked == ["absent", "first"]


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
    cpu_target.target_context.codegen()  # made once, with what the processor really has, and kept for the tests after this one
    without = type(llvm.get_host_cpu_features())({"avx2": True})  # as LLVM tells it, with what Numba asks of it
    monkeypatch.setattr(llvm, "get_host_cpu_features", lambda: without)
    monkeypatch.delitem(sys.modules, "miner.backends.numba_sha", raising=False)
    with pytest.raises(BackendUnavailableError, match="'numba-sha' cannot be loaded: this CPU has no SHA extensions"):
        load("numba-sha")
    assert load("auto").name == "numba-cpu"


def test_sha_extensions_that_a_user_leaves_out_are_not_missed_in_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llvm, "get_host_cpu_features", lambda: {"sha": True, "avx2": True})
    monkeypatch.setenv("NUMBA_CPU_FEATURES", "+avx2")
    monkeypatch.delitem(sys.modules, "miner.backends.numba_sha", raising=False)
    with pytest.raises(BackendUnavailableError, match=r"NUMBA_CPU_FEATURES leaves the SHA extensions out; add \+sha"):
        load("numba-sha")
