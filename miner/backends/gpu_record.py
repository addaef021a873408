"""Measure every GPU kernel on this machine and write a dated record: ``python -m miner.backends.gpu_record FILE``.

First the rates of the pipes, on which the predictions rest; then each variant by each way of compiling it: block 0 found,
kernel time by events, clocks of the board meanwhile; then shapes of a launch; at last joules. All takes seven to ten minutes;
``--parts pipes kernels shapes`` and ``--parts energy`` are two halves. A file that is there is added to, never written over.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path
from typing import Final

from miner.backends.gpu_bench import Bench, opened
from miner.backends.gpu_energy import energy_lines
from miner.backends.gpu_rank import kernel_lines, pipe_lines, shape_lines
from miner.backends.gpu_variant import LOOPED, VARIANTS, Variant
from miner.errors import BackendUnavailableError

PACKAGES: Final = (
    *("numpy", "numba", "numba-cuda", "cupy-cuda13x", "cuda-bindings", "nvidia-cuda-nvrtc", "nvidia-nvvm", "nvidia-nvjitlink"),
    "nvidia-ml-py",
)
PARTS: Final = ("pipes", "kernels", "shapes", "energy")
EVERY: Final = {variant.name: variant for variant in (*VARIANTS, *LOOPED)}


def record(bench: Bench, variants: Sequence[Variant] = tuple(EVERY.values()), parts: Sequence[str] = PARTS) -> Iterator[str]:
    """Yield the lines of the record as they are known, of the `parts` that are wanted."""
    writers = {"pipes": lambda: pipe_lines(bench), "kernels": lambda: kernel_lines(bench, variants)}
    writers |= {"shapes": lambda: shape_lines(bench), "energy": lambda: energy_lines(bench)}
    for part in parts:
        yield from writers[part]()


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the record to a file, line by line as it comes, and to standard output.

    Returns 0 also where there is no device, and 1 where there is one that nothing can use.
    """
    chosen = _parser().parse_args(arguments)
    try:
        bench = opened()
    except ImportError as error:
        sys.stdout.write(f"gpu_record: nothing measured: {error}\n")
        return 0
    except BackendUnavailableError as error:
        sys.stderr.write(f"gpu_record: nothing measured: {error}\n")
        return 1
    if chosen.quick:
        spans = ("rank_s", "shape_s", "warm_up_s", "energy_s")
        bench = replace(bench, **{span: getattr(bench, span) / 10 for span in spans})
    variants = [EVERY[name] for name in chosen.kernels]
    with chosen.file.open("a", encoding="utf-8") as file:
        head = _head(bench, more=file.tell() > 0)
        for line in chain([head], record(bench, variants, chosen.parts)):
            for out in (file, sys.stdout):
                out.write(f"{line}\n")
                out.flush()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gpu_record", description="Measure every GPU kernel and write a dated record.")
    parser.add_argument("file", type=Path, help="what the record is added to, such as docs/benchmarks/gpu-2026-12-01.md")
    parser.add_argument("--quick", action="store_true", help="a tenth of the time: to see that everything runs")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what to measure; everything unless told")
    kernels = parser.add_argument("--kernels", nargs="+", choices=EVERY, default=list(EVERY), metavar="NAME")
    kernels.help = "the only kernels that the part of that name takes, such as k1-fma-w3-w10"
    return parser


def _head(bench: Bench, *, more: bool) -> str:
    """Return a record's title and what it was made with; `more` of a record has a smaller title."""
    title = "\n# More" if more else "# GPU kernels"
    board = bench.meter.source if bench.meter else "no energy counter"
    head = f"{title}, measured {datetime.now(UTC):%Y-%m-%d %H:%M} UTC\n\n{board}. {_packages()}."
    return head + "".join(f"\n\nNot to be had: {why}." for why in bench.absent)


def _packages() -> str:
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} absent")
    return ", ".join(found)


if __name__ == "__main__":
    sys.exit(main())
