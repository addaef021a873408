"""How many answers of a BM13xx chain a second a core decodes: docs/benchmarks/drivers.md is made with it.

    .venv/bin/python tests/hw/drivers/measure_decoder.py [RUNS]

50,000 answers with nonces, drawn by seed 1, are fed in pieces of some size; every one of them must come out.
"""

from __future__ import annotations

import statistics
import sys
import time
from random import Random

from hw.drivers.bm13xx.decoder import ResponseDecoder
from hw.drivers.bm13xx.responses import Form, NonceResponse
from miner.header import Nonce

ANSWERS = 50_000
PIECES = {"whole reads": 4096, "ragged reads": 50}  # bytes


def answers(form: Form) -> bytes:
    """Return the bytes of all answers in a form."""
    rng = Random(1)
    made = []
    for _ in range(ANSWERS):
        nonce, excess, result_id, version = (rng.getrandbits(bits) for bits in (32, 7, 8, 16))
        made.append(NonceResponse(Nonce(nonce), excess, result_id, version if form is Form.LONG else None).to_bytes())
    return b"".join(made)


def main(runs: int = 5) -> None:
    """Measure and print."""
    for form in Form:
        data = answers(form)
        for name, size in PIECES.items():
            rates = []
            for _ in range(runs):
                decoder, heard, began_s = ResponseDecoder(form), 0, time.perf_counter()
                for at in range(0, len(data), size):
                    heard += len(decoder.feed(data[at : at + size]))
                rates.append(heard / (time.perf_counter() - began_s))
                assert heard == ANSWERS
            told = f"{statistics.median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f}) a second"
            sys.stdout.write(f"answers of {form} bytes, {name} of {size} bytes: {told}\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
