"""What is written down of SHA-256 and pruned: the same hashes, and not one operation too many."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from struct import unpack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miner.backends.gpu_looped import looped
from miner.backends.gpu_program import TOP_IS_ZERO, TOP_OF_INITIAL, program
from miner.backends.gpu_trace import WHOLE, Kind, Trace, replay
from miner.backends.sha256_text import midstate
from miner.header import header_words

MASK = 0xFFFFFFFF
WORDS = st.integers(0, MASK)


@settings(deadline=None, max_examples=30)
@given(starts=st.lists(st.binary(min_size=64, max_size=64), min_size=4, max_size=4), tail=st.binary(min_size=16, max_size=16))
@pytest.mark.parametrize("midstates", [1, 2, 4])
def test_words_of_the_host_and_operations_of_the_kernel_make_the_hash_of_hashlib(
    midstates: int, starts: list[bytes], tail: bytes
) -> None:
    """The kernel's part sees the host's words and the nonce, nothing else."""
    headers = [header_words(start + tail) for start in starts[:midstates]]
    uniforms = program(midstates).uniforms([midstate(words) for words in headers], headers[0][16:19])
    results = program(midstates).run(WHOLE, uniforms, headers[0][19])
    wanted = [unpack(">8I", sha256(sha256(start + tail).digest()).digest())[7] for start in starts[:midstates]]
    assert [(result + TOP_OF_INITIAL) & MASK for result in results] == wanted


@settings(deadline=None, max_examples=30)
@given(starts=st.lists(st.binary(min_size=64, max_size=64), min_size=1, max_size=5), tail=st.binary(min_size=16, max_size=16))
def test_the_looped_form_makes_the_hash_of_hashlib_too(starts: list[bytes], tail: bytes) -> None:
    """Its second part sees what the first one handed on, the midstate's own words and the nonce, nothing else."""
    what, headers = looped(), [header_words(start + tail) for start in starts]
    nonce, uniforms = headers[0][19], iter(what.uniforms([midstate(words) for words in headers], headers[0][16:19]))
    handed = list(what.schedule.run(WHOLE, [next(uniforms) for _ in what.schedule.passed], nonce))
    for start in starts:
        [result] = what.one.run(WHOLE, [next(uniforms) for _ in what.one.passed], nonce, handed)
        top = unpack(">8I", sha256(sha256(start + tail).digest()).digest())[7]
        assert (result + TOP_OF_INITIAL) & MASK == top
    assert list(uniforms) == []


def test_the_looped_form_hands_on_what_depends_on_the_nonce_and_does_nothing_twice() -> None:
    """Words 18 to 63: words 16 and 17 are the host's. One schedule and one hash are together the kernel of one midstate."""
    schedule, one = looped()
    assert len(schedule.results) == 46
    assert [node.number for node in schedule.results] == sorted(node.number for node in schedule.results)
    assert sorted(node.value for node in one.each if node.operation == "handed") == list(range(46))
    shifts = [Counter(node.operation for node in part) for part in (schedule.each, one.each, program(1).each)]
    for operation in ("rotr", "shr", "and_"):
        assert shifts[0][operation] + shifts[1][operation] == shifts[2][operation]


def test_a_top_word_of_0_is_one_comparison_with_the_known_constant() -> None:
    assert (TOP_IS_ZERO, TOP_OF_INITIAL) == (0xA41F32E7, 0x5BE0CD19)


@pytest.mark.parametrize("midstates", [1, 2, 4])
def test_nothing_is_computed_that_no_result_needs(midstates: int) -> None:
    """Sigmas by their rotations, counted by hand from FIPS 180-4 and the places of the nonce.

    First hash: E and A depend on the nonce after round 3, so that rounds 4 to 63 take their Sigmas; words 20 to 63 take sigma 1
    of words 18 and later, words 18 and 33 to 63 take sigma 0 of word 3, and of 18 and later. Second hash: Sigma 1 in rounds 1
    to 60, Sigma 0 in rounds 1 to 56, since A of later rounds feeds nothing; words 18 to 60 take sigma 1 of words 16 and
    later, words 16 to 22 and 31 to 60 take sigma 0 of words 1 to 7, and of 16 and later. The rest is padding.
    """
    big_1, big_0 = midstates * (60 + 60), midstates * (60 + 56)
    small_1, small_0 = 44 + midstates * 43, 32 + midstates * 37
    amounts = {
        6: big_1,
        11: big_1,
        25: big_1,
        2: big_0,
        13: big_0,
        22: big_0,
        17: small_1,
        19: small_1,
        7: small_0,
        18: small_0,
    }
    each = program(midstates).each
    assert Counter(node.value for node in each if node.operation == "rotr") == amounts
    assert Counter(node.value for node in each if node.operation == "shr") == {10: small_1, 3: small_0}
    assert [node.operation for node in each].count("nonce") == 1


