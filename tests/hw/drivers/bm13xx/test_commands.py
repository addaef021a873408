"""Commands: byte for byte what programs of the field send, and back."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.drivers.bm13xx.commands import (
    FACTORY_LENGTH,
    HEAD_BYTES,
    MOST_BYTES,
    ChainInactive,
    Command,
    ReadRegister,
    SendJob,
    SetAddress,
    WriteRegister,
    command_from_bytes,
    command_size,
)
from hw.drivers.bm13xx.crc import crc5, crc16
from hw.drivers.bm13xx.jobs import FullJob, JobForm, MidstateJob
from hw.drivers.bm13xx.registers import Register
from hw.drivers.errors import FrameError
from miner.vectors import header_at

BYTES = st.integers(0, 255)
WORDS = st.integers(0, (1 << 32) - 1)
CHIPS = st.none() | BYTES
HASHES = st.binary(min_size=32, max_size=32)
MIDSTATES = st.tuples(*[WORDS] * 8)
FULL = st.builds(
    SendJob,
    st.builds(
        FullJob,
        job_id=BYTES,
        version=WORDS,
        previous=HASHES,
        merkle_root=HASHES,
        time_s=WORDS,
        nbits=WORDS,
        start=WORDS,
        midstate_count=BYTES,
    ),
    st.none() | BYTES.filter(lambda length: length != 0x56),
)
MIDSTATE = st.builds(
    SendJob,
    st.builds(
        MidstateJob,
        job_id=BYTES,
        midstates=st.tuples(MIDSTATES) | st.tuples(*[MIDSTATES] * 4),
        tail=st.tuples(WORDS, WORDS, WORDS),
        start=WORDS,
    ),
)
PLAIN = st.one_of(
    st.builds(ReadRegister, BYTES, CHIPS),
    st.builds(WriteRegister, BYTES, WORDS, CHIPS),
    st.just(ChainInactive()),
    st.builds(SetAddress, BYTES),
)
FORMED = st.one_of(
    st.tuples(PLAIN, st.sampled_from(JobForm)),
    st.tuples(FULL, st.just(JobForm.FULL)),
    st.tuples(MIDSTATE, st.just(JobForm.MIDSTATE)),
)

# Seen from piaxe-miner by a stand-in for a BM1366 chain.
FROM_PIAXE = [
    ("55 AA 52 05 00 00 0A", ReadRegister(Register.CHIP_ID)),
    ("55 AA 53 05 00 00 03", ChainInactive()),
    ("55 AA 40 05 00 00 1C", SetAddress(0)),
    ("55 AA 40 05 02 00 01", SetAddress(2)),
    ("55 AA 40 05 04 00 03", SetAddress(4)),
    ("55 AA 40 05 06 00 1E", SetAddress(6)),
    ("55 AA 51 09 00 A4 90 00 FF FF 1C", WriteRegister(Register.VERSION_MASK, 0x9000FFFF)),
    ("55 AA 41 09 00 A8 00 07 01 F0 15", WriteRegister(Register.SOFT_RESET, 0x000701F0, chip=0)),
    ("55 AA 41 09 00 18 F0 00 C1 00 0C", WriteRegister(Register.MISC, 0xF000C100, chip=0)),
    ("55 AA 41 09 00 2C 00 7C 00 03 03", WriteRegister(Register.UART_RELAY, 0x007C0003, chip=0)),
]
# Sniffed at a BM1397: skot/ESP-Miner bm1397_protocol.md.
FROM_BM1397_HOST = [
    ("55 AA 51 09 00 80 00 00 00 00 1C", WriteRegister(0x80, 0)),
    ("55 AA 51 09 00 84 00 00 00 00 11", WriteRegister(0x84, 0)),
    ("55 AA 51 09 00 20 00 00 00 01 02", WriteRegister(0x20, 1)),
    ("55 AA 51 09 00 3C 80 00 80 74 10", WriteRegister(Register.MAILBOX, 0x80008074)),
    ("55 AA 51 09 00 14 00 00 00 00 1C", WriteRegister(Register.TICKET_MASK, 0)),
    ("55 AA 51 09 00 68 C0 70 01 11 00", WriteRegister(Register.PLL3, 0xC0700111)),
    ("55 AA 51 09 00 28 06 00 00 0F 18", WriteRegister(Register.UART, 0x0600000F)),
    ("55 AA 51 09 00 18 00 00 7A 31 15", WriteRegister(Register.MISC, 0x00007A31)),
    ("55 AA 51 09 00 70 0F 0F 0F 00 19", WriteRegister(Register.PLL_DIVIDER, 0x0F0F0F00)),
    ("55 AA 51 09 00 08 40 A0 02 25 16", WriteRegister(Register.PLL, 0x40A00225)),
]


@pytest.mark.parametrize(("text", "command"), FROM_PIAXE + FROM_BM1397_HOST)
def test_commands_as_sent(text: str, command: Command) -> None:
    raw = bytes.fromhex(text)
    assert command.to_bytes() == raw
    assert command_from_bytes(raw) == command


def test_a_read_of_one_chip() -> None:
    """No example was seen: type 42 by the rule, the check sum by the rule."""
    assert ReadRegister(0x4C, chip=6).to_bytes()[:6] == bytes.fromhex("55aa4205064c")


def test_the_length_byte_of_a_job() -> None:
    """The true count is 0x56 and 0x36 comes from factory firmware: 88 bytes either way. 0x96 is sniffed at a BM1397."""
    job = FullJob.from_header(header_at(0).to_bytes(), 0x10)
    assert SendJob(job).to_bytes()[:5] == bytes.fromhex("55aa215610")
    factory = SendJob(job, FACTORY_LENGTH).to_bytes()
    assert factory[:5] == bytes.fromhex("55aa213610")
    assert len(factory) == 88
    assert command_from_bytes(factory) == SendJob(job, FACTORY_LENGTH)
    midstate = MidstateJob(job_id=0, midstates=((0,) * 8,) * 4, tail=(0, 0, 0))
    assert SendJob(midstate).to_bytes()[:6] == bytes.fromhex("55aa21960004")
    assert len(SendJob(midstate).to_bytes()) == MOST_BYTES == 152


def test_a_midstate_of_one_has_the_length_that_factory_firmware_gives_all_jobs() -> None:
    """Hence a reader must be told the form: type and length are the same."""
    one = SendJob(MidstateJob(job_id=0, midstates=((0,) * 8,), tail=(0, 0, 0))).to_bytes()
    assert one[3] == FACTORY_LENGTH
    assert len(one) == 56
    with pytest.raises(FrameError, match="no frame from a host"):
        command_from_bytes(one, JobForm.FULL)


def test_a_job_with_midstates_has_its_true_length() -> None:
    job = MidstateJob(job_id=0, midstates=((0,) * 8,), tail=(0, 0, 0))
    with pytest.raises(FrameError, match="a length of 0x56 for a job with midstates"):
        SendJob(job, 0x56).to_bytes()
    body = bytes.fromhex("2156") + job.payload()
    with pytest.raises(FrameError, match="no frame from a host"):
        command_from_bytes(b"\x55\xaa" + body + crc16(body).to_bytes(2), JobForm.MIDSTATE)


@given(FORMED)
def test_what_is_written_is_read_back(formed: tuple[Command, JobForm]) -> None:
    command, form = formed
    assert command_from_bytes(command.to_bytes(), form) == command


@given(FORMED, st.data())
def test_one_wrong_bit_is_always_caught(formed: tuple[Command, JobForm], drawn: st.DataObject) -> None:
    command, form = formed
    raw = bytearray(command.to_bytes())
    bit = drawn.draw(st.integers(0, 8 * len(raw) - 1))
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(FrameError):
        command_from_bytes(bytes(raw), form)


@given(FORMED, st.integers(0, HEAD_BYTES))
def test_the_head_tells_the_size(formed: tuple[Command, JobForm], cut: int) -> None:
    command, form = formed
    raw = command.to_bytes()
    assert command_size(raw[:cut], form) in (None, len(raw))
    assert command_size(raw[:HEAD_BYTES], form) == len(raw)


@given(st.binary(max_size=200), st.sampled_from(JobForm))
def test_any_bytes_are_a_command_or_a_frame_error(raw: bytes, form: JobForm) -> None:
    try:
        command = command_from_bytes(raw, form)
    except FrameError:
        return
    assert isinstance(command, get_args(Command))


def test_what_has_no_meaning_is_not_looked_at() -> None:
    """The chip of a broadcast, and the bytes that are always 0."""
    for body, command in [
        ("520506 14", ReadRegister(0x14)),
        ("5109aa 14000000ff", WriteRegister(0x14, 0xFF)),
        ("53051234", ChainInactive()),
        ("400508ff", SetAddress(8)),
    ]:
        raw = bytes.fromhex(body)
        assert command_from_bytes(b"\x55\xaa" + raw + bytes([crc5(raw)])) == command


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (ReadRegister(256), "a register of 0x100"),
        (ReadRegister(0, chip=-1), "a chip address of -0x1"),
        (WriteRegister(0, 1 << 32), "32 bits; got 0x100000000"),
        (WriteRegister(-1, 0), "a register of -0x1"),
        (SetAddress(256), "a chip address of 0x100"),
        (SendJob(FullJob.from_header(bytes(80), 0), 256), "a length of 0x100"),
    ],
)
def test_what_does_not_fit_is_refused(command: Command, told: str) -> None:
    with pytest.raises(FrameError, match=told):
        command.to_bytes()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "55",
        "55 AA",
        "55 AA 52 05 00 00",
        "55 AA 52 05 00 00 0A 00",
        "55 AA 52 05 00 00 0B",
        "55 AA 52 06 00 00 0A",
        "AA 55 52 05 00 00 0A",
        "55 AA 54 05 00 00 0A",
        "55 AA 21 56 00 01",
    ],
)
def test_what_is_no_frame_is_refused(text: str) -> None:
    with pytest.raises(FrameError, match=r"no frame from a host|not its check sum"):
        command_from_bytes(bytes.fromhex(text))
