"""What mining programs were seen to do with a device, replayed byte for byte and second by second.

Observed with bfgminer 5.5, cgminer 3.1.1 and piaxe-miner on pseudo-terminals; here the emulated devices answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hw.drivers.bm13xx.chips import CHIPS
from hw.drivers.bm13xx.commands import SendJob, WriteRegister
from hw.drivers.bm13xx.decoder import ResponseDecoder
from hw.drivers.bm13xx.jobs import FullJob
from hw.drivers.bm13xx.pll import choose_pll
from hw.drivers.bm13xx.responses import Form, NonceResponse, RegisterResponse
from hw.drivers.icarus.family import profile
from hw.drivers.icarus.frames import encode_work
from hw.drivers.icarus.probes import DIVISION, GOLDEN
from hw.emulators.bm13xx import Bm13xxEmulator, ChainSetting
from hw.emulators.icarus import IcarusEmulator, Setting
from miner.backends.registry import GENESIS_HEADER, GENESIS_NONCE
from miner.template import HeaderTemplate

if TYPE_CHECKING:
    from tests.hw.emulators.conftest import ListedFinder

GENESIS = encode_work(HeaderTemplate(GENESIS_HEADER))
OTHER = encode_work(HeaderTemplate(b"\x02" + GENESIS_HEADER[1:]))


def stick(name: str, finder: ListedFinder, rate_hps: float | None = None) -> IcarusEmulator:
    kind = profile(name)
    return IcarusEmulator(Setting(profile=kind, rate_hps=rate_hps or kind.hashrate_hps), finder)


def test_bfgminer_with_an_erupter(finder: ListedFinder) -> None:
    """Golden probe, 106 ms later the division probe and its answer after 240 ms, a second later work; renewed every 12.8 s."""
    device = stick("erupter", finder)
    device.feed(GOLDEN, 0.0)
    assert device.poll(0.001) == bytes.fromhex("000187a2")
    device.feed(DIVISION, 0.106)
    assert device.due_s() == pytest.approx(0.106 + 0.240, abs=0.005)
    assert device.poll(0.106 + 0.245) == bytes.fromhex("04c0fdb4")
    device.feed(GENESIS, 1.4)
    assert device.due_s() == pytest.approx(1.4 + 1.48, abs=0.01)
    assert device.poll(3.0) == bytes.fromhex("1dac2b7c")
    device.feed(OTHER, 14.2)
    device.feed(OTHER, 27.0)
    assert len(finder.asked) == 2
    assert device.poll(40.0) == b""


def test_bfgminer_with_an_antminer(finder: ListedFinder) -> None:
    """Probes with a byte of status, then the clock glued to work, and work again every 75 ms: the last wins."""
    device = stick("u1", finder, rate_hps=20e9)
    device.feed(GOLDEN, 0.0)
    assert device.poll(0.1) == bytes.fromhex("000187a200")
    device.feed(DIVISION, 0.2)
    assert device.poll(0.3) == bytes.fromhex("04c0fdb400")
    device.feed(bytes.fromhex("82 07 81 06") + OTHER, 1.0)
    for number in range(10):
        device.feed(OTHER if number % 2 else GENESIS, 1.075 + 0.075 * number)
        assert device.poll(1.075 + 0.075 * number + 0.07) == (b"" if number % 2 else bytes.fromhex("1dac2b7c00"))
    assert device.snapshot(2.0).works == 13


def test_cgminer_with_an_icarus(finder: ListedFinder) -> None:
    """No division probe; work is renewed after 11.1 s."""
    device = stick("icarus", finder)
    device.feed(GOLDEN, 0.0)
    assert device.poll(0.1) == bytes.fromhex("000187a2")
    device.feed(OTHER, 1.1)
    device.feed(GENESIS, 12.2)
    assert device.poll(12.2 + 2.61) == b""  # each FPGA does half the rate in half the range
    assert device.poll(12.2 + 2.63) == bytes.fromhex("1dac2b7c")


def test_piaxe_with_four_bm1366(finder: ListedFinder) -> None:
    """Its own bytes up to the addresses, a clock, and jobs with ids 10, 18, 20: each 88 bytes long."""
    device = Bm13xxEmulator(ChainSetting(chip=CHIPS["BM1366"], count=4), finder)
    decoder = ResponseDecoder(Form.LONG)
    for _ in range(3):
        device.feed(bytes.fromhex("55 AA 51 09 00 A4 90 00 FF FF 1C"), 0.0)
    device.feed(bytes.fromhex("55 AA 52 05 00 00 0A"), 0.1)
    assert decoder.feed(device.poll(0.2)) == [RegisterResponse(0x13660000, 0, 0, 0)] * 4
    device.feed(bytes.fromhex("55 AA 53 05 00 00 03"), 5.2)
    for frame in ("55 AA 40 05 00 00 1C", "55 AA 40 05 02 00 01", "55 AA 40 05 04 00 03", "55 AA 40 05 06 00 1E"):
        device.feed(bytes.fromhex(frame), 5.3)
    for frame in ("55 AA 41 09 00 A8 00 07 01 F0 15", "55 AA 41 09 00 18 F0 00 C1 00 0C", "55 AA 41 09 00 2C 00 7C 00 03 03"):
        device.feed(bytes.fromhex(frame), 5.4)
    value = choose_pll(CHIPS["BM1366"], 485.0).value(CHIPS["BM1366"])
    device.feed(WriteRegister(0x08, value).to_bytes(), 5.5)
    told = []
    for number, job_id in enumerate((0x10, 0x18, 0x20)):
        frame = SendJob(FullJob.from_header(GENESIS_HEADER, job_id)).to_bytes()
        assert len(frame) == 88
        device.feed(frame, 13.0 + 1.5 * number)
        told += decoder.feed(device.poll(13.0 + 1.5 * number + 1.0))
    assert [(one.nonce, one.result_id & 0xF8, one.version) for one in told if isinstance(one, NonceResponse)] == [
        (GENESIS_NONCE, 0x10, 0),
        (GENESIS_NONCE, 0x18, 0),
        (GENESIS_NONCE, 0x20, 0),
    ]


def test_a_host_of_another_kind_sees_a_byte_too_many(finder: ListedFinder) -> None:
    """cgminer's and bfgminer's Icarus driver on a five-byte device: "expected 4 bytes, got 5"."""
    device = stick("u1", finder)
    device.feed(GOLDEN, 0.0)
    assert len(device.poll(0.1)) == 5
