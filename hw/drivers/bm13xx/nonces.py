"""What a nonce answer means on each chip: which job, which core, which chip, which version, and how good the hash is.

The four bytes of a nonce, read highest first as they come over the wire, are core, chip address and counter; as a `Nonce`, as
everywhere in the project, they are the little-endian number that they are in a header. The result id is the job id beside the
sub-core or, on BM1397, the number of the midstate. Source: REFERENCE.md, and the rows of `hw.drivers.bm13xx.chips`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import Final

from hw.drivers.bm13xx.chips import Chip
from hw.drivers.bm13xx.jobs import JobForm
from hw.drivers.bm13xx.registers import VERSION_SHIFT
from hw.drivers.bm13xx.responses import NonceResponse
from hw.drivers.errors import FrameError, SettingError
from miner.header import Nonce

ALWAYS_ZERO_BITS: Final = 32  # of every hash that a chip tells; mujina REFERENCE.md, TICKET_MASK
_NONCE_BITS: Final = 32
_CHIP_SHIFT: Final = 17  # bitaxeorg/ESP-Miner, bm1366.c and later


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundNonce:
    """A nonce, and all that its answer tells.

    `job_id` is as the host sent it. `address` is the chip's without its lowest bit, None where the nonce does not bear it.
    `sub_core` is None on BM1397; `midstate`, from 0, is None on all others. `excess_bits` is by how many zero bits the hash is
    better than the ticket mask asks for. `version_bits` are in place, to be set in the job's version; 0 where none are told.
    """

    nonce: Nonce
    job_id: int
    core: int
    address: int | None
    counter: int
    sub_core: int | None
    midstate: int | None
    excess_bits: float
    version_bits: int


def found_nonce(chip: Chip, response: NonceResponse) -> FoundNonce:
    """Return what `response` means if a `chip` says it."""
    core, address, counter = split_nonce(chip, response.nonce)
    job_id, low = split_result_id(chip, response.result_id)
    midstates = chip.job_form is JobForm.MIDSTATE
    return FoundNonce(
        nonce=response.nonce,
        job_id=job_id,
        core=core,
        address=address,
        counter=counter,
        sub_core=None if midstates else low,
        midstate=low if midstates else None,
        excess_bits=response.excess / 2,
        version_bits=(response.version or 0) << VERSION_SHIFT,
    )


def split_result_id(chip: Chip, result_id: int) -> tuple[int, int]:
    """Return the job id as the host sent it, and the sub-core or the number of the midstate."""
    return (result_id & chip.id_mask) >> chip.id_shift, result_id & ~chip.id_mask & 0xFF


def result_id(chip: Chip, job_id: int, low: int = 0) -> int:
    """Return the result id of a job and of a sub-core or midstate, `low`; bits that have no place are lost, as on chips."""
    return (job_id << chip.id_shift & chip.id_mask) | (low & ~chip.id_mask & 0xFF)


def next_job_id(chip: Chip, job_id: int) -> int:
    """Return the job id that hosts send after `job_id`."""
    return (job_id + chip.id_step) % chip.id_modulus


def job_ids(chip: Chip) -> int:
    """Return how many different job ids hosts send before the first comes again."""
    return chip.id_modulus // gcd(chip.id_step, chip.id_modulus)


def split_nonce(chip: Chip, nonce: Nonce) -> tuple[int, int | None, int]:
    """Return core, address (even; None where the nonce does not bear it) and counter."""
    counter_bits = _NONCE_BITS - chip.core_bits - chip.address_bits
    upper, counter = divmod(wire_order(nonce), 1 << counter_bits)
    core, address = divmod(upper, 1 << chip.address_bits)
    return core, (address << 1 if chip.address_bits else None), counter


def join_nonce(chip: Chip, core: int, counter: int, address: int | None = None) -> Nonce:
    """Return the nonce of a core and its counter, and of an address where the nonce bears it (its lowest bit is lost).

    Raises
    ------
    FrameError
        If one does not fit its bits.
    """
    counter_bits = _NONCE_BITS - chip.core_bits - chip.address_bits
    place = (address or 0) >> 1 if chip.address_bits else 0
    for name, value, bits in (
        ("core", core, chip.core_bits),
        ("address", place, chip.address_bits),
        ("counter", counter, counter_bits),
    ):
        if not 0 <= value < 1 << bits:
            raise FrameError(f"a {name} of {value} does not fit the {bits} bits that a nonce of {chip.name} has for it")
    return Nonce(wire_order((core << chip.address_bits | place) << counter_bits | counter))


def wire_order(nonce: int) -> int:
    """Return the number whose highest byte is the lowest of `nonce`: from header order to wire order and back."""
    return int.from_bytes(nonce.to_bytes(4, "little"))


def chip_number(nonce: Nonce, interval: int) -> int:
    """Return which chip of a chain, from 0, found `nonce`, if addresses go up by `interval`, as hosts reckon it.

    On BM1362 and BM1366 these bits are the address; elsewhere they are the top of the counter, which tells the chip if each
    was given its part of the range (register 0C).

    Raises
    ------
    SettingError
        If `interval` is not 1 to 256.
    """
    if not 1 <= interval <= 256:
        raise SettingError(f"addresses that go up by {interval}; want 1 to 256")
    return (wire_order(nonce) >> _CHIP_SHIFT & 0xFF) // interval


def excess_byte(zero_bits: int, ticket_bits: int) -> int:
    """Return what a chip says of a hash with `zero_bits` leading zero bits if its ticket mask asks for `ticket_bits` beyond 32.

    Raises
    ------
    FrameError
        If the hash does not pass the mask: chips say nothing of it.
    """
    excess = zero_bits - ALWAYS_ZERO_BITS - ticket_bits
    if excess < 0:
        raise FrameError(f"a hash with {zero_bits} zero bits does not pass a mask of {ticket_bits} beyond {ALWAYS_ZERO_BITS}")
    return min(2 * excess, 0xFF)
