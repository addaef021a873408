"""Machine code of NVIDIA GPUs, counted: which pipe each instruction of a kernel's loop goes to.

Pipes of compute capability 9.0 by the first word of an instruction: integer multiply-and-add (IMAD, IMUL) on the FMA pipe;
shifts, logic, sums, comparisons and permutations on the ALU pipe; words that begin with U on the uniform data path.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which
from typing import Final

_LINE: Final = re.compile(r"^\s*/\*([0-9a-f]{4,})\*/\s+(?:@!?U?P\w+\s+)?([A-Z][A-Z0-9_.]*)([^;]*);", re.MULTILINE)
_LABEL: Final = re.compile(r"^(\.L_x?_?\w+):", re.MULTILINE)
PIPE_LANES: Final = 64  # of each of the two pipes of an SM, a clock
ISSUED_LANES: Final = 128  # what the four schedulers of an SM issue, a clock

_FMA: Final = ("IMAD", "IMUL", "IDP")
_ALU: Final = (
    *("SHF", "SHL", "SHR", "LOP3", "LOP", "PLOP3", "IADD3", "IADD", "VIADD", "VIADDMNMX", "VIMNMX", "ISETP", "ICMP", "PRMT"),
    *("LEA", "SEL", "MOV", "IABS", "IMNMX", "BMSK", "SGXT", "P2R", "R2P"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Instructions of a kernel's nonce loop, by pipe and by name."""

    total: int
    alu: int
    fma: int
    wide: int
    names: dict[str, int] = field(default_factory=dict)

    def clocks(self, *, wide_slots: int = 1) -> float:
        """Return the clocks [SM cycles] that the fullest pipe needs for all nonces of one pass through the loop, per lane.

        Each pipe takes 64 lanes a clock, an SM issues 128; a wide product takes `wide_slots` of the FMA pipe. Source: CUDA C++
        Best Practices Guide, table of arithmetic instructions, compute capability 9.0.
        """
        fma = self.fma + (wide_slots - 1) * self.wide
        return max(self.alu / PIPE_LANES, fma / PIPE_LANES, self.total / ISSUED_LANES)


def loop_counts(listing: str, inner_passes: int = 1) -> Counts:
    """Count the instructions of the longest loop in a listing of nvdisasm; raise ValueError if there is none.

    The longest loop within it is counted as often as it is passed through; if that is once, there need be none.
    """
    body = _longest_loop(listing)
    names = _names(body)
    if inner_passes > 1:
        inner = _names(_longest_loop(body))
        names += Counter({name: number * (inner_passes - 1) for name, number in inner.items()})
    first_words: Counter[str] = Counter()
    for name, number in names.items():
        first_words[name.split(".")[0]] += number
    return Counts(
        total=names.total(),
        alu=sum(first_words[word] for word in _ALU),
        fma=sum(first_words[word] for word in _FMA),
        wide=sum(number for name, number in names.items() if name.startswith("IMAD.WIDE")),
        names=dict(names.most_common()),
    )


def _names(body: str) -> Counter[str]:
    return Counter(name for _, name, _ in _LINE.findall(body))


def _longest_loop(listing: str) -> str:
    """Return the text from a label to the last branch back to it, for the pair that are furthest apart."""
    loops = []
    for label in _LABEL.finditer(listing):
        branches = re.finditer(rf"BRA[^;]*`\({re.escape(label[1])}\)[^;]*;", listing)
        back = [branch.end() for branch in branches if branch.start() > label.end()]
        loops += [listing[label.end() : end] for end in back[-1:]]
    if not loops:
        raise ValueError("no loop in this listing of machine code")
    return max(loops, key=len)


def disassembled(cubin: bytes) -> str:
    """Return nvdisasm's listing of a cubin; raise FileNotFoundError if there is no nvdisasm (package nvidia-cuda-nvdisasm)."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        return subprocess.run([_nvdisasm(), "-c", file.name], capture_output=True, text=True, check=True, timeout=120).stdout


def _nvdisasm() -> str:
    found = which("nvdisasm") or next(map(str, Path(sys.prefix).glob("lib/python*/site-packages/nvidia/*/bin/nvdisasm")), None)
    if found is None:
        raise FileNotFoundError("no nvdisasm on PATH nor among the packages; install nvidia-cuda-nvdisasm")
    return found
