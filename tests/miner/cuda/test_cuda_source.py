"""The very text that NVRTC compiles, compiled for the CPU instead: every variant finds what hashlib finds."""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import sha256

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from miner.backends.cuda_source import argument_names, argument_values, most_block_threads, source
from miner.backends.gpu_job import job_of
from miner.backends.gpu_rank import SHAPED, SHAPES
from miner.backends.gpu_variant import BIG_SIGMA_1, LOOPED, SHIFTS, SMALL_SIGMA_1, USUAL_SHAPE, VARIANTS, Variant
from miner.target import Target
from miner.template import HeaderTemplate
from miner.vectors import header_at, headers

GENESIS = header_at(0).to_bytes()
GENESIS_NONCE = 2083236893
EVERY = (*VARIANTS, *LOOPED)
ANY = (
    *(Variant(midstates=k, wide=SHIFTS, zero=False) for k in (1, 2, 4)),
    Variant(multiplied=False, zero=False),
    *(Variant(midstates=k, wide=SHIFTS, looped=True, zero=False) for k in (1, 2, 4)),
)

Kernel = Callable[[Variant], Callable[..., tuple[int, list[int]]]]


def rolled(header: bytes, midstates: int) -> list[bytes]:
    """Return headers that differ in the version bits which BIP 320 leaves to miners, the given one last."""
    versions = [int.from_bytes(header[:4], "little") ^ bits << 13 for bits in range(midstates)][::-1]
    return [version.to_bytes(4, "little") + header[4:] for version in versions]


def tops(headers: list[bytes], nonce: int) -> list[int]:
    """The top words of the hashes, by hashlib."""
    raw = (sha256(sha256(header[:76] + nonce.to_bytes(4, "little")).digest()).digest() for header in headers)
    return [int.from_bytes(digest, "little") >> 224 for digest in raw]


@pytest.mark.parametrize("variant", EVERY, ids=lambda variant: variant.name)
def test_it_finds_the_nonce_of_block_0(variant: Variant, cpu_kernel: Kernel) -> None:
    """Among 20,000 nonces, whichever midstate is that of block 0; a whole range of top words 0 has no other."""
    for versions in (rolled(GENESIS, variant.midstates), rolled(GENESIS, variant.midstates)[::-1]):
        job = job_of([HeaderTemplate(version) for version in versions], Target(0xFFFF << 208), variant)
        assert cpu_kernel(variant)(job, GENESIS_NONCE - 12_345, 20_000, 4, 3) == (1, [GENESIS_NONCE])


@pytest.mark.parametrize("variant", ANY, ids=lambda variant: variant.name)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    header=st.binary(min_size=80, max_size=80),
    start=st.one_of(st.integers(0, (1 << 32) - 200), st.just((1 << 32) - 200)),
    limit=st.sampled_from([0, 1 << 24, 0x12345678, (1 << 31) - 1, (1 << 32) - 1]),
)
def test_top_words_are_held_against_any_limit(
    variant: Variant, cpu_kernel: Kernel, header: bytes, start: int, limit: int
) -> None:
    versions = rolled(header, variant.midstates)
    job = job_of([HeaderTemplate(version) for version in versions], Target(limit << 224), variant)
    number, found = cpu_kernel(variant)(job, start, 200, 200, 1)
    assert number == len(found)
    assert sorted(found) == [nonce for nonce in range(start, start + 200) if min(tops(versions, nonce)) <= limit]


@pytest.mark.parametrize("variant", EVERY, ids=lambda variant: variant.name)
def test_it_finds_the_nonce_of_every_shipped_block(variant: Variant, cpu_kernel: Kernel) -> None:
    """Real hashes whose top word is 0: one wrong bit anywhere in 122 rounds, and a nonce is not found."""
    for height, header in headers().items():
        others = rolled(header.to_bytes(), variant.midstates)
        job = job_of([HeaderTemplate(one) for one in others], Target(0), variant)
        assert cpu_kernel(variant)(job, header.nonce, 1, 1, 1) == (1, [header.nonce]), f"block {height}"


def test_candidates_without_room_are_counted_but_not_kept(cpu_kernel: Kernel) -> None:
    variant = Variant(zero=False)
    job = job_of([HeaderTemplate(GENESIS)], Target((1 << 256) - 1), variant)
    number, found = cpu_kernel(variant)(job, 7, 1000, 10, 2)
    assert (number, len(found)) == (1000, 10)
    assert set(found) < set(range(7, 1007))


def test_no_one_is_written_out_where_the_compiler_could_see_it() -> None:
    """`x * 1 + y` would come back as a sum on the full pipe: the one is an argument, and so are the powers of two."""
    variant = Variant(wide=(*SHIFTS, BIG_SIGMA_1, SMALL_SIGMA_1))
    assert argument_names(variant)[:5] == ["one", "p3", "p10", "p25", "p19"]
    assert argument_values(variant, ())[:5] == [1, 1 << 29, 1 << 22, 1 << 7, 1 << 13]
    text = source(variant)
    assert not re.search(r"\* 1\b|\* 0x", text)
    assert all(f"word {name}" in text for name in argument_names(variant))


@pytest.mark.parametrize("variant", EVERY, ids=lambda variant: variant.name)
def test_blocks_are_no_larger_than_the_compiler_was_told(variant: Variant) -> None:
    """What a looped kernel hands on has room for that many threads and no more."""
    text, most = source(variant), most_block_threads(variant)
    assert f"__launch_bounds__({most})" in text
    assert most >= USUAL_SHAPE.block_threads
    assert variant != SHAPED or most >= max(shape.block_threads for shape in SHAPES)
    assert (f"handed[46][{most}];" in text) == variant.looped


def test_plain_sums_are_left_alone() -> None:
    assert " * one" not in source(Variant(multiplied=False)).split("bool met")[1]
