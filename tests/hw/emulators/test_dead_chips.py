"""A chain of BM13xx chips of which one in the middle dies: what it draws, and which nonces nobody finds any more."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from hw.drivers.bm13xx.chips import CHIPS
from hw.drivers.bm13xx.commands import ChainInactive, Command, SendJob, SetAddress, WriteRegister
from hw.drivers.bm13xx.jobs import FullJob
from hw.drivers.bm13xx.nonces import found_nonce, join_nonce
from hw.drivers.bm13xx.pll import choose_pll
from hw.drivers.bm13xx.registers import Register, version_mask_value
from hw.drivers.bm13xx.responses import NonceResponse, response_from_bytes
from hw.emulators.bm13xx import Bm13xxEmulator, ChainSetting
from hw.emulators.faults import Faults, TimedFault
from miner.backends.registry import GENESIS_HEADER
from miner.vectors import header_at

if TYPE_CHECKING:
    from tests.hw.emulators.conftest import ListedFinder

Emulator = Callable[..., Bm13xxEmulator]
CHIP = CHIPS["BM1366"]
OTHER_HEADER = GENESIS_HEADER[:40] + b"\x01" + GENESIS_HEADER[41:]


@pytest.fixture
def emulator(finder: ListedFinder) -> Emulator:
    """Return what makes a chain at 485 MHz whose chips have addresses by steps; 0 leaves all of them at 0."""

    def make(count: int, step: int, *faults: str) -> Bm13xxEmulator:
        planned = Faults([TimedFault.parse(fault) for fault in faults])
        device = Bm13xxEmulator(ChainSetting(chip=CHIP, count=count, faults=planned), finder)
        if step:
            tell(device, ChainInactive(), *(SetAddress(number * step) for number in range(count)))
        tell(device, WriteRegister(Register.PLL, choose_pll(CHIP, 485.0).value(CHIP)))
        tell(device, WriteRegister(Register.VERSION_MASK, version_mask_value(0)))
        return device

    return make


def tell(device: Bm13xxEmulator, *commands: Command, at_s: float = 0.0) -> None:
    for command in commands:
        device.feed(command.to_bytes(), at_s)


def job(header: bytes) -> SendJob:
    return SendJob(FullJob.from_header(header, 0x10))


def test_half_of_a_chain_draws_about_half(emulator: Emulator) -> None:
    """Whether or not the host says anything after the chip died."""
    device = emulator(4, 0, "dead-chip@2000")
    before, after = device.snapshot(1999.0), device.snapshot(4000.0)
    assert before.power_w is not None
    assert after.power_w is not None
    assert after.power_w < 0.65 * before.power_w
    assert after.declared_hps == before.declared_hps / 2


@pytest.mark.parametrize("step", [2, 64])
def test_a_dead_chip_finds_no_nonce_that_would_bear_its_address(emulator: Emulator, finder: ListedFinder, step: int) -> None:
    """Addresses as piaxe and as ESP-Miner give them; nonces of the four chips, each told only if its chip lives."""
    told = {}
    for faults in ((), ("dead-chip@1",)):
        device = emulator(4, step, *faults)
        tell(device, job(OTHER_HEADER), at_s=2.0)
        for number in range(4):
            finder.find(join_nonce(CHIP, 5, 77, number * step), block_hash="00000000" + "ff" * 28)
        answers = device.poll(3.0)
        nonces = [response_from_bytes(answers[at : at + 11]) for at in range(0, len(answers), 11)]
        told[faults] = [found_nonce(CHIP, one).address for one in nonces if isinstance(one, NonceResponse)]
    assert told == {(): [0, step, 2 * step, 3 * step], ("dead-chip@1",): [0, step]}


@pytest.mark.parametrize("step", [2, 64])
def test_a_dead_chip_does_not_find_the_known_nonce_either(emulator: Emulator, step: int) -> None:
    """Block 0's nonce bears address D6, which by either step is the last chip's of four."""
    for faults, answered in (((), True), (("dead-chip",), False)):
        device = emulator(4, step, *faults)
        tell(device, job(GENESIS_HEADER), at_s=1.0)
        assert (len(device.poll(2.0)) > 0) == answered


def test_the_living_find_theirs_no_later(emulator: Emulator) -> None:
    """Block 2's nonce bears address 68: the first chip's of two, which sweeps its own part, dead neighbour or not."""
    due_s = []
    for faults in ((), ("dead-chip",)):
        device = emulator(2, 128, *faults)
        tell(device, job(header_at(2).to_bytes()), at_s=1.0)
        due_s.append(device.due_s())
    assert due_s[0] == due_s[1]
    assert due_s[0] is not None