def test_several_midstates_share_the_sums_of_words_and_constants() -> None:
    """Words 18 to 63 depend on the nonce: each is one sum or more, and another with the constant of its round."""
    sums = {k: sum(node.operation == "add" for node in program(k).each) for k in (1, 2, 4)}
    assert sums[4] - sums[2] == 2 * (sums[2] - sums[1])
    assert 2 * sums[1] - sums[2] > 2 * 46


class TestTrace:
    """The kinds of words, and what is folded."""

    def test_constants_fold_by_the_reference(self) -> None:
        trace = Trace()
        x, y = trace.const(0x80000001), trace.const(MASK)
        made = [trace.add(x, y), trace.xor(x, y), trace.and_(x, y), trace.not_(x), trace.rotr(x, 1), trace.shr(x, 1)]
        assert [(node.kind, node.value) for node in made] == [
            (Kind.CONSTANT, value) for value in (0x80000000, 0x7FFFFFFE, 0x80000001, 0x7FFFFFFE, 0xC0000000, 0x40000000)
        ]

    def test_equal_words_are_one(self) -> None:
        trace = Trace()
        nonce = trace.nonce()
        assert trace.rotr(nonce, 5) is trace.rotr(nonce, 5)
        assert trace.rotr(nonce, 5) is not trace.rotr(nonce, 6)
        assert trace.nonce() is nonce

    def test_zeros_vanish(self) -> None:
        trace = Trace()
        nonce, zero = trace.nonce(), trace.const(0)
        assert trace.add(zero, nonce, zero) is nonce
        assert trace.xor(nonce, zero) is nonce
        assert trace.add(nonce, trace.const(1), trace.const(MASK)) is nonce
        assert trace.add() is trace.xor() is trace.const(0)

    def test_what_all_nonces_share_is_added_by_the_host_and_once(self) -> None:
        """(nonce + u) + v is nonce + (u + v): one addition a nonce, and the first sum is pruned if nothing else needs it."""
        trace = Trace()
        nonce, u, v = trace.nonce(), trace.uniform(0), trace.uniform(1)
        total = trace.add(trace.add(nonce, u), v, trace.const(3))
        own = [node for node in trace.live([total]) if node.kind == Kind.NONCE]
        assert [node.operation for node in own] == ["nonce", "add"]

    @settings(deadline=None)
    @given(st.lists(WORDS, min_size=3, max_size=3), WORDS, st.data())
    def test_any_sequence_of_operations_keeps_its_meaning(self, shared: list[int], nonce: int, data: st.DataObject) -> None:
        """Done at once with whole numbers, and written down, pruned and replayed: equal."""
        trace = Trace()
        pairs = [(trace.uniform(place), word) for place, word in enumerate(shared)] + [(trace.nonce(), nonce)]
        pairs += [(trace.const(value), value) for value in (0, 7, MASK)]
        for _ in range(data.draw(st.integers(1, 12))):
            operation = data.draw(st.sampled_from(["add", "xor", "and_", "not_", "rotr", "shr"]))
            number = {"and_": 2, "not_": 1, "rotr": 1, "shr": 1}.get(operation) or data.draw(st.integers(1, 4))
            chosen = data.draw(st.lists(st.sampled_from(pairs), min_size=number, max_size=number))
            amount = [data.draw(st.integers(1, 31))] if operation in {"rotr", "shr"} else []
            node = getattr(trace, operation)(*(node for node, _ in chosen), *amount)
            pairs.append((node, getattr(WHOLE, operation)(*(word for _, word in chosen), *amount)))
        leaves = {trace.nonce().number: nonce} | {trace.uniform(place).number: word for place, word in enumerate(shared)}
        result, wanted = pairs[-1]
        assert replay(trace.live([result]), WHOLE, leaves)[result.number] == wanted
