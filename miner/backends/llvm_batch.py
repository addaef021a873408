"""What a kernel is asked for: which hashes of some neighbouring nonces may meet a target; and how midstates take turns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from llvmlite import ir

I32: Final = ir.IntType(32)
I64: Final = ir.IntType(64)


class Batch(NamedTuple):
    """A batch of `lanes` nonces from `first` on, as values of the compiler.

    Each is tried with each of `midstates` (8 words each); all share `tail` (3 words). A hash may meet the target if its top
    word is at most `limit`. `scratch` points to memory that stays from batch to batch.
    With `by_word` `first` and its neighbours are the message's words, which hold a nonce with its bytes reversed.
    """

    lanes: int
    midstates: list[list[ir.Value]]
    tail: list[ir.Value]
    first: ir.Value
    limit: ir.Value
    scratch: ir.Value
    by_word: bool = False


def bits_met(builder: ir.IRBuilder, batch: Batch, tops: ir.Value, number: ir.Value) -> ir.Value:
    """Emit the comparison of a vector of top words; return the bits met, those of midstate `number` at their place of 64."""
    limits = spread(builder, batch.limit, batch.lanes)
    met = builder.zext(builder.bitcast(builder.icmp_unsigned("<=", tops, limits), ir.IntType(batch.lanes)), I64)
    place = builder.mul(builder.zext(number, I64), ir.Constant(I64, batch.lanes))
    return builder.shl(met, place)


def spread(builder: ir.IRBuilder, x: ir.Value, lanes: int) -> ir.Value:
    """Return a vector with `x` in every lane."""
    vector = ir.VectorType(I32, lanes)
    if isinstance(x, ir.Constant):
        return ir.Constant(vector, [x] * lanes)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), x, ir.Constant(I32, 0))
    return builder.shuffle_vector(one, one, ir.Constant(vector, [ir.Constant(I32, 0)] * lanes))


def any_of(builder: ir.IRBuilder, number: int, emit: Callable[[ir.Value], ir.Value]) -> ir.Value:
    """Emit a loop that does `emit` for 0 to `number` - 1; return all its bits together."""
    if number == 1:
        return emit(ir.Constant(I32, 0))
    before, body, after = builder.basic_block, builder.append_basic_block(), builder.append_basic_block()
    builder.branch(body)
    builder.position_at_end(body)
    turn, so_far = builder.phi(I32), builder.phi(I64)
    bits, following = builder.or_(so_far, emit(turn)), builder.add(turn, ir.Constant(I32, 1))
    for phi, first, next_one in ((turn, ir.Constant(I32, 0), following), (so_far, ir.Constant(I64, 0), bits)):
        phi.add_incoming(first, before)
        phi.add_incoming(next_one, builder.basic_block)
    builder.cbranch(builder.icmp_unsigned("<", following, ir.Constant(I32, number)), body, after)
    builder.position_at_end(after)
    return bits


def either(
    builder: ir.IRBuilder, condition: ir.Value, then: Callable[[], ir.Value], otherwise: Callable[[], ir.Value]
) -> ir.Value:
    """Emit a branch; return what the way taken gives."""
    ends = []
    with builder.if_else(condition) as ways:
        for way, emit in zip(ways, (then, otherwise), strict=True):
            with way:
                ends.append((emit(), builder.basic_block))
    result = builder.phi(ends[0][0].type)
    for value, block in ends:
        result.add_incoming(value, block)
    return result


def unmoved(builder: ir.IRBuilder, x: ir.Value) -> ir.Value:
    """Return `x`; what is computed from it is computed here, and not before a loop where it would wait in memory."""
    return builder.asm(ir.FunctionType(x.type, [x.type]), "", "=r,0", [x], side_effect=True)
