"""A number without its papers is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hw.errors import ModelError
from hw.sourced import Sourced

FAN = Sourced(value=19.8, unit="W", source="somebody's sheet", as_of="2020-06", basis="measured")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"value": float("nan")}, "value is nan; want a finite number of W"),
        ({"unit": ""}, "unit is empty; every number needs one"),
        ({"source": "  "}, "source is empty"),
        ({"as_of": ""}, "as_of is empty"),
        ({"basis": "guessed"}, "basis is 'guessed'; want one of measured, datasheet, nameplate, derived, assumed"),
    ],
)
def test_a_number_without_papers_is_refused(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence.replace(".", r"\.")):
        replace(FAN, **change)  # type: ignore[arg-type]
