"""Which instructions code is made for: by LLVM's own rules, and Numba itself is asked before LLVM ends the process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from types import SimpleNamespace

import llvmlite.binding as llvm
import pytest
from numba.core import config

from miner.backends import compiler_target
from miner.backends.compiler_target import NEEDED, check_compiler
from miner.backends.instructions import changed, likely_features, target_features
from miner.backends.kernel import PAIRED, SHA, VECTOR, WOVEN, Kernel
from miner.errors import BackendUnavailableError

Python = Callable[..., CompletedProcess[str]]


@pytest.mark.parametrize(
    ("forced", "there", "gone"),
    [
        ("+avx512vl", {"avx512vl", "avx512f", "avx2", "fma", "avx", "sse2"}, {"sha"}),
        ("+avx512f,-avx2", {"avx", "fma"}, {"avx512f", "avx2", "avx512vl"}),
        ("-avx2,+avx512f", {"avx2", "avx512f"}, {"avx512vl"}),
        ("+avx512vl,-fma", {"avx2"}, {"avx512vl", "avx512f", "fma"}),
        ("+sha,-sse2", {"sse"}, {"sha", "sse2"}),
        (" +sha , ,-sse4a", {"sha", "sse2"}, {"sse4a", "avx"}),
        ("", set(), {"sha"}),
    ],
)
def test_features_bring_and_take_what_llvm_says(forced: str, there: set[str], gone: set[str]) -> None:
    after = changed({}, forced)
    assert {name for name in there | gone if after.get(name)} == there


def test_the_rules_are_those_of_llvm() -> None:
    """A vector of 512 bits is one register if LLVM has AVX-512, and is shifted as one instruction."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    text = "define <16 x i32> @f(<16 x i32> %a, <16 x i32> %b) { %c = add <16 x i32> %a, %b\n ret <16 x i32> %c }"
    for forced in (
        "+avx512vl",
        "+avx512f,-avx2",
        "-avx2,+avx512f",
        "+avx512f,-fma",
        "+avx512f,-f16c",
        "+avx2",
        "+avx512f,-sse4.1",
    ):
        machine = llvm.Target.from_triple("x86_64-unknown-linux-gnu").create_target_machine(cpu="x86-64", features=forced)
        module = llvm.parse_assembly(f'target triple = "x86_64-unknown-linux-gnu"\n{text}')
        assert ("zmm" in machine.emit_assembly(module)) == bool(changed({}, forced).get("avx512f")), forced


@pytest.mark.parametrize(("name", "features"), [("generic", None), ("x86-64-v3", ""), ("znver3", "+avx2,-sha")])
def test_what_a_user_forces_upon_the_compiler_is_asked_for_too(
    monkeypatch: pytest.MonkeyPatch, name: str, features: str | None
) -> None:
    """Or else LLVM would end the process over an instruction that this processor has and the target has not."""
    monkeypatch.setenv("NUMBA_CPU_NAME", name)
    if features is not None:
        monkeypatch.setenv("NUMBA_CPU_FEATURES", features)
    assert not target_features().get("sha")
    assert not likely_features().get("sha")
    monkeypatch.setenv("NUMBA_CPU_FEATURES", "+avx2,+sha")
    assert {"avx2", "sha"} <= {name for name, there in target_features().items() if there}


def test_a_processor_of_which_llvm_knows_nothing_has_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> dict[str, bool]:
        raise RuntimeError("failed to get host cpu features")

    monkeypatch.setattr(llvm, "get_host_cpu_features", unknown)
    assert target_features() == {}


def compiler(monkeypatch: pytest.MonkeyPatch, features: str) -> None:
    """Let Numba's compiler be set to these features."""
    codegen = SimpleNamespace(magic_tuple=lambda: ("x86_64-linux", "paper", features))
    monkeypatch.setattr(compiler_target, "cpu_target", SimpleNamespace(target_context=SimpleNamespace(codegen=lambda: codegen)))


@pytest.mark.parametrize("kind", [PAIRED, SHA, WOVEN])
@pytest.mark.parametrize("features", ["", "-avx512f,-sha", "+avx512f,+sha,-avx2,-sse2"])
def test_a_kernel_that_needs_what_the_compiler_lacks_is_refused(
    monkeypatch: pytest.MonkeyPatch, kind: int, features: str
) -> None:
    compiler(monkeypatch, features)
    with pytest.raises(BackendUnavailableError, match=f"Numba compiles for 'paper' without {NEEDED[kind]}, which the .* needs"):
        check_compiler(Kernel(kind, 8))
    check_compiler(Kernel(VECTOR, 8))


def test_a_kernel_that_has_what_it_needs_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    compiler(monkeypatch, "-avx512vl,+avx2,+sha,+avx512f")
    for kind in NEEDED:
        check_compiler(Kernel(kind, 8))


def test_numba_that_compiles_nothing_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "DISABLE_JIT", 1)
    with pytest.raises(BackendUnavailableError, match="nothing while NUMBA_DISABLE_JIT is set; unset it"):
        check_compiler(Kernel(VECTOR, 8))


ASK = """
from miner.backends.kernel import PAIRED, VECTOR, Kernel
from miner.backends.native import machine_code
from miner.errors import BackendUnavailableError
try:
    machine_code(Kernel(PAIRED, 16))
except BackendUnavailableError as error:
    print(error)
"""


@pytest.mark.parametrize("setting", [{"NUMBA_ENABLE_AVX": "0"}, {"NUMBA_CPU_FEATURES": "+avx512f,-avx2"}])
def test_the_process_outlives_a_compiler_without_avx(python: Python, tmp_path: Path, setting: dict[str, str]) -> None:
    """End to end, with Numba and LLVM as they are."""
    asked = python("-c", ASK, NUMBA_CACHE_DIR=str(tmp_path), **setting)
    assert (asked.returncode, asked.stderr) == (0, "")
    assert "without avx512f, which the paired kernel of 16 lanes for 1 midstate needs" in asked.stdout


NOCONA = """
import llvmlite.binding as llvm
llvm.get_host_cpu_name = lambda: "nocona"
from miner.backends.registry import load
print(load("numba-cpu").name)
"""


def test_the_process_outlives_a_processor_whose_avx_numba_leaves_alone(python: Python, tmp_path: Path) -> None:
    asked = python("-c", NOCONA, NUMBA_CACHE_DIR=str(tmp_path))
    assert (asked.returncode, asked.stdout) == (0, "numba-cpu\n"), asked.stderr


NO_JIT = "from miner.backends.registry import load; print(load('auto').name)"


def test_auto_does_without_numba_that_compiles_nothing(python: Python, tmp_path: Path) -> None:
    asked = python("-c", NO_JIT, NUMBA_CACHE_DIR=str(tmp_path), NUMBA_DISABLE_JIT="1")
    assert (asked.returncode, asked.stderr) == (0, "")
    assert asked.stdout in {"reference\n", "cuda\n", "cupy\n"}
