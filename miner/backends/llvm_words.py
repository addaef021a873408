"""Words of SHA-256 as LLVM values: what all nonces share as scalars, what they do not in the lanes of vectors."""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from miner.backends.llvm_batch import I32, spread


def llvm_function(module: ir.Module, signature: ir.FunctionType, name: str) -> ir.Function:
    """Return the function called `name` in `module`, declared if it was not yet."""
    return module.globals.get(name) or ir.Function(module, signature, name)


class LlvmWords:
    """Words as LLVM values: scalars where all lanes agree, vectors where each has its own."""

    def __init__(self, builder: ir.IRBuilder, lanes: int) -> None:
        self._builder = builder
        self._lanes = lanes
        self._vector = ir.VectorType(I32, lanes)

    def const(self, value: int) -> ir.Value:
        """Return a scalar constant."""
        return ir.Constant(I32, value)

    def add(self, *terms: ir.Value) -> ir.Value:
        """Add modulo 2^32, the scalars first: what all lanes share is summed once."""
        return self._fold("add", sorted(terms, key=self.is_vector))

    def xor(self, *terms: ir.Value) -> ir.Value:
        """Return the exclusive or of all terms."""
        return self._fold("xor", terms)

    def and_(self, x: ir.Value, y: ir.Value) -> ir.Value:
        """Return the bits set in both."""
        return self._fold("and_", (x, y))

    def not_(self, x: ir.Value) -> ir.Value:
        """Return the bits not set."""
        return self._builder.not_(x)

    def rotr(self, x: ir.Value, n: int) -> ir.Value:
        """Rotate right: a funnel shift of a word with itself."""
        rotate = self._intrinsic("llvm.fshr", x.type, 3)
        amount = ir.Constant(I32, n)
        return self._builder.call(rotate, [x, x, self.spread(amount) if self.is_vector(x) else amount])

    def shr(self, x: ir.Value, n: int) -> ir.Value:
        """Shift right."""
        amount = ir.Constant(I32, n)
        return self._builder.lshr(x, self.spread(amount) if self.is_vector(x) else amount)

    def swapped(self, x: ir.Value) -> ir.Value:
        """Return a word with its four bytes reversed."""
        return self._builder.call(self._intrinsic("llvm.bswap", x.type, 1), [x])

    def nonces(self, first: ir.Value, *, by_word: bool) -> ir.Value:
        """Return the nonces from `first` on, one a lane, as the words that the message holds; or such words from `first` on."""
        steps = ir.Constant(self._vector, [ir.Constant(I32, lane) for lane in range(self._lanes)])
        counted = self._builder.add(self.spread(first), steps)
        return counted if by_word else self.swapped(counted)

    def spread(self, x: ir.Value) -> ir.Value:
        """Return a vector with `x` in every lane."""
        return spread(self._builder, x, self._lanes)

    def wide(self, x: ir.Value) -> ir.Value:
        """Return `x` as a vector."""
        return x if self.is_vector(x) else self.spread(x)

    def fenced(self, x: ir.Value) -> ir.Value:
        """Return `x`; across it the compiler fuses and reorders nothing, if it is a vector. No instruction comes of it."""
        if not self.is_vector(x):
            return x
        floats = ir.VectorType(ir.FloatType(), x.type.count)
        fence = llvm_function(
            self._builder.module, ir.FunctionType(floats, [floats]), f"llvm.arithmetic.fence.v{x.type.count}f32"
        )
        return self._builder.bitcast(self._builder.call(fence, [self._builder.bitcast(x, floats)]), x.type)

    def is_vector(self, x: ir.Value) -> bool:
        """Return whether the lanes of `x` may differ."""
        return isinstance(x.type, ir.VectorType)

    def _fold(self, operation: str, terms: Any) -> ir.Value:  # noqa: ANN401  llvmlite is untyped
        result, *rest = terms
        for term in rest:
            x, y = result, term
            if self.is_vector(x) != self.is_vector(y):
                x, y = self.wide(x), self.wide(y)
            result = getattr(self._builder, operation)(x, y)
        return result

    def _intrinsic(self, name: str, kind: ir.Type, arguments: int) -> ir.Function:
        suffix = f"v{kind.count}i32" if isinstance(kind, ir.VectorType) else "i32"
        signature = ir.FunctionType(kind, [kind] * arguments)
        return llvm_function(self._builder.module, signature, f"{name}.{suffix}")
