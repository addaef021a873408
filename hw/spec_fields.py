"""What may stand in a field of a model, in words: "a whole number from 1 to 1000", "one of axeos, btminer, cgminer"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Final, Literal, Union, get_args, get_origin

from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo

MOMENT: Final = "a moment with its offset from UTC, such as 2021-06-20T00:00:00+08:00"
ELSE: Final = "what the manual names"
_TYPES: Final[dict[object, str]] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text in quotes",
    datetime: MOMENT,
    AwareDatetime: MOMENT,
}


@dataclass(frozen=True, slots=True)
class Part:
    """One of the types that a value may have, what limits it, and words for it if the model has some."""

    type: object
    limits: tuple[object, ...] = ()
    description: str | None = None

    def limit(self, name: str) -> float | str | None:
        """Return a limit by its name, such as `ge` or `max_length`; None if there is no such."""
        found = (getattr(one, name, None) for one in self.limits)
        return next((one for one in found if one is not None), None)


def parts_of(annotation: object, limits: tuple[object, ...] = (), description: str | None = None) -> Iterator[Part]:
    """Yield the types that an annotation allows, None aside."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        for one in more:
            limits += tuple(one.metadata) if isinstance(one, FieldInfo) else (one,)
            description = (one.description if isinstance(one, FieldInfo) else None) or description
        yield from parts_of(inner, limits, description)
    elif origin in {Union, UnionType}:
        for one in get_args(annotation):
            yield from parts_of(one, limits, description)
    elif annotation is not NoneType:
        yield Part(annotation, limits, description)


def field_parts(model: type[BaseModel], key: str) -> list[Part]:
    """Return the types that the field `key` of a model allows; none if there is no such field."""
    field = model.model_fields.get(key)
    return [] if field is None else list(parts_of(field.annotation, tuple(field.metadata), field.description))


def model_parts(parts: Iterable[Part]) -> list[type[BaseModel]]:
    """Return the models among `parts`."""
    return [part.type for part in parts if isinstance(part.type, type) and issubclass(part.type, BaseModel)]


def element_parts(parts: Iterable[Part]) -> Iterator[Part]:
    """Yield the types of what the lists among `parts` hold."""
    for part in parts:
        if get_origin(part.type) in {tuple, list}:
            yield from parts_of(get_args(part.type)[0])


def narrowed(parts: Sequence[Part], branch: str) -> tuple[Part, ...]:
    """Return the models among `parts` that a branch of a union means, by name or by a choice that it has; all if none."""
    chosen = {
        model
        for model in model_parts(parts)
        if branch == model.__name__
        or any(branch in _choices(part) for key in model.model_fields for part in field_parts(model, key))
    }
    return tuple(part for part in parts if part.type in chosen) or tuple(parts)


def wanted(parts: Sequence[Part], path: str) -> str:
    """Return in words what may stand at `path`, such as `groups[0].count`."""
    choices = list(dict.fromkeys(choice for part in parts for choice in _choices(part)))
    told = [f"one of {', '.join(choices)}" if len(choices) > 1 else choices[0]] if choices else []
    tables_only = len(model_parts(parts)) == len(parts)
    told += [_words(part, path, alone=tables_only) for part in parts if not _choices(part)]
    return " or ".join(dict.fromkeys(told)) or ELSE


def _choices(part: Part) -> list[str]:
    if get_origin(part.type) is Literal:
        return [str(one) for one in get_args(part.type)]
    if isinstance(part.type, type) and issubclass(part.type, Enum):
        return [str(one.value) for one in part.type]
    return []


def _words(part: Part, path: str, *, alone: bool) -> str:
    if part.description is not None:
        return part.description
    if models := model_parts([part]):
        return _table(path) if alone else f"{{ {', '.join(f'{key} = ...' for key in models[0].model_fields)} }}"
    if get_origin(part.type) in {tuple, list}:
        return _list(part, path)
    told = _TYPES.get(part.type, ELSE)
    if part.type is str and (pattern := part.limit("pattern")) is not None:
        return f"{told} that matches {pattern}"
    return f"{told}{_bounds(part)}" + (", not empty" if part.type is str and part.limit("min_length") else "")


def _table(path: str) -> str:
    keys = re.sub(r"\[\d+\]", "", path)
    return f"a table, under [[{keys}]]" if path.endswith("]") else f"a table, under [{keys}]"


def _list(part: Part, path: str) -> str:
    elements = list(element_parts([part]))
    keys = re.sub(r"\[\d+\]", "", path)
    told = f"tables, each under [[{keys}]]" if model_parts(elements) else f"a list of {wanted(elements, path)}"
    least, most = part.limit("min_length"), part.limit("max_length")
    return told + (", one or more" if least else "") + (f", at most {most}" if most else "")


def _bounds(part: Part) -> str:
    """Return " from 1 to 1000", " of 0 or more", " above 0, up to 5", or nothing."""
    least, above, most, below = (_number(part.limit(name)) for name in ("ge", "gt", "le", "lt"))
    told = f" of {least} or more" if least else f" above {above}" if above else ""
    if least and most:
        told = f" from {least} to {most}"
    elif most or below:
        told += f"{',' if told else ''} up to {most}" if most else f"{',' if told else ''} below {below}"
    factor = _number(part.limit("multiple_of"))
    return told + (f", a multiple of {factor}" if factor else "")


def _number(limit: float | str | None) -> str:
    """Return a limit as a file would have it, or nothing."""
    return "" if limit is None else str(limit) if isinstance(limit, int | str) else f"{limit:g}"
