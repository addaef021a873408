"""What a host says to chips: ``55 AA``, type, length, payload, check sum.

The length byte counts everything after the preamble, itself and the check sum included. A job in full form is taken by its
fixed size of 88 bytes instead, for factory firmware sends 0x36 where hosts send the true 0x56, and the chips take either.
Commands end in a CRC5, jobs in a CRC16, both over everything after the preamble. Source: REFERENCE.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hw.drivers.bm13xx.crc import crc5, crc16
from hw.drivers.bm13xx.jobs import FULL_BYTES, MIDSTATE_COUNTS, FullJob, Job, JobForm, MidstateJob, midstate_payload_bytes
from hw.drivers.errors import FrameError

PREAMBLE: Final = b"\x55\xaa"

# Type bytes: bits 6-5 are 2 for a command and 1 for a job, bit 4 says that all chips are meant, bits 3-0 tell which.
SET_ADDRESS: Final = 0x40
WRITE: Final = 0x41
READ: Final = 0x42
TO_ALL: Final = 0x10
CHAIN_INACTIVE: Final = 0x53
JOB: Final = 0x21

_LENGTHS: Final = {SET_ADDRESS: 5, WRITE: 9, WRITE | TO_ALL: 9, READ: 5, READ | TO_ALL: 5, CHAIN_INACTIVE: 5}
_AROUND_JOB: Final = 6  # bytes of preamble, type, length and CRC16
HEAD_BYTES: Final = 6  # so many tell the size of any frame
MOST_BYTES: Final = _AROUND_JOB + midstate_payload_bytes(max(MIDSTATE_COUNTS))
FACTORY_LENGTH: Final = 0x36  # what factory firmware writes into a job in full form; mujina REFERENCE.md


@dataclass(frozen=True, slots=True)
class ReadRegister:
    """Ask one chip by its address, or all of them if that is None, for a register."""

    register: int
    chip: int | None = None

    def to_bytes(self) -> bytes:
        """Return the 7 bytes of the frame; raise FrameError if a field does not fit 8 bits."""
        return _frame(READ, self.chip, self.register)


@dataclass(frozen=True, slots=True)
class WriteRegister:
    """Write 32 bits into a register of one chip by its address, or of all of them if that is None."""

    register: int
    value: int
    chip: int | None = None

    def to_bytes(self) -> bytes:
        """Return the 11 bytes of the frame; raise FrameError if a field does not fit its 8 or 32 bits."""
        if not 0 <= self.value < 1 << 32:
            raise FrameError(f"a register takes 32 bits; got {self.value:#x}")
        return _frame(WRITE, self.chip, self.register, *self.value.to_bytes(4))


@dataclass(frozen=True, slots=True)
class ChainInactive:
    """Let every chip forget its address and pass on no address until it has one."""

    def to_bytes(self) -> bytes:
        """Return the 7 bytes of the frame."""
        return _frame(CHAIN_INACTIVE, 0, 0)


@dataclass(frozen=True, slots=True)
class SetAddress:
    """Give the first chip that has no address this one."""

    address: int

    def to_bytes(self) -> bytes:
        """Return the 7 bytes of the frame; raise FrameError if the address does not fit 8 bits."""
        return _frame(SET_ADDRESS, self.address, 0)


@dataclass(frozen=True, slots=True)
class SendJob:
    """Have a job searched; `length` is the length byte of a job in full form, None for the true count."""

    job: Job
    length: int | None = None

    def to_bytes(self) -> bytes:
        """Return the 88 bytes of a job in full form, or the 56 or 152 of one in midstate form.

        Raises
        ------
        FrameError
            If `length` does not fit 8 bits, or is given for midstates: only the true one is understood there.
        """
        payload = self.job.payload()
        if self.length is not None and isinstance(self.job, MidstateJob):
            raise FrameError(f"a length of {self.length:#x} for a job with midstates; want None, for the true one")
        length = _job_length(payload) if self.length is None else self.length
        body = bytes([JOB, _byte("length", length)]) + payload
        return PREAMBLE + body + crc16(body).to_bytes(2)


Command = ReadRegister | WriteRegister | ChainInactive | SetAddress | SendJob


def command_from_bytes(raw: bytes, form: JobForm = JobForm.FULL) -> Command:
    """Read one whole frame, a job in `form`.

    What a broadcast says about its chip, and what stands in bytes that mean nothing, is not looked at.

    Raises
    ------
    FrameError
        If `raw` is not exactly one frame with the right check sum.
    """
    size = command_size(raw, form)
    if not size or size != len(raw):
        raise FrameError(f"{len(raw)} bytes that begin {raw[:8].hex(' ')} are no frame from a host")
    if not command_is_intact(raw):
        raise FrameError(f"a frame that begins {raw[:8].hex(' ')} ends in {raw[-2:].hex(' ')}, which is not its check sum")
    return read_command(raw)


def command_size(head: bytes, form: JobForm) -> int | None:
    """Return the bytes of the frame that `head`, up to `HEAD_BYTES` of it, begins; 0 if it begins none; None if too short."""
    if len(head) < 3:
        return None if PREAMBLE.startswith(head[:2]) else 0
    kind = head[2]
    if not head.startswith(PREAMBLE) or (kind != JOB and kind not in _LENGTHS):
        return 0
    if kind == JOB and form is JobForm.FULL:
        return FULL_BYTES + _AROUND_JOB
    if len(head) < 4:
        return None
    if kind != JOB:
        return _LENGTHS[kind] + 2 if head[3] == _LENGTHS[kind] else 0
    if len(head) < HEAD_BYTES:
        return None
    size = midstate_payload_bytes(head[5]) + _AROUND_JOB
    return size if head[5] in MIDSTATE_COUNTS and head[3] == size - 2 else 0


def command_is_intact(raw: bytes) -> bool:
    """Tell whether a frame of the right size ends in its check sum."""
    if raw[2] == JOB:
        return crc16(raw[2:-2]) == int.from_bytes(raw[-2:])
    return crc5(raw[2:-1]) == raw[-1]


def read_command(raw: bytes) -> Command:
    """Read one whole frame whose size and check sum are right."""
    kind, payload = raw[2], raw[4:-1]
    if kind == JOB:
        return _read_job(raw)
    chip = None if kind & TO_ALL else payload[0]
    if kind & ~TO_ALL == READ:
        return ReadRegister(payload[1], chip)
    if kind & ~TO_ALL == WRITE:
        return WriteRegister(payload[1], int.from_bytes(payload[2:]), chip)
    return ChainInactive() if kind == CHAIN_INACTIVE else SetAddress(payload[0])


def _read_job(raw: bytes) -> SendJob:
    payload = raw[4:-2]
    job: Job = FullJob.from_payload(payload) if len(payload) == FULL_BYTES else MidstateJob.from_payload(payload)
    return SendJob(job, None if raw[3] == _job_length(payload) else raw[3])


def _job_length(payload: bytes) -> int:
    return len(payload) + _AROUND_JOB - len(PREAMBLE)


def _frame(kind: int, chip: int | None, *rest: int) -> bytes:
    if chip is None:
        kind, chip = kind | TO_ALL, 0
    payload = bytes([_byte("chip address", chip), *(_byte("register", byte) for byte in rest)])
    body = bytes([kind, len(payload) + 3]) + payload
    return PREAMBLE + body + bytes([crc5(body)])


def _byte(name: str, value: int) -> int:
    if not 0 <= value < 1 << 8:
        raise FrameError(f"a {name} of {value:#x} does not fit 8 bits")
    return value
