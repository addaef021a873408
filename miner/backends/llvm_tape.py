"""Words that are written down first and emitted later, one operation at a time, between other instructions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from llvmlite import ir

from miner.backends.llvm_words import LlvmWords


class Later:
    """A per-nonce word that will be there once its turn on the tape has come."""

    __slots__ = ("_make", "_operands", "value")

    def __init__(self, make: Callable[..., ir.Value], operands: tuple[Word, ...]) -> None:
        self._make = make
        self._operands = operands
        self.value: ir.Value | None = None

    def emit(self) -> None:
        """Emit the operation; all that it needs stands before it on the tape."""
        self.value = self._make(*(x.value if isinstance(x, Later) else x for x in self._operands))


Word: TypeAlias = Later | ir.Value


class Tape:
    """Arithmetic like `words`, except that what depends on a word not there yet goes on the tape."""

    def __init__(self, words: LlvmWords) -> None:
        self.entries: list[Later] = []
        self._words: Final = words

    def put(self, make: Callable[..., Any], *operands: Word) -> Later:
        """Put any operation on the tape; `make` gets the values of `operands` when its turn comes."""
        entry = Later(make, operands)
        self.entries.append(entry)
        return entry

    def const(self, value: int) -> ir.Value:
        """Return a scalar constant."""
        return self._words.const(value)

    def add(self, *terms: Word) -> Word:
        """Add modulo 2^32; what all nonces share is summed at once, a zero not at all."""
        shared = [term for term in terms if not isinstance(term, Later)]
        total = [self._words.add(*shared)] if shared else []
        if total and isinstance(total[0], ir.Constant) and total[0].constant == 0:
            total = []
        result, *rest = [*total, *(term for term in terms if isinstance(term, Later))] or [self._words.const(0)]
        for term in rest:
            result = self._put_or_make(self._words.add, result, term)
        return result

    def xor(self, *terms: Word) -> Word:
        """Return the exclusive or of all terms."""
        return self._put_or_make(self._words.xor, *terms)

    def and_(self, x: Word, y: Word) -> Word:
        """Return the bits set in both."""
        return self._put_or_make(self._words.and_, x, y)

    def not_(self, x: Word) -> Word:
        """Return the bits not set."""
        return self._put_or_make(self._words.not_, x)

    def rotr(self, x: Word, n: int) -> Word:
        """Rotate right by `n` bits."""
        return self._put_or_make(lambda value: self._words.rotr(value, n), x)

    def shr(self, x: Word, n: int) -> Word:
        """Shift right by `n` bits."""
        return self._put_or_make(lambda value: self._words.shr(value, n), x)

    def _put_or_make(self, make: Callable[..., ir.Value], *operands: Word) -> Word:
        return self.put(make, *operands) if any(isinstance(x, Later) for x in operands) else make(*operands)
