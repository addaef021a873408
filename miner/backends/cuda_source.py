"""A kernel as text of CUDA C++, from the one text of SHA-256.

One statement an operation; the compiler joins logic of three words, and rotations are recognised. NVRTC compiles the text
for a device; a C++ compiler compiles it for the CPU, given small stand-ins for CUDA's words, which is how tests run it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

from miner.backends.cuda_text import CudaText, screen
from miner.backends.gpu_looped import Looped, looped
from miner.backends.gpu_program import Program, program
from miner.backends.gpu_variant import Variant

BLOCK_THREADS: Final = 128  # with this bound alone no variant spills; a wanted number of blocks on an SM made some do so
MOST_BLOCK_THREADS: Final = 512  # of one midstate's kernel, to which this bound costs no register more
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
{structures}extern "C" __global__ void __launch_bounds__({threads}) {entry}(
    word *found, word *number, word capacity, word start, word count, word limit{arguments})
{{
{declarations}    const word threads = gridDim.x * blockDim.x;
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
_STRUCTURES: Final = """\
// What each midstate has for itself.
struct Own {{ word of[{midstates}][{words}]; }};
"""
_DECLARATIONS: Final = """\
    // A thread reads what it has written itself, so that no barrier is needed. Were the words not volatile, the compiler would
    // hold many of them in registers, for which fewer warps found room.
    __shared__ volatile word handed[{words}][{threads}];
"""
_INDENT: Final = " " * 8


@cache
def source(variant: Variant) -> str:
    """Return the kernel's text: function `ENTRY` of buffer, fill, capacity, start, count, limit, and what nonces share."""
    lines = _looped_lines(variant) if variant.looped else _straight_lines(variant)
    arguments = "".join(f", word {name}" for name in argument_names(variant))
    structures = declarations = ""
    if variant.looped:
        what = looped()
        arguments += ", const __grid_constant__ Own own"
        structures = _STRUCTURES.format(midstates=variant.midstates, words=len(what.one.passed))
        declarations = _DECLARATIONS.format(words=len(what.schedule.results), threads=BLOCK_THREADS)
    head = _HEAD.format(
        name=variant.name,
        threads=most_block_threads(variant),
        entry=ENTRY,
        arguments=arguments,
        structures=structures,
        declarations=declarations,
    )
    return head + "".join(f"{_INDENT}{line}\n" for line in lines) + _TAIL


def _straight_lines(variant: Variant) -> list[str]:
    what, words = program(variant.midstates), CudaText(variant)
    for result in what.run(words, _uniform_names(what), "n"):
        words.lines.append(screen(variant, result))
    return words.lines


def _looped_lines(variant: Variant) -> list[str]:
    """Hand the schedule on through shared memory, then do both hashes of a midstate in each pass of a loop."""
    what, words = looped(), CudaText(variant)
    handed = [f"handed[{place}][threadIdx.x]" for place in range(len(what.schedule.results))]
    for place, result in zip(handed, what.schedule.run(words, _uniform_names(what.schedule), "n"), strict=True):
        words.lines.append(f"{place} = {result};")
    words.lines += ["#pragma unroll 1", f"for (word m = 0; m < {variant.midstates}; ++m) {{"]
    own = [f"own.of[m][{place}]" for place in range(len(what.one.passed))]
    for result in what.one.run(words, own, "n", handed):
        words.lines.append(screen(variant, result))
    return [*words.lines, "}"]


def words_of(variant: Variant) -> Program | Looped:
    """Return what makes of midstates and tail the words that all nonces of a job share."""
    return looped() if variant.looped else program(variant.midstates)


def _uniform_names(what: Program) -> list[str]:
    return [f"u{place}" for place in range(len(what.passed))]


def argument_names(variant: Variant) -> list[str]:
    """Return the names of the scalars that are the same for all nonces: `one`, the powers, the uniforms."""
    what = looped().schedule if variant.looped else program(variant.midstates)
    return ["one", *(f"p{amount}" for amount in variant.wide), *_uniform_names(what)]


def argument_values(variant: Variant, uniforms: Sequence[int]) -> list[int]:
    """Return the values of those words; behind the scalars come the words of the structure `Own`, if there is one."""
    return [1, *(1 << 32 - amount for amount in variant.wide), *uniforms]


def most_block_threads(variant: Variant) -> int:
    """Return how many threads a block may have: the bound that the compiler is told."""
    return MOST_BLOCK_THREADS if variant.midstates == 1 and not variant.looped else BLOCK_THREADS
