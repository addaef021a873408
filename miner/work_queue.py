"""A job's space, handed out piece by piece, each nonce of each header once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from threading import Lock
from typing import Final

from miner.errors import WorkError
from miner.template import HeaderTemplate
from miner.work import WORD_SPACE, Assignment, Roll, Space, WorkUnit, spread_bits

EVERY_NONCE: Final = Space()

_Group = tuple[tuple[Roll, ...], tuple[HeaderTemplate, ...]]


class _Place:
    """How far the headers of a job have been handed out; queues that share it go on where the others are."""

    def __init__(self, headers: Iterator[tuple[int, _Group]], first: int, end: int) -> None:
        self.lock = Lock()
        self.headers = headers
        self.current: _Group | None = None
        self.at = end  # nonces: the first header is taken when it is asked for
        self.begun = first  # choices of time and extranonce2 of which a header has been handed out
        self.unrolled: _Place | None = None

    def close(self, end: int) -> None:
        """Hand out nothing more; the lock is held."""
        self.headers, self.current, self.at = iter(()), None, end


class WorkQueue:
    """A job's whole space, handed out piece by piece, each nonce of each header once; any number of threads may take.

    Fastest rolls the nonce, then the version bits, the extranonce2 (little-endian from 0, as the field does) and last the
    time, since a pool may refuse a time far from its own. Up to `together` versions are handed out at once, over the same
    nonces: a kernel can share work between them. They are fewer where the mask allows no more. With a `place` it goes on there.
    """

    def __init__(
        self, assignment: Assignment, space: Space = EVERY_NONCE, together: int = 1, *, place: _Place | None = None
    ) -> None:
        if together < 1:
            raise WorkError(f"{together} versions at once; want 1 or more")
        self.assignment = assignment
        self._space, self._together = space, together
        self._place = place or _place(assignment, space, together)

    def again(self, assignment: Assignment) -> WorkQueue:
        """Return what is left of the same job under other terms: for another share target, or with other version bits.

        With other version bits it begins with the next extranonce2, of which no version has been handed out, and nothing more
        is handed out by this queue; only where there is no extranonce2 left are versions handed out twice. What was handed out
        and given up before it was searched does not come again.
        """
        place = self._place
        if assignment.version_mask != self.assignment.version_mask:
            with place.lock:
                begun, unrolled = place.begun, self._unrolled_place()
                place.close(self._space.nonces.stop)  # whoever still takes from this queue must not run into the next
            place = _place(assignment, self._space, self._together, begun)
            place.unrolled = unrolled
        return WorkQueue(assignment, self._space, self._together, place=place)

    @property
    def place(self) -> object:
        """What queues that hand out the same headers have in common."""
        return self._place

    def continues(self, other: WorkQueue | None) -> bool:
        """Tell whether it goes on in the very headers of the other one, so that nothing of those needs to be given up."""
        return other is not None and self.place is other.place

    def without_rolling(self) -> WorkQueue:
        """Return the whole of the same space but for the version bits, for those who roll them by themselves."""
        with self._place.lock:
            place = self._unrolled_place()
        return WorkQueue(self._fixed(), self._space, place=place)

    def _unrolled_place(self) -> _Place:
        """Return the place of `without_rolling`, always the same; the place's lock is held."""
        self._place.unrolled = self._place.unrolled or _place(self._fixed(), self._space, 1)
        return self._place.unrolled

    def _fixed(self) -> Assignment:
        return replace(self.assignment, version_mask=0)

    def take(self, most: int) -> WorkUnit | None:
        """Return the next piece, of at most `most` hashes (but one nonce), or None if nothing is left of the job.

        Raises
        ------
        WorkError
            If `most` is not positive.
        """
        if most < 1:
            raise WorkError(f"{most} hashes asked for; want 1 or more")
        nonces, place = self._space.nonces, self._place
        with place.lock:
            if place.at == nonces.stop:
                chosen, place.current = next(place.headers, (place.begun - 1, None))
                place.begun, place.at = chosen + 1, nonces.start
            if place.current is None:
                place.at = nonces.stop
                return None
            rolls, templates = place.current
            start, count = place.at, min(max(most // len(rolls), 1), nonces.stop - place.at)
            place.at += count
        return WorkUnit(assignment=self.assignment, rolls=rolls, templates=templates, start=start, count=count)


def _place(assignment: Assignment, space: Space, together: int, first: int = 0) -> _Place:
    """Return the place of choice number `first` of time and extranonce2; the first one if there are no more."""
    later_s = min(space.time_roll_s, WORD_SPACE - 1 - assignment.job.time_s)
    choices = (later_s + 1) << 8 * assignment.extranonce2_bytes
    first = first if first < choices else 0
    return _Place(_every_group(assignment, range(first, choices), together), first, space.nonces.stop)


def _every_group(given: Assignment, choices: range, together: int) -> Iterator[tuple[int, _Group]]:
    job, size, mask = given.job, given.extranonce2_bytes, given.version_mask
    variants = range(1 << mask.bit_count())
    at = choices.start
    while at < choices.stop:
        later_s, number = divmod(at, 1 << 8 * size)
        extranonce2 = number.to_bytes(size, "little")
        for first in variants[::together]:
            versions = [job.version ^ spread_bits(one, mask) for one in variants[first : first + together]]
            rolls = tuple(Roll(extranonce2, version, job.time_s + later_s) for version in versions)
            yield at, (rolls, tuple(HeaderTemplate(given.header(roll)) for roll in rolls))
        at += 1
