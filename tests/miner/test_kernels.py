"""The kernels one by one: every lane count, the smallest buffers, and a cache that knows when they changed."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from subprocess import CompletedProcess

import llvmlite.binding as llvm
import pytest

from miner.backends import executable_memory, llvm_woven, loop_calls, native, object_code, scan_loop
from miner.backends import kernel as kernels
from miner.backends.kernel import PAIRED, SHA, VECTOR, WOVEN, Kernel
from miner.backends.scan_loop import scan_with
from miner.errors import BackendUnavailableError, TargetError, WorkError
from miner.target import Target
from miner.template import HeaderTemplate
from miner.vectors import header_at

KERNELS = [Kernel(VECTOR, lanes) for lanes in (1, 3, 4, 8, 16)] + [Kernel(WOVEN, 8, midstates) for midstates in (1, 2, 4)]
KERNELS += [
    Kernel(VECTOR, 8, 2),
    Kernel(VECTOR, 16, 4),
    Kernel(PAIRED, 16),
    Kernel(PAIRED, 16, by_word=True),
    Kernel(SHA, 1),
    Kernel(SHA, 2),
    Kernel(SHA, 4, 2),
    Kernel(SHA, 2, 4),
]
KERNELS += [Kernel(VECTOR, 8, by_word=True), Kernel(WOVEN, 8, by_word=True), Kernel(SHA, 2, by_word=True)]
NEEDS = {
    VECTOR: [],
    PAIRED: ["avx512f"],
    SHA: ["sha"],
    WOVEN: ["sha", "avx512vl"],
}  # without the last it runs, some hundred times slower
HEADER = header_at(125552).to_bytes()
HALF = Target((1 << 255) - 1)


@pytest.fixture(scope="module", params=KERNELS, ids=lambda kernel: "-".join(map(str, kernel)))
def kernel(request: pytest.FixtureRequest) -> Kernel:
    features = llvm.get_host_cpu_features()
    missing = [feature for feature in NEEDS[request.param.kind] if not features.get(feature)]
    if missing:
        pytest.skip(f"this CPU lacks {', '.join(missing)}")
    return request.param


def versions(kernel: Kernel) -> list[bytes]:
    """As many headers as the kernel takes, different in their version only."""
    return [bytes([1 + place]) + HEADER[1:] for place in range(kernel.midstates)]


def order(kernel: Kernel, start: int, count: int) -> list[int]:
    counted = range(start, start + count)
    return [int.from_bytes(one.to_bytes(4, "big"), "little") for one in counted] if kernel.by_word else list(counted)


def twin(kernel: Kernel, start: int, count: int, target: int) -> list[list[int]]:
    return [
        [
            nonce
            for nonce in order(kernel, start, count)
            if int.from_bytes(sha256(sha256(header[:76] + nonce.to_bytes(4, "little")).digest()).digest(), "little") <= target
        ]
        for header in versions(kernel)
    ]


def nonces(kernel: Kernel, start: int, count: int, target: Target) -> list[list[int]]:
    templates = [HeaderTemplate(header) for header in versions(kernel)]
    return [[hit.nonce for hit in hits] for hits in scan_with(kernel, templates, start, count, target)]


@pytest.mark.parametrize(("start", "count"), [(0, 1), (3, 15), (1001, 64), ((1 << 31) - 9, 101), ((1 << 32) - 333, 333)])
def test_every_lane_count_equals_hashlib(kernel: Kernel, start: int, count: int) -> None:
    """Lanes are a plain parameter: LLVM makes what the CPU has of them."""
    assert nonces(kernel, start, count, HALF) == twin(kernel, start, count, HALF)


@pytest.mark.parametrize("spare", [0, 1, 7])
def test_the_smallest_buffer_loses_nothing(kernel: Kernel, spare: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch in which all lanes hit just fits; then the loop has to come back after every one or two."""
    monkeypatch.setattr(scan_loop, "BUFFER", kernel.lanes * kernel.midstates + spare)
    assert nonces(kernel, 5, 203, Target((1 << 256) - 1)) == [order(kernel, 5, 203)] * kernel.midstates
    assert nonces(kernel, 5, 203, HALF) == twin(kernel, 5, 203, HALF)


@pytest.mark.parametrize(("start", "count"), [(-1, 5), (0, (1 << 32) + 1), ((1 << 32) - 2, 3), (5, -1)])
def test_a_range_that_leaves_the_nonces_is_refused(start: int, count: int) -> None:
    """Machine code would go on at 0, or call a nonce of 33 bits one of another midstate."""
    with pytest.raises(WorkError, match=f"nonces {start} to {start + count} leave the range 0 to 2\\^32"):
        nonces(Kernel(VECTOR, 4), start, count, HALF)
    assert nonces(Kernel(VECTOR, 4), 1 << 32, 0, HALF) == [[]]


