"""Jobs: real headers go to the chip and come back, and the words stand in the order in which real chips solved them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.drivers.bm13xx.commands import SendJob, command_from_bytes
from hw.drivers.bm13xx.jobs import FullJob, JobForm, MidstateJob, reverse_words
from hw.drivers.errors import FrameError
from miner.header import BlockHeader, Nonce, double_sha256, hash_hex, hash_value
from miner.share import check
from miner.target import MAX_TARGET, NBits, target_from_nbits
from miner.template import HeaderTemplate
from miner.vectors import header_at, headers

GENESIS = header_at(0)

# What a Bitaxe sent to its BM1370, and what that answered, which a pool accepted at difficulty 29588: 256foundation/mujina
# bm13xx/test_data.rs, captured on 2025-06-19.
SENT = bytes.fromhex(
    "55AA215668010000000004 3A0217D76854685519A7CB044F88726355919E61A98BCF71A0C28795EA54DB8C36414B06DDF5F0"
    "000000000000000096520100 1D3996BCA3F4670DFCD4F201C162B96DFD55646B00000020721C"
)
ANSWERED_NONCE = Nonce(0x7552034C)
ANSWERED_VERSION_BITS = 0x00B44000  # as the host's log has it

# Sniffed at a BM1397: skot/ESP-Miner bm1397_protocol.md.
SENT_TO_BM1397 = bytes.fromhex(
    "55AA21960404 00000000 A3890617 2FA80A64 6F1CC5E8"
    "99CE15A2DEDF6149779069841C8A0CE0A030E40ACBA6A5FB3319305DE246EF18"
    "1D6363EBE7BAD98D4BCAFE9C4F45F645FA71A01E8CB82D68DC6CB84E25398C50"
    "FA7E2EC6C80861B9A5899071C47556E4788535226551EA68EBF896B0CA4077D4"
    "0CAF1BD4473785BB396A22C39C2356E7CEB6574C1FA3A99AD3C1A017791FBC38"
    "8C24"
)


def test_a_job_that_a_chip_solved_hashes_to_the_difficulty_that_was_accepted() -> None:
    sent = command_from_bytes(SENT)
    assert isinstance(sent, SendJob)
    assert isinstance(sent.job, FullJob)
    assert (sent.length, sent.job.job_id, sent.job.nbits, sent.job.time_s) == (None, 0x68, 0x17023A04, 0x685468D7)
    digest = double_sha256(sent.job.header(ANSWERED_NONCE, ANSWERED_VERSION_BITS))
    assert MAX_TARGET / hash_value(digest) == pytest.approx(29588.01398, abs=1e-4)
    assert sent.to_bytes() == SENT


def test_the_job_of_block_0_rebuilds_block_0() -> None:
    """As piaxe-miner sends it: job id 0x10, answered by 1d ac 2b 7c."""
    job = FullJob.from_header(GENESIS.to_bytes(), 0x10)
    payload = job.payload()
    assert len(payload) == 82
    assert payload[:14] == bytes.fromhex("10 01 00000000 ffff001d 29ab5f49")
    # The root in a header begins 3ba3edfd and ends 888a5132-3a9fb8aa-4b1e5e4a; the words, not their bytes, are turned around.
    assert payload[14:26] == bytes.fromhex("4b1e5e4a") + GENESIS.merkle_root[24:28] + GENESIS.merkle_root[20:24]
    assert payload[42:46] == bytes.fromhex("3ba3edfd")
    assert payload[46:] == bytes(32) + bytes.fromhex("01000000")
    rebuilt = FullJob.from_payload(payload).header(Nonce(int.from_bytes(bytes.fromhex("1dac2b7c"), "little")))
    assert hash_hex(double_sha256(rebuilt)) == "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"


@pytest.mark.parametrize("height", list(headers()))
def test_every_shipped_header_goes_there_and_back(height: int) -> None:
    header = header_at(height)
    sent = SendJob(FullJob.from_header(header.to_bytes(), 0x18)).to_bytes()
    back = command_from_bytes(sent)
    assert isinstance(back, SendJob)
    assert isinstance(back.job, FullJob)
    assert BlockHeader.from_bytes(back.job.header(header.nonce)) == header


@given(st.binary(min_size=80, max_size=80), st.integers(0, 255))
def test_any_header_goes_there_and_back(header: bytes, job_id: int) -> None:
    job = FullJob.from_header(header, job_id)
    assert FullJob.from_payload(job.payload()) == job
    assert job.header(Nonce(int.from_bytes(header[76:], "little"))) == header


@given(st.binary(min_size=32, max_size=32))
def test_words_turned_twice_are_as_before(raw: bytes) -> None:
    assert reverse_words(reverse_words(raw)) == raw
    assert reverse_words(raw)[:4] == raw[28:]


def test_version_bits_are_set_in_the_version() -> None:
    job = FullJob.from_header(GENESIS.to_bytes(), 0)
    assert job.header(Nonce(0), 0x1FFFE000)[:4] == (0x1FFFE001).to_bytes(4, "little")


def test_a_job_that_went_to_a_bm1397() -> None:
    sent = command_from_bytes(SENT_TO_BM1397, JobForm.MIDSTATE)
    assert isinstance(sent, SendJob)
    assert isinstance(sent.job, MidstateJob)
    assert sent.to_bytes() == SENT_TO_BM1397
    assert (sent.job.job_id, len(sent.job.midstates)) == (4, 4)
    assert sent.job.tail == (0x6F1CC5E8, 0x2FA80A64, 0xA3890617)
    assert sent.job.midstates[0][0] == 0xE246EF18
    assert sent.job.midstates[3][7] == 0x0CAF1BD4


def test_midstates_have_the_order_of_the_golden_block() -> None:
    """Block 171874, as bfgminer and cgminer probe serial devices with it: the same words, last first, and the same tail."""
    state = bytes.fromhex("4679ba4ec99876bf4bfe086082b400254df6c356451471139a3afa71e48f544a")
    payload = bytes.fromhex("0401 00000000 87320b1a 1426674f 2fa722ce") + state
    [template] = MidstateJob.from_payload(payload).templates()
    nonce = Nonce(int.from_bytes(bytes.fromhex("000187a2"), "little"))
    assert template.check(nonce, target_from_nbits(NBits(0x1A0B3287)))


def test_a_rolled_header_goes_as_four_midstates_and_comes_back_as_templates() -> None:
    rolled = [HeaderTemplate((version << 13 | 1).to_bytes(4, "little") + GENESIS.to_bytes()[4:]) for version in range(4)]
    job = MidstateJob.from_templates(rolled, 0x7C)
    payload = job.payload()
    assert len(payload) == 146
    assert payload[:18] == bytes.fromhex("7c04 00000000 ffff001d 29ab5f49 4b1e5e4a")
    found = MidstateJob.from_payload(payload)
    assert found == job
    back = found.templates()
    assert [template.midstate for template in back] == [template.midstate for template in rolled]
    target = target_from_nbits(GENESIS.nbits)
    assert back[0].check(GENESIS.nonce, target) == check(GENESIS.to_bytes(), GENESIS.nonce, target)
    assert back[0].check(GENESIS.nonce, target) is not None
    assert back[1].check(GENESIS.nonce, target) is None


def test_headers_of_different_tails_are_no_job() -> None:
    two = [HeaderTemplate(header_at(height).to_bytes()) for height in list(headers())[:2]]
    with pytest.raises(FrameError, match="got 2 tails"):
        MidstateJob.from_templates(two, 0)
    with pytest.raises(FrameError, match="got 0 tails"):
        MidstateJob.from_templates([], 0)
    with pytest.raises(FrameError, match="one midstate or four; got 2"):
        MidstateJob.from_templates([two[0], two[0]], 0)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"job_id": 256}, "job id"),
        ({"version": -1}, "version"),
        ({"time_s": 1 << 32}, "time"),
        ({"nbits": -1}, "nBits"),
        ({"start": 1 << 32}, "start"),
        ({"midstate_count": 256}, "count of midstates"),
        ({"previous": bytes(31)}, "previous hash has 32 bytes; got 31"),
        ({"merkle_root": bytes(33)}, "merkle root has 32 bytes; got 33"),
    ],
)
def test_a_full_job_that_does_not_fit_is_refused(change: dict[str, object], told: str) -> None:
    fields = {"job_id": 0, "version": 1, "previous": bytes(32), "merkle_root": bytes(32), "time_s": 0, "nbits": 0, **change}
    with pytest.raises(FrameError, match=told):
        FullJob(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"job_id": -1}, "job id"),
        ({"start": -1}, "start"),
        ({"midstates": ()}, "one midstate or four; got 0"),
        ({"midstates": ((0,) * 7,)}, "a midstate has 8 words; got 7"),
        ({"midstates": ((1 << 32,) * 8,)}, "a word of a midstate"),
        ({"tail": (0, 0)}, "a tail has 3 words; got 2"),
        ({"tail": (0, 0, -1)}, "a word of a tail"),
    ],
)
def test_a_midstate_job_that_does_not_fit_is_refused(change: dict[str, object], told: str) -> None:
    fields = {"job_id": 0, "midstates": ((0,) * 8,), "tail": (0, 0, 0), **change}
    with pytest.raises(FrameError, match=told):
        MidstateJob(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [0, 81, 83])
def test_a_full_payload_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(FrameError, match=f"has 82 bytes; got {size}"):
        FullJob.from_payload(bytes(size))


@pytest.mark.parametrize("payload", [b"", b"\0", bytes(50), b"\0\1" + bytes(49), b"\0\2" + bytes(80), b"\0\4" + bytes(48)])
def test_a_midstate_payload_of_another_size_is_refused(payload: bytes) -> None:
    with pytest.raises(FrameError, match="want one in 50 bytes, or four in 146"):
        MidstateJob.from_payload(payload)


def test_a_nonce_or_header_that_does_not_fit_is_refused() -> None:
    with pytest.raises(FrameError, match="80 bytes; got 79"):
        FullJob.from_header(bytes(79), 0)
    job = FullJob.from_header(bytes(80), 0)
    with pytest.raises(FrameError, match="nonce"):
        job.header(Nonce(1 << 32))
    with pytest.raises(FrameError, match="version bits"):
        job.header(Nonce(0), -1)
