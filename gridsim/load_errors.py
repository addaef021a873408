"""Turn what the validation library says into one sentence: file, key path, value, and what would be right."""

from __future__ import annotations

from difflib import get_close_matches
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails


def explain(file_name: str, error: ValidationError, model: type[BaseModel]) -> str:
    """Return one sentence about the first problem (and how many more there are)."""
    problems = error.errors(include_url=False, include_context=True)
    first = min(problems, key=_rank)
    path = _path(first["loc"])
    more = len({_path(problem["loc"]) for problem in problems}) - 1
    tail = f" (and {more} more)" if more > 0 else ""
    where = f"{file_name}: {path}: " if path else f"{file_name}: "
    return where + _sentence(first, model) + tail


def _rank(problem: ErrorDetails) -> int:
    """Put the most telling problem first: an unknown key explains a missing one."""
    return {"extra_forbidden": 0, "value_error": 1, "missing": 3}.get(problem["type"], 2)


def _path(location: tuple[int | str, ...]) -> str:
    """Return `events[3].fraction`; the steps that only name a union's branch are left out."""
    path = ""
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
        elif step not in _BRANCHES and not step.startswith(("constrained-", "function-", "lax-or-strict")):
            path += f".{step}" if path else step
    return path


_BRANCHES = {"float", "int", "PriorRef", "rationing", "order", "sweep", "seasonal", "scale", "reassign"}


def _sentence(problem: ErrorDetails, model: type[BaseModel]) -> str:
    kind, given = problem["type"], problem.get("input")
    if kind == "extra_forbidden":
        key = str(problem["loc"][-1])
        near = get_close_matches(key, _keys(model, problem["loc"][:-1]), n=1)
        return f"unknown key {key!r}" + (f"; did you mean {near[0]!r}?" if near else "; want one that the manual names")
    if kind == "missing":
        return "it is missing; want it stated"
    if kind == "value_error":
        return str(problem["ctx"]["error"])
    if kind == "timezone_aware":
        return f"{given} has no offset; want a moment such as 2021-06-20T00:00:00+08:00"
    message = problem["msg"][0].lower() + problem["msg"][1:]
    return f"{_shown(given)}; {message}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _keys(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Return the keys allowed where `location` ends, as far as the models tell."""
    reached: list[type[BaseModel]] = [model]
    for step in location:
        if isinstance(step, int):
            continue
        below = [
            part for parent in reached if step in parent.model_fields for part in _models(parent.model_fields[step].annotation)
        ]
        reached = below or reached
    return sorted({key for part in reached for key in part.model_fields})


def _models(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models(argument)]
