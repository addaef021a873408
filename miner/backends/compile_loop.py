"""Compile the loop of a kernel with Numba: the only place that needs it, and only when the machine code is not at hand."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from miner.backends import llvm_vector, llvm_woven
from miner.backends.llvm_batch import Batch
from miner.backends.native import VECTOR, WOVEN, Kernel

_EMITTERS: Final = {VECTOR: llvm_vector.emit_tops, WOVEN: llvm_woven.emit_tops}
_WARM_UP: Final = {VECTOR: 0, WOVEN: llvm_woven.STAGES}  # batches before the first whose result counts
_POINTER: Final[Any] = types.CPointer
_WORDS, _PLACES, _BYTES = _POINTER(types.uint32), _POINTER(types.int64), _POINTER(types.uint8)
_SIGNATURE: Final = types.int64(
    _WORDS, types.int64, types.int64, types.uint32, _PLACES, types.int64, _PLACES, _BYTES
)  # words, start, stop, limit, found, room, where, scratch
_BARE: Final[Any] = {"nogil": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def compile_loop(kernel: Kernel) -> tuple[str, bytes]:
    """Return the symbol and the object code of the loop of `kernel`, for this machine."""
    compiled = _loop(kernel).overloads[_SIGNATURE.args]
    _, _, (object_code, _) = compiled.library.serialize_using_object_code()
    return compiled.fndesc.llvm_func_name, object_code


def _type_screen(typing_context, kind, lanes, words, first, limit, scratch):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, PLR0913
    """Return a bit for each lane whose hash may meet the target: top word at most `limit`.

    Lane i tries the nonce `first` + i. `words` is a tuple of 11 uint32, midstate and tail; `scratch` points to aligned memory.
    """
    emit_tops, count = _EMITTERS[kind.literal_value], lanes.literal_value

    def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        *_, words_value, first_value, limit_value, scratch_value = arguments
        shared = [builder.extract_value(words_value, place) for place in range(11)]
        batch = Batch(lanes=count, midstate=shared[:8], tail=shared[8:], first=first_value, scratch=scratch_value)
        tops = emit_tops(builder, batch)
        candidates = builder.icmp_unsigned("<=", tops, llvm_vector.LlvmWords(builder, count).spread(limit_value))
        return builder.zext(builder.bitcast(candidates, ir.IntType(count)), llvm_vector.I32)

    return types.uint32(kind, lanes, words, first, limit, scratch), emit


_screen: Any = intrinsic(prefer_literal=True)(_type_screen)


def _loop(kernel: Kernel) -> Any:  # noqa: ANN401  numba is untyped
    kind, lanes = kernel
    ahead = _WARM_UP[kind] * lanes

    @njit(_SIGNATURE, **_BARE)
    def scan_batches(words, start, stop, limit, found, room, where, scratch):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, PLR0913
        """Screen nonces from `start` on; return how many were found, and where to go on in `where`."""
        # Read once: for all that the compiler knows, what is stored below might change them.
        shared = (words[0], words[1], words[2], words[3], words[4], words[5], words[6], words[7], words[8], words[9], words[10])
        hits = 0
        batch = start - ahead
        while batch < stop and hits + lanes <= room:
            bits = _screen(kind, lanes, shared, np.uint32(batch), limit, scratch)
            if bits != 0 and batch >= start:
                for lane in range(lanes):
                    if (bits >> np.uint32(lane)) & np.uint32(1) and batch + lane < stop:
                        found[hits] = batch + lane
                        hits += 1
            batch += lanes
        where[0] = batch if batch < stop else stop
        return hits

    return scan_batches
