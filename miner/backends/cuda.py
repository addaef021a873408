"""numba.cuda: kernels compiled from Python, on all GPUs of this machine.

Without the packages, a driver or a device the import fails with one sentence, and before anything slow is imported.
"""

from __future__ import annotations

from typing import Final

from miner.backends.gpu_driver import devices_through
from miner.backends.gpu_search import Searcher

__all__ = ["CHUNK_NONCES", "scan", "scan_versions"]

SEARCHER: Final = Searcher(devices_through("numba_cuda", "miner.backends.gpu_numba"))
CHUNK_NONCES: Final = SEARCHER.chunk_nonces

scan: Final = SEARCHER.scan
scan_versions: Final = SEARCHER.scan_versions
