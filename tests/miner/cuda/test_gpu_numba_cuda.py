"""numba.cuda beside a NumPy without `row_stack`, which it asks for."""

from __future__ import annotations

from collections.abc import Callable
from subprocess import CompletedProcess

IMPORT = """
import numpy as np
np.__dict__.pop("row_stack", None)
{also}
from miner.backends.gpu_numba_cuda import numba_cuda
module = numba_cuda()
print(module.__name__, np.row_stack([[1], [2]]).tolist(), *{{"miner.backends.gpu_numba"}} & set(__import__("sys").modules))
"""
BESIDE = """
import sys, types, warnings
class Warner:
    def find_spec(self, name, path=None, target=None):
        if name == "numba.cuda":
            warnings.warn("an old name of numba.cuda's own", DeprecationWarning)
sys.meta_path.insert(0, Warner())
"""


def test_a_numpy_without_row_stack_and_a_warning_do_no_harm(python: Callable[..., CompletedProcess[str]]) -> None:
    """NumPy 2.5 has no `row_stack`; numba-cuda 0.30.4 warns of itself, which tests turn into an error."""
    told = python("-W", "error", "-c", IMPORT.format(also=BESIDE), NUMBA_ENABLE_CUDASIM="1")
    assert (told.stdout, told.stderr) == ("numba.cuda [[1], [2]]\n", "")


def test_the_kernels_of_numba_go_through_that_door(python: Callable[..., CompletedProcess[str]]) -> None:
    code = IMPORT.format(also="import miner.backends.gpu_numba\nassert 'row_stack' in vars(np)")
    told = python("-W", "error", "-c", code, NUMBA_ENABLE_CUDASIM="1")
    assert (told.stdout, told.stderr) == ("numba.cuda [[1], [2]] miner.backends.gpu_numba\n", "")
