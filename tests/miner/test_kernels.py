"""The kernels one by one: every lane count, the smallest buffers, and a cache that knows when they changed."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from hashlib import sha256
from inspect import getclosurevars
from pathlib import Path
from subprocess import CompletedProcess

import llvmlite.binding as llvm
import pytest

from miner.backends import scan_loop
from miner.backends.scan_loop import VECTOR, WOVEN, Kernel, code_digest, compiled, scan_with
from miner.target import Target
from miner.template import HeaderTemplate
from miner.vectors import header_at

KERNELS = [Kernel(VECTOR, lanes) for lanes in (1, 3, 4, 8, 16)] + [Kernel(WOVEN, 8)]
HEADER = header_at(125552).to_bytes()
HALF = Target((1 << 255) - 1)


@pytest.fixture(scope="module", params=KERNELS, ids=lambda kernel: f"{('vector', 'sha')[kernel.kind]}-{kernel.lanes}")
def kernel(request: pytest.FixtureRequest) -> Kernel:
    if request.param.kind == WOVEN and not llvm.get_host_cpu_features().get("sha"):
        pytest.skip("this CPU has no SHA extensions")
    return request.param


def twin(start: int, count: int, target: int) -> list[int]:
    hashed = {n: sha256(sha256(HEADER[:76] + n.to_bytes(4, "little")).digest()) for n in range(start, start + count)}
    return [nonce for nonce, found in hashed.items() if int.from_bytes(found.digest(), "little") <= target]


def nonces(kernel: Kernel, start: int, count: int, target: Target) -> list[int]:
    return [hit.nonce for hit in scan_with(kernel, HeaderTemplate(HEADER), start, count, target)]


@pytest.mark.parametrize(("start", "count"), [(0, 1), (3, 15), (1001, 64), ((1 << 31) - 9, 101), ((1 << 32) - 333, 333)])
def test_every_lane_count_equals_hashlib(kernel: Kernel, start: int, count: int) -> None:
    """Lanes are a plain parameter: LLVM makes what the CPU has of them."""
    assert nonces(kernel, start, count, HALF) == twin(start, count, HALF)


@pytest.mark.parametrize("spare", [0, 1, 7])
def test_the_smallest_buffer_loses_nothing(kernel: Kernel, spare: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch in which all lanes hit just fits; then the loop has to come back after every one or two."""
    monkeypatch.setattr(scan_loop, "BUFFER", kernel.lanes + spare)
    assert nonces(kernel, 5, 203, Target((1 << 256) - 1)) == list(range(5, 208))
    assert nonces(kernel, 5, 203, HALF) == twin(5, 203, HALF)


def test_a_kernel_lets_other_threads_run(kernel: Kernel) -> None:
    """Four million nonces in one call of the loop, a tenth of a second at least; with the lock held nobody would tick."""
    scanning = threading.Thread(target=nonces, args=(kernel, 0, 1 << 22, Target(0)))
    ticks = 0
    scanning.start()
    while scanning.is_alive():
        time.sleep(0.001)
        ticks += 1
    assert ticks > 10


def test_the_digest_is_part_of_the_key_of_the_cache() -> None:
    """Numba keys a closure by the values it closes over."""
    values = [getclosurevars(compiled(Kernel(VECTOR, 4), digest).py_func).nonlocals for digest in (11, 12)]
    assert [value["digest"] for value in values] == [11, 12]
    assert 0 < code_digest() < 1 << 63


CODE = """
import linecache, pathlib, sys
from miner.backends import llvm_batch, llvm_tape, llvm_vector, llvm_woven, scan_loop, sha256_text
digests = [scan_loop.code_digest.__wrapped__()]
for module in (sha256_text, llvm_batch, llvm_tape, llvm_vector, llvm_woven):
    path = pathlib.Path(module.__file__)
    assert str(path).startswith(sys.argv[1]), path
    path.write_text(path.read_text() + "# one more line\\n")
    digests.append(scan_loop.code_digest.__wrapped__())
print(len(set(digests)))
"""
SCAN = """
from miner.backends.registry import GENESIS_HEADER, GENESIS_NONCE
from miner.backends.scan_loop import VECTOR, Kernel, compiled, code_digest, scan_with
from miner.template import HeaderTemplate
hits = scan_with(Kernel(VECTOR, 1), HeaderTemplate(GENESIS_HEADER), GENESIS_NONCE - 3, 8, 0xFFFF << 208)
print([hit.nonce - GENESIS_NONCE for hit in hits], sum(compiled(Kernel(VECTOR, 1), code_digest()).stats.cache_hits.values()))
"""


def test_each_file_that_emits_code_changes_the_digest(python: Callable[..., CompletedProcess[str]], tmp_path: Path) -> None:
    """Numba looks at the file of the loop only; an edit of any other that emits code must reach the key of its cache."""
    shutil.copytree(Path(scan_loop.__file__).parents[1], tmp_path / "miner")
    told = python("-c", CODE, str(tmp_path), cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert (told.stdout, told.stderr) == ("6\n", "")


def test_an_edited_kernel_is_compiled_anew(python: Callable[..., CompletedProcess[str]], tmp_path: Path) -> None:
    """End to end, on a copy: the cache answers for the same text, and not for one that takes the wrong word."""
    shutil.copytree(Path(scan_loop.__file__).parents[1], tmp_path / "miner")

    def scan() -> str:
        told = python("-c", SCAN, cwd=tmp_path, PYTHONPATH=str(tmp_path), NUMBA_CACHE_DIR=str(tmp_path / "cache"))
        return told.stdout + told.stderr

    assert (scan(), scan()) == ("[0] 0\n", "[0] 1\n")
    emitter = tmp_path / "miner" / "backends" / "llvm_vector.py"
    text = emitter.read_text()
    assert text.count("batch.first))[7]") == 1
    emitter.write_text(text.replace("batch.first))[7]", "batch.first))[6]"))
    assert scan() == "[] 0\n"
