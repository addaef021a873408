"""A kernel as LLVM IR on plain 32-bit words, from the one text of SHA-256: for numba.cuda, and for its twin on the CPU.

The whole hash is one intrinsic. Left to Numba, sums of uint32 would be 64 bits wide, and a function a round takes minutes to
compile. libNVVM refuses funnel shifts, so that a rotation is two shifts, which it recognises.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any, Final

from llvmlite import ir

from miner.backends.cuda_source import argument_names
from miner.backends.gpu_program import TOP_IS_ZERO, TOP_OF_INITIAL, program
from miner.backends.gpu_variant import Variant
from miner.backends.llvm_batch import I32, I64
from miner.backends.llvm_words import llvm_function

BIT: Final = ir.IntType(1)


def typed_screen(variant: Variant, types: ModuleType, *, device: bool) -> Any:  # noqa: ANN401  numba is untyped
    """Return what an `intrinsic` decorator wants: a screen of (shared words, nonce, limit) that says whether a hash may hit.

    `types` is the module of types that goes with the decorator, `device` whether it compiles for a GPU.
    """

    def screen(typing_context, shared, nonce, limit):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        """Say whether the hash of any midstate with `nonce` may be at most `limit` in its top word."""

        def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            packed, nonce_value, limit_value = arguments
            values = [builder.extract_value(packed, place) for place in range(len(argument_names(variant)))]
            return emit_screen(builder, LlvmScalars(builder, variant, values, device=device), nonce_value, limit_value)

        return types.boolean(shared, nonce, limit), emit

    return screen


def emit_screen(builder: ir.IRBuilder, words: LlvmScalars, nonce: ir.Value, limit: ir.Value) -> ir.Value:
    """Emit the hashes of a nonce and return one bit, set if any of them may meet the target."""
    met: ir.Value = ir.Constant(BIT, 0)
    what = program(words.variant.midstates)
    for result in what.run(words, words.uniforms, words.swapped(nonce)):
        if words.variant.zero:
            one_met = builder.icmp_unsigned("==", result, words.const(TOP_IS_ZERO))
        else:
            top = words.swapped(builder.add(result, words.const(TOP_OF_INITIAL)))
            one_met = builder.icmp_unsigned("<=", top, limit)
        met = builder.or_(met, one_met)
    return met


class LlvmScalars:
    """Words as LLVM values of 32 bits; `shared` holds `one`, the powers of the wide rotations, and the uniforms."""

    def __init__(self, builder: ir.IRBuilder, variant: Variant, shared: Sequence[ir.Value], *, device: bool) -> None:
        self.variant: Final = variant
        self._builder = builder
        self._one = shared[0]
        self._powers = dict(zip(variant.wide, shared[1:], strict=False))
        self.uniforms: Final = list(shared[1 + len(variant.wide) :])
        self._device = device

    def const(self, value: int) -> ir.Value:
        """Return a constant."""
        return ir.Constant(I32, value)

    def add(self, *terms: ir.Value) -> ir.Value:
        """Add modulo 2^32, on the pipe that multiplies if so wanted."""
        x, y = terms
        return self._builder.add(self._builder.mul(x, self._one) if self.variant.multiplied else x, y)

    def xor(self, *terms: ir.Value) -> ir.Value:
        """Return the exclusive or of all terms."""
        result, *rest = terms
        for term in rest:
            result = self._builder.xor(result, term)
        return result

    def and_(self, x: ir.Value, y: ir.Value) -> ir.Value:
        """Return the bits set in both."""
        return self._builder.and_(x, y)

    def not_(self, x: ir.Value) -> ir.Value:
        """Return the bits not set."""
        return self._builder.not_(x)

    def rotr(self, x: ir.Value, n: int) -> ir.Value:
        """Rotate right by `n` bits: both halves of a wide product by 2^(32 - n), or two shifts."""
        if n not in self._powers:
            return self._builder.or_(self._builder.lshr(x, self.const(n)), self._builder.shl(x, self.const(32 - n)))
        both = self._product(x, self._powers[n])
        return self.add(self._high(both), self._builder.trunc(both, I32))

    def shr(self, x: ir.Value, n: int) -> ir.Value:
        """Shift right by `n` bits: the high half of a wide product by 2^(32 - n), or a shift."""
        if n in self._powers:
            return self._high(self._product(x, self._powers[n]))
        return self._builder.lshr(x, self.const(n))

    def swapped(self, x: ir.Value) -> ir.Value:
        """Return a word with its four bytes reversed."""
        swap = llvm_function(self._builder.module, ir.FunctionType(I32, [I32]), "llvm.bswap.i32")
        return self._builder.call(swap, [x])

    def _high(self, both: ir.Value) -> ir.Value:
        return self._builder.trunc(self._builder.lshr(both, ir.Constant(I64, 32)), I32)

    def _product(self, x: ir.Value, y: ir.Value) -> ir.Value:
        """Return all 64 bits of a product; on a GPU as one instruction, which the compiler would not find by itself."""
        if self._device:
            return self._builder.asm(ir.FunctionType(I64, [I32, I32]), "mul.wide.u32 $0, $1, $2;", "=l,r,r", [x, y], False)
        return self._builder.mul(self._builder.zext(x, I64), self._builder.zext(y, I64))
