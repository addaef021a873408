"""Compile the loops over machines with Numba: the only place that needs it, and only when the machine code is not at hand."""

from __future__ import annotations

from typing import Any, Final

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from gridsim.fleet_backends.layout import FLOWS, GROUP, HOUR, LEVEL_COLUMNS, STEP, Form, nested
from gridsim.fleet_backends.llvm_numbers import Lanes, LlvmNumbers
from hw.stepping.figures import Level
from hw.stepping.physics_text import Moving, Output, Physics, Surroundings
from miner.backends.object_code import Compiled, compiled_parts

TILE: Final = 128  # steps that a block is taken through at a time: flows of so many stay in the first cache

_POINTER: Final[Any] = types.CPointer
_NUMBERS: Final = _POINTER(types.float64)
_SIGNATURE: Final = types.int64(
    _NUMBERS, types.int64, _NUMBERS, _NUMBERS, _NUMBERS, _NUMBERS, types.int64, types.int64, types.float64, _NUMBERS
)  # blocks, how many, levels, ambient, at work, asleep, steps, stride, duration, flows
_BARE: Final[Any] = {"nogil": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def compile_loop(form: Form, lanes: int) -> Compiled:
    """Return the symbol and the object code of the loop over machines in `form`, for this processor."""
    return compiled_parts(_loop(form, lanes).overloads[_SIGNATURE.args])


class _Block:
    """A block of machines in memory, as values of the compiler."""

    def __init__(self, numbers: LlvmNumbers, pointer: ir.Value, form: Form, lanes: int) -> None:
        self._numbers, self._pointer, self._lanes = numbers, pointer, lanes
        self._changing, self._sums = form.constant, form.constant + len(form.changing)
        self.figures: Any = nested(form.figures, (self._at(place) for place in range(form.constant)))

    def changing(self) -> list[Lanes]:
        return [self._at(place) for place in range(self._changing, self._sums)]

    def change(self, values: tuple[Lanes, ...]) -> None:
        for place, value in enumerate(values):
            self._numbers.store(self._pointer, (self._changing + place) * self._lanes, value)

    def add(self, flow: Output, duration_s: Lanes) -> None:
        for place, name in enumerate(FLOWS, self._sums):
            self._numbers.store(self._pointer, place * self._lanes, self._at(place) + getattr(flow, name) * duration_s)

    def _at(self, place: int) -> Lanes:
        return self._numbers.load(self._pointer, place * self._lanes)


def _emit_hour(physics: Physics, block: _Block, around: Surroundings, duration_s: Lanes, level: Any) -> Output:  # noqa: ANN401
    return physics.hour(block.figures, around)[0]


def _emit_step(physics: Physics, block: _Block, around: Surroundings, duration_s: Lanes, level: Any) -> Output:  # noqa: ANN401
    now, machine = Moving(*block.changing()), block.figures
    flow, after = physics.step(machine, level(machine, now), now, around, duration_s)
    block.change(after)
    return flow


_EMIT: Final[Any] = {HOUR: _emit_hour, STEP: _emit_step}


def _typed_step(form: Form, lanes: int) -> Any:  # noqa: ANN401  numba is untyped
    """Return the intrinsic that takes one block through one step, and adds its flows to those of the step."""

    def typed(typing_context, block, levels, ambient, at_work, asleep, duration, flows):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, PLR0913
        def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            block_value, table, *scalars, flow_sums = arguments
            numbers = LlvmNumbers(builder, lanes)
            *around, duration_s = [numbers.spread(scalar) for scalar in scalars]
            machines = _Block(numbers, block_value, form, lanes)

            def level(machine: Any, now: Moving) -> Level:  # noqa: ANN401
                row = numbers.minimum(machine.first_level + now.slower, machine.last_level)
                return Level(*numbers.rows(table, row, LEVEL_COLUMNS))

            flow = _EMIT[form](Physics(numbers), machines, Surroundings(*around), duration_s, level)
            machines.add(flow, duration_s)
            for place, name in enumerate(FLOWS):
                numbers.store(flow_sums, place * GROUP, numbers.load(flow_sums, place * GROUP) + getattr(flow, name))
            return context.get_dummy_value()

        return types.none(block, levels, ambient, at_work, asleep, duration, flows), emit

    return intrinsic(typed)


def _offset() -> Any:  # noqa: ANN401  numba is untyped
    def typed(typing_context, numbers, places):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            return builder.gep(arguments[0], [arguments[1]])

        return numbers(numbers, places), emit

    return intrinsic(typed)


_behind: Any = _offset()


def _loop(form: Form, lanes: int) -> Any:  # noqa: ANN401  numba is untyped
    one_step = _typed_step(form, lanes)
    block_size, step_size, tile = form.size * lanes, len(FLOWS) * GROUP, TILE

    @njit(_SIGNATURE, **_BARE)
    def run(blocks, number, levels, ambient, at_work, asleep, steps, stride, duration, flows):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, PLR0913
        """Take `number` blocks through `steps` steps; add what flows to float64[step, flow, group].

        With a stride of 0 all steps have the surroundings of the first, and flows are added up over them.
        """
        for first in range(0, steps, tile):
            end = min(first + tile, steps)
            for place in range(number):
                block = _behind(blocks, place * block_size)
                group = (place * lanes) % GROUP
                for step in range(first, end):
                    at = step * stride
                    sums = _behind(flows, at * step_size + group)
                    one_step(block, levels, ambient[at], at_work[at], asleep[at], duration, sums)
        return number

    return run
