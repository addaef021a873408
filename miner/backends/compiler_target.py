"""Whether Numba, as it is set up here, can compile a kernel: asked before LLVM is, which would end the process.

The compiler itself is asked, since a processor's instructions do not say which ones it uses: there are environment variables,
a configuration file, and processors on which Numba leaves AVX alone.
"""

from __future__ import annotations

from typing import Final

from numba.core import config
from numba.core.registry import cpu_target

from miner.backends.instructions import changed
from miner.backends.kernel import PAIRED, SHA, WOVEN, Kernel
from miner.errors import BackendUnavailableError

NEEDED: Final = {PAIRED: "avx512f", SHA: "sha", WOVEN: "sha"}  # instructions that the text of a kernel names itself


def check_compiler(kernel: Kernel) -> None:
    """Refuse what cannot be compiled.

    A feature that is not named counts as missing: LLVM's tables of which processor has it cannot be read from here.

    Raises
    ------
    BackendUnavailableError
        If Numba compiles nothing, or for a processor that lacks what `kernel` needs.
    """
    if config.DISABLE_JIT:  # type: ignore[attr-defined]  # made when it is imported
        raise BackendUnavailableError("Numba compiles nothing while NUMBA_DISABLE_JIT is set; unset it")
    needed = NEEDED.get(kernel.kind)
    if needed is None:
        return
    _, processor, features = cpu_target.target_context.codegen().magic_tuple()
    if not changed({}, features).get(needed):
        raise BackendUnavailableError(
            f"Numba compiles for {processor!r} without {needed}, which {kernel} needs; leave NUMBA_CPU_NAME, "
            "NUMBA_CPU_FEATURES, NUMBA_ENABLE_AVX and .numba_config.yaml out"
        )
