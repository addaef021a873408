"""Words that write down what is done to them, so that a kernel computes only what it must.

A word is one of three kinds: a constant, folded at once; the same for all nonces of a job, computed on the host; or a
nonce's own, computed by the kernel. The text of SHA-256 runs once over such words. What it wrote down is then pruned to
what a result needs and replayed over other words: whole numbers, text of CUDA C++, values of a compiler.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Final, NamedTuple, TypeVar

from miner.backends.sha256_text import WholeNumbers, Words

W = TypeVar("W")

WHOLE: Final = WholeNumbers()


class Kind(IntEnum):
    """How far a word is known before the kernel runs, the best known first."""

    CONSTANT = 0
    UNIFORM = 1
    NONCE = 2


class Node(NamedTuple):
    """A word: `operation` on earlier nodes, given by their numbers. `value` is a constant, an amount of bits, or a place."""

    number: int
    kind: Kind
    operation: str
    operands: tuple[int, ...]
    value: int


class Trace:
    """Arithmetic on nodes: equal ones become one, constants are folded, and sums gather what the host can add."""

    def __init__(self) -> None:
        self.nodes: Final[list[Node]] = []
        self._known: Final[dict[tuple[str, tuple[int, ...], int], Node]] = {}

    def uniform(self, place: int) -> Node:
        """Return the word that all nonces of a job share, at `place` of its inputs."""
        return self._node("uniform", (), place, Kind.UNIFORM)

    def nonce(self) -> Node:
        """Return the word that every nonce has for itself."""
        return self._node("nonce", (), 0, Kind.NONCE)

    def handed(self, place: int) -> Node:
        """Return a word of the nonce's own that an earlier part computed, at `place` of what that handed on."""
        return self._node("handed", (), place, Kind.NONCE)

    def const(self, value: int) -> Node:
        """Return a constant."""
        return self._node("const", (), value, Kind.CONSTANT)

    def add(self, *terms: Node) -> Node:
        """Add modulo 2^32: what all nonces share first, to the oldest of the others, which several midstates may share."""
        shared, own = self._parted(terms)
        if shared and own:
            inner = [self._shared_part(term) for term in own]
            shared = self._joined("add", [*shared, *(more for _, more in inner if more is not None)])
            own = [rest for rest, _ in inner]
        first, *others = sorted(own, key=lambda node: node.number) or [self._total("add", shared)]
        if own and shared:
            first = self._binary("add", first, self._total("add", shared))
        for other in others:
            first = self._binary("add", first, other)
        return first

    def xor(self, *terms: Node) -> Node:
        """Return the exclusive or of all terms, what all nonces share first."""
        shared, own = self._parted(terms)
        first, *others = [self._total("xor", shared), *own] if shared or not own else own
        for other in others:
            first = self._binary("xor", first, other)
        return first

    def and_(self, x: Node, y: Node) -> Node:
        """Return the bits set in both."""
        return self._binary("and_", x, y)

    def not_(self, x: Node) -> Node:
        """Return the bits not set."""
        return self._node("not_", (x.number,), 0, x.kind)

    def rotr(self, x: Node, n: int) -> Node:
        """Rotate right by `n` bits."""
        return self._node("rotr", (x.number,), n, x.kind)

    def shr(self, x: Node, n: int) -> Node:
        """Shift right by `n` bits."""
        return self._node("shr", (x.number,), n, x.kind)

    def live(self, results: Iterable[Node]) -> list[Node]:
        """Return what `results` need, themselves included, in the order in which it was written down."""
        needed, open_ends = set(), [node.number for node in results]
        while open_ends:
            number = open_ends.pop()
            if number not in needed:
                needed.add(number)
                open_ends += self.nodes[number].operands
        return [self.nodes[number] for number in sorted(needed)]

    def _parted(self, terms: Sequence[Node]) -> tuple[list[Node], list[Node]]:
        """Part terms into those the host can compute and a nonce's own; zeros change neither sum nor exclusive or."""
        shared = [term for term in terms if term.kind < Kind.NONCE and (term.operation, term.value) != ("const", 0)]
        return shared, [term for term in terms if term.kind == Kind.NONCE]

    def _shared_part(self, term: Node) -> tuple[Node, Node | None]:
        """Take a sum apart into a nonce's own part and what all share, if it ends on that."""
        if term.operation == "add":
            rest, last = (self.nodes[number] for number in term.operands)
            if last.kind < Kind.NONCE:
                return rest, last
        return term, None

    def _joined(self, operation: str, shared: list[Node]) -> list[Node]:
        total = self._total(operation, shared)
        return [] if (total.operation, total.value) == ("const", 0) else [total]

    def _total(self, operation: str, shared: Sequence[Node]) -> Node:
        """Join what all nonces share, constants first, so that they fold."""
        total = self.const(0)
        for number, term in enumerate(sorted(shared, key=lambda node: (node.kind, node.number))):
            total = self._binary(operation, total, term) if number else term
        return total

    def _binary(self, operation: str, x: Node, y: Node) -> Node:
        return self._node(operation, (x.number, y.number), 0, max(x.kind, y.kind))

    def _node(self, operation: str, operands: tuple[int, ...], value: int, kind: Kind) -> Node:
        if operands and kind == Kind.CONSTANT:
            folded = apply(WHOLE, operation, [self.nodes[number].value for number in operands], value)
            return self.const(folded)
        key = (operation, operands, value)
        if key not in self._known:
            self._known[key] = Node(len(self.nodes), kind, operation, operands, value)
            self.nodes.append(self._known[key])
        return self._known[key]


def apply(words: Words[W], operation: str, operands: Sequence[W], value: int) -> W:
    """Do one operation over other words."""
    if operation == "const":
        return words.const(value)
    if operation in {"rotr", "shr"}:
        return getattr(words, operation)(operands[0], value)  # type: ignore[no-any-return]
    return getattr(words, operation)(*operands)  # type: ignore[no-any-return]


def replay(nodes: Iterable[Node], words: Words[W], values: dict[int, W]) -> dict[int, W]:
    """Do over other words what was written down; `values` holds the leaves by number and gets all the rest."""
    for node in nodes:
        if node.number not in values:
            operands = [values[number] for number in node.operands]
            values[node.number] = apply(words, node.operation, operands, node.value)
    return values
