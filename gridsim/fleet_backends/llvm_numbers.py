"""Numbers as LLVM values, one machine in every lane, with the operators that the text of the physics uses.

Nothing is contracted or reordered: each operation is rounded for itself, so every lane gets the bits that Python gets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from llvmlite import ir

DOUBLE: Final = ir.DoubleType()
I64: Final = ir.IntType(64)
I32: Final = ir.IntType(32)


class Lanes:
    """A vector of numbers, or of yes and no."""

    __slots__ = ("_of", "value")

    def __init__(self, of: LlvmNumbers, value: ir.Value) -> None:
        self._of, self.value = of, value

    def __add__(self, other: Lanes | float) -> Lanes:
        return self._of.operation("fadd", self, other)

    def __radd__(self, other: float) -> Lanes:
        return self._of.operation("fadd", other, self)

    def __sub__(self, other: Lanes | float) -> Lanes:
        return self._of.operation("fsub", self, other)

    def __rsub__(self, other: float) -> Lanes:
        return self._of.operation("fsub", other, self)

    def __mul__(self, other: Lanes | float) -> Lanes:
        return self._of.operation("fmul", self, other)

    def __rmul__(self, other: float) -> Lanes:
        return self._of.operation("fmul", other, self)

    def __truediv__(self, other: Lanes | float) -> Lanes:
        return self._of.operation("fdiv", self, other)

    def __lt__(self, other: Lanes | float) -> Lanes:
        return self._of.comparison("<", self, other)

    def __gt__(self, other: Lanes | float) -> Lanes:
        return self._of.comparison(">", self, other)

    def __ge__(self, other: Lanes | float) -> Lanes:
        return self._of.comparison(">=", self, other)


class LlvmNumbers:
    """Vectors of `lanes` numbers, and choices among them."""

    def __init__(self, builder: ir.IRBuilder, lanes: int) -> None:
        self._builder, self._lanes = builder, lanes
        self._vector = ir.VectorType(DOUBLE, lanes)

    def operation(self, name: str, one: Lanes | float, other: Lanes | float) -> Lanes:
        """Return the result of an operation of two numbers."""
        return Lanes(self, getattr(self._builder, name)(self._value(one), self._value(other)))

    def comparison(self, sign: str, one: Lanes | float, other: Lanes | float) -> Lanes:
        """Return yes and no; no where something is not a number."""
        return Lanes(self, self._builder.fcmp_ordered(sign, self._value(one), self._value(other)))

    def select(self, condition: Lanes, yes: Lanes | float, no: Lanes | float) -> Lanes:
        """Return `yes` where `condition` holds, else `no`."""
        return Lanes(self, self._builder.select(condition.value, self._value(yes), self._value(no)))

    def maximum(self, one: Lanes | float, other: Lanes | float) -> Lanes:
        """Return the larger one."""
        return self.select(self.comparison(">", one, other), one, other)

    def minimum(self, one: Lanes | float, other: Lanes | float) -> Lanes:
        """Return the smaller one."""
        return self.select(self.comparison("<", one, other), one, other)

    def root(self, x: Lanes) -> Lanes:
        """Return the square root."""
        name = f"llvm.sqrt.v{self._lanes}f64"
        module = self._builder.module
        function = module.globals.get(name) or ir.Function(module, ir.FunctionType(self._vector, [self._vector]), name)
        return Lanes(self, self._builder.call(function, [x.value]))

    def spread(self, number: ir.Value) -> Lanes:
        """Return a vector with the scalar `number` in every lane."""
        one = self._builder.insert_element(ir.Constant(self._vector, ir.Undefined), number, ir.Constant(I32, 0))
        places = ir.Constant(ir.VectorType(I32, self._lanes), [ir.Constant(I32, 0)] * self._lanes)
        return Lanes(self, self._builder.shuffle_vector(one, one, places))

    def load(self, numbers: ir.Value, first: int) -> Lanes:
        """Return the vector that begins `first` numbers behind the pointer `numbers`."""
        return Lanes(self, self._builder.load(self._place(numbers, first), align=8))

    def store(self, numbers: ir.Value, first: int, vector: Lanes) -> None:
        """Write a vector to where `load` reads it."""
        self._builder.store(vector.value, self._place(numbers, first), align=8)

    def rows(self, table: ir.Value, number: Lanes, columns: int) -> Sequence[Lanes]:
        """Return the columns of a table of numbers, each lane from the row `number` of its own."""
        builder = self._builder
        vectors: list[Any] = [ir.Constant(self._vector, ir.Undefined)] * columns
        rows = builder.fptosi(number.value, ir.VectorType(I64, self._lanes))
        for lane in range(self._lanes):
            at = ir.Constant(I32, lane)
            row = builder.gep(table, [builder.mul(builder.extract_element(rows, at), ir.Constant(I64, columns))])
            for column in range(columns):
                cell = builder.load(builder.gep(row, [ir.Constant(I64, column)]))
                vectors[column] = builder.insert_element(vectors[column], cell, at)
        return [Lanes(self, vector) for vector in vectors]

    def _place(self, numbers: ir.Value, first: int) -> ir.Value:
        return self._builder.bitcast(self._builder.gep(numbers, [ir.Constant(I64, first)]), self._vector.as_pointer())

    def _value(self, number: Lanes | float) -> ir.Value:
        if isinstance(number, Lanes):
            return number.value
        return ir.Constant(self._vector, [ir.Constant(DOUBLE, float(number))] * self._lanes)
