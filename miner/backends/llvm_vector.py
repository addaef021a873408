"""The vector kernel: the one text of SHA-256 as LLVM IR, a nonce in every lane of wide vectors."""

from __future__ import annotations

from llvmlite import ir

from miner.backends.kernel import AVX512_LANES
from miner.backends.llvm_batch import I64, Batch, bits_met
from miner.backends.llvm_short_chains import ShortChains, TernaryWords
from miner.backends.llvm_words import LlvmWords
from miner.backends.object_code import target_features
from miner.backends.sha256_text import Sha256


def emit_met(builder: ir.IRBuilder, batch: Batch) -> ir.Value:
    """Emit the hashes of a batch; return the bits of those that may meet the target."""
    words, sha = _form(builder, batch.lanes)
    bits = ir.Constant(I64, 0)
    nonces = words.nonces(batch.first, by_word=batch.by_word)
    for number, hashed in enumerate(sha.header_hashes(batch.midstates, batch.tail, nonces)):
        bits = builder.or_(bits, bits_met(builder, batch, words.swapped(hashed[7]), words.const(number)))
    return bits


def _form(builder: ir.IRBuilder, lanes: int) -> tuple[LlvmWords, Sha256[ir.Value]]:
    """Return the words and the form of the text that suit vectors of so many lanes on the processor that code is made for."""
    if lanes == AVX512_LANES and target_features().get("avx512f"):
        ternary = TernaryWords(builder, lanes)
        return ternary, ShortChains(ternary)
    words = LlvmWords(builder, lanes)
    return words, Sha256(words)