@pytest.mark.parametrize("target", [-1, 1 << 256])
def test_a_target_that_is_no_256_bits_is_refused(target: int) -> None:
    """Its top word would be cut off, and 2^256 be the hardest of all."""
    with pytest.raises(TargetError, match=f"target {target:#x} does not fit 256 bits"):
        nonces(Kernel(VECTOR, 4), 0, 5, Target(target))


def test_a_kernel_lets_other_threads_run(kernel: Kernel) -> None:
    """Four million nonces in one call of the loop, a tenth of a second at least; with the lock held nobody would tick."""
    scanning = threading.Thread(target=nonces, args=(kernel, 0, 1 << 22, Target(0)))
    ticks = 0
    scanning.start()
    while scanning.is_alive():
        time.sleep(0.001)
        ticks += 1
    assert ticks > 10


Python = Callable[..., CompletedProcess[str]]

SCAN = """
import sys
from miner.backends.registry import GENESIS_HEADER, GENESIS_NONCE
from miner.backends.kernel import VECTOR, Kernel
from miner.backends.scan_loop import scan_with
from miner.template import HeaderTemplate
[hits] = scan_with(Kernel(VECTOR, int(sys.argv[1])), [HeaderTemplate(GENESIS_HEADER)], GENESIS_NONCE - 3, 8, 0xFFFF << 208)
print([hit.nonce - GENESIS_NONCE for hit in hits], "compiled" if "numba" in sys.modules else "kept")
"""


@pytest.fixture
def scan(python: Python, tmp_path: Path) -> Callable[..., str]:
    """Return a function that scans in a fresh process, with a copy of the floor and a cache of its own."""
    shutil.copytree(Path(scan_loop.__file__).parents[1], tmp_path / "miner")

    def run(lanes: int = 1, **environment: str) -> str:
        setting = {"PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / "cache"), **environment}
        told = python("-c", SCAN, str(lanes), cwd=tmp_path, **setting)
        return told.stdout + told.stderr

    return run


def test_machine_code_is_compiled_once_and_anew_when_its_text_changes(scan: Callable[..., str], tmp_path: Path) -> None:
    """End to end: kept for the same text, Numba not even loaded; anew for one that takes the wrong word, which is refused."""
    assert (scan(), scan()) == ("[0] compiled\n", "[0] kept\n")
    emitter = tmp_path / "miner" / "backends" / "llvm_vector.py"
    text = emitter.read_text()
    assert text.count("hashed[7]") == 1
    emitter.write_text(text.replace("hashed[7]", "hashed[6]"))
    assert "BackendSelfTestError: the vector kernel of 1 lane for 1 midstate, asked for nonces" in scan()


def test_damaged_machine_code_is_compiled_anew(scan: Callable[..., str], tmp_path: Path) -> None:
    scan()
    [kept] = (tmp_path / "cache").iterdir()
    whole = kept.read_bytes()
    for damaged in (whole[:100], whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:]):
        kept.write_bytes(damaged)
        assert scan() == "[0] compiled\n"
        assert kept.read_bytes()[32:] != damaged[32:]
    assert scan() == "[0] kept\n"


