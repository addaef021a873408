"""Work whose answer is known: probes, and real blocks whose headers ship. A device is asked for these before anything else.

A known answer is given at the time at which the declared hash rate would find it, however fast this machine is.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from hw.drivers.icarus.frames import decode_work
from hw.drivers.icarus.probes import DIVISION, DIVISION_NONCES, GOLDEN, GOLDEN_NONCE
from miner.header import Nonce
from miner.template import HeaderTemplate, Template
from miner.vectors import headers

Key = tuple[tuple[int, ...], tuple[int, ...]]


def key_of(template: Template) -> Key:
    """Return what tells one piece of work from another: midstate and tail."""
    return template.midstate, template.tail


@cache
def known_answers(parts: int = 1) -> Mapping[Key, Nonce]:
    """Return the nonces of all work known here, by midstate and tail, as a device finds them whose `parts` share the sweep.

    The probe for that division has a nonce in every eighth of the sweep: which comes first tells the number of parts. One that
    it does not know is answered as by a single part.
    """
    known = {key_of(HeaderTemplate(header.to_bytes())): Nonce(header.nonce) for header in headers().values()}
    known[key_of(decode_work(GOLDEN))] = GOLDEN_NONCE
    known[key_of(decode_work(DIVISION))] = DIVISION_NONCES.get(parts, DIVISION_NONCES[1])
    return known
