"""numba.cuda, imported so that it works beside any NumPy that Numba takes: the one door to it.

numba-cuda 0.30.4 names `np.row_stack` when it compiles its first kernel, which NumPy 2.5 no longer has (it was another name of
`np.vstack`), and warns of its own old names when it is imported. Both mendings do no harm where they are not needed.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

import numpy as np


def numba_cuda() -> Any:  # noqa: ANN401  numba is untyped
    """Return the module numba.cuda."""
    vars(np).setdefault("row_stack", np.vstack)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return import_module("numba.cuda")
