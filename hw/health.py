"""What is broken in a machine, and what that makes of its hash rate and watts.

`Health` says what is broken; the functions here break one thing each and return a new state; `faulty_point` tells what the
machine then does. Chips of a board hang on one chain: what lies behind a dead one gets no work.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from hw.errors import FaultError
from hw.sourced import Sourced

WEAK_PART: Final = Sourced(
    value=50 / 70,
    unit="1",
    source="hiveon.com/knowledge-base autotune: a chip that should do 70 GH/s and does 50, at the same power",
    as_of="2026-11",
    basis="datasheet",
)
HALF_DEAD_PART: Final = Sourced(
    value=5 / 70,
    unit="1",
    source="hiveon.com/knowledge-base autotune: half-dead chips give 5 of 70 GH/s and consume as much as the others",
    as_of="2026-11",
    basis="datasheet",
)
BLOCKED_AIR_PART: Final = Sourced(
    value=0.4,
    unit="1",
    source="dust or warm air drawn in again leave 40 % of the air",
    as_of="2026-11",
    basis="assumed",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardHealth:
    """One hashboard: `chips` on its chain, of which the first `answering` get work; `weak` ones do these parts, 0 to 1."""

    chips: int
    answering: int
    weak: tuple[float, ...] = ()
    powered: bool = True

    @property
    def working_chips(self) -> float:
        """How many good chips hash as much as this board."""
        if not self.powered:
            return 0.0
        weak = self.weak[: self.answering]
        return self.answering - len(weak) + sum(weak)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What is broken in one machine.

    Attributes
    ----------
    boards : tuple of BoardHealth
        Its hashboards.
    failed_fans : int
        Fans that stand still.
    air_part : float
        Air that still comes through, as a part of what fans move: below 1 with dust or blocked vents.
    tripped : bool
        The supply has switched itself off, until power is off and on.
    supply_dead : bool
        The supply is broken.
    hung : bool
        The controller gives no work; boards stay under voltage.
    silent : bool
        Boards draw what they always do and nothing comes of it; the firmware's own hash rate goes on as if.
    one_board_stops_all : bool
        A board that fails stops the machine, as with boards without a PIC.
    """

    boards: tuple[BoardHealth, ...]
    failed_fans: int = 0
    air_part: float = 1.0
    tripped: bool = False
    supply_dead: bool = False
    hung: bool = False
    silent: bool = False
    one_board_stops_all: bool = False


def has_power(health: Health) -> bool:
    """Return whether the supply gives anything."""
    return not (health.tripped or health.supply_dead)


def boards_on(health: Health) -> tuple[BoardHealth, ...]:
    """Return the boards under voltage: none if one that failed stops all."""
    on = tuple(board for board in health.boards if board.powered)
    return () if health.one_board_stops_all and len(on) < len(health.boards) else on


def healthy(boards: int, chips_per_board: int, *, one_board_stops_all: bool = False) -> Health:
    """Return a machine in order: `boards` boards of `chips_per_board` chips.

    `one_board_stops_all` for boards without a PIC, as in late S19s (Compass Mining, March 2023).

    Raises
    ------
    FaultError
        If there is no board or no chip.
    """
    if boards < 1 or chips_per_board < 1:
        raise FaultError(f"{boards} boards of {chips_per_board} chips; want one or more of each")
    board = BoardHealth(chips=chips_per_board, answering=chips_per_board)
    return Health(boards=(board,) * boards, one_board_stops_all=one_board_stops_all)


def dead_chip(health: Health, board: int, chip: int) -> Health:
    """Break `chip` of `board`, both from 0: it and all behind it on the chain get no work any more."""
    one = _board(health, board)
    if not 0 <= chip < one.chips:
        raise FaultError(f"chip {chip} of board {board}; want 0 to {one.chips - 1}")
    return _with_board(health, board, replace(one, answering=min(one.answering, chip)))


def weak_chip(health: Health, board: int, part: float = WEAK_PART.value) -> Health:
    """Make one more chip of `board` weak: it does `part` of its hashes at full power, until somebody lowers its clock."""
    one = _board(health, board)
    if not 0 <= part < 1:
        raise FaultError(f"a weak chip that does {part}; want 0 or more and below 1 of its hashes")
    if len(one.weak) >= one.chips:
        raise FaultError(f"all {one.chips} chips of board {board} are weak already")
    return _with_board(health, board, replace(one, weak=(*one.weak, part)))


def dead_board(health: Health, board: int) -> Health:
    """Switch `board` off for good; without a PIC the whole machine stops."""
    return _with_board(health, board, replace(_board(health, board), powered=False))


def fan_failure(health: Health, fans: int) -> Health:
    """Let one more of `fans` fans stand still."""
    if health.failed_fans >= fans:
        raise FaultError(f"{health.failed_fans} of {fans} fans stand still already")
    return replace(health, failed_fans=health.failed_fans + 1)


def blocked_air(health: Health, part: float = BLOCKED_AIR_PART.value) -> Health:
    """Let only `part` of the air through: the machine overheats unless it slows down."""
    if not 0 < part <= 1:
        raise FaultError(f"{part} of the air; want more than 0 and at most 1")
    return replace(health, air_part=min(health.air_part, part))


def supply_trip(health: Health) -> Health:
    """Switch the supply off, as its own protection does."""
    return replace(health, tripped=True)


def dead_supply(health: Health) -> Health:
    """Break the supply for good."""
    return replace(health, supply_dead=True)


def hang(health: Health) -> Health:
    """Let the controller hang: no work for the boards."""
    return replace(health, hung=True)


def silent_zero(health: Health) -> Health:
    """Let nothing come of full power, unnoticed by the firmware (luke-jr/bfgminer issues 452 and 630; ESP-Miner issue 1053)."""
    return replace(health, silent=True)


def restarted(health: Health) -> Health:
    """Return the machine after its power was off and on: a trip, a hang and silence are over, what is broken stays broken."""
    return replace(health, tripped=False, hung=False, silent=False)


def repaired(health: Health) -> Health:
    """Return the machine as good as new."""
    boards = tuple(BoardHealth(chips=board.chips, answering=board.chips) for board in health.boards)
    return Health(boards=boards, one_board_stops_all=health.one_board_stops_all)


def _board(health: Health, board: int) -> BoardHealth:
    if not 0 <= board < len(health.boards):
        raise FaultError(f"board {board}; want 0 to {len(health.boards) - 1}")
    return health.boards[board]


def _with_board(health: Health, board: int, one: BoardHealth) -> Health:
    return replace(health, boards=(*health.boards[:board], one, *health.boards[board + 1 :]))
