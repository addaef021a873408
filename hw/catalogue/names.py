"""Names of machines: case, spaces and dashes do not count, and a bin is told by its rating in brackets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from hw.errors import CatalogueError
from hw.models import MachineModel

_SUGGESTIONS: Final = 6


def key(name: str) -> str:
    """Return `name` without case, spaces, dashes and underscores."""
    return re.sub(r"[\s_-]+", "", name).casefold()


def family(model: str) -> str:
    """Return `model` without the rating of its bin: "Antminer S9" of "Antminer S9 (13.5Th)"."""
    return re.sub(r"\s*\([\d.]+Th\)$", "", model)


def by_key(models: Sequence[MachineModel], *, where: str) -> dict[str, MachineModel]:
    """Return `models` by the keys of their names, with the maker and without; `where` names the table in messages.

    Raises
    ------
    CatalogueError
        If two answer to one name.
    """
    found: dict[str, MachineModel] = {}
    for model in models:
        for own in (key(model.name), key(model.model)):
            if own in found:
                raise CatalogueError(
                    f"{where}: two machines answer to {model.model!r}; give each bin its rating, as in 'S9 (14Th)'"
                )
            found[own] = model
    return found


def nearest(name: str, known: Mapping[str, MachineModel], *, else_told: str = "it holds") -> str:
    """Say which machines begin like `name`, or are spelled like it; `known` holds them by key.

    If there are none, how many there are is said behind the words `else_told`.
    """
    wanted = key(name)
    alike = [known[other].model for other in known if wanted and other.startswith(wanted)]
    alike += [known[other].model for other in get_close_matches(wanted, known, n=_SUGGESTIONS, cutoff=0.6)]
    unique = list(dict.fromkeys(alike))[:_SUGGESTIONS]
    if unique:
        return f"did you mean {', '.join(unique)}?"
    models = list(dict.fromkeys(model.model for model in known.values()))
    return f"{else_told} {len(models)}, such as {models[0]}"
