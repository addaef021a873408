"""A kernel as text of CUDA C++, from the one text of SHA-256.

One statement an operation; the compiler joins logic of three words, and rotations are recognised. NVRTC compiles the text
for a device; a C++ compiler compiles it for the CPU, given small stand-ins for CUDA's words, which is how tests run it.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from miner.backends.gpu_program import TOP_IS_ZERO, TOP_OF_INITIAL, program
from miner.backends.gpu_variant import Variant

BLOCK_THREADS: Final = 128  # with this bound alone no variant spills; a wanted number of blocks on an SM made some do so
ENTRY: Final = "search"

_HEAD: Final = """\
// {name}: made by miner.backends.cuda_source from miner/backends/sha256_text.py; not to be edited.
typedef unsigned int word;
typedef unsigned long long two_words;

static __device__ __forceinline__ word swapped(word x) {{ return __byte_perm(x, 0, 0x0123); }}

static __device__ __forceinline__ word rotated(word x, word n) {{ return x >> n | x << (32 - n); }}

// The product must be a single instruction; written as C++ it becomes two.
static __device__ __forceinline__ two_words product(word x, word y)
{{
#ifdef __CUDA_ARCH__
    two_words both;
    asm("mul.wide.u32 %0, %1, %2;" : "=l"(both) : "r"(x), "r"(y));
    return both;
#else
    return (two_words)x * y;
#endif
}}

// `power` is 2^(32 - n), and `one` is 1; the compiler knows neither.
static __device__ __forceinline__ word multiplied(word x, word power, word one)
{{
    const two_words both = product(x, power);
    return (word)(both >> 32) * one + (word)both;
}}

// The high half of the same product is `x` shifted right by n.
static __device__ __forceinline__ word shifted(word x, word power)
{{
    return (word)(product(x, power) >> 32);
}}

static __device__ void report(word *found, word *number, word capacity, word nonce)
{{
    const word place = atomicAdd(number, 1u);
    if (place < capacity) found[place] = nonce;
}}

// Nonces `start` to `start` + `count` - 1, modulo 2^32; `count` and the number of threads are at most 2^31 each.
extern "C" __global__ void __launch_bounds__({threads}) {entry}(
    word *found, word *number, word capacity, word start, word count, word limit{arguments})
{{
    const word threads = gridDim.x * blockDim.x;
#pragma unroll 1
    for (word at = blockIdx.x * blockDim.x + threadIdx.x; at < count; at += threads) {{
        const word n = swapped(start + at);
        bool met = false;
"""
_TAIL: Final = """\
        if (met) report(found, number, capacity, start + at);
    }
}
"""
_INDENT: Final = " " * 8


@cache
def source(variant: Variant) -> str:
    """Return the kernel's text: function `ENTRY` of buffer, fill, capacity, start, count, limit, and what nonces share."""
    what = program(variant.midstates)
    names = argument_names(variant)
    words = CudaText(variant)
    for result in what.run(words, names[-len(what.passed) :], "n"):
        words.lines.append(_screen(variant, result))
    head = _HEAD.format(
        name=variant.name, threads=BLOCK_THREADS, entry=ENTRY, arguments="".join(f", word {name}" for name in names)
    )
    return head + "".join(f"{_INDENT}{line}\n" for line in words.lines) + _TAIL


def argument_names(variant: Variant) -> list[str]:
    """Return the names of the words that are the same for all nonces: `one`, the powers, the uniforms."""
    uniforms = [f"u{place}" for place in range(len(program(variant.midstates).passed))]
    return ["one", *(f"p{amount}" for amount in variant.wide), *uniforms]


def argument_values(variant: Variant, uniforms: tuple[int, ...]) -> list[int]:
    """Return the values of those words."""
    return [1, *(1 << 32 - amount for amount in variant.wide), *uniforms]


def _screen(variant: Variant, result: str) -> str:
    met = f"{result} == {TOP_IS_ZERO:#x}u" if variant.zero else f"swapped({result} + {TOP_OF_INITIAL:#x}u) <= limit"
    return f"met = met | ({met});"


class CudaText:
    """Words as names of variables, declared line by line."""

    def __init__(self, variant: Variant) -> None:
        self.lines: list[str] = []
        self._variant = variant

    def const(self, value: int) -> str:
        """Return a literal."""
        return f"{value:#x}u"

    def add(self, *terms: str) -> str:
        """Add modulo 2^32, on the pipe that multiplies if so wanted."""
        x, y = terms
        return self._named(f"{x} * one + {y}" if self._variant.multiplied else f"{x} + {y}")

    def xor(self, *terms: str) -> str:
        """Return the exclusive or of all terms."""
        return self._named(" ^ ".join(terms))

    def and_(self, x: str, y: str) -> str:
        """Return the bits set in both."""
        return self._named(f"{x} & {y}")

    def not_(self, x: str) -> str:
        """Return the bits not set."""
        return self._named(f"~{x}")

    def rotr(self, x: str, n: int) -> str:
        """Rotate right by `n` bits."""
        return self._named(f"multiplied({x}, p{n}, one)" if n in self._variant.wide else f"rotated({x}, {n})")

    def shr(self, x: str, n: int) -> str:
        """Shift right by `n` bits."""
        return self._named(f"shifted({x}, p{n})" if n in self._variant.wide else f"{x} >> {n}")

    def _named(self, expression: str) -> str:
        name = f"r{len(self.lines)}"
        self.lines.append(f"const word {name} = {expression};")
        return name
