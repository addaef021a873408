"""The vector kernel: the one text of SHA-256 as LLVM IR, a nonce in every lane of wide vectors."""

from __future__ import annotations

from llvmlite import ir

from miner.backends.llvm_batch import I64, Batch, bits_met
from miner.backends.llvm_words import LlvmWords
from miner.backends.sha256_text import Sha256


def emit_met(builder: ir.IRBuilder, batch: Batch) -> ir.Value:
    """Emit the hashes of a batch; return the bits of those that may meet the target."""
    words = LlvmWords(builder, batch.lanes)
    bits = ir.Constant(I64, 0)
    nonces = words.nonces(batch.first, by_word=batch.by_word)
    for number, hashed in enumerate(Sha256(words).header_hashes(batch.midstates, batch.tail, nonces)):
        bits = builder.or_(bits, bits_met(builder, batch, words.swapped(hashed[7]), words.const(number)))
    return bits
