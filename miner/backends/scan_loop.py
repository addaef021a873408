"""The loop around every CPU kernel: batches of nonces, a screen, a buffer of candidates, and the exact check.

A batch is screened by the top 32 bits of its hashes against those of the target, which loses no hit whatever the
target; candidates are checked exactly, in Python. A full buffer sends the loop back for more; no hit is lost there either.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from inspect import getsource
from typing import Any, Final, NamedTuple

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from miner.backends import llvm_batch, llvm_tape, llvm_vector, llvm_woven, sha256_text
from miner.backends.llvm_batch import Batch
from miner.header import Nonce
from miner.share import Hit
from miner.target import Target
from miner.template import Template

CHUNK_NONCES: Final = 1 << 20  # 20 to 40 ms, a tenth of a second where vectors are narrow: Ctrl-C gets its turn
BUFFER: Final = 1 << 12  # candidates a call can hold before it comes back for more
CACHE_LINE: Final = 64  # bytes

VECTOR: Final = 0
WOVEN: Final = 1
_EMITTERS: Final = (llvm_vector.emit_tops, llvm_woven.emit_tops)
_WARM_UP: Final = (0, llvm_woven.STAGES)  # batches before the first whose result counts
_EMITTING: Final = (sha256_text, llvm_batch, llvm_tape, llvm_vector, llvm_woven)


class Kernel(NamedTuple):
    """Which instructions a kernel uses (`VECTOR` or `WOVEN`) and how many nonces a batch of it holds."""

    kind: int
    lanes: int


def _type_screen(typing_context, kind, lanes, state, tail, first, limit, scratch):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, PLR0913
    """Return a bit for each lane whose hash may meet the target: top word at most `limit`.

    Lane i tries the nonce `first` + i. `state` and `tail` are tuples of 8 and 3 uint32, `scratch` is aligned uint8.
    """
    emit_tops, count = _EMITTERS[kind.literal_value], lanes.literal_value

    def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        *_, state_value, tail_value, first_value, limit_value, scratch_value = arguments
        batch = Batch(
            lanes=count,
            midstate=[builder.extract_value(state_value, place) for place in range(8)],
            tail=[builder.extract_value(tail_value, place) for place in range(3)],
            first=first_value,
            scratch=context.make_array(signature.args[-1])(context, builder, scratch_value).data,
        )
        tops = emit_tops(builder, batch)
        candidates = builder.icmp_unsigned("<=", tops, llvm_vector.LlvmWords(builder, count).spread(limit_value))
        return builder.zext(builder.bitcast(candidates, ir.IntType(count)), llvm_vector.I32)

    return types.uint32(kind, lanes, state, tail, first, limit, scratch), emit


_screen: Any = intrinsic(prefer_literal=True)(_type_screen)


@cache
def compiled(kernel: Kernel, digest: int) -> Any:  # noqa: ANN401  numba is untyped
    """Return the compiled loop of `kernel`.

    Numba looks for changes in this file alone; `digest` stands in the key of its cache for the files that emit code.
    """
    kind, lanes = kernel
    ahead = _WARM_UP[kind] * lanes

    @njit(cache=True, nogil=True)
    def scan_batches(state, tail, start, stop, limit, found, scratch):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, PLR0913
        """Screen nonces from `start` on; return how many were found and where to go on."""
        hits = 0
        batch = start - ahead
        while batch < stop and hits + lanes <= found.size and digest != 0:
            bits = _screen(kind, lanes, state, tail, np.uint32(batch), limit, scratch)
            if bits != 0 and batch >= start:
                for lane in range(lanes):
                    if (bits >> np.uint32(lane)) & np.uint32(1) and batch + lane < stop:
                        found[hits] = batch + lane
                        hits += 1
            batch += lanes
        return hits, min(batch, stop)

    return scan_batches


@cache
def code_digest() -> int:
    """Return a number that changes with the text of any file that emits code."""
    text = "".join(getsource(module) for module in _EMITTING)
    return int.from_bytes(sha256(text.encode()).digest()[:7], "big")


def scan_with(kernel: Kernel, template: Template, start: int, count: int, target: Target) -> list[Hit]:
    """Return every hit among the `count` nonces from `start` on, in order."""
    state = tuple(np.uint32(word) for word in template.midstate)
    tail = tuple(np.uint32(word) for word in template.tail)
    limit = np.uint32(target >> 224)
    loop = compiled(kernel, code_digest())
    candidates, scratch = np.empty(BUFFER, dtype=np.int64), _scratch()
    hits: list[Hit] = []
    at, stop = start, start + count
    while at < stop:
        number, at = loop(state, tail, np.int64(at), np.int64(stop), limit, candidates, scratch)
        checked = (template.check(Nonce(nonce), target) for nonce in candidates[:number].tolist())
        hits += [hit for hit in checked if hit is not None]
    return hits


def _scratch() -> NDArray[np.uint8]:
    """Return the memory in which a kernel's stages hand on their results, aligned to the widest vector."""
    raw = np.zeros(llvm_woven.SCRATCH_BYTES + CACHE_LINE, dtype=np.uint8)
    skipped = -raw.ctypes.data % CACHE_LINE
    return raw[skipped : skipped + llvm_woven.SCRATCH_BYTES]
