"""Compile the loop of a kernel with Numba: the only place that needs it, and only when the machine code is not at hand."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from miner.backends import llvm_paired, llvm_sha, llvm_vector, llvm_woven
from miner.backends.compiler_target import check_compiler
from miner.backends.kernel import PAIRED, SHA, STATE_WORDS, TAIL_WORDS, VECTOR, WOVEN, Kernel
from miner.backends.llvm_batch import I32, Batch
from miner.backends.object_code import Compiled, compiled_parts

_EMITTERS: Final = {
    VECTOR: llvm_vector.emit_met,
    PAIRED: llvm_paired.emit_met,
    WOVEN: llvm_woven.emit_met,
    SHA: llvm_sha.emit_met,
}
_WARM_UP: Final = {PAIRED: llvm_paired.STAGES, WOVEN: llvm_woven.STAGES}  # batches before the first whose result counts
_POINTER: Final[Any] = types.CPointer
_WORDS, _PLACES, _BYTES = _POINTER(types.uint32), _POINTER(types.int64), _POINTER(types.uint8)
_SIGNATURE: Final = types.int64(
    _WORDS, types.int64, types.int64, types.uint32, _PLACES, types.int64, _PLACES, _BYTES
)  # words, start, stop, limit, found, room, where, scratch
_BARE: Final[Any] = {"nogil": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def compile_loop(kernel: Kernel) -> Compiled:
    """Return the symbol and the object code of the loop of `kernel`, for this machine.

    Raises
    ------
    BackendUnavailableError
        If Numba, as it is set up here, cannot compile it.
    """
    check_compiler(kernel)
    compiled = _loop(kernel).overloads[_SIGNATURE.args]
    return compiled_parts(compiled)


def _type_read(typing_context, words, number):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Return `number` words as a tuple of uint32."""
    read: Any = types.UniTuple(types.uint32, number.literal_value)  # type: ignore[no-untyped-call]

    def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        pointer = arguments[0]
        places = [builder.gep(pointer, [ir.Constant(I32, place)]) for place in range(read.count)]
        return context.make_tuple(builder, signature.return_type, [builder.load(place) for place in places])

    return read(words, number), emit


def _screen_of(kernel: Kernel) -> Any:  # noqa: ANN401  numba is untyped
    """Return the intrinsic that gives a bit for each lane and midstate whose hash's top word is at most `limit`.

    Lane i tries the nonce `first` + i; the bits of the first midstate are the lowest. `words` is a tuple of uint32, midstates
    and tail; `scratch` points to aligned memory.
    """

    def typed(typing_context, words, first, limit, scratch):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            words_value, first_value, limit_value, scratch_value = arguments
            shared = [builder.extract_value(words_value, place) for place in range(words.count)]
            states = [shared[at : at + STATE_WORDS] for at in range(0, words.count - TAIL_WORDS, STATE_WORDS)]
            tail, by_word = shared[-TAIL_WORDS:], kernel.by_word
            batch = Batch(kernel.lanes, states, tail, first_value, limit_value, scratch_value, by_word)
            return _EMITTERS[kernel.kind](builder, batch)

        return types.uint64(words, first, limit, scratch), emit

    return intrinsic(typed)


_read: Any = intrinsic(prefer_literal=True)(_type_read)


def _loop(kernel: Kernel) -> Any:  # noqa: ANN401  numba is untyped
    lanes, midstates, screen = kernel.lanes, kernel.midstates, _screen_of(kernel)
    number = kernel.words
    most = lanes * midstates
    ahead = _WARM_UP.get(kernel.kind, 0) * lanes

    @njit(_SIGNATURE, **_BARE)
    def scan_batches(words, start, stop, limit, found, room, where, scratch):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, PLR0913
        """Screen nonces from `start` on; return how many were found, and where to go on in `where`.

        A nonce is found with the number of its midstate in the bits above its own.
        """
        # Read once: for all that the compiler knows, what is stored below might change them.
        shared = _read(words, number)
        hits = 0
        batch = start - ahead
        while batch < stop and hits + most <= room:
            bits = screen(shared, np.uint32(batch), limit, scratch)
            if bits != 0 and batch >= start:
                for place in range(most):
                    lane = place % lanes
                    if (bits >> np.uint64(place)) & np.uint64(1) and batch + lane < stop:
                        found[hits] = (place // lanes) << 32 | (batch + lane)
                        hits += 1
            batch += lanes
        where[0] = batch if batch < stop else stop
        return hits

    return scan_batches
