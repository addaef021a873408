"""The very LLVM IR of the numba.cuda kernels, compiled for the CPU instead: every variant finds what hashlib finds."""

from __future__ import annotations

from collections.abc import Callable
from ctypes import CFUNCTYPE, POINTER, c_uint32
from functools import cache
from hashlib import sha256

import llvmlite.binding as llvm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from miner.backends.cuda_ir import LlvmScalars, emit_screen, typed_screen
from miner.backends.cuda_source import argument_names
from miner.backends.gpu_job import Job, job_of
from miner.backends.gpu_variant import SHIFTS, VARIANTS, Variant
from miner.backends.llvm_batch import I32
from miner.target import Target
from miner.template import HeaderTemplate
from miner.vectors import header_at, headers

ANY = [Variant(midstates=midstates, wide=SHIFTS, zero=False) for midstates in (1, 2, 4)]
GENESIS_NONCE = 2083236893


def module_of(variant: Variant, *, device: bool) -> ir.Module:
    """Return a module with one function, `screen`, of a pointer to what nonces share, a nonce and a limit."""
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(I32, [I32.as_pointer(), I32, I32]), "screen")
    builder = ir.IRBuilder(function.append_basic_block())
    shared, nonce, limit = function.args
    places = range(len(argument_names(variant)))
    values = [builder.load(builder.gep(shared, [ir.Constant(I32, place)])) for place in places]
    words = LlvmScalars(builder, variant, values, device=device)
    builder.ret(builder.zext(emit_screen(builder, words, nonce, limit), I32))
    return module


@cache
def on_cpu(variant: Variant) -> tuple[llvm.ExecutionEngine, Callable[..., int]]:
    """Return the machine code of `screen`, unoptimised, and the engine that owns it."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(opt=0)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(str(module_of(variant, device=False))), machine)
    engine.finalize_object()
    return engine, CFUNCTYPE(c_uint32, POINTER(c_uint32), c_uint32, c_uint32)(engine.get_function_address("screen"))


def screened(variant: Variant, job: Job, nonces: range) -> list[int]:
    _, screen = on_cpu(variant)
    shared = (c_uint32 * len(job.shared))(*job.shared)
    return [nonce for nonce in nonces if screen(shared, nonce, job.limit)]


def versions(header: bytes, number: int) -> list[bytes]:
    """Return so many headers, which differ in their first bytes, the given one last."""
    return [header[:2] + bytes([header[2] ^ number - 1 - place]) + header[3:] for place in range(number)]


def top(header: bytes, nonce: int) -> int:
    digest = sha256(sha256(header[:76] + nonce.to_bytes(4, "little")).digest()).digest()
    return int.from_bytes(digest, "little") >> 224


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_it_finds_the_nonces_of_real_blocks(variant: Variant) -> None:
    """Block 0 within a range, the others by themselves; each midstate in its turn is that of the block."""
    for height, header in headers().items():
        nonces = range(header.nonce - 3000, header.nonce + 500) if height == 0 else range(header.nonce, header.nonce + 1)
        around = versions(header.to_bytes(), variant.midstates)
        job = job_of([HeaderTemplate(one) for one in around[height % 4 :] + around[: height % 4]], Target(0), variant)
        assert screened(variant, job, nonces) == [header.nonce], f"block {height}"


@pytest.mark.parametrize("variant", ANY, ids=lambda variant: variant.name)
@settings(deadline=None, max_examples=20)
@given(header=st.binary(min_size=80, max_size=80), start=st.integers(0, (1 << 32) - 100), limit=st.integers(0, (1 << 32) - 1))
def test_top_words_are_held_against_any_limit(variant: Variant, header: bytes, start: int, limit: int) -> None:
    around = versions(header, variant.midstates)
    job = job_of([HeaderTemplate(one) for one in around], Target(limit << 224), variant)
    nonces = range(start, start + 100)
    assert screened(variant, job, nonces) == [n for n in nonces if min(top(one, n) for one in around) <= limit]


def test_a_top_word_equal_to_the_limit_is_met() -> None:
    header, variant = bytes(range(80)), Variant(wide=SHIFTS, zero=False)
    for limit in (top(header, 77), top(header, 77) - 1):
        job = job_of([HeaderTemplate(header)], Target(limit << 224), variant)
        assert screened(variant, job, range(77, 78)) == [77] * (limit == top(header, 77))


def test_it_is_an_intrinsic_as_numba_wants_it() -> None:
    """Numba for the CPU, with the decorator of its own; the words come as one tuple."""
    variant = Variant(wide=SHIFTS)
    screen = intrinsic(typed_screen(variant, types, device=False))

    @njit
    def first(shared, start, count):  # type: ignore[no-untyped-def]
        for at in range(count):
            if screen(shared, np.uint32(start + at), np.uint32(0)):
                return start + at
        return -1

    job = job_of([HeaderTemplate(header_at(0).to_bytes())], Target(0), variant)
    shared = tuple(np.uint32(word) for word in job.shared)
    assert first(shared, GENESIS_NONCE - 20_000, 40_000) == GENESIS_NONCE
    assert first(shared, GENESIS_NONCE + 1, 20_000) == -1


def test_a_wide_product_is_one_instruction_on_a_device_alone() -> None:
    """And libNVVM, which refuses funnel shifts, gets none."""
    variant = Variant(wide=SHIFTS)
    device, host = (str(module_of(variant, device=device)) for device in (True, False))
    assert device.count("mul.wide.u32") == 87 + 69  # the shifts by 10 and by 3 that depend on the nonce
    assert "mul.wide" not in host
    assert "llvm.fshr" not in device