def test_a_cache_that_cannot_be_written_is_done_without(scan: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert scan(NUMBA_CACHE_DIR=str(tmp_path / "file" / "cache")) == "[0] compiled\n"


@pytest.mark.parametrize("plant", [os.mkfifo, os.mkdir])
def test_what_is_no_file_in_the_cache_is_not_read(plant: Callable[[Path], None], tmp_path: Path) -> None:
    """A pipe of that name would be waited for, for ever; a folder leaves nothing beside it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
        plant(tmp_path / "digest.kernel")
        for _ in range(2):
            assert object_code.kept_code("digest", lambda: ("symbol", b"code")) == ("symbol", b"code")
    assert [path.name for path in tmp_path.iterdir()] == ["digest.kernel"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_file_that_is_half_written_is_taken_away(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, tmp_path: Path
) -> None:
    write_bytes = Path.write_bytes

    def half(path: Path, content: bytes) -> int:
        write_bytes(path, content[: len(content) // 2])
        raise error

    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(Path, "write_bytes", half)
    try:
        assert object_code.kept_code("digest", lambda: ("symbol", b"code")) == ("symbol", b"code")
    except KeyboardInterrupt:
        assert isinstance(error, KeyboardInterrupt)
    assert list(tmp_path.iterdir()) == []


def test_who_has_no_home_does_without_a_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the users of containers that run under any number."""

    def homeless(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "expanduser", homeless)
    assert object_code.cache_folder() is None
    assert object_code.kept_code("digest", lambda: ("symbol", b"code")) == ("symbol", b"code")


def test_code_without_its_symbol_is_refused_and_not_called() -> None:
    """There is nothing at address 0."""
    code = native_code()
    with pytest.raises(BackendUnavailableError, match="does not hold its symbol 'another'"):
        object_code.loaded(("another", code), ())


def native_code() -> bytes:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    module = llvm.parse_assembly("define i32 @one() { ret i32 1 }")
    code: bytes = llvm.Target.from_default_triple().create_target_machine().emit_object(module)
    return code


REFUSED = """
import ctypes, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0):
    sys.exit("this kernel has no PR_SET_MDWE")
from miner.backends.registry import load
print(load("auto").name)
load("numba-cpu")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_MDWE is Linux's")
def test_a_process_that_may_not_run_what_it_wrote_lives_on(python: Python) -> None:
    """Since Linux 6.3; without being asked, it would end at its first call."""
    told = python("-c", REFUSED)
    if "no PR_SET_MDWE" in told.stderr:
        pytest.skip(told.stderr)
    assert told.returncode == 1, told.stderr
    assert told.stdout in {"reference\n", "cuda\n", "cupy\n"}
    assert "BackendUnavailableError: the system does not let this process run machine code" in told.stderr


def test_memory_that_may_become_executable_is_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    executable_memory.check_executable_memory()
    monkeypatch.setattr(executable_memory, "CDLL", lambda name: type("Libc", (), {"mprotect": lambda *_: -1}))
    if sys.platform == "linux":
        with pytest.raises(BackendUnavailableError, match="PR_SET_MDWE"):
            executable_memory.check_executable_memory()


def test_two_kernels_compiled_apart_live_in_one_process(python: Python, tmp_path: Path) -> None:
    """Each was the first that its process compiled, so both have the same symbol; they must not be mixed up."""
    code = """
import sys
from miner.backends.kernel import VECTOR, Kernel
from miner.backends.native import machine_code
loops = [machine_code(Kernel(VECTOR, int(lanes))) for lanes in sys.argv[1:]]
print("compiled" if "numba" in sys.modules else "kept", len({id(loop.engine) for loop in loops}))
"""
    setting = {"NUMBA_CACHE_DIR": str(tmp_path)}
    for lanes in ("1", "3"):
        assert python("-c", code, lanes, **setting).stdout == "compiled 1\n"
    assert python("-c", code, "1", "3", **setting).stdout == "kept 2\n"
    symbols = {path.read_bytes()[32:].partition(b"\n")[0] for path in tmp_path.iterdir()}
    assert len(symbols) == 1


def test_each_file_that_emits_code_decides_the_digest(tmp_path: Path) -> None:
    """So does the kernel; and no file of the folder that emits code is forgotten in the list."""
    folder = tmp_path / "backends"
    shutil.copytree(Path(scan_loop.__file__).parent, folder)
    emitting = [
        "compile_loop",
        "llvm_batch",
        "llvm_sha",
        "llvm_paired",
        "llvm_tape",
        "llvm_vector",
        "llvm_words",
        "llvm_woven",
    ]
    emitting += ["kernel", "native", "sha256_text"]
    digests = [native.kernel_digest(Kernel(VECTOR, 4), folder), native.kernel_digest(Kernel(VECTOR, 8), folder)]
    for name in emitting:
        path = folder / f"{name}.py"
        path.write_text(path.read_text() + "# one more line\n")
        digests.append(native.kernel_digest(Kernel(VECTOR, 4), folder))
    assert len(set(digests)) == 2 + len(emitting)
    assert {path.stem for path in folder.glob("llvm_*.py")} <= set(emitting)


@pytest.mark.parametrize(("name", "value"), [("NUMBA_CPU_NAME", "x86-64-v3"), ("NUMBA_ENABLE_AVX", "0")])
def test_the_processor_decides_the_digest(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    before = native.kernel_digest(Kernel(VECTOR, 4))
    monkeypatch.setenv(name, value)
    assert native.kernel_digest(Kernel(VECTOR, 4)) != before


def test_numbas_settings_decide_the_digest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """They are those of the working folder."""
    before = native.kernel_digest(Kernel(VECTOR, 4))
    monkeypatch.chdir(tmp_path)
    assert native.kernel_digest(Kernel(VECTOR, 4)) == before
    (tmp_path / ".numba_config.yaml").write_text("enable_avx: 0\n")
    assert native.kernel_digest(Kernel(VECTOR, 4)) != before


def test_the_scratch_is_large_enough_and_aligned() -> None:
    assert llvm_woven.SCRATCH_BYTES <= kernels.SCRATCH_BYTES == len(loop_calls.scratch_memory())
    assert loop_calls.scratch_memory().ctypes.data % 64 == 0


def test_machine_code_is_kept_where_the_user_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/somewhere")
    assert object_code.cache_folder() == Path("/somewhere")
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert object_code.cache_folder() == Path("/caches/hashwatt")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    assert object_code.cache_folder() == Path("/home/me/.cache/hashwatt")
